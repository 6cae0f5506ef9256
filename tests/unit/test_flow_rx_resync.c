/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How RX contexts get their place back; Documentation/contract.md, cases 34, 37,
 * 38 and 39.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"

#define HEADER      5
#define PREFIX      13
#define OVERHEAD    29
#define BEHIND_MAX  (256 * 1024)    /* as in flow_search.c */
#define PATIENCE    (256 * 1024)
#define NAMES       6
#define UNMOVED_MAX (1u << 30)      /* as in flow_rx.c */
#define IDLE        65536

static const enum ktlsnic_tls_rx_mode search_modes[] = {
    KTLSNIC_TLS_RX_SCAN, KTLSNIC_TLS_RX_ASYNC,
};

static const size_t lengths[] = { 40, 50, 60, 70, 80, 90, 30, 31 };

static void setup(struct rx *rx, enum ktlsnic_tls_rx_mode mode, uint32_t seq,
                  uint64_t rec_num)
{
    rx_setup(rx, reference_suites[mode % REFERENCE_SUITES], mode, seq, rec_num, lengths,
             G_N_ELEMENTS(lengths));
}

/* ---- by itself ---- */

/*
 * Case 34 with records shorter than segments: two neighbours change places.
 * When the first has come too, the gap is closed and the numbers are known
 * without a word from the host, unless the two share a header. (A header that
 * the second shares with what comes after it is known only then.)
 */
static void swap(struct rx *rx, size_t a, size_t b, size_t c)
{
    size_t start = rx_start(rx, rx_record_at(rx, b));
    bool shared = b > start && b < start + HEADER;
    size_t last = rx_start(rx, rx_record_at(rx, c));
    size_t first = b == start ? b : rx_start(rx, rx_record_at(rx, b) + 1);
    bool whole = c == first || (c <= last + PREFIX && c >= first + HEADER);
    size_t clear = whole ? c : rx_start(rx, rx_record_at(rx, c) + 1);

    rx_restart(rx);
    rx_send_clear(rx, 0, a);
    rx_send_wire(rx, b, c);
    rx_send_clear(rx, a, b);
    if (c < clear) {
        rx_send_wire(rx, c, clear);
    }
    if (!shared) {
        rx_send_clear(rx, clear, rx->len);
    } else if (clear < rx->len) {
        rx_send_wire(rx, clear, rx->len);
    }
}

static void test_swapped(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;

        setup(&rx, search_modes[m], -300, 5);
        for (size_t a = 1; a < HEADER; a++) {
            for (size_t b = rx_start(&rx, 1); b < rx_start(&rx, 2) + 20; b++) {
                for (size_t n = 3; n < 6; n++) {
                    size_t c = rx_start(&rx, n);

                    for (size_t off = 0; off < PREFIX + 5; off++) {
                        swap(&rx, a, b, c + off);
                    }
                }
            }
        }
        rx_teardown(&rx);
    }
}

/*
 * The header that closes the gap comes last, with more after it than a request
 * takes: help is not needed.
 */
static void test_swapped_no_request(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;
        size_t third, sixth;

        setup(&rx, search_modes[m], -300, 5);
        third = rx_start(&rx, 2);
        sixth = rx_start(&rx, 5);
        rx_send_clear(&rx, 0, 3);
        rx_send_wire(&rx, third - 9, third + 2);
        rx_send_clear(&rx, 3, third - 9);
        rx_send_wire(&rx, third + 2, sixth);
        g_assert_false(rx.result.resync_request);
        rx_send_clear(&rx, sixth, rx.len);
        rx_teardown(&rx);
    }
}

/* A chain that begins elsewhere than at the next header is not taken. */
static void test_swapped_false(void)
{
    static const uint8_t header[HEADER] = { 23, 3, 3, 0, 100 };
    struct rx rx;
    size_t second, third, fourth;

    setup(&rx, KTLSNIC_TLS_RX_ASYNC, -300, 5);
    second = rx_start(&rx, 1);
    third = rx_start(&rx, 2);
    fourth = rx_start(&rx, 3);
    rx_plant(&rx, 1, 20, header, HEADER);
    for (size_t b = third - 20; b < fourth; b += 3) {
        rx_restart(&rx);
        rx_send_clear(&rx, 0, 10);
        rx_send_wire(&rx, second + 20, b);
        rx_send_clear(&rx, 10, second + 20);
        rx_send_wire(&rx, b, fourth);
        if (b <= third) {
            rx_send_clear(&rx, fourth, rx.len);
        } else {
            rx_send_wire(&rx, fourth, rx.len);
        }
    }
    rx_teardown(&rx);
}

/* The chain's numbers must not pass the last one. */
static void test_swapped_numbers_end(void)
{
    for (unsigned left = 1; left <= 4; left++) {
        struct rx rx;
        size_t third;

        /* number 2^64 - 1 is record `left`; the chain is from 2 into 3 */
        setup(&rx, KTLSNIC_TLS_RX_SCAN, 0, UINT64_MAX - left);
        third = rx_start(&rx, 2);
        rx_send_clear(&rx, 0, 10);
        rx_send_wire(&rx, third, rx_start(&rx, 3) + 20);
        g_assert_true(rx_send(&rx, 10, third));
        if (rx_start(&rx, 3) + 20 < rx.len) {
            rx_send_wire(&rx, rx_start(&rx, 3) + 20, rx_start(&rx, 4));
        }
        g_assert_true(rx_send(&rx, rx_start(&rx, 4), rx_start(&rx, 5)) ==
                      (left >= 4));
        g_assert_true(rx.result.bad_header == (left == 3));
        rx_teardown(&rx);
    }
}

/* ---- confirmations ---- */

/* Loses the place, and has a header named that has been seen: record 4's. */
static void lose_place(struct rx *rx)
{
    uint32_t seq;

    rx_restart(rx);
    rx_send_wire(rx, 50, rx_start(rx, 3) + HEADER);
    g_assert_true(rx->result.resync_request);
    g_assert_true(flow_rx_tracked(rx->flow, &seq));
    g_assert_cmpuint(seq, ==, rx->result.resync_seq);
    rx_send_wire(rx, rx_start(rx, 3) + HEADER, rx_start(rx, 4) + HEADER);
    g_assert_false(rx->result.resync_request);
}

static unsigned named_record(const struct rx *rx)
{
    return rx->mode == KTLSNIC_TLS_RX_SCAN ? 4 : 3;
}

/* Stale and mistaken confirmations change nothing; after them a right one. */
static void test_confirm_stale(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;
        uint32_t right;

        setup(&rx, search_modes[m], 0xfffffff0, 5);
        right = rx.seq + rx_start(&rx, named_record(&rx));
        g_assert_false(flow_rx_confirm(rx.flow, rx.seq, 5));
        rx_send_clear(&rx, 0, 20);
        g_assert_false(flow_rx_confirm(rx.flow, rx.seq, 5));
        g_assert_false(flow_rx_confirm(rx.flow, rx.seq + 20, 5));

        lose_place(&rx);
        for (int32_t off = -300; off < 300; off++) {
            if (off) {
                g_assert_false(flow_rx_confirm(rx.flow, right + off, 9));
            }
        }
        g_assert_true(flow_rx_confirm(rx.flow, right, 5 + named_record(&rx)));
        g_assert_false(flow_rx_confirm(rx.flow, right, 99));
        rx_send_clear(&rx, rx_start(&rx, 4) + HEADER, rx.len);
        rx_teardown(&rx);
    }
}

/*
 * A wrong number is found out by the first tag, and the place asked for again.
 */
static void test_confirm_wrong(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        static const uint64_t wrong[] = { 0, 8, 99, UINT64_MAX };

        for (size_t w = 0; w < G_N_ELEMENTS(wrong); w++) {
            struct rx rx;
            size_t fifth;

            setup(&rx, search_modes[m], 0xfffffff0, 6);
            fifth = rx_start(&rx, 5);
            lose_place(&rx);
            if (flow_rx_confirm(rx.flow,
                                rx.seq + rx_start(&rx, named_record(&rx)),
                                wrong[w])) {
                g_assert_true(rx_send(&rx, rx_start(&rx, 4) + HEADER,
                                      fifth - 1));
                rx_send_wire(&rx, fifth - 1, fifth);
                g_assert_true(rx.result.auth_failed);
                rx_send_wire(&rx, fifth, rx_start(&rx, 7));
                g_assert_true(rx.result.resync_request);
                rx_send_wire(&rx, rx_start(&rx, 7), rx.len);
            } else {
                /* number 2^64 is none */
                g_assert_cmpuint(wrong[w], ==, UINT64_MAX);
                g_assert_cmpuint(named_record(&rx), ==, 3);
                g_assert_true(flow_rx_confirm(rx.flow,
                                              rx.seq + rx_start(&rx, 3), 9));
                rx_send_clear(&rx, rx_start(&rx, 4) + HEADER, rx.len);
            }
            rx_teardown(&rx);
        }
    }
}

/* The place is found while a request is out: the answer comes too late. */
static void test_confirm_late(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;
        uint32_t seq;

        setup(&rx, search_modes[m], 0xfffffff0, 6);
        lose_place(&rx);
        rx_send_clear(&rx, 0, 50);
        g_assert_false(flow_rx_tracked(rx.flow, &seq));
        for (unsigned i = 0; i < 8; i++) {
            g_assert_false(flow_rx_confirm(rx.flow, rx.seq + rx_start(&rx, i),
                                           20));
        }
        rx_send_clear(&rx, rx_start(&rx, 4) + HEADER, rx.len);

        /* by coming again as a whole */
        lose_place(&rx);
        rx_send_clear(&rx, 0, 3);
        g_assert_true(flow_rx_tracked(rx.flow, &seq));
        rx_send_clear(&rx, 3, rx_start(&rx, 4) + HEADER);
        g_assert_false(flow_rx_tracked(rx.flow, &seq));
        rx_send_clear(&rx, rx_start(&rx, 4) + HEADER, rx.len);
        rx_teardown(&rx);
    }
}

/* ---- long streams, of zeros under headers: nobody decrypts them ---- */

#define LONG_RECORD (16384 + OVERHEAD)

static bool send_long(struct flow_rx *flow, uint64_t pos, size_t len,
                      struct flow_rx_result *result)
{
    static const uint8_t header[HEADER] = { 23, 3, 3, 0x40, 24 };
    g_autofree uint8_t *data = g_malloc0(len);

    for (size_t i = 0; i < len; i++) {
        size_t at = (pos + i) % LONG_RECORD;

        if (at < HEADER) {
            data[i] = header[at];
        } else {
            i += MIN(len, LONG_RECORD - at) - 1;
        }
    }
    rx_segment(flow, pos, data, len, result);
    return result->decrypted;
}

static struct flow_rx *long_flow(enum ktlsnic_tls_rx_mode mode)
{
    struct flow_params params = { .keys.version = KTLSNIC_TLS_1_2 };

    return flow_rx_new(&params, mode);
}

/*
 * An unanswered request is made again: after PATIENCE bytes, and each time
 * after twice as much. All names of a chain hold as long as it does, but not
 * for ever.
 */
static void test_patience(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct flow_rx *flow = long_flow(search_modes[m]);
        struct flow_rx_result result;
        size_t piece = 1460;
        uint64_t pos = 7, asked = 0;
        uint32_t names[NAMES + 1], seq;
        unsigned count = 0;

        while (count <= NAMES) {
            send_long(flow, pos, piece, &result);
            pos += piece;
            g_assert_cmpuint(pos, <, (uint64_t)PATIENCE << (NAMES + 1));
            g_assert_cmpuint(result.false_headers, ==, 0);
            if (!result.resync_request) {
                continue;
            }
            if (count && count < NAMES) {
                uint64_t wait = (uint64_t)PATIENCE << (count - 1);

                g_assert_cmpuint(pos - asked, >=, wait);
                g_assert_cmpuint(pos - asked, <, wait + piece + LONG_RECORD);
            }
            g_assert_true(flow_rx_tracked(flow, &seq));
            g_assert_cmpuint(seq, ==, result.resync_seq);
            g_assert_cmpuint(seq % LONG_RECORD, ==, 0);
            names[count++] = seq;
            asked = pos;
        }
        /* a new chain, a new list */
        for (unsigned i = 0; i < NAMES; i++) {
            g_assert_false(flow_rx_confirm(flow, names[i], 1));
        }
        g_assert_cmpuint(names[NAMES], >, names[NAMES - 1] +
                         ((uint32_t)PATIENCE << (NAMES - 1)));
        flow_rx_free(flow);
    }
}

/* The answer to any request of a chain is good, whatever was asked since. */
static void test_patience_names(void)
{
    for (unsigned answered = 0; answered < 3; answered++) {
        struct flow_rx *flow = long_flow(KTLSNIC_TLS_RX_ASYNC);
        struct flow_rx_result result;
        uint32_t names[3];
        uint64_t pos = 7;

        for (unsigned count = 0; count < 3; pos += 3000) {
            send_long(flow, pos, 3000, &result);
            if (result.resync_request) {
                names[count++] = result.resync_seq;
            }
        }
        g_assert_true(flow_rx_confirm(flow, names[answered], 40));
        /* its record is broken; the next one is taken for good until its tag */
        send_long(flow, pos, LONG_RECORD - pos % LONG_RECORD, &result);
        g_assert_false(result.decrypted);
        pos += LONG_RECORD - pos % LONG_RECORD;
        g_assert_true(send_long(flow, pos, 9000, &result));
        flow_rx_free(flow);
    }
}

/*
 * A segment from far ahead, by anybody, does not end it all: what comes behind
 * it is ignored only so long.
 */
static void test_far_ahead(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        for (unsigned named = 0; named < 2; named++) {
            struct flow_rx *flow = long_flow(search_modes[m]);
            struct flow_rx_result result = { 0 };
            uint64_t pos = 7, start;
            uint32_t seq;

            do {
                send_long(flow, pos, 1000, &result);
                pos += 1000;
            } while (named && !result.resync_request);
            start = pos;
            /* with headers in it */
            send_long(flow, 0x10000 * LONG_RECORD - 7, 40000, &result);
            g_assert_true(flow_rx_tracked(flow, &seq));
            g_assert_cmpuint(seq, >=, 0x10000 * LONG_RECORD);
            do {
                send_long(flow, pos, 1000, &result);
                pos += 1000;
                g_assert_cmpuint(result.false_headers, ==, 0);
            } while (!result.resync_request);
            g_assert_cmpuint(result.resync_seq, <=, pos + LONG_RECORD);
            g_assert_cmpuint(pos - start, >, BEHIND_MAX);
            g_assert_cmpuint(pos - start, <, BEHIND_MAX + 3 * LONG_RECORD);
            g_assert_true(flow_rx_confirm(flow, result.resync_seq, 1) ==
                          (search_modes[m] == KTLSNIC_TLS_RX_ASYNC));
            flow_rx_free(flow);
        }
    }
}

/* Segments behind that come now and then, with others, are not that. */
static void test_behind_now_and_then(void)
{
    struct flow_rx *flow = long_flow(KTLSNIC_TLS_RX_ASYNC);
    struct flow_rx_result result;
    uint32_t seq, name = 0;

    for (uint64_t pos = 7; pos < 16 * BEHIND_MAX; pos += 30000) {
        send_long(flow, pos, 30000, &result);
        name = result.resync_request ? result.resync_seq : name;
        send_long(flow, pos / 2 + 7, 15000, &result);
        g_assert_false(result.resync_request);
        g_assert_true(flow_rx_tracked(flow, &seq) == (name != 0));
    }
    g_assert_cmpuint(seq, ==, name);
    flow_rx_free(flow);
}

/* So many bytes go by, at the same place. */
static void send_idle(struct flow_rx *flow, uint32_t seq, size_t times)
{
    g_autofree uint8_t *data = g_malloc0(IDLE);
    struct flow_rx_result result;

    for (size_t i = 0; i < times; i++) {
        rx_segment(flow, seq, data, IDLE, &result);
        g_assert_false(result.decrypted);
    }
}

/*
 * When more has gone by than TCP can keep waiting for, the place is given up:
 * what comes there after 2^32 bytes must not be taken for the old record. The
 * bytes may have come ahead of it, or behind it.
 */
static void test_unmoved(void)
{
    static const uint32_t away[] = { 0x20000, -0x20000 };

    for (size_t a = 0; a < G_N_ELEMENTS(away); a++) {
        for (unsigned more = 0; more < 3; more++) {
            struct flow_rx *flow = long_flow(KTLSNIC_TLS_RX_HINT);
            uint32_t seen = 10 + away[a] + IDLE;
            struct flow_rx_result result;

            g_assert_true(send_long(flow, 0, 10, &result));
            send_idle(flow, 10 + away[a], UNMOVED_MAX / IDLE + more);
            if (more == 2) {
                g_assert_true(flow_rx_confirm(flow, seen, 7));
            }
            g_assert_cmpint(send_long(flow, 10, 100, &result), ==, !more);
            flow_rx_free(flow);
        }
    }
}

/* A new place counts anew; and one that was given up is searched for. */
static void test_unmoved_then(void)
{
    struct flow_rx *flow = long_flow(KTLSNIC_TLS_RX_HINT);
    struct flow_rx_result result;
    uint64_t pos = 0x40000000;
    unsigned requests = 0;

    send_idle(flow, 0x20000, UNMOVED_MAX / IDLE);
    g_assert_true(flow_rx_confirm(flow, 0x80000, 7));
    send_idle(flow, 0x20000, 9);
    rx_segment(flow, 0x80000, (uint8_t[]) { 23, 3, 3 }, 3, &result);
    g_assert_true(result.decrypted);
    flow_rx_free(flow);

    flow = long_flow(KTLSNIC_TLS_RX_ASYNC);
    send_idle(flow, -0x20000, UNMOVED_MAX / IDLE + 1);
    for (; pos < 0x40000000 + 3 * LONG_RECORD; pos += 1000) {
        send_long(flow, pos, 1000, &result);
        requests += result.resync_request;
    }
    g_assert_cmpuint(requests, ==, 1);
    flow_rx_free(flow);
}

/* ---- hints ---- */

/* A context that keeps up needs none, wherever they point. */
static void test_hint_in_step(void)
{
    struct rx rx;

    setup(&rx, KTLSNIC_TLS_RX_HINT, 0xffffff00, 5);
    for (size_t pos = 1; pos < rx.len; pos++) {
        rx_send_clear(&rx, pos - 1, pos);
        for (int off = -200; off <= 200; off += 25) {
            g_assert_false(flow_rx_confirm(rx.flow, rx.seq + pos + off, 77));
        }
    }
    rx_teardown(&rx);
}

/*
 * A context that lost its place, by loss or by forgery, takes a hint that
 * points to what has not gone by yet. What begins before it is delivered as
 * it came.
 */
static void test_hint(void)
{
    struct rx rx;

    setup(&rx, KTLSNIC_TLS_RX_HINT, 0xffffff00, 5);
    for (unsigned forged = 0; forged < 2; forged++) {
        size_t start = rx_start(&rx, 4);

        for (size_t seen = start - 40; seen <= start + 3; seen++) {
            for (size_t e = start; e < start + 40; e++) {
                rx_restart(&rx);
                if (forged) {
                    rx_send_forged(&rx, 0, seen, 30);
                } else {
                    rx_send_wire(&rx, 40, seen);
                    rx_send_wire(&rx, 30, 35);      /* it is not the last */
                }
                g_assert_false(flow_rx_confirm(rx.flow, rx.seq + seen - 1, 9));
                g_assert_true(flow_rx_confirm(rx.flow, rx.seq + start, 9) ==
                              (seen <= start));
                if (seen > start) {
                    rx_send_wire(&rx, seen, rx.len);
                    continue;
                }
                if (e > start && seen == start) {
                    rx_send_clear(&rx, seen, e);
                } else if (e > seen) {
                    rx_send_wire(&rx, seen, e);
                }
                rx_send_clear(&rx, e, rx.len);
            }
        }
    }
    rx_teardown(&rx);
}

/* A hint whose bytes go by otherwise, then a better one. */
static void test_hint_again(void)
{
    struct rx rx;
    size_t third, fifth;

    setup(&rx, KTLSNIC_TLS_RX_HINT, 0xffffff00, 5);
    third = rx_start(&rx, 2);
    fifth = rx_start(&rx, 4);
    rx_send_wire(&rx, 40, third);
    g_assert_true(flow_rx_confirm(rx.flow, rx.seq + third, 7));
    g_assert_false(flow_rx_confirm(rx.flow, rx.seq + fifth, 9));
    rx_send_wire(&rx, third + 3, fifth);
    g_assert_false(flow_rx_confirm(rx.flow, rx.seq + fifth - 1, 9));
    g_assert_true(flow_rx_confirm(rx.flow, rx.seq + fifth, 9));
    rx_send_wire(&rx, third, third + 3);
    rx_send_clear(&rx, fifth, rx.len);
    rx_teardown(&rx);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/swapped/case-34-any", test_swapped);
    g_test_add_func("/flow-rx/swapped/case-34-no-request",
                    test_swapped_no_request);
    g_test_add_func("/flow-rx/swapped/case-36-false", test_swapped_false);
    g_test_add_func("/flow-rx/swapped/numbers-end", test_swapped_numbers_end);
    g_test_add_func("/flow-rx/confirm/case-37-stale", test_confirm_stale);
    g_test_add_func("/flow-rx/confirm/case-37-wrong", test_confirm_wrong);
    g_test_add_func("/flow-rx/confirm/case-37-late", test_confirm_late);
    g_test_add_func("/flow-rx/long/patience", test_patience);
    g_test_add_func("/flow-rx/long/patience-names", test_patience_names);
    g_test_add_func("/flow-rx/long/case-41-far-ahead", test_far_ahead);
    g_test_add_func("/flow-rx/long/behind", test_behind_now_and_then);
    g_test_add_func("/flow-rx/long/unmoved", test_unmoved);
    g_test_add_func("/flow-rx/long/unmoved-then", test_unmoved_then);
    g_test_add_func("/flow-rx/hint/case-38-in-step", test_hint_in_step);
    g_test_add_func("/flow-rx/hint/case-38-any", test_hint);
    g_test_add_func("/flow-rx/hint/case-38-again", test_hint_again);
    return g_test_run();
}
