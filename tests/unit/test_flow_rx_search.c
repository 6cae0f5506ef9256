/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RX contexts that lost their place; Documentation/contract.md, cases 35 to 38.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"

#define HEADER      5
#define PREFIX      13

static const enum ktlsnic_tls_rx_mode search_modes[] = {
    KTLSNIC_TLS_RX_SCAN, KTLSNIC_TLS_RX_ASYNC,
};

/* The place of the next header at or after pos; the end if there is none. */
static size_t header_from(const struct rx *rx, size_t pos)
{
    unsigned i = 0;

    while (rx_start(rx, i) < pos) {
        i++;
    }
    return rx_start(rx, i);
}

static uint64_t num_at(const struct rx *rx, size_t start)
{
    unsigned i = 0;

    while (rx_start(rx, i) != start) {
        i++;
    }
    return rx->stream->rec_num + i;
}

/*
 * The header that a request may name after the segment from..to, if a search
 * from byte `begin` on saw all. Returns rx->len if there is none.
 */
static size_t nameable(const struct rx *rx, size_t begin, size_t from,
                       size_t to)
{
    size_t first = header_from(rx, begin);
    size_t second = header_from(rx, MIN(first + 1, rx->len));
    size_t current = 0;

    if (second + HEADER > to) {
        return rx->len;
    }
    if (rx->mode == KTLSNIC_TLS_RX_SCAN) {
        return header_from(rx, to - HEADER + 1);
    }
    while (header_from(rx, current + 1) <= to) {
        current = header_from(rx, current + 1);
    }
    return current >= from ? current : rx->len;
}

/* Where decryption begins if the place is found between segments at pos. */
static size_t decrypts_from(const struct rx *rx, size_t pos)
{
    size_t start = rx_start(rx, rx_record_at(rx, pos));

    return pos <= start + PREFIX ? pos : header_from(rx, pos);
}

/* A segment after the place where the context was put at `synced`. */
static void send_synced(struct rx *rx, size_t synced, size_t from, size_t to)
{
    size_t clear = decrypts_from(rx, synced);

    if (from >= clear) {
        rx_send_clear(rx, from, to);
    } else {
        rx_send_wire(rx, from, to);
    }
}

/*
 * Loses the bytes a..b with a header among them, goes on in pieces, and gives
 * the right answer `delay` segments after the request.
 */
static void lose(struct rx *rx, size_t a, size_t b, size_t piece,
                 unsigned delay)
{
    size_t named = rx->len, synced = rx->len;

    rx_restart(rx);
    if (a) {
        rx_send_clear(rx, 0, a);
    }
    for (size_t from = b; from < rx->len; from += piece) {
        size_t to = MIN(rx->len, from + piece);
        uint32_t seq;

        if (synced < rx->len) {
            send_synced(rx, synced, from, to);
            continue;
        }
        rx_send_wire(rx, from, to);
        g_assert_cmpuint(rx->result.false_headers, ==, 0);
        if (named == rx->len) {
            named = nameable(rx, b, from, to);
            g_assert_true(rx->result.resync_request == (named < rx->len));
            g_assert_true(flow_rx_tracked(rx->flow, &seq) ==
                          (named < rx->len));
        } else {
            g_assert_false(rx->result.resync_request);
        }
        if (named == rx->len) {
            continue;
        }
        g_assert_true(flow_rx_tracked(rx->flow, &seq));
        g_assert_cmpuint(seq, ==, (uint32_t)(rx->seq + named));
        if (delay) {
            delay--;
            continue;
        }
        g_assert_false(flow_rx_confirm(rx->flow, seq + 1, 1));
        g_assert_true(flow_rx_confirm(rx->flow, seq, num_at(rx, named)) ==
                      (named + HEADER <= to));
        if (named + HEADER <= to) {
            synced = to;
            g_assert_false(flow_rx_tracked(rx->flow, &seq));
            g_assert_false(flow_rx_confirm(rx->flow, rx->seq + named,
                                           num_at(rx, named)));
        }
    }
}

/* Case 35: any segmentation, any delay of the answer. */
static void test_find(void)
{
    static const size_t lengths[] = { 40, 50, 0, 30, 1, 20, 60, 30, 20, 33 };

    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;

        rx_setup(&rx, reference_suites[m], search_modes[m], 0xffffff00,
                 UINT64_MAX / 2, lengths, G_N_ELEMENTS(lengths));
        for (size_t piece = 1; piece < 150; piece += 1 + piece / 20) {
            for (size_t b = rx_start(&rx, 1) + 3; b < rx_start(&rx, 2) + 1;
                 b += 7) {
                lose(&rx, rx_start(&rx, 1) + 2 - b % 3, b, piece, piece % 5);
                lose(&rx, rx_start(&rx, 1) - 1, b, piece, b % 3);
                lose(&rx, 0, b, piece, 0);
            }
        }
        rx_teardown(&rx);
    }
}

/* Without searching nothing is asked. */
static void test_find_not(void)
{
    static const size_t lengths[] = { 40, 50, 20, 30, 40 };
    struct rx rx;
    uint32_t seq;

    rx_setup(&rx, reference_suites[0], KTLSNIC_TLS_RX_HINT, 1, 0, lengths, 5);
    for (size_t pos = 10; pos < rx.len; pos++) {
        rx_send_wire(&rx, pos, pos + 1);
        g_assert_false(rx.result.resync_request);
        g_assert_false(flow_rx_tracked(rx.flow, &seq));
    }
    rx_teardown(&rx);
}

/* After a forgery too: the search begins with the next segment. */
static void test_find_after_forgery(void)
{
    static const size_t lengths[] = { 40, 50, 20, 30, 40, 50 };

    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;
        size_t second, third, fourth;

        rx_setup(&rx, reference_suites[m], search_modes[m], -60, 0, lengths, 6);
        second = rx_start(&rx, 1);
        third = rx_start(&rx, 2);
        fourth = rx_start(&rx, 3);
        rx_send_forged(&rx, 0, second, 20);
        rx_send_wire(&rx, 3, second);           /* what is old stays out */
        rx_send_wire(&rx, second - 30, second + 1);
        rx_send_wire(&rx, second + 1, third);
        g_assert_false(rx.result.resync_request);
        rx_send_wire(&rx, third, third + HEADER);
        g_assert_true(rx.result.resync_request);
        if (search_modes[m] == KTLSNIC_TLS_RX_SCAN) {
            rx_send_wire(&rx, third + HEADER, fourth + HEADER);
            g_assert_true(flow_rx_confirm(rx.flow, rx.seq + fourth, 3));
            rx_send_clear(&rx, fourth + HEADER, rx.len);
        } else {
            g_assert_true(flow_rx_confirm(rx.flow, rx.seq + third, 2));
            rx_send_clear(&rx, third + HEADER, rx.len);
        }
        rx_teardown(&rx);
    }
}

/* ---- false headers ---- */

#define FALSE_LEN 64

struct false_case {
    struct rx rx;
    size_t at;          /* where the first false header stands */
    size_t to;          /* where the last one leads */
};

/*
 * A chain of count false headers in record 1 of 8; at + count * 69 is its end.
 */
static void plant_chain_in(struct false_case *f, struct reference_suite suite,
                           enum ktlsnic_tls_rx_mode mode, unsigned count,
                           size_t to_from_next)
{
    static const uint8_t header[HEADER] = { 23, 3, 3, 0, FALSE_LEN };
    static const size_t lengths[] = { 9, 800, 90, 90, 90, 90, 90, 90 };
    size_t total = count * (HEADER + FALSE_LEN);

    rx_setup(&f->rx, suite, mode, 0xfffffe00, 0, lengths, 8);
    f->to = rx_start(&f->rx, 2) + to_from_next - 50;
    f->at = f->to - total;
    for (unsigned i = 0; i < count; i++) {
        rx_plant(&f->rx, 1, f->at - rx_start(&f->rx, 1) - f->rx.prefix +
                 i * (HEADER + FALSE_LEN), header, HEADER);
    }
    rx_restart(&f->rx);
}

static void plant_chain(struct false_case *f, enum ktlsnic_tls_rx_mode mode,
                        unsigned count, size_t to_from_next)
{
    plant_chain_in(f, SUITE(1_2, AES_GCM_128), mode, count, to_from_next);
}

/*
 * Case 36: one header in ciphertext, cut at each place, is followed, refuted,
 * and never named. The pieces in front end wherever.
 */
static void test_false_header(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct false_case f;
        struct rx *rx = &f.rx;

        plant_chain(&f, search_modes[m], 1, 0);
        for (size_t cut = f.at - 3; cut <= f.at + HEADER + 3; cut++) {
            for (size_t shown = f.to + HEADER; shown < f.to + 9; shown++) {
                size_t third = rx_start(rx, 3);

                rx_restart(rx);
                rx_send_wire(rx, 50, cut);
                rx_send_wire(rx, cut, cut + 1);
                rx_send_wire(rx, cut + 1, f.to + HEADER - 1);
                g_assert_cmpuint(rx->result.false_headers, ==, 0);
                rx_send_wire(rx, f.to + HEADER - 1, shown);
                g_assert_cmpuint(rx->result.false_headers, ==, 1);
                rx_send_wire(rx, shown, third + HEADER - 1);
                g_assert_cmpuint(rx->result.false_headers, ==, 0);
                g_assert_false(rx->result.resync_request);
                rx_send_wire(rx, third + HEADER - 1, third + HEADER);
                g_assert_true(rx->result.resync_request ==
                              (search_modes[m] == KTLSNIC_TLS_RX_SCAN));
            }
        }
        rx_teardown(rx);
    }
}

/*
 * A true header that begins in the very bytes which refute a false one is
 * found; so is one which a false header leads to exactly.
 */
static void test_false_header_near(void)
{
    for (size_t near = 41; near <= 55; near++) {
        bool exact = near == 50;
        bool hidden = near > 50;
        struct false_case f;
        struct rx *rx = &f.rx;
        unsigned second = hidden ? 4 : exact ? 2 : 3;
        size_t agreed;

        plant_chain(&f, KTLSNIC_TLS_RX_SCAN, 1, near);
        agreed = rx_start(rx, second) + HEADER;
        for (size_t piece = 1; piece < 100; piece += 3) {
            unsigned refuted = 0;

            rx_restart(rx);
            for (size_t from = 50; from < agreed; from += piece) {
                size_t to = MIN(agreed, from + piece);

                rx_send_wire(rx, from, to);
                refuted += rx->result.false_headers;
                g_assert_true(rx->result.resync_request == (to == agreed));
            }
            g_assert_cmpuint(refuted, ==, !exact);
        }
        rx_teardown(rx);
    }
}

/* Which types a header may have to be found: those that are on the wire. */
static void test_false_header_types(void)
{
    for (size_t s = 0; s < REFERENCE_SUITES; s++) {
        struct reference_suite suite = reference_suites[s];
        struct false_case f;
        struct rx *rx = &f.rx;

        plant_chain_in(&f, suite, KTLSNIC_TLS_RX_ASYNC, 1, 0);
        for (unsigned type = 0; type < 256; type++) {
            uint8_t header[HEADER] = { type, 3, 3, 0, FALSE_LEN };
            bool found = suite.version == KTLSNIC_TLS_1_3
                         ? type == 23 : type >= 20 && type <= 24;

            rx_plant(rx, 1, f.at - rx_start(rx, 1) - rx->prefix, header,
                     HEADER);
            rx_restart(rx);
            rx_send_wire(rx, f.at - 20, f.to + 10);
            g_assert_cmpuint(rx->result.false_headers, ==, found);
        }
        rx_teardown(rx);
    }
}

/* Bytes on both sides of a hole make no header. */
static void test_false_header_not(void)
{
    struct false_case f;
    struct rx *rx = &f.rx;

    plant_chain(&f, KTLSNIC_TLS_RX_ASYNC, 1, 0);
    for (size_t cut = 1; cut < HEADER; cut++) {
        rx_restart(rx);
        rx_send_wire(rx, f.at - 40, f.at + cut - 10);
        rx_send_wire(rx, f.at - 10 + cut, f.at + cut);
        g_assert_false(rx_send_bytes(rx, f.at + cut + 1,
                                     rx->stream->wire->data + f.at + cut,
                                     f.to + 10 - f.at));
        g_assert_cmpuint(rx->result.false_headers, ==, 0);
    }
    rx_teardown(rx);
}

/* What was seen before the place was lost is not searched: one byte of it. */
static void test_false_header_old(void)
{
    struct false_case f;
    struct rx *rx = &f.rx;

    plant_chain(&f, KTLSNIC_TLS_RX_SCAN, 1, 0);
    rx_send_forged(rx, 0, f.at + 1, 10);
    g_assert_true(rx->result.auth_failed);
    rx_send_wire(rx, f.at, f.to + 10);
    g_assert_cmpuint(rx->result.false_headers, ==, 0);
    rx_teardown(rx);
}

/* A false chain is named, refuted, and confirmed no more. */
static void test_false_chain(void)
{
    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct false_case f;
        struct rx *rx = &f.rx;
        size_t third;
        uint32_t seq, again;

        plant_chain(&f, search_modes[m], 4, 0);
        third = rx_start(rx, 3);
        rx_send_wire(rx, 50, f.to - 2 * FALSE_LEN);
        g_assert_true(rx->result.resync_request);
        g_assert_true(flow_rx_tracked(rx->flow, &seq));
        rx_send_wire(rx, f.to - 2 * FALSE_LEN, f.to);
        g_assert_true(flow_rx_tracked(rx->flow, &again));
        g_assert_cmpuint(seq, ==, again);
        rx_send_wire(rx, f.to, f.to + HEADER);
        g_assert_cmpuint(rx->result.false_headers, ==, 1);
        g_assert_false(flow_rx_tracked(rx->flow, &again));
        g_assert_false(flow_rx_confirm(rx->flow, seq, 1));

        rx_send_wire(rx, f.to + HEADER, third);
        rx_send_wire(rx, third, third + HEADER);
        g_assert_true(rx->result.resync_request);
        g_assert_false(flow_rx_confirm(rx->flow, seq, 1));
        rx_teardown(rx);
    }
}

/* ---- loss while following ---- */

/*
 * A header is named, then the bytes a..b are lost. The name is kept if no
 * header was in them, and its confirmation is good if its own was seen
 * before.
 */
static void hole(struct rx *rx, size_t named, size_t a, size_t b)
{
    size_t third = rx_start(rx, 3);
    size_t current = rx_start(rx, rx_record_at(rx, a));
    size_t end = header_from(rx, current + 1);
    bool kept = a >= current + HEADER && b <= end;
    size_t clear = b == end ? b + 1 : end;
    uint32_t seq;

    rx_restart(rx);
    rx_send_wire(rx, 50, third + HEADER);
    g_assert_true(flow_rx_tracked(rx->flow, &seq));
    g_assert_cmpuint(seq, ==, (uint32_t)(rx->seq + named));
    rx_send_wire(rx, third + HEADER, a);
    rx_send_wire(rx, b, b + 1);
    g_assert_true(flow_rx_tracked(rx->flow, &seq) == kept);
    kept = kept && a >= named + HEADER;
    g_assert_true(flow_rx_confirm(rx->flow, rx->seq + named,
                                  num_at(rx, named)) == kept);
    if (kept) {
        if (b + 1 < clear) {
            rx_send_wire(rx, b + 1, clear);
        }
        rx_send_clear(rx, clear, rx->len);
    }
}

static void test_hole(void)
{
    static const size_t lengths[] = { 40, 50, 60, 70, 80, 90, 30, 30 };

    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;

        rx_setup(&rx, reference_suites[m], search_modes[m], 0xfffffe80, 0, lengths,
                 8);
        for (size_t a = rx_start(&rx, 4) - 3; a < rx_start(&rx, 4) + 20; a++) {
            for (size_t b = a + 1; b < rx_start(&rx, 5) + 8; b++) {
                hole(&rx, rx_start(&rx, search_modes[m] ==
                                        KTLSNIC_TLS_RX_SCAN ? 4 : 3), a, b);
            }
        }
        rx_teardown(&rx);
    }
}

/*
 * What the search has seen already does not disturb it; overlaps go on in it.
 */
static void test_behind(void)
{
    static const size_t lengths[] = { 40, 50, 60, 70, 80, 90, 30, 30 };

    for (size_t m = 0; m < G_N_ELEMENTS(search_modes); m++) {
        struct rx rx;
        unsigned requests = 0;

        rx_setup(&rx, reference_suites[m], search_modes[m], 0xfffffe80, 0, lengths,
                 8);
        for (size_t pos = 50; pos + 3 < rx.len; pos += 3) {
            uint8_t junk[40] = { 0 };
            uint32_t seq;

            rx_send_wire(&rx, MAX(20, pos - 30), pos + 3);
            requests += rx.result.resync_request;
            g_assert_false(rx_send_bytes(&rx, pos - 37, junk, sizeof(junk)));
            requests += rx.result.resync_request;
            g_assert_cmpuint(rx.result.false_headers, ==, 0);
            g_assert_cmpint(flow_rx_tracked(rx.flow, &seq), ==, requests);
        }
        g_assert_cmpuint(requests, ==, 1);
        rx_teardown(&rx);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/search/case-35-find", test_find);
    g_test_add_func("/flow-rx/search/find-not", test_find_not);
    g_test_add_func("/flow-rx/search/find-after-forgery",
                    test_find_after_forgery);
    g_test_add_func("/flow-rx/search/case-36-false-header", test_false_header);
    g_test_add_func("/flow-rx/search/case-36-false-header-near",
                    test_false_header_near);
    g_test_add_func("/flow-rx/search/case-36-false-header-types",
                    test_false_header_types);
    g_test_add_func("/flow-rx/search/case-36-false-header-not",
                    test_false_header_not);
    g_test_add_func("/flow-rx/search/case-36-false-header-old",
                    test_false_header_old);
    g_test_add_func("/flow-rx/search/case-36-false-chain", test_false_chain);
    g_test_add_func("/flow-rx/search/hole", test_hole);
    g_test_add_func("/flow-rx/search/behind", test_behind);
    return g_test_run();
}
