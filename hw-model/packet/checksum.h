/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Internet checksums of the packets that packet.h describes. They are always
 * computed in full, pseudo header included; what the checksum field held
 * before does not matter (SPEC.md 9 and 10).
 */
#ifndef PACKET_CHECKSUM_H
#define PACKET_CHECKSUM_H

#include <stdint.h>

#include "packet/packet.h"

enum checksum_verdict {
    CHECKSUM_ABSENT,    /* nothing to check, or it cannot be checked */
    CHECKSUM_GOOD,
    CHECKSUM_BAD,
};

/* Writes the header checksum. Needs info->ip_version 4. */
void checksum_set_l3(uint8_t *frame, const struct packet_info *info);

/* Writes the TCP or UDP checksum; a UDP result of 0 is sent as 0xffff. Needs
 * info->has_l4, and of UDP a length that packet_check_tx() accepted. */
void checksum_set_l4(uint8_t *frame, const struct packet_info *info);

/* ABSENT unless the packet is IPv4. */
enum checksum_verdict checksum_verify_l3(const uint8_t *frame,
                                         const struct packet_info *info);

/* ABSENT without has_l4, after a bad IPv4 header, for UDP with an impossible
 * length, and for UDP over IPv4 whose field is 0: it has no checksum. Over IPv6
 * it must have one, and 0 is BAD. */
enum checksum_verdict checksum_verify_l4(const uint8_t *frame,
                                         const struct packet_info *info);

#endif
