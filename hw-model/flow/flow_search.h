/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The search of an RX context for its place in the stream: it looks for what
 * could be a record header, follows the lengths from header to header while it
 * counts them, and names one of them to the host, who knows its number.
 *
 * It also knows how far ahead of the context the stream has been seen, and does
 * only that for a context that does not search.
 */
#ifndef FLOW_SEARCH_H
#define FLOW_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "flow/record.h"

/* Requests for one chain of headers before it is given up. */
#define FLOW_SEARCH_NAMES 6

struct flow_search {
    const struct engine *engine;
    enum ktlsnic_tls_rx_mode mode;
    bool active;
    bool following;             /* a chain of headers; else scanning for one */
    uint32_t next;              /* sequence after what was seen */
    size_t behind;              /* bytes that came behind it since it moved */

    /* scanning */
    uint64_t window;            /* the last bytes seen, newest in bits 7:0 */
    unsigned window_len;        /* how many, at most a header */

    /* following */
    struct record rec;          /* the place at next; counts from the chain's
                                   first header, which is number 0 */
    uint32_t first;             /* sequence of that header */
    struct {
        uint32_t seq;
        uint64_t num;           /* counted like rec.num */
    } names[FLOW_SEARCH_NAMES]; /* headers named to the host, oldest first */
    unsigned name_count;
    size_t unanswered;          /* bytes seen since the last of them */
};

/* What the search made of a segment. */
struct flow_search_result {
    unsigned false_headers;     /* found by searching and refuted in it */
    bool request;               /* ask the host for the number of the record */
    uint32_t seq;               /* whose header begins here */
};

void flow_search_init(struct flow_search *search, const struct engine *engine,
                      enum ktlsnic_tls_rx_mode mode);

/* The context has its place again. */
void flow_search_stop(struct flow_search *search);

/* A segment that the context cannot use; it begins the search if need be. */
void flow_search_segment(struct flow_search *search, uint32_t seq,
                         const uint8_t *data, size_t len,
                         struct flow_search_result *result);

/*
 * Whether the header at seq is one that was named and is still followed. If so
 * *count is how many records are between it and the place where the search is.
 */
bool flow_search_knows(const struct flow_search *search, uint32_t seq,
                       uint64_t *count);

/* Whether a header is named; *seq is the last one. */
bool flow_search_named(const struct flow_search *search, uint32_t *seq);

#endif
