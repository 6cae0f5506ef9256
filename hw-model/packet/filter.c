/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "packet/filter.h"

void filter_addr_from_regs(uint8_t addr[FILTER_ADDR_LEN],
                           uint32_t lo, uint32_t hi)
{
    for (int i = 0; i < 4; i++) {
        addr[i] = lo >> 8 * i;
    }
    addr[4] = hi;
    addr[5] = hi >> 8;
}

void filter_addr_to_regs(const uint8_t addr[FILTER_ADDR_LEN],
                         uint32_t *lo, uint32_t *hi)
{
    *lo = addr[0] | addr[1] << 8 | addr[2] << 16 | (uint32_t)addr[3] << 24;
    *hi = addr[4] | addr[5] << 8;
}

enum filter_class filter_classify(const uint8_t dst[FILTER_ADDR_LEN])
{
    static const uint8_t broadcast[FILTER_ADDR_LEN] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    };

    if (!(dst[0] & 1)) {
        return FILTER_UNICAST;
    }
    return memcmp(dst, broadcast, FILTER_ADDR_LEN) ? FILTER_MULTICAST
                                                   : FILTER_BROADCAST;
}

static bool exact_match(const struct filter *filter,
                        const uint8_t dst[FILTER_ADDR_LEN])
{
    if (!memcmp(dst, filter->station, FILTER_ADDR_LEN)) {
        return true;
    }
    for (int i = 0; i < KTLSNIC_FILTERS; i++) {
        if ((filter->valid >> i & 1) &&
            !memcmp(dst, filter->exact[i], FILTER_ADDR_LEN)) {
            return true;
        }
    }
    return false;
}

bool filter_accepts(const struct filter *filter,
                    const uint8_t dst[FILTER_ADDR_LEN])
{
    if (filter->promisc) {
        return true;
    }
    switch (filter_classify(dst)) {
    case FILTER_BROADCAST:
        return true;
    case FILTER_MULTICAST:
        return filter->allmulti || exact_match(filter, dst);
    default:
        return exact_match(filter, dst);
    }
}
