/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/types.h>

#include "packet/bytes.h"
#include "packet/packet.h"
#include "ktlsnic_hw.h"

#define ETHERTYPE_IPV4      0x0800
#define ETHERTYPE_IPV6      0x86dd
#define ETHERTYPE_VLAN      0x8100
#define ETHERTYPE_QINQ      0x88a8
#define VLAN_TAGS_MAX       2

#define IPV4_HLEN_MIN       20
#define IPV4_FRAGMENT       0x3fff  /* more fragments, or an offset */
#define IPV6_FRAGMENT       0xfff9

#define IPV6_EXT_HOP        0
#define IPV6_EXT_ROUTING    43
#define IPV6_EXT_FRAGMENT   44
#define IPV6_EXT_AUTH       51
#define IPV6_EXT_DEST       60

/* Flags that make a statement about the frame's headers. */
#define TXF_HEADERS (KTLSNIC_TXF_L3_CSUM | KTLSNIC_TXF_L4_CSUM | \
                     KTLSNIC_TXF_TSO | KTLSNIC_TXF_TLS)

/* Where the layers end; the length in the IP header is believed or not. */
struct scan {
    const uint8_t *frame;
    size_t len;
    bool to_frame_end;      /* the IP packet ends where the frame does */
    size_t end;             /* end of the IP packet; 0: beyond the frame */
};

/* Finds the IP header after the tags. Returns false if there is none. */
static bool scan_ethernet(const struct scan *s, struct packet_info *info)
{
    size_t off = PACKET_ETH_HLEN;
    uint16_t type;

    if (s->len < off) {
        return false;
    }
    type = get_be16(s->frame + off - 2);
    for (int tags = 0; type == ETHERTYPE_VLAN || type == ETHERTYPE_QINQ;
         tags++) {
        off += PACKET_VLAN_HLEN;
        if (tags == VLAN_TAGS_MAX || s->len < off) {
            return false;
        }
        type = get_be16(s->frame + off - 2);
    }

    info->l3_off = off;
    info->ip_version = type == ETHERTYPE_IPV4 ? 4 :
                       type == ETHERTYPE_IPV6 ? 6 : 0;
    return info->ip_version;
}

static void set_ip_end(struct scan *s, const struct packet_info *info,
                       size_t header_len, size_t ip_len)
{
    if (s->to_frame_end) {
        s->end = s->len;
    } else if (ip_len >= header_len && ip_len <= s->len - info->l3_off) {
        s->end = info->l3_off + ip_len;
    }
}

/* Returns false if the header is broken. */
static bool scan_ipv4(struct scan *s, struct packet_info *info)
{
    const uint8_t *ip = s->frame + info->l3_off;
    size_t room = s->len - info->l3_off, header_len;

    if (room < IPV4_HLEN_MIN || ip[0] >> 4 != 4) {
        return false;
    }
    header_len = (ip[0] & 0xf) * 4;
    if (header_len < IPV4_HLEN_MIN || header_len > room) {
        return false;
    }

    info->l4_proto = ip[9];
    info->l4_off = info->l3_off + header_len;
    info->is_fragment = get_be16(ip + 6) & IPV4_FRAGMENT;
    set_ip_end(s, info, header_len, get_be16(ip + 2));
    return true;
}

/*
 * Length of the extension header of that type which starts at ext, or 0 if
 * there is none that can be passed: another protocol, or one cut off by the end
 * of the packet, or a routing header with stops to go, after which the
 * addresses of the IP header are not those of the TCP pseudo header.
 */
static size_t ext_header_len(uint8_t type, const uint8_t *ext, size_t room)
{
    size_t ext_len;

    if (room < 8) {
        return 0;
    }
    switch (type) {
    case IPV6_EXT_ROUTING:
        if (ext[3] != 0) {
            return 0;
        }
        /* fall through */
    case IPV6_EXT_HOP:
    case IPV6_EXT_DEST:
        ext_len = (ext[1] + 1) * 8;
        break;
    case IPV6_EXT_AUTH:
        ext_len = (ext[1] + 2) * 4;
        break;
    case IPV6_EXT_FRAGMENT:
        ext_len = 8;
        break;
    default:
        return 0;
    }
    return ext_len <= room ? ext_len : 0;
}

static void scan_ipv6_extensions(const struct scan *s, struct packet_info *info)
{
    while (!info->is_fragment) {
        const uint8_t *ext = s->frame + info->l4_off;
        size_t ext_len = ext_header_len(info->l4_proto, ext,
                                        s->end - info->l4_off);

        if (!ext_len) {
            return;
        }
        if (info->l4_proto == IPV6_EXT_FRAGMENT) {
            info->is_fragment = get_be16(ext + 2) & IPV6_FRAGMENT;
        }
        info->l4_proto = ext[0];
        info->l4_off += ext_len;
    }
}

static bool scan_ipv6(struct scan *s, struct packet_info *info)
{
    const uint8_t *ip = s->frame + info->l3_off;

    if (s->len - info->l3_off < PACKET_IPV6_HLEN || ip[0] >> 4 != 6) {
        return false;
    }
    info->l4_proto = ip[6];
    info->l4_off = info->l3_off + PACKET_IPV6_HLEN;
    set_ip_end(s, info, PACKET_IPV6_HLEN,
               PACKET_IPV6_HLEN + get_be16(ip + 4));
    if (s->end) {
        scan_ipv6_extensions(s, info);
    }
    return true;
}

static void scan_l4(const struct scan *s, struct packet_info *info)
{
    size_t room = s->end - info->l4_off, header_len;

    if (info->l4_proto == PACKET_PROTO_TCP && room >= PACKET_TCP_HLEN_MIN) {
        header_len = (s->frame[info->l4_off + 12] >> 4) * 4;
        if (header_len < PACKET_TCP_HLEN_MIN || header_len > room) {
            return;
        }
    } else if (info->l4_proto == PACKET_PROTO_UDP && room >= PACKET_UDP_HLEN) {
        header_len = PACKET_UDP_HLEN;
    } else {
        return;
    }
    info->has_l4 = true;
    info->payload_off = info->l4_off + header_len;
    info->payload_len = s->end - info->payload_off;
}

static void scan_frame(struct scan *s, struct packet_info *info)
{
    bool ip;

    *info = (struct packet_info) { 0 };
    if (!scan_ethernet(s, info)) {
        return;
    }
    ip = info->ip_version == 4 ? scan_ipv4(s, info) : scan_ipv6(s, info);
    if (!ip) {
        *info = (struct packet_info) { 0 };
        return;
    }
    if (s->end && !info->is_fragment) {
        scan_l4(s, info);
    }
}

bool packet_parse(const uint8_t *frame, size_t len, struct packet_info *info)
{
    struct scan s = { .frame = frame, .len = len };

    scan_frame(&s, info);
    return info->ip_version != 0;
}

static bool udp_len_fits(const uint8_t *frame, const struct packet_info *info)
{
    size_t udp_len = get_be16(frame + info->l4_off + 4);

    return udp_len >= PACKET_UDP_HLEN &&
           udp_len <= PACKET_UDP_HLEN + info->payload_len;
}

bool packet_check_tx(const uint8_t *frame, size_t len, unsigned l3_off,
                     unsigned l4_off, unsigned flags, struct packet_info *info)
{
    struct scan s = {
        .frame = frame,
        .len = len,
        .to_frame_end = flags & KTLSNIC_TXF_TSO,
    };

    *info = (struct packet_info) { 0 };
    if (!(flags & TXF_HEADERS)) {
        return true;
    }
    scan_frame(&s, info);
    if (!info->ip_version || info->l3_off != l3_off || !s.end) {
        return false;
    }
    if ((flags & KTLSNIC_TXF_L3_CSUM) && info->ip_version != 4) {
        return false;
    }
    if (!(flags & TXF_HEADERS & ~KTLSNIC_TXF_L3_CSUM)) {
        return true;
    }
    if (!info->has_l4 || info->l4_off != l4_off) {
        return false;
    }
    if (info->l4_proto == PACKET_PROTO_UDP) {
        return !(flags & (KTLSNIC_TXF_TSO | KTLSNIC_TXF_TLS)) &&
               udp_len_fits(frame, info);
    }
    /* Bytes after the IP packet would leave unencrypted. */
    return !(flags & KTLSNIC_TXF_TLS) || s.end == len;
}
