/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "link/link_config.h"

#define DELAY_MAX_MS 10000
#define GAP_DEFAULT  3
#define NS_PER_MS    1000000

G_DEFINE_QUARK(link-error-quark, link_error)

static GArray *new_rules(void)
{
    GArray *rules = g_array_new(false, false, sizeof(struct link_rule));

    g_array_set_clear_func(rules, link_rule_clear);
    return rules;
}

struct link_config *link_config_new(void)
{
    struct link_config *config = g_new0(struct link_config, 1);

    config->gap = GAP_DEFAULT;
    config->seed = 1;
    config->impaired[LINK_TX] = config->impaired[LINK_RX] = true;
    config->from = 1;
    config->to = UINT64_MAX;
    config->rules = new_rules();
    return config;
}

void link_config_free(struct link_config *config)
{
    if (config) {
        g_array_unref(config->rules);
        g_free(config);
    }
}

static void *field(struct link_config *config, const struct link_option *option)
{
    return (char *)config + option->field;
}

static bool G_GNUC_PRINTF(4, 5) fail(GError **error,
                                     const struct link_option *option,
                                     const char *value, const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, LINK_ERROR, 0, "%s: \"%s\" is not %s",
                option->name, value, why);
    return false;
}

/* A plain decimal number of at most max, with or without the unit after it;
 * neither a sign nor an exponent, hexadecimals or "nan". */
static bool parse_decimal(const char *value, const char *unit, double max,
                          double *number)
{
    char *end;

    if (!g_ascii_isdigit(*value)) {
        return false;
    }
    *number = g_ascii_strtod(value, &end);
    return strspn(value, "0123456789.") == (size_t)(end - value) &&
           (!*end || !strcmp(end, unit)) && *number <= max;
}

static bool parse_share(struct link_config *config,
                        const struct link_option *option, const char *value,
                        GError **error)
{
    double percent;

    if (!parse_decimal(value, "%", 100, &percent)) {
        return fail(error, option, value, "a share from 0%% to 100%%");
    }
    *(uint64_t *)field(config, option) = percent / 100 * LINK_CERTAIN + 0.5;
    return true;
}

static bool parse_time(struct link_config *config,
                       const struct link_option *option, const char *value,
                       GError **error)
{
    double ms;

    if (!parse_decimal(value, "ms", DELAY_MAX_MS, &ms)) {
        return fail(error, option, value, "a time from 0 to %d ms",
                    DELAY_MAX_MS);
    }
    *(int64_t *)field(config, option) = ms * NS_PER_MS + 0.5;
    return true;
}

static bool parse_number(struct link_config *config,
                         const struct link_option *option, const char *value,
                         GError **error)
{
    uint64_t number;

    if (!g_ascii_string_to_unsigned(value, 10, option->min, option->max,
                                    &number, NULL)) {
        return fail(error, option, value, "a whole number from %"
                    G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                    option->min, option->max);
    }
    *(uint64_t *)field(config, option) = number;
    return true;
}

static bool parse_dir(struct link_config *config,
                      const struct link_option *option, const char *value,
                      GError **error)
{
    bool *impaired = field(config, option);
    bool both = !strcmp(value, "both");
    bool tx = both || !strcmp(value, "tx");
    bool rx = both || !strcmp(value, "rx");

    if (!tx && !rx) {
        return fail(error, option, value, "tx, rx or both");
    }
    impaired[LINK_TX] = tx;
    impaired[LINK_RX] = rx;
    return true;
}

static bool parse_switch(struct link_config *config,
                         const struct link_option *option, const char *value,
                         GError **error)
{
    bool on = !strcmp(value, "on");

    if (!on && strcmp(value, "off")) {
        return fail(error, option, value, "on or off");
    }
    *(bool *)field(config, option) = on;
    return true;
}

static bool parse_rules(struct link_config *config,
                        const struct link_option *option, const char *value,
                        GError **error)
{
    GArray **old = field(config, option);
    GArray *rules = new_rules();

    if (!link_rules_parse(rules, value, error)) {
        g_array_unref(rules);
        return false;
    }
    g_array_unref(*old);
    *old = rules;
    return true;
}

#define FIELD(name) .field = offsetof(struct link_config, name)

const struct link_option link_options[] = {
    { "loss", "share of frames that are lost, in % (default: 0)",
      parse_share, FIELD(chance[LINK_LOSS]) },
    { "reorder", "share of frames that later ones overtake, in % (default: 0)",
      parse_share, FIELD(chance[LINK_REORDERING]) },
    { "duplicate", "share of frames that arrive twice, in % (default: 0)",
      parse_share, FIELD(chance[LINK_DUPLICATION]) },
    { "corrupt", "share of TCP segments in which a bit is flipped, so that "
      "their checksum is wrong, in % (default: 0)",
      parse_share, FIELD(chance[LINK_CORRUPTION]) },
    { "gap", "how many frames overtake a reordered one (default: 3)",
      parse_number, FIELD(gap), .min = 1, .max = LINK_GAP_MAX },
    { "delay", "how long a frame is on the way, in ms (default: 0)",
      parse_time, FIELD(delay_ns) },
    { "jitter", "a random time up to this is added to delay, in ms; no frame "
      "overtakes another by it (default: 0)",
      parse_time, FIELD(jitter_ns) },
    { "seed", "where the random numbers start: same seed and same frames, same "
      "faults (default: 1)",
      parse_number, FIELD(seed), .max = UINT64_MAX },
    { "dir", "tx (what the NIC sends), rx (what it receives) or both: where "
      "all of the above happens (default: both)",
      parse_dir, FIELD(impaired) },
    { "data-only", "on: only TCP segments with payload are lost, reordered, "
      "duplicated or corrupted (default: off)",
      parse_switch, FIELD(data_only) },
    { "from", "number of the first frame of a direction that may be lost, "
      "reordered, duplicated or corrupted (default: 1)",
      parse_number, FIELD(from), .min = 1, .max = UINT64_MAX },
    { "to", "number of the last such frame (default: no end)",
      parse_number, FIELD(to), .min = 1, .max = UINT64_MAX },
    { "rules", "faults for exactly chosen frames, separated by ';', such as "
      "\"drop conn 1 tx byte 5000; duplicate conn 2 rx segment 3\"",
      parse_rules, FIELD(rules) },
};
const size_t link_options_count = G_N_ELEMENTS(link_options);

bool link_config_set(struct link_config *config, const char *name,
                     const char *value, GError **error)
{
    for (size_t i = 0; i < link_options_count; i++) {
        if (!strcmp(link_options[i].name, name)) {
            return link_options[i].parse(config, &link_options[i], value,
                                         error);
        }
    }
    g_set_error(error, LINK_ERROR, 0, "%s: there is no such option", name);
    return false;
}

bool link_config_check(const struct link_config *config, GError **error)
{
    if (config->from > config->to) {
        g_set_error(error, LINK_ERROR, 0, "from: %" G_GUINT64_FORMAT
                    " is behind to: %" G_GUINT64_FORMAT, config->from,
                    config->to);
        return false;
    }
    return true;
}
