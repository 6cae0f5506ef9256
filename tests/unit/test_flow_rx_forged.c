/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * RX contexts and bytes that the sender did not send;
 * Documentation/contract.md, case 32.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"

#define HEADER      5

/* Another connection, that nothing must disturb, gets a byte in between. */
static void other_flow(struct rx *other, size_t *pos)
{
    rx_send_clear(other, *pos, *pos + 1);
    *pos += 1;
}

/*
 * Any byte of a record that came in one segment: delivered as it came, and the
 * context is lost.
 */
static void test_forged_record(void)
{
    static const size_t lengths[] = { 30, 40, 50 };
    static const size_t other_lengths[] = { 1000 };
    struct rx rx, other;
    size_t second, third, pos = 0;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 0xffffffd0,
             0, lengths, 3);
    rx_setup(&other, SUITE(1_2, AES_GCM_256), KTLSNIC_TLS_RX_HINT,
             0xffffffd0, 0, other_lengths, 1);
    second = rx_start(&rx, 1);
    third = rx_start(&rx, 2);
    for (size_t at = second; at < third; at++) {
        if (at == second + 3 || at == second + 4) {
            continue;           /* the length: test_forged_length */
        }
        rx_restart(&rx);
        rx_send_clear(&rx, 0, second);
        rx_send_forged(&rx, second, third, at);
        g_assert_true(rx.result.auth_failed != rx.result.bad_header);
        g_assert_true(rx.result.bad_header ==
                      (at == second + 1 || at == second + 2));
        g_assert_cmpuint(rx.result.records, ==, 0);
        other_flow(&other, &pos);
        rx_send_wire(&rx, second, third);
        rx_send_wire(&rx, third, rx.len);

        /* with a good record before and one after it */
        rx_restart(&rx);
        rx_send_forged(&rx, 0, rx.len, at);
        g_assert_cmpuint(rx.result.records, ==, 1);
        g_assert_true(flow_rx_confirm(rx.flow, rx.seq + rx.len, 3));
    }
    other_flow(&other, &pos);
    rx_teardown(&rx);
    rx_teardown(&other);
}

/* A record that says it is shorter or longer than it is. */
static void test_forged_length(void)
{
    static const size_t lengths[] = { 30, 40, 50 };
    struct rx rx;
    size_t second, third;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 3);
    second = rx_start(&rx, 1);
    third = rx_start(&rx, 2);
    for (int off = -40; off <= 40; off++) {
        g_autofree uint8_t *forged = NULL;

        if (off == 0) {
            continue;
        }
        rx_restart(&rx);
        rx_send_clear(&rx, 0, second);
        forged = g_memdup2(rx.stream->wire->data, rx.len);
        forged[second + 4] += off;
        /* what a longer record takes is decrypted like its payload, in vain */
        g_assert_cmpint(rx_send_bytes(&rx, second, forged + second,
                                      third - second), ==, off > 0);
        g_assert_true(rx.result.auth_failed == (off < 0));
        g_assert_false(rx_send_bytes(&rx, third, forged + third,
                                     rx.len - third));
        g_assert_true(rx.result.auth_failed == (off > 0));
        g_assert_cmpuint(rx.result.records, ==, 0);
    }
    rx_teardown(&rx);
}

/*
 * A long record in many segments with one byte forged: those before the tag are
 * delivered decrypted, the one that ends the record is not. A tag in two pieces
 * is the second one's.
 */
static void test_forged_segment(void)
{
    static const size_t lengths[] = { 5000, 40 };
    struct rx rx;
    size_t end;

    rx_setup(&rx, SUITE(1_2, AES_GCM_256), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 2);
    end = rx_start(&rx, 1);
    for (size_t last = end - 200; last < end; last += 3) {
        g_autofree uint8_t *forged = g_memdup2(rx.stream->wire->data, 100);

        rx_restart(&rx);
        forged[50] ^= 0x80;
        g_assert_true(rx_send_bytes(&rx, 0, forged, 100));
        rx_send_all_clear(&rx, 100, last, 1460);
        rx_send_wire(&rx, last, end);
        g_assert_true(rx.result.auth_failed);
        g_assert_cmpuint(rx.result.records, ==, 0);
        rx_send_wire(&rx, end, rx.len);
        g_assert_false(rx.result.auth_failed);
    }
    rx_teardown(&rx);
}

/*
 * A wrong tag also shows in segments that are only observed, and in a late one;
 * bytes that were skipped have none.
 */
static void test_forged_unseen(void)
{
    static const size_t lengths[] = { 100, 100, 100 };
    struct rx rx;
    size_t second, third;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 3);
    second = rx_start(&rx, 1);
    third = rx_start(&rx, 2);

    rx_send_clear(&rx, 0, 40);
    rx_send_forged(&rx, 30, second, 35);        /* forged where it is old */
    g_assert_false(rx.result.auth_failed);
    g_assert_cmpuint(rx.result.records, ==, 1);
    rx_send_forged(&rx, second - 1, third, second + 60);
    g_assert_true(rx.result.auth_failed);
    rx_send_wire(&rx, third, rx.len);

    rx_restart(&rx);
    rx_send_clear(&rx, 0, 40);
    rx_send_forged(&rx, 50, second, second - 1);
    g_assert_false(rx.result.auth_failed);
    g_assert_cmpuint(rx.result.records, ==, 0);
    rx_send_clear(&rx, second, rx.len);
    rx_teardown(&rx);
}

static void bad_header(const uint8_t header[HEADER])
{
    static const size_t lengths[] = { 30, 40, 50 };
    struct rx rx;
    size_t second;

    rx_setup(&rx, SUITE(1_2, AES_GCM_128), KTLSNIC_TLS_RX_HINT, 1, 0,
             lengths, 3);
    second = rx_start(&rx, 1);
    memcpy(rx.stream->wire->data + second, header, HEADER);
    memcpy(rx.clear + second, header, HEADER);
    for (size_t cut = 1; cut <= second + 10; cut++) {
        rx_restart(&rx);
        if (cut < second + HEADER) {
            rx_send_clear(&rx, 0, cut);
            rx_send_wire(&rx, cut, second + 10);
        } else {
            rx_send_wire(&rx, 0, cut);
        }
        g_assert_true(rx.result.bad_header);
        g_assert_false(rx.result.auth_failed);
        rx_send_wire(&rx, second + 10, rx.len);
        g_assert_false(rx.result.bad_header);
    }
    rx_teardown(&rx);
}

static void test_bad_header(void)
{
    bad_header((uint8_t[]) { 23, 3, 4, 0, 100 });
    bad_header((uint8_t[]) { 23, 2, 3, 0, 100 });
    bad_header((uint8_t[]) { 23, 3, 3, 0, 23 });
    bad_header((uint8_t[]) { 23, 3, 3, 0, 0 });
    bad_header((uint8_t[]) { 23, 3, 3, 0x40, 25 });
    bad_header((uint8_t[]) { 23, 3, 3, 0xff, 0xff });
    bad_header((uint8_t[]) { 'G', 'E', 'T', ' ', '/' });
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/forged/case-32-record", test_forged_record);
    g_test_add_func("/flow-rx/forged/length", test_forged_length);
    g_test_add_func("/flow-rx/forged/segment", test_forged_segment);
    g_test_add_func("/flow-rx/forged/unseen", test_forged_unseen);
    g_test_add_func("/flow-rx/bad-header", test_bad_header);
    return g_test_run();
}
