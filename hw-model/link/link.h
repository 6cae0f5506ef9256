/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An impaired link: frames go in on one side, and come out on the other late,
 * out of order, twice, damaged or not at all, as a struct link_config says.
 *
 * It knows neither clocks nor NICs: what it needs of them is in struct
 * link_host. Not thread-safe.
 *
 * A frame goes through three stages: a fault is chosen for it, by a rule or
 * else by chance; it is held back while others overtake it, if that is the
 * fault; and it spends the link's delay on the wire, where nothing overtakes.
 */
#ifndef LINK_LINK_H
#define LINK_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "link/link_config.h"
#include "link/link_frame.h"

/* How much a direction stores; what comes on top of that is dropped. */
#define LINK_STORE_FRAMES 16384
#define LINK_STORE_BYTES  (32 * 1024 * 1024)

/* What is counted, of each direction. */
enum link_counter {
    LINK_FRAMES,            /* that entered the link */
    LINK_DROPPED,           /* by chance or rule */
    LINK_DUPLICATED,
    LINK_REORDERED,         /* held back for others to overtake */
    LINK_CORRUPTED,
    LINK_FORGED,
    LINK_DELAYED,           /* by the link's delay or a rule */
    LINK_OVERFLOWED,        /* dropped, for the link stored too much */
    LINK_COUNTERS,
};

extern const char *const link_counter_names[LINK_COUNTERS];

struct link_host {
    /* Time in ns, never running backwards. */
    int64_t (*now)(void *opaque);

    /* A frame leaves the link. It may bring another one in by that. */
    void (*deliver)(void *opaque, enum link_dir dir,
                    const struct link_frame *frame);

    /* link_run() is due at that time; overrides what was asked before. */
    void (*wake)(void *opaque, int64_t when);

    /* Told of each frame that counts as more than FRAMES; may be NULL. */
    void (*fault)(void *opaque, enum link_dir dir, enum link_counter what,
                  const struct link_frame *frame);
};

struct link;

/* config must have passed link_config_check() and live as long as the link;
 * host is copied. */
struct link *link_new(const struct link_config *config,
                      const struct link_host *host, void *opaque);

/* Frames that are still in the link are lost. Accepts NULL. */
void link_free(struct link *link);

/*
 * A frame enters the link. True: the link has it now, or has dropped it.
 * False: it leaves the link at once, unchanged, and the caller is to deliver
 * it, so that a frame that nothing happens to need not be copied.
 */
bool link_submit(struct link *link, enum link_dir dir,
                 const struct link_frame *frame);

/* Delivers what is due. */
void link_run(struct link *link);

/* Delivers everything that is in the link, at once. */
void link_flush(struct link *link);

uint64_t link_count(const struct link *link, enum link_dir dir,
                    enum link_counter counter);

/* How often a rule, counted from 0, has hit. */
uint64_t link_rule_hits(const struct link *link, size_t rule);

/* All counters as a JSON object, to be freed with g_free(). */
char *link_report(const struct link *link);

#endif
