/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames the port accepts, by destination address (SPEC.md 5).
 */
#ifndef PACKET_FILTER_H
#define PACKET_FILTER_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>

#include "ktlsnic_hw.h"

#define FILTER_ADDR_LEN 6

enum filter_class {
    FILTER_UNICAST,
    FILTER_MULTICAST,       /* a group address other than broadcast */
    FILTER_BROADCAST,
};

struct filter {
    bool promisc;                               /* accept everything */
    bool allmulti;                              /* accept every group address */
    uint8_t station[FILTER_ADDR_LEN];
    uint32_t valid;                             /* bit i: exact[i] counts */
    uint8_t exact[KTLSNIC_FILTERS][FILTER_ADDR_LEN];
};

/* Between an address and the pair of registers that holds it; bits of hi
 * outside KTLSNIC_MAC_HI_ADDR are ignored, and written as 0. */
void filter_addr_from_regs(uint8_t addr[FILTER_ADDR_LEN],
                           uint32_t lo, uint32_t hi);
void filter_addr_to_regs(const uint8_t addr[FILTER_ADDR_LEN],
                         uint32_t *lo, uint32_t *hi);

enum filter_class filter_classify(const uint8_t dst[FILTER_ADDR_LEN]);

/* Whether a frame to dst is wanted. Broadcast always is. */
bool filter_accepts(const struct filter *filter,
                    const uint8_t dst[FILTER_ADDR_LEN]);

#endif
