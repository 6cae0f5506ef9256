/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where the headers of a frame lie: for receive, found by parsing; for
 * transmit, given by the descriptor and checked (SPEC.md 9 and 10).
 *
 * A frame is a plain array of bytes that starts with the destination address
 * and has no FCS. Nothing here reads beyond its length, whatever it contains.
 */
#ifndef PACKET_PACKET_H
#define PACKET_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "packet/bytes.h"

#define PACKET_ETH_HLEN     14
#define PACKET_VLAN_HLEN    4
#define PACKET_IPV4_ALEN    4
#define PACKET_IPV6_HLEN    40
#define PACKET_IPV6_ALEN    16
#define PACKET_UDP_HLEN     8
#define PACKET_TCP_HLEN_MIN 20

#define PACKET_PROTO_TCP    6
#define PACKET_PROTO_UDP    17

/* In the TCP header. */
#define PACKET_TCP_SEQ_OFF      4
#define PACKET_TCP_FLAGS_OFF    13
#define PACKET_TCP_FIN          0x01
#define PACKET_TCP_SYN          0x02
#define PACKET_TCP_RST          0x04
#define PACKET_TCP_PSH          0x08
#define PACKET_TCP_ACK          0x10
#define PACKET_TCP_CWR          0x80

/* All offsets count bytes from the first byte of the frame. */
struct packet_info {
    uint8_t ip_version;     /* 4 or 6; 0: not IP, or its header is broken */
    uint8_t l4_proto;       /* protocol number after the extension headers */
    bool is_fragment;       /* any fragment, the first one included */
    bool has_l4;            /* a whole TCP or UDP header; false in a fragment */
    uint32_t l3_off;        /* IP header, if ip_version is not 0 */
    uint32_t l4_off;        /* header l4_proto; if has_l4 */
    uint32_t payload_off;   /* first byte after that header; if has_l4 */
    uint32_t payload_len;   /* up to the end of the IP packet; if has_l4 */
};

/*
 * Parses a received frame of len bytes: up to two VLAN tags (0x8100, 0x88a8),
 * IPv4 with options, IPv6 with hop-by-hop, routing, fragment, destination and
 * authentication headers. The lengths come from the IP header, so Ethernet
 * padding is no payload; a packet longer than its frame has no has_l4, nor has
 * one whose routing header still names stops (its destination address is not
 * the one in the TCP pseudo header).
 *
 * Returns info->ip_version != 0. All of *info is always set.
 */
bool packet_parse(const uint8_t *frame, size_t len, struct packet_info *info);

/*
 * Checks that the headers of a frame to send fit the offloads asked:
 * flags holds KTLSNIC_TXF_* of its descriptor, l3_off and l4_off are the
 * descriptor's, len is the length of the whole frame.
 *
 *   L3_CSUM         a whole IPv4 header at l3_off
 *   L4_CSUM         IP at l3_off whose TCP or UDP header is at l4_off
 *   TSO, TLS        IP at l3_off whose TCP header is at l4_off
 *
 * where l3_off is the place after the Ethernet header and its tags, and what
 * packet_parse() says of has_l4 holds here too.
 *
 * With TSO the packet ends where the frame ends and the length in the IP
 * header is not looked at (it is too small a field for a big unit); otherwise
 * that length must lie within the frame. Returns false if they do not fit
 * (KTLSNIC_TX_BAD_HEADER); flags that need no headers ask for nothing. All of
 * *info is always set.
 */
bool packet_check_tx(const uint8_t *frame, size_t len, unsigned l3_off,
                     unsigned l4_off, unsigned flags, struct packet_info *info);

/* The source address, which the destination address follows; *len is the length
 * of each. Needs an ip_version. */
static inline const uint8_t *packet_addrs(const uint8_t *frame,
                                          const struct packet_info *info,
                                          size_t *len)
{
    bool v4 = info->ip_version == 4;

    *len = v4 ? PACKET_IPV4_ALEN : PACKET_IPV6_ALEN;
    return frame + info->l3_off + (v4 ? 12 : 8);
}

/* Both need has_l4, and TCP. */
static inline uint32_t packet_tcp_seq(const uint8_t *frame,
                                      const struct packet_info *info)
{
    return get_be32(frame + info->l4_off + PACKET_TCP_SEQ_OFF);
}

static inline uint8_t packet_tcp_flags(const uint8_t *frame,
                                       const struct packet_info *info)
{
    return frame[info->l4_off + PACKET_TCP_FLAGS_OFF];
}

#endif
