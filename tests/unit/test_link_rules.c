/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "link/link_conn.h"
#include "link_fixture.h"

static const struct talk talk_v4 = { .version = 4, .port = 1000,
                                     .isn = { 5000, 9000 } };

/* Of a link with one drop rule and an open connection 1, frames 1 to 3. */
static struct wire *dropping(const char *rule, const struct talk *talk)
{
    struct wire *wire = wire_new("", rule);

    talk_open(wire, talk, LINK_TX);
    return wire;
}

static void assert_hits(struct wire *wire, uint64_t hits)
{
    g_assert_cmpuint(link_rule_hits(wire->link, 0), ==, hits);
}

static void test_byte(void)
{
    struct wire *wire = dropping("drop conn 1 tx byte 250", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, 0, 250);         /* 4: ends before it */
    talk_data(wire, &talk_v4, LINK_RX, 200, 100);       /* 5: other direction */
    talk_data(wire, &talk_v4, LINK_TX, 251, 100);       /* 6: starts after */
    assert_hits(wire, 0);
    talk_data(wire, &talk_v4, LINK_TX, 250, 1);         /* 7 */
    assert_hits(wire, 1);
    talk_data(wire, &talk_v4, LINK_TX, 250, 1);         /* 8: sent again */
    talk_data(wire, &talk_v4, LINK_TX, 0, 500);
    wire_assert_order(wire, LINK_TX, "1 3 4 6 8 9");
    wire_assert_order(wire, LINK_RX, "2 5");
    assert_hits(wire, 1);
    g_assert_cmpuint(wire_count(wire, LINK_TX, LINK_DROPPED), ==, 1);
    g_assert_cmpuint(wire_count(wire, LINK_RX, LINK_DROPPED), ==, 0);
    wire_free(wire);
}

/* The first and the last byte of a segment. */
static void test_byte_edges(void)
{
    static const char *const rules[] = {
        "drop conn 1 tx byte 100", "drop conn 1 tx byte 199",
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rules); i++) {
        struct wire *wire = dropping(rules[i], &talk_v4);

        talk_data(wire, &talk_v4, LINK_TX, 0, 100);
        talk_data(wire, &talk_v4, LINK_TX, 100, 100);
        talk_data(wire, &talk_v4, LINK_TX, 200, 100);
        wire_assert_order(wire, LINK_TX, "1 3 4 6");
        wire_free(wire);
    }
}

static void test_times(void)
{
    struct wire *wire = dropping("drop conn 1 rx byte 0 times 3", &talk_v4);

    for (int i = 0; i < 5; i++) {
        talk_data(wire, &talk_v4, LINK_RX, 0, 10);
    }
    wire_assert_order(wire, LINK_RX, "2 7 8");
    assert_hits(wire, 3);
    wire_free(wire);
}

static void test_segment(void)
{
    struct wire *wire = dropping("drop conn 1 tx segment 2", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, 0, 10);          /* 4: segment 1 */
    talk_data(wire, &talk_v4, LINK_TX, 10, 0);          /* 5: an ACK is none */
    talk_data(wire, &talk_v4, LINK_RX, 0, 10);          /* 6 */
    talk_data(wire, &talk_v4, LINK_TX, 0, 10);          /* 7: counts again */
    talk_data(wire, &talk_v4, LINK_TX, 10, 10);
    wire_assert_order(wire, LINK_TX, "1 3 4 5 8");
    wire_assert_order(wire, LINK_RX, "2 6");
    wire_free(wire);
}

static void test_segment_run(void)
{
    struct wire *wire = dropping("drop conn 1 tx segment 2 times 3", &talk_v4);

    for (int i = 0; i < 6; i++) {
        talk_data(wire, &talk_v4, LINK_TX, 10 * i, 10);
    }
    wire_assert_order(wire, LINK_TX, "1 3 4 8 9");
    wire_free(wire);

    /* One that another rule has taken is not made up for by the next. */
    wire = dropping("duplicate conn 1 tx segment 1; drop conn 1 tx segment 1",
                    &talk_v4);
    for (int i = 0; i < 2; i++) {
        talk_data(wire, &talk_v4, LINK_TX, 10 * i, 10);
    }
    wire_assert_order(wire, LINK_TX, "1 3 4 4 5");
    wire_free(wire);
}

/* The SYN is frame 1, so frame 2 of the client ends the handshake. */
static void test_frame(void)
{
    struct wire *wire = dropping("drop conn 1 tx frame 2", &talk_v4);

    talk_send(wire, &talk_v4, LINK_TX, ACK, 5001, 0);
    wire_assert_order(wire, LINK_TX, "1 4");
    wire_free(wire);
    wire = dropping("drop conn 1 rx frame 1", &talk_v4);
    wire_assert_order(wire, LINK_RX, "");
    wire_free(wire);
}

static void test_fin(void)
{
    struct wire *wire = dropping("drop conn 1 tx fin", &talk_v4);

    talk_send(wire, &talk_v4, LINK_RX, FIN | ACK, 9001, 0);
    talk_send(wire, &talk_v4, LINK_TX, FIN | ACK, 5001, 10);
    talk_send(wire, &talk_v4, LINK_TX, FIN | ACK, 5001, 10);
    wire_assert_order(wire, LINK_TX, "1 3 6");
    wire_assert_order(wire, LINK_RX, "2 4");
    wire_free(wire);
}

/* Wherever the stream starts, and however far it goes. */
static void check_wrap(uint32_t isn, uint64_t before, uint64_t byte)
{
    g_autofree char *rule = g_strdup_printf("drop conn 1 tx byte %"
                                            G_GUINT64_FORMAT, byte);
    struct talk talk = { .version = 4, .isn = { isn, 0 } };
    struct wire *wire = dropping(rule, &talk);

    /* Steps of less than half the sequence space, as a window allows. */
    for (uint64_t at = 0; at < before; at += 1 << 30) {
        talk_data(wire, &talk, LINK_TX, at, 100);
    }
    assert_hits(wire, 0);
    talk_data(wire, &talk, LINK_TX, byte - 50, 50);
    talk_data(wire, &talk, LINK_TX, byte + 1, 50);
    assert_hits(wire, 0);
    talk_data(wire, &talk, LINK_TX, byte - 49, 50);
    assert_hits(wire, 1);
    wire_free(wire);
}

static void test_wrap(void)
{
    check_wrap(UINT32_MAX, 0, 50);          /* byte 0 has sequence 0 */
    check_wrap(UINT32_MAX - 100, 0, 100);   /* the wrap is byte 100 */
    check_wrap(UINT32_MAX - 100, 0, 99);
    check_wrap(0x7fffffff - 50, 0, 60);
    check_wrap(1000, UINT64_C(9) << 30, (UINT64_C(9) << 30) + 12345);
}

/* Segments from before the stream: a keepalive, and the SYN's own number. */
static void test_before_start(void)
{
    struct wire *wire = dropping("drop conn 1 tx byte 0", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, -1, 1);
    talk_data(wire, &talk_v4, LINK_TX, -1000, 1000);
    assert_hits(wire, 0);
    talk_data(wire, &talk_v4, LINK_TX, -1, 2);
    assert_hits(wire, 1);
    wire_free(wire);
}

/* TCP fast open: the data of a SYN starts after its own number. */
static void test_syn_data(void)
{
    struct wire *wire = wire_new("", "drop conn 1 tx byte 9");

    talk_send(wire, &talk_v4, LINK_TX, SYN, 5000, 10);
    assert_hits(wire, 1);
    wire_free(wire);
}

static void test_protocols(void)
{
    for (unsigned i = 0; i < 6; i++) {
        struct talk talk = {
            .version = i % 2 ? 6 : 4, .tags = i / 2, .isn = { 7, 8 },
        };
        struct wire *wire = dropping("drop conn 1 tx byte 20; "
                                     "drop conn 1 rx byte 20", &talk);

        for (int at = 0; at < 40; at += 10) {
            talk_data(wire, &talk, LINK_TX, at, 10);
            talk_data(wire, &talk, LINK_RX, at, 10);
        }
        wire_assert_order(wire, LINK_TX, "1 3 4 6 10");
        wire_assert_order(wire, LINK_RX, "2 5 7 11");
        wire_free(wire);
    }
}

/* ---- which connection --------------------------------------------------- */

/* In the order of the SYNs, whoever sends them; a SYN sent again is no more. */
static void test_numbers(void)
{
    const struct talk a = { .version = 4, .port = 1 };
    const struct talk b = { .version = 6, .port = 1 };
    const struct talk c = { .version = 4, .port = 2 };
    struct wire *wire = wire_new("", "drop conn 3 tx byte 0");

    talk_open(wire, &a, LINK_TX);                       /* 1 2 3 */
    talk_send(wire, &a, LINK_TX, SYN, 0, 0);            /* 4 */
    talk_open(wire, &b, LINK_RX);                       /* 5 6 7 */
    talk_open(wire, &c, LINK_TX);                       /* 8 9 10 */
    talk_data(wire, &a, LINK_TX, 0, 1);
    talk_data(wire, &b, LINK_TX, 0, 1);
    talk_data(wire, &c, LINK_TX, 0, 1);                 /* 13 */
    wire_assert_order(wire, LINK_TX, "1 3 4 6 8 10 11 12");
    assert_hits(wire, 1);
    wire_free(wire);
}

/* The same ports with another sequence number: the old one is over. */
static void test_port_reuse(void)
{
    struct talk again = talk_v4;
    struct wire *wire = dropping("drop conn 2 tx byte 0", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, 0, 1);
    again.isn[LINK_TX] += 1000000;
    talk_open(wire, &again, LINK_TX);                   /* 5 6 7 */
    talk_data(wire, &again, LINK_TX, 0, 1);             /* 8 */
    wire_assert_order(wire, LINK_TX, "1 3 4 5 7");
    wire_free(wire);
}

/* Rules cannot know where a stream is whose start they have not seen. */
static void test_unseen(void)
{
    struct wire *wire = wire_new("", "drop conn any tx segment 1 times 9; "
                                 "drop conn any rx byte 0 times 9");
    struct talk late = { .version = 4, .port = 5 };

    talk_data(wire, &talk_v4, LINK_TX, 0, 1);
    talk_send(wire, &talk_v4, LINK_RX, SYN | ACK, 9000, 0);
    talk_data(wire, &talk_v4, LINK_RX, 0, 1);
    talk_send(wire, &late, LINK_TX, SYN, 0, 0);
    talk_data(wire, &late, LINK_RX, 0, 1);      /* its SYN+ACK was not seen */
    wire_assert_order(wire, LINK_TX, "1 4");
    wire_assert_order(wire, LINK_RX, "2 3 5");
    wire_free(wire);
}

/* Once for each. */
static void test_any(void)
{
    struct talk other = talk_v4;
    struct wire *wire = dropping("drop conn any tx byte 5", &talk_v4);

    other.port++;
    talk_open(wire, &other, LINK_TX);                   /* 4 5 6 */
    for (int i = 0; i < 2; i++) {
        talk_data(wire, &talk_v4, LINK_TX, 0, 10);      /* 7, 9 */
        talk_data(wire, &other, LINK_TX, 0, 10);        /* 8, 10 */
    }
    wire_assert_order(wire, LINK_TX, "1 3 4 6 9 10");
    assert_hits(wire, 2);
    wire_free(wire);
}

/* With too many connections the oldest is forgotten, and only that. */
static void test_many(void)
{
    struct wire *wire = wire_new("", "drop conn 1 tx byte 0; "
                                 "drop conn 2 tx byte 0");
    struct talk talk = { .version = 4 };

    for (unsigned i = 0; i <= LINK_CONNS_MAX; i++) {
        talk.port = i;
        talk_send(wire, &talk, LINK_TX, SYN, 0, 0);
    }
    talk.port = 0;
    talk_data(wire, &talk, LINK_TX, 0, 1);
    assert_hits(wire, 0);
    talk.port = 1;
    talk_data(wire, &talk, LINK_TX, 0, 1);
    g_assert_cmpuint(link_rule_hits(wire->link, 1), ==, 1);
    wire_free(wire);
}

/* When a connection is forgotten, its ports may be in use again. */
static void test_many_reused(void)
{
    struct wire *wire = wire_new("", "drop conn any tx byte 0");
    struct talk talk = { .version = 4 };

    for (unsigned i = 0; i < 2 * LINK_CONNS_MAX + 10; i++) {
        talk.isn[LINK_TX] = i;
        talk.port = i % 3;
        talk_send(wire, &talk, LINK_TX, SYN, i, 0);
    }
    for (unsigned hits = 1; hits <= 3; hits++) {
        talk_data(wire, &talk, LINK_TX, 0, 1);
        assert_hits(wire, hits);
        talk.isn[LINK_TX]--;
        talk.port = talk.isn[LINK_TX] % 3;
    }
    wire_free(wire);
}

/* ---- what is done ------------------------------------------------------- */

static void check_action(const char *rule, const char *order,
                         enum link_counter counter)
{
    struct wire *wire = dropping(rule, &talk_v4);

    for (int i = 0; i < 6; i++) {
        talk_data(wire, &talk_v4, LINK_TX, 10 * i, 10);
    }
    wire_assert_order(wire, LINK_TX, order);
    g_assert_cmpuint(wire_count(wire, LINK_TX, counter), ==, 1);
    assert_hits(wire, 1);
    wire_free(wire);
}

static void test_actions(void)
{
    check_action("drop conn 1 tx byte 15", "1 3 4 6 7 8 9", LINK_DROPPED);
    check_action("duplicate conn 1 tx byte 15", "1 3 4 5 5 6 7 8 9",
                 LINK_DUPLICATED);
    check_action("duplicate conn 1 tx byte 15 by 2", "1 3 4 5 6 7 5 8 9",
                 LINK_DUPLICATED);
    check_action("reorder conn 1 tx byte 15", "1 3 4 6 7 8 5 9",
                 LINK_REORDERED);
    check_action("reorder conn 1 tx byte 15 by 1", "1 3 4 6 5 7 8 9",
                 LINK_REORDERED);
    check_action("delay conn 1 tx byte 15 ms 1", "1 3 4 6 7 8 9",
                 LINK_DELAYED);
}

/* Held for long enough that a slow guest can send what is to overtake it. */
static void test_reorder_alone(void)
{
    struct wire *wire = dropping("reorder conn 1 tx byte 0", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, 0, 10);
    wire_pass(wire, LINK_HOLD_RULE_NS - 1);
    wire_assert_order(wire, LINK_TX, "1 3");
    wire_pass(wire, 1);
    wire_assert_order(wire, LINK_TX, "1 3 4");
    wire_free(wire);
}

static void test_delay(void)
{
    struct wire *wire = dropping("delay conn 1 tx byte 0 ms 300", &talk_v4);

    talk_data(wire, &talk_v4, LINK_TX, 0, 10);
    talk_data(wire, &talk_v4, LINK_TX, 10, 10);
    wire_pass(wire, 300 * MS - 1);
    wire_assert_order(wire, LINK_TX, "1 3 5");
    wire_pass(wire, 1);
    wire_assert_order(wire, LINK_TX, "1 3 5 4");
    wire_free(wire);
}

/* The first rule that wants a frame has it; a rule overrides chance. */
static void test_precedence(void)
{
    struct wire *wire = wire_new("loss=100%",
        "duplicate conn 1 tx byte 0; drop conn 1 tx byte 0; "
        "reorder conn 1 tx byte 0 by 1");

    talk_open(wire, &talk_v4, LINK_TX);
    talk_data(wire, &talk_v4, LINK_TX, 0, 1);           /* 4 */
    g_assert_cmpuint(link_rule_hits(wire->link, 1), ==, 0);
    talk_data(wire, &talk_v4, LINK_TX, 0, 1);
    talk_data(wire, &talk_v4, LINK_TX, 0, 1);           /* 6 */
    talk_data(wire, &talk_v4, LINK_TX, 0, 1);
    wire_pass(wire, LINK_HOLD_RULE_NS);
    wire_assert_order(wire, LINK_TX, "4 4 6");
    for (int i = 0; i < 3; i++) {
        g_assert_cmpuint(link_rule_hits(wire->link, i), ==, 1);
    }
    wire_free(wire);
}

static void test_report(void)
{
    struct wire *wire = dropping(" drop  conn 1 tx byte 0;forge conn 2 rx "
                                 "segment 7", &talk_v4);
    g_autofree char *report = NULL;

    talk_data(wire, &talk_v4, LINK_TX, 0, 1);
    report = link_report(wire->link);
    g_assert_cmpstr(report, ==,
        "{ \"tx\": {\"frames\": 3, \"dropped\": 1, \"duplicated\": 0, "
        "\"reordered\": 0, \"corrupted\": 0, \"forged\": 0, \"delayed\": 0, "
        "\"overflowed\": 0},\n"
        " \"rx\": {\"frames\": 1, \"dropped\": 0, \"duplicated\": 0, "
        "\"reordered\": 0, \"corrupted\": 0, \"forged\": 0, \"delayed\": 0, "
        "\"overflowed\": 0},\n"
        " \"connections\": 1,\n"
        " \"rules\": [\n"
        "  {\"rule\": \"drop conn 1 tx byte 0\", \"hits\": 1},\n"
        "  {\"rule\": \"forge conn 2 rx segment 7\", \"hits\": 0}]}\n");
    wire_free(wire);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/link-rules/byte", test_byte);
    g_test_add_func("/link-rules/byte-edges", test_byte_edges);
    g_test_add_func("/link-rules/times", test_times);
    g_test_add_func("/link-rules/segment", test_segment);
    g_test_add_func("/link-rules/segment-run", test_segment_run);
    g_test_add_func("/link-rules/frame", test_frame);
    g_test_add_func("/link-rules/fin", test_fin);
    g_test_add_func("/link-rules/wrap", test_wrap);
    g_test_add_func("/link-rules/before-start", test_before_start);
    g_test_add_func("/link-rules/syn-data", test_syn_data);
    g_test_add_func("/link-rules/protocols", test_protocols);
    g_test_add_func("/link-rules/numbers", test_numbers);
    g_test_add_func("/link-rules/port-reuse", test_port_reuse);
    g_test_add_func("/link-rules/unseen", test_unseen);
    g_test_add_func("/link-rules/any", test_any);
    g_test_add_func("/link-rules/many", test_many);
    g_test_add_func("/link-rules/many-reused", test_many_reused);
    g_test_add_func("/link-rules/actions", test_actions);
    g_test_add_func("/link-rules/reorder-alone", test_reorder_alone);
    g_test_add_func("/link-rules/delay", test_delay);
    g_test_add_func("/link-rules/precedence", test_precedence);
    g_test_add_func("/link-rules/report", test_report);
    return g_test_run();
}
