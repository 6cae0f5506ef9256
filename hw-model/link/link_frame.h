/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A frame on an impaired link.
 */
#ifndef LINK_FRAME_H
#define LINK_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* What stands in the checksum field of a frame that enters the link. */
enum link_csum {
    LINK_CSUM_DONE,         /* what the sender put on the wire */
    LINK_CSUM_PENDING,      /* left for the receiver to fill in or believe */
    LINK_CSUM_SEGMENTS,     /* the frame is a unit of many, cut by nobody yet */
};

struct link_frame {
    const uint8_t *head;    /* goes with the frame, unlooked at: head_len */
    size_t head_len;        /*     bytes, for instance an offload header */
    const uint8_t *data;    /* from the destination address on, without FCS */
    size_t len;
    enum link_csum csum;    /* DONE as soon as the link has damaged it */
    unsigned flags;         /* the host's own; go with the frame */
};

#endif
