/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The options of an impaired link: text to numbers, with one clear line of
 * error for whatever is wrong. README.md describes them.
 */
#ifndef LINK_CONFIG_H
#define LINK_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <glib.h>

#include "link/link_rule.h"

/* Faults that happen at random. */
enum link_fault {
    LINK_LOSS,
    LINK_REORDERING,
    LINK_DUPLICATION,
    LINK_CORRUPTION,
    LINK_FAULTS,
};

/* No frame is overtaken by more than this many. */
#define LINK_GAP_MAX 1000

/* A frame that is to be overtaken is held no longer than this, in ns, when not
 * enough others come: not to slow everything down if it was chance; but a rule
 * means what it says, and the guest may be slow. */
#define LINK_HOLD_CHANCE_NS INT64_C(10000000)
#define LINK_HOLD_RULE_NS   INT64_C(1000000000)

#define LINK_CERTAIN (UINT64_C(1) << 32)

struct link_config {
    uint64_t chance[LINK_FAULTS];   /* of LINK_CERTAIN */
    uint64_t gap;                   /* frames that overtake a reordered one */
    int64_t delay_ns, jitter_ns;
    uint64_t seed;
    bool impaired[LINK_DIRS];       /* all above but seed apply to this one */
    bool data_only;                 /* faults hit only TCP segments with data */
    uint64_t from, to;              /* faults hit only these frames, from 1 */
    GArray *rules;                  /* of struct link_rule */
};

struct link_option {
    const char *name;
    const char *help;
    bool (*parse)(struct link_config *config, const struct link_option *option,
                  const char *value, GError **error);
    size_t field;                   /* where in the struct the value goes */
    uint64_t min, max;              /* of a whole number */
};

extern const struct link_option link_options[];
extern const size_t link_options_count;

/* A link without impairment. */
struct link_config *link_config_new(void);
void link_config_free(struct link_config *config);

/*
 * Sets an option; the last value given counts. On false nothing has changed
 * and *error, of domain link_error_quark(), holds one line that names the
 * option and the value.
 */
bool link_config_set(struct link_config *config, const char *name,
                     const char *value, GError **error);

/* Whether the options agree with each other; to be asked once all are set. */
bool link_config_check(const struct link_config *config, GError **error);

GQuark link_error_quark(void);
#define LINK_ERROR link_error_quark()

#endif
