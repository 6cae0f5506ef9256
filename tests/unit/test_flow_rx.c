/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RX contexts in step and in gaps; Documentation/contract.md, cases 24, 29, 30,
 * 34 and 41.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"
#include "wiped.h"

#define OVERHEAD    29
#define HEADER      5
#define PREFIX      13
#define TAG         16

/* Records of every kind of end: empty, part of a block, a block, more. */
static const size_t small_lengths[] = { 0, 1, 15, 16, 17, 0, 48, 3 };

static void setup_small(struct rx *rx, enum ktlsnic_tls_rx_mode mode,
                        uint32_t seq)
{
    rx_setup(rx, SUITE(1_2, AES_GCM_128), mode, seq, 7, small_lengths,
             G_N_ELEMENTS(small_lengths));
}

/* ---- keys ---- */

/* Nowhere but in the engine is there a copy of the key. */
static void test_keys_wiped(void)
{
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_ASYNC, 0);
    rx_send_clear(&rx, 0, rx.len);
    wiped_key = rx.key.key;
    wiped = 0;
    flow_rx_free(rx.flow);
    rx.flow = NULL;
    g_assert_cmpuint(wiped, ==, 1);
    rx_restart(&rx);
    g_assert_cmpuint(wiped, ==, 1);
    wiped_key = NULL;
    rx_teardown(&rx);
}

/* ---- in order ---- */

static void test_every_split(void)
{
    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct rx rx;

        rx_setup(&rx, reference_suites[c], KTLSNIC_TLS_RX_ASYNC, 1000, 0,
                 small_lengths, G_N_ELEMENTS(small_lengths));
        for (size_t cut = 1; cut < rx.len; cut++) {
            rx_restart(&rx);
            rx_send_clear(&rx, 0, cut);
            rx_send_clear(&rx, cut, rx.len);
        }
        rx_restart(&rx);
        rx_send_clear(&rx, 0, rx.len);
        rx_teardown(&rx);
    }
}

/* Two cuts near each other: a piece inside a header, a nonce, a tag. */
static void test_every_short_piece(void)
{
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_ASYNC, 77);
    for (size_t cut = 1; cut < rx.len; cut++) {
        for (size_t len = 1; len <= 20 && cut + len < rx.len; len++) {
            rx_restart(&rx);
            rx_send_clear(&rx, 0, cut);
            rx_send_clear(&rx, cut, cut + len);
            rx_send_clear(&rx, cut + len, rx.len);
        }
    }
    rx_teardown(&rx);
}

/*
 * A prefix and a tag cut at every combination of places, into 1 to 6 segments.
 */
static void cut_everywhere(struct rx *rx, size_t from, unsigned bytes)
{
    for (unsigned cuts = 0; cuts < 1u << (bytes - 1); cuts++) {
        size_t at = 0;

        rx_restart(rx);
        for (unsigned i = 0; i < bytes; i++) {
            if (i + 1 == bytes || cuts & 1u << i) {
                rx_send_clear(rx, at, from + i + 1);
                at = from + i + 1;
            }
        }
        if (at < rx->len) {
            rx_send_clear(rx, at, rx->len);
        }
    }
}

static void test_header_split(void)
{
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_SCAN, 5);
    cut_everywhere(&rx, rx_start(&rx, 4), HEADER);
    cut_everywhere(&rx, rx_start(&rx, 4) + HEADER, PREFIX - HEADER);
    rx_teardown(&rx);
}

static void test_tag_split(void)
{
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_SCAN, 5);
    for (unsigned i = 1; i <= G_N_ELEMENTS(small_lengths); i++) {
        cut_everywhere(&rx, rx_start(&rx, i) - TAG, TAG / 2);
        cut_everywhere(&rx, rx_start(&rx, i) - TAG / 2, TAG / 2);
    }
    rx_teardown(&rx);
}

static void test_byte_by_byte(void)
{
    static const size_t lengths[] = { 0, 100, 1, 333, 16384, 16 };

    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct rx rx;

        rx_setup(&rx, reference_suites[c], KTLSNIC_TLS_RX_ASYNC, 0xfffffff0, 9,
                 lengths, G_N_ELEMENTS(lengths));
        rx_send_all_clear(&rx, 0, rx.len, 1);
        rx_teardown(&rx);
    }
}

static void test_random_segments(void)
{
    static const size_t piece_max[] = { 7, 40, 1460, 9000, 65536 };

    for (unsigned n = 0; n < 200; n++) {
        size_t lengths[24];
        unsigned count = g_test_rand_int_range(1, G_N_ELEMENTS(lengths) + 1);
        struct rx rx;

        for (unsigned i = 0; i < count; i++) {
            lengths[i] = g_test_rand_int_range(0, n % 10 ? 300 : 16385);
        }
        rx_setup(&rx, reference_suites[n % REFERENCE_SUITES], n % 3, g_test_rand_int(),
                 g_test_rand_int(), lengths, count);
        rx_send_all_clear(&rx, 0, rx.len,
                          piece_max[n % G_N_ELEMENTS(piece_max)]);
        rx_teardown(&rx);
    }
}

/* The TCP sequence passes 2^32 at every place of a record. */
static void test_sequence_wrap(void)
{
    static const size_t lengths[] = { 20, 20, 20 };
    struct rx rx;

    rx_setup(&rx, SUITE(1_2, AES_GCM_256), KTLSNIC_TLS_RX_ASYNC, 0, 3,
             lengths, 3);
    for (uint32_t before = 0; before <= 2 * (20 + OVERHEAD); before++) {
        rx.seq = -before;
        rx_restart(&rx);
        rx_send_all_clear(&rx, 0, rx.len, 10);

        rx_restart(&rx);
        if (before) {
            rx_send_clear(&rx, 0, before);
            rx_send_wire(&rx, 0, before);
            rx_send_wire(&rx, before - 1, before + 1);
        } else {
            rx_send_clear(&rx, 0, 1);
        }
        rx_send_clear(&rx, before + 1, rx.len);

        /* a gap over it, to the end of the record */
        rx_restart(&rx);
        rx_send_clear(&rx, 0, HEADER);
        rx_send_clear(&rx, rx_start(&rx, 1), rx_start(&rx, 1) + HEADER);
        rx_send_clear(&rx, rx_start(&rx, 2), rx.len);
    }
    rx_teardown(&rx);
}

static void test_supported(void)
{
    struct flow_params params = { .keys.version = KTLSNIC_TLS_VERSIONS };

    for (size_t i = 0; i < REFERENCE_SUITES; i++) {
        g_assert_true(flow_rx_supported(reference_suites[i].version,
                                        reference_suites[i].cipher));
    }
    g_assert_false(flow_rx_supported(KTLSNIC_TLS_VERSIONS, 0));
    g_assert_false(flow_rx_supported(KTLSNIC_TLS_1_2, KTLSNIC_CIPHERS));
    g_assert_false(flow_rx_supported(0xff, 0xff));
    g_assert_null(flow_rx_new(&params, KTLSNIC_TLS_RX_HINT));
    flow_rx_free(NULL);
}

/* No record number is used twice: after 2^64 - 1 there is no record. */
static void test_record_numbers_end(void)
{
    static const size_t lengths[] = { 10, 20, 30 };

    for (unsigned gap = 0; gap < 2; gap++) {
        struct rx rx;
        size_t third;

        rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 0,
                 UINT64_MAX - 1, lengths, 3);
        third = rx_start(&rx, 2);
        if (gap) {
            rx_send_clear(&rx, 0, rx_start(&rx, 1) + HEADER);
        } else {
            rx_send_clear(&rx, 0, third);
        }
        rx_send_wire(&rx, third, third + 1);
        g_assert_true(rx.result.bad_header);
        g_assert_cmpuint(rx.result.records, ==, 0);
        rx_send_wire(&rx, third + 1, rx.len);
        g_assert_false(rx.result.bad_header);

        rx_restart(&rx);
        rx_send_wire(&rx, 0, rx.len);
        g_assert_true(rx.result.bad_header);
        g_assert_cmpuint(rx.result.records, ==, 2);
        rx_teardown(&rx);
    }
}

/* ---- old segments, gaps ---- */

/*
 * Duplicates, keepalives, overlaps and empty segments at every place; what they
 * hold is not even what the stream held.
 */
static void test_old(void)
{
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_ASYNC, 0xffffffc0);
    for (size_t pos = 1; pos < rx.len; pos++) {
        uint8_t junk[3] = { 23, 3, 3 };

        rx_send_clear(&rx, pos - 1, pos);
        rx_send_wire(&rx, pos - 1, pos);
        rx_send_wire(&rx, 0, pos);
        for (size_t back = 1; back <= MIN(pos, sizeof(junk)); back++) {
            g_assert_false(rx_send_bytes(&rx, pos - back, junk, back));
        }
        g_assert_false(rx_send_bytes(&rx, pos - 0x7fffffff, junk, 3));
        for (size_t away = 0; away < 40; away += 3) {
            g_assert_false(rx_send_bytes(&rx, pos + away, junk, 0));
            g_assert_false(rx_send_bytes(&rx, pos - away, junk, 0));
        }
    }
    rx_teardown(&rx);
}

/*
 * A segment that begins before the place and ends after it is delivered as it
 * came, but what is new in it is not lost: the next one is decrypted, and the
 * record's tag still verified.
 */
static void test_overlap(void)
{
    static const size_t overlaps[] = { 1, 2, 12, 30, 70 };
    struct rx rx;

    setup_small(&rx, KTLSNIC_TLS_RX_HINT, 0xffffffc0);
    for (size_t pos = 1; pos < rx.len; pos++) {
        for (size_t i = 0; i < G_N_ELEMENTS(overlaps); i++) {
            size_t back = MIN(pos, overlaps[i]);
            size_t end = MIN(rx.len, pos + 1 + (pos * 7 + i * 11) % 60);

            rx_restart(&rx);
            rx_send_clear(&rx, 0, pos);
            rx_send_wire(&rx, pos - back, end);
            g_assert_cmpuint(rx.result.records, ==, rx_ends(&rx, pos, end));
            if (end < rx.len) {
                rx_send_clear(&rx, end, rx.len);
            }
        }
    }
    rx_teardown(&rx);
}

/* The same where it is long. */
static void test_overlap_long(void)
{
    static const size_t lengths[] = { 16384, 16384 };
    struct rx rx;

    rx_setup(&rx, SUITE(1_2, AES_GCM_256), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 2);
    for (size_t len = 2000; len < rx.len; len += 2000) {
        rx_restart(&rx);
        rx_send_clear(&rx, 0, 10);
        rx_send_wire(&rx, 9, len);
        rx_send_clear(&rx, len, rx.len);
    }
    rx_teardown(&rx);
}

/* The bytes a..b do not come; then one segment to e, then all the rest. */
static void gap(struct rx *rx, size_t a, size_t b, size_t e)
{
    unsigned record = rx_record_at(rx, a);
    size_t end = rx_start(rx, record + 1);
    bool known = a >= rx_start(rx, record) + HEADER && b <= end;
    size_t next;

    rx_restart(rx);
    if (a) {
        rx_send_clear(rx, 0, a);
    }
    if (known && b == end) {
        rx_send_clear(rx, b, e);
        next = e;
    } else {
        rx_send_wire(rx, b, e);
        g_assert_cmpuint(rx->result.records, ==,
                         known && e > end ? rx_ends(rx, end, e) : 0);
        next = MAX(e, end);
    }
    if (!known) {
        /* the header is lost; the host is silent */
        if (e < rx->len) {
            rx_send_wire(rx, e, rx->len);
        }
        return;
    }
    if (e < end) {
        rx_send_wire(rx, e, end);
    }
    if (next < rx->len) {
        rx_send_clear(rx, next, rx->len);
    }
}

static void gaps(enum ktlsnic_tls_rx_mode mode)
{
    static const size_t lengths[] = { 20, 0, 25 };
    struct rx rx;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), mode, 0xffffffd0, 7, lengths, 3);
    for (size_t a = 0; a < rx.len; a++) {
        size_t end = rx_start(&rx, rx_record_at(&rx, a) + 1);

        for (size_t b = a + 1; b < rx.len; b++) {
            gap(&rx, a, b, b + 1);
            gap(&rx, a, b, rx.len);
            for (size_t e = end - 1; e <= MIN(end + 2, rx.len); e++) {
                if (e > b) {
                    gap(&rx, a, b, e);
                }
            }
        }
    }
    rx_teardown(&rx);
}

/* Also: where the header is known, all modes do the same. */
static void test_gap(void)
{
    gaps(KTLSNIC_TLS_RX_HINT);
    gaps(KTLSNIC_TLS_RX_SCAN);
    gaps(KTLSNIC_TLS_RX_ASYNC);
}

/* Two gaps in a record, and one that begins in the record after it. */
static void test_gap_again(void)
{
    static const size_t lengths[] = { 100, 100, 100, 100 };
    struct rx rx;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 4);
    rx_send_clear(&rx, 0, 30);
    rx_send_wire(&rx, 50, 60);
    rx_send_wire(&rx, 70, 80);
    rx_send_wire(&rx, 30, 50);                  /* too late: old */
    rx_send_wire(&rx, 80, rx_start(&rx, 1) + 40);
    rx_send_wire(&rx, rx_start(&rx, 1) + 50, rx_start(&rx, 2) + 3);
    rx_send_wire(&rx, rx_start(&rx, 1) + 40, rx_start(&rx, 1) + 50);
    rx_send_clear(&rx, rx_start(&rx, 2) + 3, rx_start(&rx, 3));
    g_assert_cmpuint(rx.result.records, ==, 1);
    rx_send_clear(&rx, rx_start(&rx, 3), rx.len);
    rx_teardown(&rx);
}

/*
 * A header is missing, its segment comes late: it is decrypted, and so is what
 * comes again after it; where the record is known the stream goes on.
 */
static void test_late(void)
{
    static const size_t lengths[] = { 100, 200, 100 };

    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        size_t second, third;

        rx_setup(&rx, SUITE(1_2, AES_GCM_256), mode, 0xffffff80, 0, lengths,
                 3);
        second = rx_start(&rx, 1);
        third = rx_start(&rx, 2);
        for (size_t a = second - 50; a < second + HEADER; a++) {
            size_t b = second + 20;

            /* in its place after one other, which does not come again */
            rx_restart(&rx);
            rx_send_clear(&rx, 0, a);
            rx_send_wire(&rx, b, b + 30);
            rx_send_clear(&rx, a, b);
            rx_send_wire(&rx, b + 30, third + 2);
            rx_send_clear(&rx, third + 2, rx.len);

            /* all of it again */
            rx_restart(&rx);
            rx_send_clear(&rx, 0, a);
            rx_send_wire(&rx, b, b + 30);
            rx_send_wire(&rx, b + 30, b + 80);
            rx_send_clear(&rx, a, b + 10);
            rx_send_clear(&rx, b + 10, b + 80);
            rx_send_clear(&rx, b + 80, rx.len);
        }
        rx_teardown(&rx);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/every-split", test_every_split);
    g_test_add_func("/flow-rx/every-short-piece", test_every_short_piece);
    g_test_add_func("/flow-rx/case-29-header-split", test_header_split);
    g_test_add_func("/flow-rx/tag-split", test_tag_split);
    g_test_add_func("/flow-rx/byte-by-byte", test_byte_by_byte);
    g_test_add_func("/flow-rx/random-segments", test_random_segments);
    g_test_add_func("/flow-rx/case-24-sequence-wrap", test_sequence_wrap);
    g_test_add_func("/flow-rx/supported", test_supported);
    g_test_add_func("/flow-rx/record-numbers-end", test_record_numbers_end);
    g_test_add_func("/flow-rx/case-41-old", test_old);
    g_test_add_func("/flow-rx/overlap/case-41-any", test_overlap);
    g_test_add_func("/flow-rx/overlap/case-41-long", test_overlap_long);
    g_test_add_func("/flow-rx/keys-wiped", test_keys_wiped);
    g_test_add_func("/flow-rx/gap/case-30-any", test_gap);
    g_test_add_func("/flow-rx/gap/case-30-again", test_gap_again);
    g_test_add_func("/flow-rx/gap/case-35-late", test_late);
    return g_test_run();
}
