/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TCP segmentation: cuts one big frame into segments of at most mss payload
 * bytes, each with its own copy of the headers, made right (SPEC.md 9).
 */
#ifndef PACKET_TSO_H
#define PACKET_TSO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/packet.h"

struct tso {
    const uint8_t *frame;
    struct packet_info info;
    uint32_t mss;
    uint32_t done;          /* payload bytes in the segments made so far */
    uint32_t index;         /* number of the next segment */
};

/*
 * Prepares to cut a frame that packet_check_tx() accepted with KTLSNIC_TXF_TSO;
 * frame must stay as it is until the last segment is made. Returns the number
 * of segments, at least 1 (a frame without payload is one segment); 0 if mss
 * is 0 or a segment would be longer than an IP packet can be.
 */
uint32_t tso_begin(struct tso *tso, const uint8_t *frame,
                   const struct packet_info *info, uint32_t mss);

/* The longest segment, in bytes: the size that tso_next() may need. */
size_t tso_segment_max(const struct tso *tso);

/* Whether there is another segment. */
bool tso_more(const struct tso *tso);

/*
 * Writes the next segment, all checksums included, to segment, which has room
 * for tso_segment_max() bytes. Returns its length, or 0 after the last one.
 */
size_t tso_next(struct tso *tso, uint8_t *segment);

#endif
