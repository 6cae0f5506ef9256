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

/* Toeplitz hash of len bytes, at most KTLSNIC_RSS_KEY_SIZE - 4 of them. */
uint32_t rss_toeplitz(const uint8_t key[KTLSNIC_RSS_KEY_SIZE],
                      const uint8_t *data, size_t len);

/*
 * The hash of a parsed frame under ctrl, the value of RSS_CTRL. *type becomes
 * the one KTLSNIC_RSS_* bit that was applied: addresses and ports if that is
 * enabled and the packet has them, else the address pair if that is enabled,
 * else 0, and then the hash is 0.
 */
uint32_t rss_hash(const uint8_t key[KTLSNIC_RSS_KEY_SIZE], uint32_t ctrl,
                  const uint8_t *frame, const struct packet_info *info,
                  uint16_t *type);

#endif
