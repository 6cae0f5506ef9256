/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What chance does to the frames of an impaired link.
 *
 * Every kind of fault in every direction has a stream of random numbers of its
 * own, and each frame takes one number from each stream of its direction,
 * whatever the chances are. So the faults of one direction depend neither on
 * the frames of the other nor on time, and more loss does not move the
 * reordering elsewhere.
 */
#ifndef LINK_DICE_H
#define LINK_DICE_H

#include <stdbool.h>
#include <stdint.h>

#include "link/link_config.h"

struct link_roll {
    bool fault[LINK_FAULTS];
    uint32_t position;      /* of the corrupted bit, as a part of 2^32 */
};

struct link_dice;

/* The configuration must live as long as the dice. */
struct link_dice *link_dice_new(const struct link_config *config);
void link_dice_free(struct link_dice *dice);

/* The faults of the next frame of a direction. To be called only for frames
 * that can have any: with data_only, TCP segments with payload. */
void link_dice_roll(struct link_dice *dice, enum link_dir dir,
                    struct link_roll *roll);

/* How long the next frame of a direction is on the way, in ns. */
int64_t link_dice_delay(struct link_dice *dice, enum link_dir dir);

#endif
