/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "packet/bytes.h"
#include "packet/rss.h"

#define INPUT_MAX (2 * 16 + 4)

/* The key slides by one bit under each bit of the input; where that is set, the
 * 32 key bits from there are added. */
uint32_t rss_toeplitz(const uint8_t key[KTLSNIC_RSS_KEY_SIZE],
                      const uint8_t *data, size_t len)
{
    uint32_t window = get_be32(key), hash = 0;

    g_assert(len <= KTLSNIC_RSS_KEY_SIZE - 4);
    for (size_t i = 0; i < len; i++) {
        for (int bit = 7; bit >= 0; bit--) {
            if (data[i] >> bit & 1) {
                hash ^= window;
            }
            window = window << 1 | (key[i + 4] >> bit & 1);
        }
    }
    return hash;
}

static uint16_t l4_type(const struct packet_info *info)
{
    bool v4 = info->ip_version == 4;

    if (!info->has_l4) {
        return 0;
    }
    if (info->l4_proto == PACKET_PROTO_TCP) {
        return v4 ? KTLSNIC_RSS_TCP4 : KTLSNIC_RSS_TCP6;
    }
    return v4 ? KTLSNIC_RSS_UDP4 : KTLSNIC_RSS_UDP6;
}

static uint16_t l3_type(const struct packet_info *info)
{
    switch (info->ip_version) {
    case 4:
        return KTLSNIC_RSS_IPV4;
    case 6:
        return KTLSNIC_RSS_IPV6;
    default:
        return 0;
    }
}

uint32_t rss_hash(const uint8_t key[KTLSNIC_RSS_KEY_SIZE], uint32_t ctrl,
                  const uint8_t *frame, const struct packet_info *info,
                  uint16_t *type)
{
    size_t addrs_off = info->l3_off + (info->ip_version == 4 ? 12 : 8);
    size_t len = info->ip_version == 4 ? 8 : 32;
    bool ports = ctrl & l4_type(info);
    uint8_t input[INPUT_MAX];

    *type = ports ? l4_type(info) : ctrl & l3_type(info);
    if (!(ctrl & KTLSNIC_RSS_ENABLE) || !*type) {
        *type = 0;
        return 0;
    }
    memcpy(input, frame + addrs_off, len);
    if (ports) {
        memcpy(input + len, frame + info->l4_off, 4);
        len += 4;
    }
    return rss_toeplitz(key, input, len);
}
