/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of an impaired link: what to do with exactly one frame of one TCP
 * connection, or with a few in a row. The grammar is in README.md.
 */
#ifndef LINK_RULE_H
#define LINK_RULE_H

#include <stdbool.h>
#include <stdint.h>
#include <glib.h>

enum link_dir {
    LINK_TX,            /* what the NIC at the filtered port sends */
    LINK_RX,            /* what it receives */
    LINK_DIRS,
};

enum link_action {
    LINK_DROP,
    LINK_DUPLICATE,
    LINK_REORDER,       /* let it be overtaken by some frames */
    LINK_DELAY,         /* let it be overtaken for some time */
    LINK_CORRUPT,       /* flip a bit, so that the TCP checksum is wrong */
    LINK_FORGE,         /* flip a bit and make the TCP checksum right */
};

enum link_select {
    LINK_BYTE,          /* frames that carry a byte of the payload stream */
    LINK_SEGMENT,       /* frames with payload, counted */
    LINK_FRAME,         /* all frames of the connection, counted */
    LINK_FIN,           /* frames with the FIN flag */
};

#define LINK_CONN_ANY 0

struct link_rule {
    enum link_action action;
    enum link_dir dir;
    enum link_select select;
    unsigned conn;          /* from 1, in the order of the SYNs; or ANY */
    uint64_t at;            /* number of the byte (from 0) or frame (from 1) */
    unsigned times;         /* hits per connection after which it is spent */
    unsigned by;            /* frames that overtake; 0: not given */
    int64_t delay_ns;       /* DELAY only */
    char *text;             /* the rule as given, blanks squeezed */
};

/* Where a frame stands in its connection and direction. */
struct link_place {
    unsigned conn;          /* 0: in none that is known */
    uint64_t frame;         /* this is the n-th frame, from 1 */
    uint64_t segment;       /* the n-th with payload; 0: it has none */
    bool offset_known;      /* the stream's start was seen */
    int64_t offset;         /* of the first payload byte in the stream */
    uint32_t len;           /* payload bytes */
    bool fin;
};

/*
 * Parses rules that are separated by ';' and appends them to rules, an array
 * of struct link_rule that must have link_rule_clear() as its clear function.
 * On false *error says what is wrong with which rule.
 */
bool link_rules_parse(GArray *rules, const char *text, GError **error);

void link_rule_clear(void *rule);

/* Whether the rule wants this frame of a known connection; hits is how many it
 * has had of that. */
bool link_rule_matches(const struct link_rule *rule, enum link_dir dir,
                       const struct link_place *place, unsigned hits);

#endif
