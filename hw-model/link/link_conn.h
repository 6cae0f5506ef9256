/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TCP connections that cross an impaired link, numbered from 1 in the
 * order in which their first SYN was seen, and the place of each frame in them.
 *
 * A SYN that is sent again does not count; one for the same addresses and
 * ports with another sequence number is a new connection. A connection whose
 * SYN was not seen has no number.
 */
#ifndef LINK_CONN_H
#define LINK_CONN_H

#include <stddef.h>
#include <stdint.h>

#include "link/link_rule.h"
#include "packet/packet.h"

/* With more, the one that started first is forgotten. */
#define LINK_CONNS_MAX 4096

struct link_conns;

/* Each connection gets counters many counters, for the caller to use. */
struct link_conns *link_conns_new(size_t counters);
void link_conns_free(struct link_conns *conns);

/* How many there have been. */
unsigned link_conns_seen(const struct link_conns *conns);

/*
 * Notes a frame that goes by in direction dir; info is packet_parse() of it.
 * All of *place is set. Returns the counters of its connection, which are 0 at
 * first; NULL if place->conn is 0.
 */
unsigned *link_conns_note(struct link_conns *conns, enum link_dir dir,
                          const uint8_t *frame, const struct packet_info *info,
                          struct link_place *place);

#endif
