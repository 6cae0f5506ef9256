/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection whose receiving side is under test: a stream of records made by
 * libcrypto, and what must become of each of its bytes.
 */
#ifndef TESTS_UNIT_RX_FIXTURE_H
#define TESTS_UNIT_RX_FIXTURE_H

#include "flow/flow_rx.h"
#include "reference.h"

struct rx {
    struct reference_key key, new_key;  /* new_key: after a KeyUpdate */
    size_t prefix;          /* header, and explicit nonce if there is one */
    struct reference_stream *stream;
    uint8_t *clear;         /* the wire with its payload in plaintext */
    size_t len;             /* of the stream */
    uint32_t seq;           /* of its first byte */
    enum ktlsnic_tls_rx_mode mode;
    struct flow_rx *flow;
    struct flow_rx_result result;   /* of the last segment */
};

/* The stream looks nowhere like a header by chance: rx_plant() can do that. */
void rx_setup(struct rx *rx, struct reference_suite suite,
              enum ktlsnic_tls_rx_mode mode, uint32_t seq, uint64_t rec_num,
              const size_t *lengths, unsigned count);
void rx_teardown(struct rx *rx);

/* A new connection over the same stream. */
void rx_restart(struct rx *rx);

/* The same, but the context is for the stream from a record on. */
void rx_restart_at(struct rx *rx, unsigned record);

/* Where record i begins in the stream; for the last but one its end. */
size_t rx_start(const struct rx *rx, unsigned i);

/* The record that holds byte pos of the stream. */
unsigned rx_record_at(const struct rx *rx, size_t pos);

/* How many records end in from..to; how many payload bytes are in it. */
unsigned rx_ends(const struct rx *rx, size_t from, size_t to);
size_t rx_payload(const struct rx *rx, size_t from, size_t to);

/*
 * flow_rx_segment() in place: data becomes plaintext if it was decrypted, and
 * stays as it is otherwise.
 */
void rx_segment(struct flow_rx *flow, uint32_t seq, uint8_t *data, size_t len,
                struct flow_rx_result *result);

/*
 * Gives the flow these bytes of the stream as a segment. What comes back must
 * be the plaintext if it says so, and the bytes of the wire otherwise.
 * Returns which.
 */
bool rx_send(struct rx *rx, size_t from, size_t to);

/* The same, and it must be one of them, and each tag in it be verified. */
void rx_send_clear(struct rx *rx, size_t from, size_t to);
void rx_send_wire(struct rx *rx, size_t from, size_t to);

/* In segments of 1 to piece_max bytes, all of them decrypted. */
void rx_send_all_clear(struct rx *rx, size_t from, size_t to, size_t piece_max);

/* The same with byte `at` of the stream changed; it must not be delivered. */
void rx_send_forged(struct rx *rx, size_t from, size_t to, size_t at);

/* Any bytes as a segment at any place; what is not decrypted stays. */
bool rx_send_bytes(struct rx *rx, size_t from, const uint8_t *bytes,
                   size_t len);

/* The whole payload of a record. */
void rx_set_payload(struct rx *rx, unsigned record, const uint8_t *payload,
                    size_t len);

/*
 * TLS 1.3: the content of a record, with as many zeros after its type as its
 * length leaves.
 */
void rx_set_content(struct rx *rx, unsigned record, uint8_t type,
                    const uint8_t *content, size_t len);

/*
 * Makes a record a KeyUpdate; those after it have new_key, from number 0 on.
 * What is right for them is then what comes of it when they are decrypted with
 * the old one.
 */
void rx_key_update(struct rx *rx, unsigned record);

/* The stream goes on after the KeyUpdate, with a context for new_key. */
void rx_take_new_key(struct rx *rx, unsigned record);

/*
 * Makes bytes appear on the wire in the payload of a record, at an offset of
 * the payload: the record then holds the plaintext that they encrypt.
 */
void rx_plant(struct rx *rx, unsigned record, size_t offset,
              const uint8_t *bytes, size_t len);

#endif
