/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a connection that lost its place gets it back, through completions and
 * commands (SPEC 10.5, 11.5, 11.6), in each mode. */
#include <string.h>

#include "conn.h"

#define HEADER  5
#define FIRST   3       /* number of the stream's first record */
#define QUERY   KTLSNIC_CMD_TLS_RX_QUERY

static const size_t lengths[] = { 40, 50, 60, 70, 80, 90, 30, 31, 32, 33 };

static void setup(struct conn *t, enum ktlsnic_tls_rx_mode mode)
{
    conn_open(t, mode, 4, -300, FIRST, lengths, G_N_ELEMENTS(lengths));
}

static unsigned query(struct conn *t)
{
    return conn_on_ctx(t, QUERY, CONN_CONTEXT);
}

/* What a command of the host does to the device must be what it does to the
 * state machine beside it. */
static bool confirm(struct conn *t, uint32_t seq, uint64_t num)
{
    bool taken = flow_rx_confirm(t->rx.flow, seq, num);

    g_assert_cmpuint(conn_resync(t, seq, num), ==,
                     taken ? KTLSNIC_CMD_OK : KTLSNIC_CMD_NO_RESYNC);
    g_assert_cmpuint(t->value, ==, 0);
    t->want[KTLSNIC_STAT_TLS_RX_RESYNCS] += taken;
    return taken;
}

static void check_query(struct conn *t)
{
    uint32_t seq;

    if (flow_rx_tracked(t->rx.flow, &seq)) {
        g_assert_cmpuint(query(t), ==, KTLSNIC_CMD_OK);
        g_assert_cmphex(t->value, ==, seq);
    } else {
        g_assert_cmpuint(query(t), ==, KTLSNIC_CMD_NO_RESYNC);
        g_assert_cmpuint(t->value, ==, 0);
    }
}

/*
 * Async: the segment that makes the request holds the header that it names, so
 * the host, which logs the headers in that segment, knows its number.
 */
static void test_async(void)
{
    struct conn t;
    uint32_t seq;
    size_t from, to;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    g_assert_true(conn_send(&t, 0, 20));
    from = rx_start(&t.rx, 2) - 7;
    to = rx_start(&t.rx, 3) + HEADER;
    g_assert_false(conn_send(&t, from, to));    /* two headers agree */
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_RESYNC);
    seq = GUINT32_FROM_LE(t.got.first.tls_seq);
    g_assert_cmphex(seq, ==, (uint32_t)(t.rx.seq + rx_start(&t.rx, 3)));
    g_assert_cmpuint(query(&t), ==, KTLSNIC_CMD_OK);
    g_assert_cmphex(t.value, ==, seq);
    /* More goes by until the answer comes: what it counts is added. */
    g_assert_false(conn_send(&t, to, rx_start(&t.rx, 5) + 9));
    g_assert_false(t.got.flags & KTLSNIC_RXF_TLS_RESYNC);
    g_assert_cmphex(t.got.first.tls_seq, ==, 0);
    g_assert_true(confirm(&t, seq, FIRST + 3));
    g_assert_cmpuint(query(&t), ==, KTLSNIC_CMD_NO_RESYNC);
    g_assert_false(confirm(&t, seq, FIRST + 3));
    g_assert_true(conn_send(&t, rx_start(&t.rx, 5) + 9, t.rx.len));
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_REQUESTS], ==, 1);
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_RESYNCS], ==, 1);
    conn_close(&t);
}

/* Scan: the header that is named comes only after the segment. */
static void test_scan(void)
{
    struct conn t;
    uint32_t seq;
    size_t to;

    setup(&t, KTLSNIC_TLS_RX_SCAN);
    to = rx_start(&t.rx, 3) + HEADER;
    g_assert_false(conn_send(&t, 20, to));
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_RESYNC);
    seq = GUINT32_FROM_LE(t.got.first.tls_seq);
    g_assert_cmphex(seq, ==, (uint32_t)(t.rx.seq + rx_start(&t.rx, 4)));
    /* Before the header has gone by, a confirmation is of no use. */
    g_assert_false(confirm(&t, seq, FIRST + 4));
    g_assert_false(conn_send(&t, to, rx_start(&t.rx, 5)));
    g_assert_true(confirm(&t, seq, FIRST + 4));
    g_assert_true(conn_send(&t, rx_start(&t.rx, 5), t.rx.len));
    conn_close(&t);
}

/* Hint: the device asks for nothing, and takes what the host says. */
static void test_hint(void)
{
    struct conn t;

    setup(&t, KTLSNIC_TLS_RX_HINT);
    g_assert_false(conn_send(&t, 20, rx_start(&t.rx, 6)));
    g_assert_cmphex(t.got.flags & KTLSNIC_RXF_TLS_RESYNC, ==, 0);
    g_assert_cmpuint(query(&t), ==, KTLSNIC_CMD_NO_RESYNC);
    g_assert_false(confirm(&t, t.rx.seq + rx_start(&t.rx, 5), FIRST + 5));
    g_assert_true(confirm(&t, t.rx.seq + rx_start(&t.rx, 7), FIRST + 7));
    g_assert_false(conn_send(&t, rx_start(&t.rx, 6), rx_start(&t.rx, 7)));
    g_assert_true(conn_send(&t, rx_start(&t.rx, 7), t.rx.len));
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_REQUESTS], ==, 0);
    conn_close(&t);
}

/* The host is told a wrong number: the first tag shows it. */
static void test_wrong_number(void)
{
    struct conn t;
    size_t to;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    to = rx_start(&t.rx, 3) + HEADER;
    g_assert_false(conn_send(&t, 20, to));
    g_assert_true(confirm(&t, t.rx.result.resync_seq, FIRST + 4));
    g_assert_false(conn_send(&t, to, rx_start(&t.rx, 5)));
    g_assert_true(t.rx.result.auth_failed);
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_FAILED);
    conn_close(&t);
}

/* A header that is none is found out, and counted. */
static void test_false_header(void)
{
    static const uint8_t header[HEADER] = { 23, 3, 3, 0, 40 };
    struct conn t;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    rx_plant(&t.rx, 1, 10, header, HEADER);
    g_assert_false(conn_send(&t, rx_start(&t.rx, 1) + 8,
                             rx_start(&t.rx, 2) + 40));
    g_assert_cmpuint(t.want[KTLSNIC_STAT_TLS_RX_FALSE_HEADERS], ==, 1);
    g_assert_false(conn_send(&t, rx_start(&t.rx, 2) + 40,
                             rx_start(&t.rx, 4) + HEADER));
    g_assert_true(confirm(&t, t.rx.result.resync_seq, FIRST + 4));
    g_assert_true(conn_send(&t, rx_start(&t.rx, 5), t.rx.len));
    conn_close(&t);
}

/* The context that was asked about is gone, or another has its place. */
static void test_deleted_meanwhile(void)
{
    struct conn t;
    uint32_t seq;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    g_assert_false(conn_send(&t, 20, rx_start(&t.rx, 3) + HEADER));
    seq = t.rx.result.resync_seq;
    conn_reopen(&t);
    check_query(&t);
    g_assert_false(confirm(&t, seq, FIRST + 3));
    g_assert_true(conn_send(&t, 0, t.rx.len));
    g_assert_cmpuint(conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT), ==,
                     KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    g_assert_cmpuint(query(&t), ==, KTLSNIC_CMD_NO_CONTEXT);
    g_assert_cmpuint(conn_resync(&t, seq, FIRST + 3), ==,
                     KTLSNIC_CMD_NO_CONTEXT);
    conn_close(&t);
}

/* Case 39: the context is made when some of the stream has gone by. */
static void test_added_late(void)
{
    struct conn t;
    struct frame frame;
    size_t gone;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    gone = rx_start(&t.rx, 2) + 30;
    g_assert_cmpuint(conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT), ==,
                     KTLSNIC_CMD_OK);
    frame = conn_frame(&t, 0, t.rx.stream->wire->data, gone);
    conn_deliver_plain(&t, &frame);
    frame_free(&frame);
    g_assert_cmpuint(conn_add(&t, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    g_assert_false(conn_send(&t, gone, rx_start(&t.rx, 4) + HEADER));
    g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_RESYNC);
    g_assert_true(confirm(&t, t.rx.result.resync_seq, FIRST + 4));
    g_assert_true(conn_send(&t, rx_start(&t.rx, 5), t.rx.len));
    conn_close(&t);
}

static void assert_trace(const struct conn *t, enum ktlsnic_trace what,
                         uint64_t a, uint64_t b, uint64_t c)
{
    const uint64_t *args = t->h.host->trace_args[what];

    g_assert_cmpuint(t->h.host->traced[what], ==, 1);
    g_assert_cmphex(args[0], ==, a);
    g_assert_cmphex(args[1], ==, b);
    g_assert_cmphex(args[2], ==, c);
}

static void test_traces(void)
{
    struct conn t;
    uint32_t seq, start, third;

    setup(&t, KTLSNIC_TLS_RX_ASYNC);
    start = t.rx.seq;
    third = start + rx_start(&t.rx, 3);
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_ADD, CONN_CONTEXT, t.rx.key.cipher,
                 start);
    conn_send(&t, 20, rx_start(&t.rx, 3) + HEADER);
    seq = t.rx.result.resync_seq;
    g_assert_cmphex(seq, ==, third);
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_REQUEST, CONN_CONTEXT,
                 (uint32_t)(start + 20), third);
    query(&t);
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_QUERY, CONN_CONTEXT, third, 0);
    confirm(&t, seq, FIRST + 4);                        /* wrong */
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_RESYNC, CONN_CONTEXT, third,
                 FIRST + 4);
    conn_send(&t, rx_start(&t.rx, 3) + HEADER, rx_start(&t.rx, 5));
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_FAILED, CONN_CONTEXT,
                 (uint32_t)(third + HEADER), 1);
    conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT);
    assert_trace(&t, KTLSNIC_TRACE_TLS_RX_DEL, CONN_CONTEXT, 0, 0);
    t.want[KTLSNIC_STAT_TLS_RX_DELETED]++;
    conn_close(&t);
}

/* ---- anything ---- */

static unsigned roll(unsigned n)
{
    return g_test_rand_int_range(0, n);
}

/* The host answers a request, often rightly and soon. */
static void host_gives_hint(struct conn *t)
{
    struct rx *rx = &t->rx;
    uint32_t seq;

    if (flow_rx_tracked(rx->flow, &seq) && roll(2)) {
        size_t pos = seq - rx->seq;

        if (pos < rx->len && roll(8)) {
            confirm(t, seq, FIRST + rx_record_at(rx, pos));
        } else {
            confirm(t, seq + roll(2), roll(100));
        }
    } else if (rx->mode == KTLSNIC_TLS_RX_HINT && !roll(4)) {
        unsigned i = roll(G_N_ELEMENTS(lengths));

        confirm(t, rx->seq + rx_start(rx, i), FIRST + i);
    }
    check_query(t);
}

/* Segments of all kinds: the device must say what the state machine says. */
static void anything(struct conn *t)
{
    struct rx *rx = &t->rx;
    size_t at = 0;

    conn_reopen(t);
    t->buf_size = roll(2) ? 256 : 2048;
    while (at < rx->len) {
        size_t from = at, to, back = roll(5) ? 0 : roll(60);

        from += roll(5) ? 0 : roll(100);                /* lost */
        from -= MIN(from, back);                        /* overlapped, again */
        from = MIN(from, rx->len - 1);
        to = from + 1 + roll(100);
        to = MIN(to, rx->len);
        if (!roll(30)) {
            g_autofree uint8_t *bytes = g_malloc(to - from);

            reference_random(bytes, to - from);
            conn_send_bytes(t, from, bytes, to - from);
        } else {
            conn_send_bytes(t, from, rx->stream->wire->data + from, to - from);
            at = MAX(at, to);
        }
        host_gives_hint(t);
    }
}

static void test_anything(void)
{
    uint64_t sum[KTLSNIC_STATS] = { 0 };

    for (unsigned i = 0; i < 60; i++) {
        struct conn t;

        setup(&t, i % 3);
        for (unsigned k = 0; k < 15; k++) {
            anything(&t);
        }
        for (unsigned s = 0; s < KTLSNIC_STATS; s++) {
            sum[s] += t.want[s];
        }
        conn_close(&t);
    }
    /* Each statistic has moved, so that each was compared. */
    for (unsigned i = KTLSNIC_STAT_TLS_RX_ADDED;
         i <= KTLSNIC_STAT_TLS_RX_RESYNCS; i++) {
        g_test_message("statistic %u: %" G_GUINT64_FORMAT, i, sum[i]);
        g_assert_cmpuint(sum[i], >, 0);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx-resync/case-35-async", test_async);
    g_test_add_func("/device/tls-rx-resync/case-35-scan", test_scan);
    g_test_add_func("/device/tls-rx-resync/case-38-hint", test_hint);
    g_test_add_func("/device/tls-rx-resync/wrong-number", test_wrong_number);
    g_test_add_func("/device/tls-rx-resync/case-36-false-header",
                    test_false_header);
    g_test_add_func("/device/tls-rx-resync/case-37d-deleted-meanwhile",
                    test_deleted_meanwhile);
    g_test_add_func("/device/tls-rx-resync/case-39-added-late",
                    test_added_late);
    g_test_add_func("/device/tls-rx-resync/traces", test_traces);
    g_test_add_func("/device/tls-rx-resync/anything", test_anything);
    return g_test_run();
}
