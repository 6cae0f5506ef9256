/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a driver sees of an RX context that a KeyUpdate has stopped (SPEC 10.5,
 * rule 17): completions, commands, statistics. What the context itself does is
 * tested with flow_rx.
 */
#include <string.h>

#include "conn.h"

#define HEADER      5
#define FIRST       3       /* record number */
#define KEY_UPDATE  1       /* which record it is */

static const size_t lengths[] = { 100, 12, 200, 60, 300 };

static void setup(struct conn *t, enum ktlsnic_tls_rx_mode mode)
{
    unsigned suite = REFERENCE_SUITES / 2 + g_test_rand_int_range(0, 4);

    g_assert_cmpuint(reference_suites[suite].version, ==, KTLSNIC_TLS_1_3);
    conn_open_suite(t, reference_suites[suite], mode,
                    g_test_rand_bit() ? 4 : 6, 0xffffff80, FIRST, lengths,
                    G_N_ELEMENTS(lengths));
    rx_key_update(&t->rx, KEY_UPDATE);
}

/* All that the stream has, without a word but that a context was met. */
static void send_silent(struct conn *t, size_t from)
{
    const struct rx *rx = &t->rx;

    while (from < rx->len) {
        size_t to = MIN(from + g_test_rand_int_range(1, 60), rx->len);

        g_assert_false(conn_send(t, from, to));
        g_assert_cmphex(t->got.flags & (KTLSNIC_RXF_TLS_DECRYPTED |
                                        KTLSNIC_RXF_TLS_FAILED |
                                        KTLSNIC_RXF_TLS_RESYNC), ==, 0);
        from = to;
    }
}

static void test_stop(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct conn t;
        size_t start, end;

        setup(&t, mode);
        start = rx_start(&t.rx, KEY_UPDATE);
        end = rx_start(&t.rx, KEY_UPDATE + 1);
        g_assert_true(conn_send(&t, 0, start + HEADER + 3));
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_KEY_UPDATES], ==, 0);
        g_assert_true(conn_send(&t, start + HEADER + 3, end));
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_KEY_UPDATES], ==, 1);
        send_silent(&t, end);
        g_assert_false(conn_send(&t, 0, t.rx.len));         /* all again */
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_KEY_UPDATES], ==, 1);
        conn_close(&t);
    }
}

/* A segment has one mark for all of its bytes. */
static void test_in_one_segment(void)
{
    struct conn t;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    g_assert_false(conn_send(&t, 0, t.rx.len));
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_KEY_UPDATES], ==, 1);
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_RECORDS], ==, KEY_UPDATE + 1);
    conn_close(&t);
}

static void test_trace(void)
{
    struct conn t;
    const uint64_t *args;
    size_t start, end;

    setup(&t, KTLSNIC_TLS_RX_SCAN);
    start = rx_start(&t.rx, KEY_UPDATE);
    end = rx_start(&t.rx, KEY_UPDATE + 1);
    conn_send(&t, 0, start + 2);
    g_assert_cmpuint(t.h.host->traced[KTLSNIC_TRACE_TLS_RX_KEY_UPDATE], ==, 0);
    conn_send(&t, start + 2, end);
    send_silent(&t, end);
    g_assert_cmpuint(t.h.host->traced[KTLSNIC_TRACE_TLS_RX_KEY_UPDATE], ==, 1);
    args = t.h.host->trace_args[KTLSNIC_TRACE_TLS_RX_KEY_UPDATE];
    g_assert_cmphex(args[0], ==, CONN_CONTEXT);
    g_assert_cmphex(args[1], ==, (uint32_t)(t.rx.seq + start + 2));
    conn_close(&t);
}

/* It is there until it is deleted, but nothing can move it. */
static void test_commands(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct conn t;
        size_t end;

        setup(&t, mode);
        end = rx_start(&t.rx, KEY_UPDATE + 1);
        g_assert_true(conn_send(&t, 0, end));
        for (unsigned i = 0; i < 2; i++) {
            g_assert_cmpuint(conn_resync(&t, t.rx.seq + end, FIRST + 2), ==,
                             KTLSNIC_CMD_NO_RESYNC);
            g_assert_cmpuint(conn_resync(&t, t.rx.seq + t.rx.len, FIRST + 5),
                             ==, KTLSNIC_CMD_NO_RESYNC);
            g_assert_cmpuint(conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_QUERY,
                                         CONN_CONTEXT), ==,
                             KTLSNIC_CMD_NO_RESYNC);
            g_assert_cmpuint(conn_add(&t, CONN_CONTEXT), ==,
                             KTLSNIC_CMD_IN_USE);
            g_assert_cmpuint(fake_read(t.h.host, KTLSNIC_REG_TLS_RX_LIVE), ==,
                             1);
            g_assert_cmpuint(ktlsnic_dev_tls_live(t.h.host->dev), ==, 1);
            send_silent(&t, end);
        }
        conn_close(&t);
    }
}

/* The next key, as soon as the stopped context is deleted. */
static void test_next_key(void)
{
    for (unsigned early = 0; early < 2; early++) {
        struct conn t;
        struct ktlsnic_cmd cmd;
        struct ktlsnic_cmd_tls_add *add = &cmd.body.tls_rx_add.add;
        size_t start, end;

        setup(&t, KTLSNIC_TLS_RX_ASYNC);
        start = rx_start(&t.rx, KEY_UPDATE);
        end = rx_start(&t.rx, KEY_UPDATE + 1);
        g_assert_true(conn_send(&t, 0, early ? start : end));
        g_assert_cmpuint(conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT),
                         ==, KTLSNIC_CMD_OK);
        t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
        rx_take_new_key(&t.rx, KEY_UPDATE);
        cmd = conn_add_body(&t, CONN_CONTEXT);
        add->tcp_seq = GUINT32_TO_LE(t.rx.seq + end);
        add->rec_num = 0;
        memcpy(add->iv, t.rx.new_key.iv, sizeof(add->iv));
        memcpy(add->key, t.rx.new_key.key, sizeof(add->key));
        g_assert_cmpuint(conn_command(&t, KTLSNIC_CMD_TLS_RX_ADD, &cmd), ==,
                         KTLSNIC_CMD_OK);
        t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
        if (early) {            /* what is in front of its place is old */
            g_assert_false(conn_send(&t, start, end));
        }
        g_assert_true(conn_send(&t, end, end + 3));
        g_assert_true(conn_send(&t, end + 3, t.rx.len));
        g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_REQUESTS], ==, 0);
        conn_close(&t);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx-key-update/stop", test_stop);
    g_test_add_func("/device/tls-rx-key-update/in-one-segment",
                    test_in_one_segment);
    g_test_add_func("/device/tls-rx-key-update/trace", test_trace);
    g_test_add_func("/device/tls-rx-key-update/commands", test_commands);
    g_test_add_func("/device/tls-rx-key-update/next-key", test_next_key);
    return g_test_run();
}
