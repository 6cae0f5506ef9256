/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One RX TLS context: the state that a connection keeps in the NIC between
 * segments, over ranges of the TCP byte stream (SPEC.md 10.4, 10.5). It
 * decrypts and authenticates records as their segments arrive, whatever the
 * segments' bounds, and buffers none of them. When segments are missing it
 * finds its way back.
 *
 * It knows TCP sequence numbers and TLS records; it knows no packets and no
 * memory but the bytes it is given. Segments may come from anybody: any bytes,
 * any sequence, any order.
 */
#ifndef FLOW_RX_H
#define FLOW_RX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/flow_params.h"

/* What a segment did. */
struct flow_rx_result {
    bool decrypted;             /* dst is it, with its payload as plaintext */
    bool auth_failed;           /* a tag in it was wrong */
    bool bad_header;            /* no header where one had to be */
    bool key_update;            /* a KeyUpdate ended in it: the context stopped */
    unsigned records;           /* whose tag was verified in it */
    unsigned false_headers;     /* found by searching and refuted in it */
    size_t payload;             /* TLS payload bytes made plaintext */
    bool resync_request;        /* ask the host for the number of the record */
    uint32_t resync_seq;        /* whose header begins here */
};

struct flow_rx;

/*
 * Whether the pair is implemented; what the NIC offers is the device's choice.
 */
bool flow_rx_supported(unsigned version, unsigned cipher);

/*
 * Returns NULL if the pair is not supported. The parameters are copied. mode is
 * how a context that lost its place gets help. With SCAN and ASYNC it searches
 * the stream for record headers, follows them, and asks for the number of one
 * of them, which it names by the sequence of its first byte:
 *
 * HINT     it does not search; the host says where the next record begins
 * SCAN     it names the next header to come, which the host cannot have met yet
 * ASYNC    it names a header that begins in, or right after, the segment that
 *          carries the request
 */
struct flow_rx *flow_rx_new(const struct flow_params *params,
                            enum ktlsnic_tls_rx_mode mode);

/* Wipes the keys and all cipher state. Accepts NULL. */
void flow_rx_free(struct flow_rx *flow);

/*
 * The len payload bytes of a segment whose checksum is good, and whose first
 * byte has sequence seq; len is less than 2^30. If the context can, it writes to
 * dst, which has room for them, what becomes of them when they are decrypted:
 * headers, explicit nonces and tags stay, payload becomes plaintext, and
 * result->decrypted is set. Otherwise what is in dst is of no use.
 *
 * A record may reach over many segments, so the first ones are delivered
 * decrypted before its tag has come. If the tag is wrong the segment that ends
 * the record is not: a record all of whose segments were delivered decrypted is
 * authentic, provided each byte is taken from one of them, whichever.
 *
 * A KeyUpdate (TLS 1.3) is the last record that the context decrypts: after it
 * is another key. It wipes its own, and for ever after says nothing of any
 * segment. Of one that reaches past the KeyUpdate nothing is decrypted.
 *
 * A segment without payload leaves the context alone, whatever its sequence.
 */
void flow_rx_segment(struct flow_rx *flow, uint32_t seq, const uint8_t *src,
                     uint8_t *dst, size_t len, struct flow_rx_result *result);

/*
 * The host's word that record rec_num begins at sequence seq: the answer to a
 * request, or with HINT at the host's own will. Returns false if it is of no
 * use (any more): the context has its place, does not follow that header, has
 * seen bytes after the hint, or has stopped. Then nothing changes.
 */
bool flow_rx_confirm(struct flow_rx *flow, uint32_t seq, uint64_t rec_num);

/* Whether a request is unanswered; if so *seq is the header that it names. */
bool flow_rx_tracked(const struct flow_rx *flow, uint32_t *seq);

#endif
