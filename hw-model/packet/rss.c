/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "packet/bytes.h"
#include "packet/rss.h"

/*
 * The key slides by one bit under each bit of the input; where that is set, the
 * 32 key bits from there are added.
 */
void rss_key_init(struct rss_key *key,
                  const uint8_t bytes[KTLSNIC_RSS_KEY_SIZE])
{
    for (size_t i = 0; i < G_N_ELEMENTS(key->adds); i++) {
        size_t at = i / 2;
        uint64_t window = (uint64_t)get_be32(bytes + at) << 8 | bytes[at + 4];
        unsigned shift = i % 2 ? 4 : 8;     /* of a first bit's 32 bits */

        for (unsigned value = 0; value < 16; value++) {
            uint32_t sum = 0;

            for (unsigned bit = 0; bit < 4; bit++) {
                if (value & 8 >> bit) {
                    sum ^= window >> (shift - bit);
                }
            }
            key->adds[i][value] = sum;
        }
    }
}

uint32_t rss_toeplitz(const struct rss_key *key, const uint8_t *data,
                      size_t len)
{
    uint32_t hash = 0;

    g_assert(len <= RSS_INPUT_MAX);
    for (size_t i = 0; i < len; i++) {
        hash ^= key->adds[2 * i][data[i] >> 4] ^
                key->adds[2 * i + 1][data[i] & 15];
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

uint32_t rss_hash(const struct rss_key *key, uint32_t ctrl,
                  const uint8_t *frame, const struct packet_info *info,
                  uint16_t *type)
{
    bool ports = ctrl & l4_type(info);
    uint8_t input[RSS_INPUT_MAX];
    const uint8_t *addrs;
    size_t len;

    *type = ports ? l4_type(info) : ctrl & l3_type(info);
    if (!(ctrl & KTLSNIC_RSS_ENABLE) || !*type) {
        *type = 0;
        return 0;
    }
    addrs = packet_addrs(frame, info, &len);
    len *= 2;
    memcpy(input, addrs, len);
    if (ports) {
        memcpy(input + len, frame + info->l4_off, 4);
        len += 4;
    }
    return rss_toeplitz(key, input, len);
}
