/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "link/link_config.h"

static struct link_config *config_with(const char *name, const char *value)
{
    struct link_config *config = link_config_new();
    GError *error = NULL;

    link_config_set(config, name, value, &error);
    g_assert_no_error(error);
    return config;
}

static void test_defaults(void)
{
    struct link_config *config = link_config_new();

    for (int i = 0; i < LINK_FAULTS; i++) {
        g_assert_cmpuint(config->chance[i], ==, 0);
    }
    g_assert_cmpuint(config->gap, ==, 3);
    g_assert_cmpint(config->delay_ns, ==, 0);
    g_assert_cmpint(config->jitter_ns, ==, 0);
    g_assert_cmpuint(config->seed, ==, 1);
    g_assert_true(config->impaired[LINK_TX] && config->impaired[LINK_RX]);
    g_assert_false(config->data_only);
    g_assert_cmpuint(config->from, ==, 1);
    g_assert_cmpuint(config->to, ==, UINT64_MAX);
    g_assert_cmpuint(config->rules->len, ==, 0);
    g_assert_true(link_config_check(config, NULL));
    link_config_free(config);
}

static void assert_chance(const char *value, uint64_t chance)
{
    static const char *const names[LINK_FAULTS] = {
        [LINK_LOSS] = "loss", [LINK_REORDERING] = "reorder",
        [LINK_DUPLICATION] = "duplicate", [LINK_CORRUPTION] = "corrupt",
    };

    for (int i = 0; i < LINK_FAULTS; i++) {
        struct link_config *config = config_with(names[i], value);

        for (int j = 0; j < LINK_FAULTS; j++) {
            g_assert_cmpuint(config->chance[j], ==, i == j ? chance : 0);
        }
        link_config_free(config);
    }
}

static void test_shares(void)
{
    assert_chance("0", 0);
    assert_chance("50%", LINK_CERTAIN / 2);
    assert_chance("25", LINK_CERTAIN / 4);
    assert_chance("12.5%", LINK_CERTAIN / 8);
    assert_chance("100%", LINK_CERTAIN);
    assert_chance("0.1%", 4294967);
}

static void test_times(void)
{
    struct link_config *config = config_with("delay", "2.5");

    g_assert_cmpint(config->delay_ns, ==, 2500000);
    g_assert_true(link_config_set(config, "delay", "20ms", NULL));
    g_assert_true(link_config_set(config, "jitter", "0.001ms", NULL));
    g_assert_cmpint(config->delay_ns, ==, 20000000);
    g_assert_cmpint(config->jitter_ns, ==, 1000);
    g_assert_true(link_config_set(config, "delay", "10000", NULL));
    g_assert_cmpint(config->delay_ns, ==, INT64_C(10000000000));
    link_config_free(config);
}

static void test_numbers(void)
{
    struct link_config *config = config_with("seed", "18446744073709551615");

    g_assert_cmpuint(config->seed, ==, UINT64_MAX);
    g_assert_true(link_config_set(config, "gap", "1000", NULL));
    g_assert_cmpuint(config->gap, ==, 1000);
    g_assert_true(link_config_set(config, "from", "10", NULL));
    g_assert_true(link_config_set(config, "to", "10", NULL));
    g_assert_true(link_config_check(config, NULL));
    link_config_free(config);
}

static void test_switches(void)
{
    struct link_config *config = config_with("dir", "tx");

    g_assert_true(config->impaired[LINK_TX] && !config->impaired[LINK_RX]);
    g_assert_true(link_config_set(config, "dir", "rx", NULL));
    g_assert_true(!config->impaired[LINK_TX] && config->impaired[LINK_RX]);
    g_assert_true(link_config_set(config, "dir", "both", NULL));
    g_assert_true(config->impaired[LINK_TX] && config->impaired[LINK_RX]);
    g_assert_true(link_config_set(config, "data-only", "on", NULL));
    g_assert_true(config->data_only);
    g_assert_true(link_config_set(config, "data-only", "off", NULL));
    g_assert_false(config->data_only);
    link_config_free(config);
}

static void assert_error(struct link_config *config, const char *name,
                         const char *value, const char *message)
{
    GError *error = NULL;

    g_assert_false(link_config_set(config, name, value, &error));
    g_assert_error(error, LINK_ERROR, 0);
    g_assert_cmpstr(error->message, ==, message);
    g_assert_null(strchr(error->message, '\n'));
    g_error_free(error);
}

#define SHARE(value) \
    "loss: \"" value "\" is not a share from 0% to 100%"
#define TIME(value) \
    "delay: \"" value "\" is not a time from 0 to 10000 ms"

static void test_bad_values(void)
{
    static const struct {
        const char *name, *value, *message;
    } cases[] = {
        { "loss", "", SHARE("") },
        { "loss", "-1%", SHARE("-1%") },
        { "loss", "100.1%", SHARE("100.1%") },
        { "loss", "1%%", SHARE("1%%") },
        { "loss", "1 %", SHARE("1 %") },
        { "loss", " 1%", SHARE(" 1%") },
        { "loss", "%", SHARE("%") },
        { "loss", "nan", SHARE("nan") },
        { "loss", "inf", SHARE("inf") },
        { "loss", "1e1", SHARE("1e1") },
        { "loss", "0x1", SHARE("0x1") },
        { "loss", "1.2.3", SHARE("1.2.3") },
        { "loss", "1ms", SHARE("1ms") },
        { "delay", "10001", TIME("10001") },
        { "delay", "1s", TIME("1s") },
        { "delay", "-1", TIME("-1") },
        { "delay", "1%", TIME("1%") },
        { "gap", "0", "gap: \"0\" is not a whole number from 1 to 1000" },
        { "gap", "1001", "gap: \"1001\" is not a whole number from 1 to 1000" },
        { "gap", "3x", "gap: \"3x\" is not a whole number from 1 to 1000" },
        { "seed", "-1", "seed: \"-1\" is not a whole number from 0 to "
          "18446744073709551615" },
        { "from", "0", "from: \"0\" is not a whole number from 1 to "
          "18446744073709551615" },
        { "to", "soon", "to: \"soon\" is not a whole number from 1 to "
          "18446744073709551615" },
        { "dir", "TX", "dir: \"TX\" is not tx, rx or both" },
        { "data-only", "1", "data-only: \"1\" is not on or off" },
        { "lost", "1%", "lost: there is no such option" },
    };
    struct link_config *config = link_config_new();

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        assert_error(config, cases[i].name, cases[i].value, cases[i].message);
    }
    g_assert_cmpuint(config->chance[LINK_LOSS], ==, 0);
    g_assert_cmpuint(config->gap, ==, 3);
    link_config_free(config);
}

static void test_disagreement(void)
{
    struct link_config *config = config_with("from", "11");
    GError *error = NULL;

    g_assert_true(link_config_set(config, "to", "10", NULL));
    g_assert_false(link_config_check(config, &error));
    g_assert_cmpstr(error->message, ==, "from: 11 is behind to: 10");
    g_error_free(error);
    link_config_free(config);
}

static void test_rules(void)
{
    struct link_config *config = config_with("rules",
        " drop conn 1 tx byte 5000;; reorder rx\tconn any segment 3 by 7 "
        "times 2;delay fin conn 4294967295 rx ms 20 ;");
    struct link_rule *rule = &g_array_index(config->rules, struct link_rule, 0);

    g_assert_cmpuint(config->rules->len, ==, 3);
    g_assert_cmpint(rule[0].action, ==, LINK_DROP);
    g_assert_cmpint(rule[0].dir, ==, LINK_TX);
    g_assert_cmpint(rule[0].select, ==, LINK_BYTE);
    g_assert_cmpuint(rule[0].conn, ==, 1);
    g_assert_cmpuint(rule[0].at, ==, 5000);
    g_assert_cmpuint(rule[0].times, ==, 1);
    g_assert_cmpuint(rule[0].by, ==, 0);
    g_assert_cmpstr(rule[0].text, ==, "drop conn 1 tx byte 5000");
    g_assert_cmpint(rule[1].action, ==, LINK_REORDER);
    g_assert_cmpint(rule[1].dir, ==, LINK_RX);
    g_assert_cmpint(rule[1].select, ==, LINK_SEGMENT);
    g_assert_cmpuint(rule[1].conn, ==, LINK_CONN_ANY);
    g_assert_cmpuint(rule[1].by, ==, 7);
    g_assert_cmpuint(rule[1].times, ==, 2);
    g_assert_cmpstr(rule[1].text, ==,
                    "reorder rx conn any segment 3 by 7 times 2");
    g_assert_cmpint(rule[2].action, ==, LINK_DELAY);
    g_assert_cmpint(rule[2].select, ==, LINK_FIN);
    g_assert_cmpuint(rule[2].conn, ==, UINT32_MAX);
    g_assert_cmpint(rule[2].delay_ns, ==, 20000000);

    g_assert_true(link_config_set(config, "rules", "forge conn 2 rx byte 0",
                                  NULL));
    g_assert_cmpuint(config->rules->len, ==, 1);
    link_config_free(config);
}

static void test_bad_rules(void)
{
    static const struct {
        const char *rule, *why;
    } cases[] = {
        { "lose conn 1 tx byte 1", "unknown action \"lose\" (drop, duplicate, "
          "reorder, delay, corrupt or forge)" },
        { "drop tx byte 1", "\"conn N\" or \"conn any\" is missing" },
        { "drop conn 1 byte 1", "\"tx\" or \"rx\" is missing" },
        { "drop conn 1 tx", "\"byte N\", \"segment N\", \"frame N\" or \"fin\" "
          "is missing" },
        { "drop conn 1 tx byte", "a number is missing behind \"byte\"" },
        { "drop conn 1 tx byte -1", "\"byte -1\" is not a number from 0 to "
          "281474976710656" },
        { "drop conn 0 tx byte 1", "\"conn 0\" is not a number from 1 to "
          "4294967295" },
        { "drop conn 1 tx segment 0", "\"segment 0\" is not a number from 1 to "
          "281474976710656" },
        { "drop conn 1 tx rx byte 1", "\"rx\" says again, or otherwise, what "
          "was said before" },
        { "drop conn 1 tx byte 1 segment 2", "\"segment\" says again, or "
          "otherwise, what was said before" },
        { "drop conn 1 tx byte 1 once", "unknown word \"once\"" },
        { "drop conn 1 tx byte 1 times 0", "\"times 0\" is not a number from 1 "
          "to 1000000" },
        { "drop conn 1 tx byte 1 by 3", "\"by\" goes only with \"reorder\" and "
          "\"duplicate\"" },
        { "reorder conn 1 tx byte 1 by 1001", "\"by 1001\" is not a number "
          "from 1 to 1000" },
        { "drop conn 1 tx byte 1 ms 3", "\"ms\" goes only with \"delay\"" },
        { "delay conn 1 tx byte 1", "\"ms N\" is missing" },
        { "delay conn 1 tx byte 1 ms 10001", "\"ms 10001\" is not a number "
          "from 1 to 10000" },
        { "forge conn 1 tx frame 1", "\"forge\" needs a frame with payload: "
          "\"byte N\" or \"segment N\"" },
        { "corrupt conn 1 tx fin", "\"corrupt\" needs a frame with payload: "
          "\"byte N\" or \"segment N\"" },
    };
    struct link_config *config = config_with("rules", "drop conn 1 tx fin");

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *rules = g_strdup_printf("drop conn 1 rx fin; %s",
                                                 cases[i].rule);
        g_autofree char *message = g_strdup_printf("rule \"%s\": %s",
                                                   cases[i].rule, cases[i].why);

        assert_error(config, "rules", rules, message);
        g_assert_cmpuint(config->rules->len, ==, 1);
    }
    link_config_free(config);
}

/* Every option says what it is for, and by which name it is set. */
static void test_help(void)
{
    for (size_t i = 0; i < link_options_count; i++) {
        struct link_config *config = link_config_new();
        GError *error = NULL;

        g_assert_cmpstr(link_options[i].help, !=, "");
        if (!link_config_set(config, link_options[i].name, "?", &error)) {
            g_assert_null(strstr(error->message, "no such option"));
            g_clear_error(&error);
        }
        link_config_free(config);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link-options/defaults", test_defaults);
    g_test_add_func("/link-options/shares", test_shares);
    g_test_add_func("/link-options/times", test_times);
    g_test_add_func("/link-options/numbers", test_numbers);
    g_test_add_func("/link-options/switches", test_switches);
    g_test_add_func("/link-options/bad-values", test_bad_values);
    g_test_add_func("/link-options/disagreement", test_disagreement);
    g_test_add_func("/link-options/rules", test_rules);
    g_test_add_func("/link-options/bad-rules", test_bad_rules);
    g_test_add_func("/link-options/help", test_help);
    return g_test_run();
}
