/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection that the device decrypts: the stream of rx_fixture.h, cut into
 * frames. The same segments go through a state machine beside the device, so
 * what the device must say of each is known, whatever has happened before.
 */
#ifndef TESTS_UNIT_CONN_H
#define TESTS_UNIT_CONN_H

#include "frames.h"
#include "rx_fixture.h"
#include "rx_host.h"

#define CONN_CONTEXT  5

struct conn {
    struct rx_host h;
    struct fake_ring cmd, cmd_cq;
    struct rx rx;
    struct frame_spec spec;         /* of the frames, but for their payload */
    struct ktlsnic_tls_tuple tuple;
    uint32_t buf_size;              /* of the RX buffers that are given */
    uint64_t want[KTLSNIC_STATS];   /* what the TLS RX statistics must be */

    uint32_t value;                 /* in the last command's completion */
    struct rx_received got;         /* the last frame */
};

/* A device in that mode, the stream (TLS 1.2), and a context for it. */
void conn_open(struct conn *t, enum ktlsnic_tls_rx_mode mode,
               unsigned ip_version, uint32_t seq, uint64_t rec_num,
               const size_t *lengths, unsigned count);

/* The same, with any version and cipher. */
void conn_open_suite(struct conn *t, struct reference_suite suite,
                     enum ktlsnic_tls_rx_mode mode, unsigned ip_version,
                     uint32_t seq, uint64_t rec_num, const size_t *lengths,
                     unsigned count);

/* All statistics must be right at the end. */
void conn_close(struct conn *t);

/* The stream from its beginning, on a context made anew. */
void conn_reopen(struct conn *t);

/* Commands; they return their status. */
unsigned conn_command(struct conn *t, uint16_t op,
                      const struct ktlsnic_cmd *body);
struct ktlsnic_cmd conn_add_body(const struct conn *t, uint32_t ctx);
unsigned conn_add(struct conn *t, uint32_t ctx);
unsigned conn_on_ctx(struct conn *t, uint16_t op, uint32_t ctx);
unsigned conn_resync(struct conn *t, uint32_t seq, uint64_t rec_num);

/* A frame of the connection with these bytes at a place of the stream. */
struct frame conn_frame(const struct conn *t, uint32_t from,
                        const uint8_t *bytes, size_t len);

/* Gives buffers, offers the frame, which must be taken, and takes it from the
 * device. Its bytes on the wire must stay. */
void conn_deliver(struct conn *t, const struct frame *frame);

/* The same, and the device must not have seen a TLS connection in it. */
void conn_deliver_plain(struct conn *t, const struct frame *frame);

/* What the device must make of a frame that goes through the context: moves the
 * state machine and counts. Returns the frame as it must be delivered. */
uint8_t *conn_expect(struct conn *t, const struct frame *frame,
                     uint32_t from);

/* t->got must be that. */
void conn_assert(const struct conn *t, const uint8_t *data,
                 size_t len);

/* Sends bytes at a place of the stream; returns whether they were decrypted. */
bool conn_send_bytes(struct conn *t, uint32_t from,
                     const uint8_t *bytes, size_t len);

/* Sends these bytes of the stream, which must come out right; returns the
 * same. */
bool conn_send(struct conn *t, size_t from, size_t to);

void conn_check_stats(struct conn *t);

#endif
