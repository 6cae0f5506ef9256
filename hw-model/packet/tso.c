/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "packet/bytes.h"
#include "packet/checksum.h"
#include "packet/tso.h"

#define IP_LEN_MAX      65535


static size_t payload_max(const struct tso *tso)
{
    return MIN(tso->mss, tso->info.payload_len);
}

uint32_t tso_begin(struct tso *tso, const uint8_t *frame,
                   const struct packet_info *info, uint32_t mss)
{
    size_t ip_len;

    tso->frame = frame;
    tso->info = *info;
    tso->mss = mss;
    tso->done = 0;
    tso->index = 0;

    ip_len = info->payload_off - info->l3_off + payload_max(tso);
    if (info->ip_version == 6) {
        ip_len -= PACKET_IPV6_HLEN;     /* the field does not count it */
    }
    if (mss == 0 || ip_len > IP_LEN_MAX) {
        return 0;
    }
    return info->payload_len ? (info->payload_len - 1) / mss + 1 : 1;
}

size_t tso_segment_max(const struct tso *tso)
{
    return tso->info.payload_off + payload_max(tso);
}

static void fix_ip(const struct tso *tso, uint8_t *segment, size_t len)
{
    const struct packet_info *info = &tso->info;
    uint8_t *ip = segment + info->l3_off;
    size_t ip_len = len - info->l3_off;

    if (info->ip_version == 4) {
        put_be16(ip + 2, ip_len);
        put_be16(ip + 4, get_be16(ip + 4) + tso->index);
        checksum_set_l3(segment, info);
    } else {
        put_be16(ip + 4, ip_len - PACKET_IPV6_HLEN);
    }
}

static void fix_tcp(const struct tso *tso, uint8_t *segment,
                    uint32_t payload_len)
{
    struct packet_info info = tso->info;
    uint8_t *tcp = segment + info.l4_off;
    bool last = tso->done + payload_len == info.payload_len;

    put_be32(tcp + PACKET_TCP_SEQ_OFF, get_be32(tcp + PACKET_TCP_SEQ_OFF) + tso->done);
    if (!last) {
        tcp[PACKET_TCP_FLAGS_OFF] &= ~(PACKET_TCP_FIN | PACKET_TCP_PSH);
    }
    if (tso->index) {
        tcp[PACKET_TCP_FLAGS_OFF] &= ~PACKET_TCP_CWR;
    }
    info.payload_len = payload_len;
    checksum_set_l4(segment, &info);
}

bool tso_more(const struct tso *tso)
{
    return !tso->index || tso->done < tso->info.payload_len;
}

size_t tso_next(struct tso *tso, uint8_t *segment)
{
    const struct packet_info *info = &tso->info;
    uint32_t payload_len = MIN(tso->mss, info->payload_len - tso->done);
    size_t len = info->payload_off + payload_len;

    if (!tso_more(tso)) {
        return 0;
    }
    memcpy(segment, tso->frame, info->payload_off);
    memcpy(segment + info->payload_off,
           tso->frame + info->payload_off + tso->done, payload_len);
    fix_ip(tso, segment, len);
    fix_tcp(tso, segment, payload_len);
    tso->done += payload_len;
    tso->index++;
    return len;
}
