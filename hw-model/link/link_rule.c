/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "link/link_config.h"
#include "link/link_rule.h"

#define AT_MAX    (INT64_C(1) << 48)
#define TIMES_MAX 1000000
#define MS_MAX    10000

/* What a word of a rule says; each may be said once. */
enum field {
    FIELD_DIR   = 1 << 0,
    FIELD_CONN  = 1 << 1,
    FIELD_WHICH = 1 << 2,
    FIELD_TIMES = 1 << 3,
    FIELD_BY    = 1 << 4,
    FIELD_MS    = 1 << 5,
};

struct word {
    const char *name;
    enum field field;
    int value;              /* of the enum that the word stands for */
    uint64_t min, max;      /* of the number that follows; max 0: none does */
};

static const struct word words[] = {
    { "tx",      FIELD_DIR,   LINK_TX,      0, 0 },
    { "rx",      FIELD_DIR,   LINK_RX,      0, 0 },
    { "conn",    FIELD_CONN,  0,            1, UINT32_MAX },
    { "byte",    FIELD_WHICH, LINK_BYTE,    0, AT_MAX },
    { "segment", FIELD_WHICH, LINK_SEGMENT, 1, AT_MAX },
    { "frame",   FIELD_WHICH, LINK_FRAME,   1, AT_MAX },
    { "fin",     FIELD_WHICH, LINK_FIN,     0, 0 },
    { "times",   FIELD_TIMES, 0,            1, TIMES_MAX },
    { "by",      FIELD_BY,    0,            1, LINK_GAP_MAX },
    { "ms",      FIELD_MS,    0,            1, MS_MAX },
};

static const char *const actions[] = {
    [LINK_DROP] = "drop",
    [LINK_DUPLICATE] = "duplicate",
    [LINK_REORDER] = "reorder",
    [LINK_DELAY] = "delay",
    [LINK_CORRUPT] = "corrupt",
    [LINK_FORGE] = "forge",
};

static bool G_GNUC_PRINTF(3, 4) fail(GError **error, const char *rule,
                                     const char *format, ...)
{
    g_autofree char *why = NULL;
    va_list args;

    va_start(args, format);
    why = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, LINK_ERROR, 0, "rule \"%s\": %s", rule, why);
    return false;
}

static const struct word *find_word(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(words); i++) {
        if (!strcmp(words[i].name, name)) {
            return &words[i];
        }
    }
    return NULL;
}

static void apply(struct link_rule *rule, const struct word *word,
                  uint64_t number)
{
    switch (word->field) {
    case FIELD_DIR:
        rule->dir = word->value;
        break;
    case FIELD_CONN:
        rule->conn = number;
        break;
    case FIELD_WHICH:
        rule->select = word->value;
        rule->at = number;
        break;
    case FIELD_TIMES:
        rule->times = number;
        break;
    case FIELD_BY:
        rule->by = number;
        break;
    case FIELD_MS:
        rule->delay_ns = number * 1000000;
        break;
    }
}

/* Takes a word and its number from *next. */
static bool parse_word(struct link_rule *rule, char ***next, unsigned *fields,
                       GError **error)
{
    const char *name = *(*next)++;
    const struct word *word = find_word(name);
    const char *value;
    uint64_t number = 0;

    if (!word) {
        return fail(error, rule->text, "unknown word \"%s\"", name);
    }
    if (*fields & word->field) {
        return fail(error, rule->text, "\"%s\" says again, or otherwise, "
                    "what was said before", name);
    }
    *fields |= word->field;

    if (word->max) {
        value = **next;
        if (!value) {
            return fail(error, rule->text, "a number is missing behind \"%s\"",
                        name);
        }
        (*next)++;
        if (word->field == FIELD_CONN && !strcmp(value, "any")) {
            number = LINK_CONN_ANY;
        } else if (!g_ascii_string_to_unsigned(value, 10, word->min, word->max,
                                               &number, NULL)) {
            return fail(error, rule->text, "\"%s %s\" is not a number from %"
                        G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                        name, value, word->min, word->max);
        }
    }
    apply(rule, word, number);
    return true;
}

static bool check_rule(const struct link_rule *rule, unsigned fields,
                       GError **error)
{
    bool alters = rule->action == LINK_CORRUPT || rule->action == LINK_FORGE;
    bool moves = rule->action == LINK_REORDER || rule->action == LINK_DUPLICATE;

    if (!(fields & FIELD_CONN)) {
        return fail(error, rule->text, "\"conn N\" or \"conn any\" is missing");
    }
    if (!(fields & FIELD_DIR)) {
        return fail(error, rule->text, "\"tx\" or \"rx\" is missing");
    }
    if (!(fields & FIELD_WHICH)) {
        return fail(error, rule->text, "\"byte N\", \"segment N\", "
                    "\"frame N\" or \"fin\" is missing");
    }
    if (alters && rule->select != LINK_BYTE && rule->select != LINK_SEGMENT) {
        return fail(error, rule->text, "\"%s\" needs a frame with payload: "
                    "\"byte N\" or \"segment N\"", actions[rule->action]);
    }
    if ((fields & FIELD_BY) && !moves) {
        return fail(error, rule->text, "\"by\" goes only with \"reorder\" and "
                    "\"duplicate\"");
    }
    if (!(fields & FIELD_MS) != (rule->action != LINK_DELAY)) {
        return fail(error, rule->text, rule->action == LINK_DELAY ?
                    "\"ms N\" is missing" : "\"ms\" goes only with \"delay\"");
    }
    return true;
}

static bool parse_action(struct link_rule *rule, const char *name,
                         GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(actions); i++) {
        if (!strcmp(actions[i], name)) {
            rule->action = i;
            return true;
        }
    }
    return fail(error, rule->text, "unknown action \"%s\" (drop, duplicate, "
                "reorder, delay, corrupt or forge)", name);
}

static bool parse_rule(struct link_rule *rule, char **next, GError **error)
{
    unsigned fields = 0;

    if (!parse_action(rule, *next++, error)) {
        return false;
    }
    while (*next) {
        if (!parse_word(rule, &next, &fields, error)) {
            return false;
        }
    }
    return check_rule(rule, fields, error);
}

/* The words of a text, without the empty ones between blanks. */
static char **split_words(const char *text)
{
    char **list = g_strsplit_set(text, " \t\r\n", -1);
    size_t kept = 0;

    for (size_t i = 0; list[i]; i++) {
        if (*list[i]) {
            list[kept++] = list[i];
        } else {
            g_free(list[i]);
        }
    }
    list[kept] = NULL;
    return list;
}

bool link_rules_parse(GArray *rules, const char *text, GError **error)
{
    g_auto(GStrv) parts = g_strsplit(text, ";", -1);

    for (char **part = parts; *part; part++) {
        g_auto(GStrv) list = split_words(*part);
        struct link_rule rule = { .times = 1 };

        if (!*list) {
            continue;       /* nothing between, before or after ';' */
        }
        rule.text = g_strjoinv(" ", list);
        if (!parse_rule(&rule, list, error)) {
            link_rule_clear(&rule);
            return false;
        }
        g_array_append_val(rules, rule);
    }
    return true;
}

void link_rule_clear(void *rule)
{
    g_clear_pointer(&((struct link_rule *)rule)->text, g_free);
}

static bool in_run(const struct link_rule *rule, uint64_t number)
{
    return number >= rule->at && number - rule->at < rule->times;
}

static bool carries(const struct link_place *place, uint64_t byte)
{
    return place->offset_known && (int64_t)byte >= place->offset &&
           (int64_t)byte - place->offset < place->len;
}

bool link_rule_matches(const struct link_rule *rule, enum link_dir dir,
                       const struct link_place *place, unsigned hits)
{
    if (dir != rule->dir || hits >= rule->times ||
        (rule->conn != LINK_CONN_ANY && rule->conn != place->conn)) {
        return false;
    }
    switch (rule->select) {
    case LINK_BYTE:
        return carries(place, rule->at);
    case LINK_SEGMENT:
        return in_run(rule, place->segment);
    case LINK_FRAME:
        return in_run(rule, place->frame);
    case LINK_FIN:
        return place->fin;
    }
    return false;
}
