/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames to feed to the packet functions, built field by field, and a checksum
 * in its plainest form to compare theirs with.
 */
#ifndef TESTS_UNIT_FRAMES_H
#define TESTS_UNIT_FRAMES_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>

#define PROTO_TCP 6
#define PROTO_UDP 17

struct frame_spec {
    unsigned tags;          /* VLAN tags */
    unsigned version;       /* 4 or 6 */
    unsigned options;       /* bytes: IPv4 options (by 4); IPv6 destination
                             * options (by 8) */
    uint8_t proto;
    unsigned tcp_options;   /* bytes, by 4 */
    uint32_t payload_len;
    unsigned padding;       /* bytes after the IP packet */
};

struct frame {
    uint8_t *data;          /* exactly len bytes */
    size_t len;
    size_t l3_off, l4_off, payload_off, ip_end;
};

/* Random addresses, ports and payload; right checksums. An IP length that does
 * not fit its field is 0. */
struct frame frame_make(const struct frame_spec *spec);
void frame_free(struct frame *frame);

/* Writes both checksums, by 16-bit words. */
void frame_set_checksums(struct frame *frame);

/* Every combination of the small spec fields: index counts up until false. */
bool frame_spec_nth(unsigned index, struct frame_spec *spec);

#endif
