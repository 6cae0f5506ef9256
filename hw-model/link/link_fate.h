/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What becomes of each frame on an impaired link: rules first, chance
 * otherwise. Decisions only; link.c carries them out.
 */
#ifndef LINK_FATE_H
#define LINK_FATE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link_config.h"
#include "link/link_frame.h"
#include "packet/packet.h"

struct link_fate {
    bool drop;
    bool duplicate;
    bool reorder;           /* hold the frame back */
    bool postpone;          /* the same, by time only */
    bool corrupt, forge;    /* flip bits: the checksum wrong, or right */
    unsigned gap;           /* frames to overtake it; its copy, if only
                             * duplicate is set: 0, not at all */
    int64_t hold_ns;        /* the longest time that a frame is held back */
    int64_t delay_ns;       /* time on the wire, whatever else happens */
    uint32_t flip_off;      /* byte of the frame, and bits in it, to flip */
    uint8_t flip_mask;
};

struct link_fates;

/* The configuration must live as long as the fates. */
struct link_fates *link_fates_new(const struct link_config *config);
void link_fates_free(struct link_fates *fates);

/* Decides the fate of the next frame of a direction. All of *info is set: of
 * a frame that need not be looked at, to 0. */
void link_fates_decide(struct link_fates *fates, enum link_dir dir,
                       const struct link_frame *frame, struct link_fate *fate,
                       struct packet_info *info);

/* TCP connections seen so far; counted only if there are rules. */
unsigned link_fates_conns(const struct link_fates *fates);

/* How often a rule, counted from 0, has hit. */
uint64_t link_fates_hits(const struct link_fates *fates, size_t rule);

#endif
