/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Receive side scaling: the Toeplitz hash and what goes into it (SPEC.md 6).
 */
#ifndef PACKET_RSS_H
#define PACKET_RSS_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "packet/packet.h"
#include "ktlsnic_hw.h"

#define RSS_INPUT_MAX   (2 * 16 + 4)    /* addresses of IPv6, ports; bytes */

/*
 * A hash key, ready for use: what each half byte of the input adds to the hash,
 * by its place and value.
 */
struct rss_key {
    uint32_t adds[2 * RSS_INPUT_MAX][16];
};

void rss_key_init(struct rss_key *key,
                  const uint8_t bytes[KTLSNIC_RSS_KEY_SIZE]);

/* Toeplitz hash of len bytes, at most RSS_INPUT_MAX. */
uint32_t rss_toeplitz(const struct rss_key *key, const uint8_t *data,
                      size_t len);

/*
 * The hash of a parsed frame under ctrl, the value of RSS_CTRL. *type becomes
 * the one KTLSNIC_RSS_* bit that was applied: addresses and ports if that is
 * enabled and the packet has them, else the address pair if that is enabled,
 * else 0, and then the hash is 0.
 */
uint32_t rss_hash(const struct rss_key *key, uint32_t ctrl,
                  const uint8_t *frame, const struct packet_info *info,
                  uint16_t *type);

#endif
