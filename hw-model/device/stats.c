/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Statistics registers (SPEC 13). */

#include "device/dev_private.h"

uint32_t stats_read(struct ktlsnic_dev *dev, uint32_t offset)
{
    struct ktlsnic_state *s = &dev->state;
    uint32_t i = (offset - KTLSNIC_REG_STAT_LO(0)) / 8;

    if (offset == KTLSNIC_REG_STAT_LO(i)) {
        s->stat_latch_index = i;
        s->stat_latch_high = s->stat[i] >> 32;
        return s->stat[i];
    }
    return s->stat_latch_index == i ? s->stat_latch_high : s->stat[i] >> 32;
}
