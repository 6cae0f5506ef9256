/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transmit units for a fake host's device, and what must come out of them.
 */
#ifndef TESTS_UNIT_TX_UNITS_H
#define TESTS_UNIT_TX_UNITS_H

#include "fake_host.h"
#include "frames.h"

/* A unit in the making: its descriptors, as the ring wants them. */
struct tx_unit_spec {
    struct ktlsnic_tx_desc desc[KTLSNIC_MAX_DESC];
    unsigned ndesc;
};

/* A PACKET unit with these bytes in nbufs buffers of random sizes. The flags
 * are KTLSNIC_TXF_*; all else is for the caller to fill in. */
struct tx_unit_spec tx_unit_make(struct fake_host *host, const uint8_t *data,
                                 uint32_t len, unsigned nbufs, unsigned flags);

/* The same for a frame, with its header offsets. */
struct tx_unit_spec tx_unit_of_frame(struct fake_host *host,
                                     const struct frame *frame, unsigned nbufs,
                                     unsigned flags);

/* A TLS_RESYNC unit; nbufs is 0 if len is. */
struct tx_unit_spec tx_unit_resync(struct fake_host *host, uint32_t ctx,
                                   uint32_t tcp_seq, uint64_t rec_num,
                                   const uint8_t *prefix, uint32_t len,
                                   unsigned nbufs);

void tx_unit_push(struct fake_ring *tx, const struct tx_unit_spec *unit);

/* Pushes the unit alone, lets the device do it, and returns its status: the
 * completion must be there if the status is not OK or COMPLETE is set. */
unsigned tx_unit_do(struct fake_queue *q, const struct tx_unit_spec *unit);

/*
 * Segment number i of a TCP frame cut by mss, made by hand from the frame, as a
 * frame of its own; NULL data after the last one. The payload is that of the
 * frame.
 */
struct frame tx_segment_of(const struct frame *frame, uint32_t mss, unsigned i);

/* The frame that was sent must be this one, padded to 60 bytes with zeros. */
void tx_assert_sent(const GByteArray *sent, const uint8_t *data, size_t len);

#endif
