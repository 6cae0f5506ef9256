/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A KeyUpdate of TLS 1.3 stops an RX context, and nothing else does; SPEC.md
 * 10.5, rule 17.
 */
#include <string.h>
#include <glib.h>

#include "rx_fixture.h"
#include "wiped.h"

#define HEADER      5
#define TAG         16
#define MESSAGE     5       /* a KeyUpdate */
#define KEY_UPDATE  1       /* which record of the streams here it is */
#define FAR         (1u << 30)

static const uint8_t message[MESSAGE] = { 24, 0, 0, 1, 1 };

static const struct reference_suite tls13_suites[] = {
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_GCM_128 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_GCM_256 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_CCM_128 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_CHACHA20_POLY1305 },
};

/* A KeyUpdate with some padding between records of the two keys. */
static void setup(struct rx *rx, struct reference_suite suite,
                  enum ktlsnic_tls_rx_mode mode, size_t padding)
{
    const size_t lengths[] = { 30, MESSAGE + padding, 25, 40, 20 };

    rx_setup(rx, suite, mode, 0xffffffc0, 7, lengths, G_N_ELEMENTS(lengths));
    rx_key_update(rx, KEY_UPDATE);
    rx_restart(rx);
}

static size_t key_end(const struct rx *rx)
{
    return rx_start(rx, KEY_UPDATE + 1);
}

static void assert_silent(const struct rx *rx)
{
    static const struct flow_rx_result nothing;

    g_assert_cmpmem(&rx->result, sizeof(nothing), &nothing, sizeof(nothing));
}

/* ---- in order ---- */

/* The next segment of a stream of which none is missing. */
static void send(struct rx *rx, size_t from, size_t to)
{
    size_t end = key_end(rx);

    if (from >= end) {
        rx_send_wire(rx, from, to);
        assert_silent(rx);
        return;
    }
    if (to <= end) {
        rx_send_clear(rx, from, to);
    } else {
        rx_send_wire(rx, from, to);
        g_assert_cmpuint(rx->result.records, ==, rx_ends(rx, from, end));
    }
    g_assert_true(rx->result.key_update == (to >= end));
    g_assert_false(rx->result.auth_failed || rx->result.bad_header ||
                   rx->result.resync_request);
}

/* Every segment between two cuts at any places. */
static void test_every_split(void)
{
    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        struct rx rx;

        setup(&rx, tls13_suites[c], c % 3, 0);
        for (size_t a = 1; a < rx.len; a++) {
            for (size_t b = a; b < rx.len; b++) {
                rx_restart(&rx);
                send(&rx, 0, a);
                if (b > a) {
                    send(&rx, a, b);
                }
                send(&rx, b, rx.len);
            }
        }
        rx_restart(&rx);
        send(&rx, 0, rx.len);
        rx_teardown(&rx);
    }
}

/* Segments of one length, and a first one that is shorter. */
static void in_pieces(struct rx *rx, size_t piece)
{
    for (size_t first = 1; first <= piece; first++) {
        rx_restart(rx);
        send(rx, 0, first);
        for (size_t at = first; at < rx->len; at += piece) {
            send(rx, at, MIN(at + piece, rx->len));
        }
    }
}

/*
 * Zeros after the type, to the bounds of cipher blocks and beyond: they come
 * with it or apart.
 */
static void test_padding(void)
{
    static const size_t paddings[] = { 0, 1, 2, 9, 10, 11, 16, 58, 100, 16379 };

    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        for (size_t i = 0; i < G_N_ELEMENTS(paddings); i++) {
            struct rx rx;
            size_t most = paddings[i] > 1000 ? 4 : 24;

            setup(&rx, tls13_suites[c], i % 3, paddings[i]);
            for (size_t piece = 1; piece <= most; piece += 3) {
                in_pieces(&rx, paddings[i] > 1000 ? 1460 * piece : piece);
            }
            rx_teardown(&rx);
        }
    }
}

/* ---- what is none ---- */

/* All of the stream is decrypted, wherever it is cut. */
static void assert_goes_on(struct rx *rx)
{
    for (size_t cut = 1; cut < rx->len; cut++) {
        rx_restart(rx);
        rx_send_clear(rx, 0, cut);
        g_assert_false(rx->result.key_update);
        rx_send_clear(rx, cut, rx->len);
        g_assert_false(rx->result.key_update);
    }
}

static void test_other_records(void)
{
    static const struct {
        uint8_t type;
        const char *content;
        size_t len;
    } others[] = {
        { 22, "\4\0\0\1\1", 5 },                /* NewSessionTicket */
        { 22, "\4\30\0\0\1\1", 6 },
        { 22, "\0\30\0\0\1\1", 6 },
        { 22, "\30\0\0\1", 4 },                 /* the end is to come */
        { 22, "\30", 1 },
        { 22, "\30\26\26\26", 4 },
        { 22, "\1\0\0\1\30", 5 },
        { 23, "\30\0\0\1\1", 5 },               /* data */
        { 23, "\30\0\0\1\1\26", 6 },
        { 21, "\30\0\0\1\1", 5 },
        { 24, "\30\0\0\1\1", 5 },
        { 24, "\26\0\0\1\1\26\0", 7 },
        { 0, "\0\0\0\0\0", 5 },                 /* no type at all */
    };
    static const size_t lengths[] = { 30, 20, 12, 20 };

    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        struct rx rx;

        rx_setup(&rx, tls13_suites[c], c % 3, 10, 3, lengths,
                 G_N_ELEMENTS(lengths));
        for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
            rx_set_content(&rx, 1, others[i].type,
                           (const uint8_t *)others[i].content, others[i].len);
            rx_set_content(&rx, 2, 22, (const uint8_t *)"\4\0\0\1\1", 5);
            assert_goes_on(&rx);
        }
        rx_teardown(&rx);
    }
}

/* First byte and type are those of a KeyUpdate, but of different records. */
static void test_two_records(void)
{
    static const size_t lengths[] = { 12, 12, 12 };

    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        struct rx rx;

        rx_setup(&rx, tls13_suites[c], c % 3, 10, 3, lengths,
                 G_N_ELEMENTS(lengths));
        rx_set_content(&rx, 0, 23, message, MESSAGE);
        rx_set_content(&rx, 1, 22, (const uint8_t *)"\4\0\0\1\1", 5);
        rx_set_content(&rx, 2, 0, (const uint8_t *)"\30\0\0\0\0", 5);
        assert_goes_on(&rx);
        rx_teardown(&rx);
    }
}

/* TLS 1.2: a payload like the plaintext of a KeyUpdate, in a handshake record. */
static void test_tls12(void)
{
    static const size_t lengths[] = { 20, 12, 6, 20 };

    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct rx rx;

        if (reference_suites[c].version != KTLSNIC_TLS_1_2) {
            continue;
        }
        rx_setup(&rx, reference_suites[c], c % 3, 10, 3, lengths,
                 G_N_ELEMENTS(lengths));
        g_assert_cmpuint(rx.stream->wire->data[rx_start(&rx, 2)], ==, 22);
        rx_set_payload(&rx, 2, (const uint8_t *)"\30\0\0\1\1\26", 6);
        assert_goes_on(&rx);
        rx_teardown(&rx);
    }
}

/*
 * A record that becomes a KeyUpdate by forgery, and a KeyUpdate of which
 * anything was changed: the tag says so, and the context looks for its place.
 */
static void test_wrong_tag(void)
{
    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        struct rx rx;
        size_t start, end;

        setup(&rx, tls13_suites[c], KTLSNIC_TLS_RX_HINT, 3);
        start = rx_start(&rx, KEY_UPDATE);
        end = key_end(&rx);
        for (size_t at = start + HEADER; at < end; at++) {
            rx_restart(&rx);
            rx_send_clear(&rx, 0, start + HEADER + 2);
            if (at < start + HEADER + 2) {
                rx_restart(&rx);
                rx_send_clear(&rx, 0, start);
                rx_send_forged(&rx, start, end, at);
            } else {
                rx_send_forged(&rx, start + HEADER + 2, end, at);
            }
            g_assert_true(rx.result.auth_failed);
            g_assert_false(rx.result.key_update);
            rx_send_wire(&rx, end, rx.len);
            g_assert_true(flow_rx_confirm(rx.flow, rx.seq + rx.len, 9));
        }
        rx_teardown(&rx);
    }
}

static void test_forged(void)
{
    static const size_t lengths[] = { 30, 20, 40 };

    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        g_autofree uint8_t *data = NULL;
        struct rx rx;
        size_t start, end;

        rx_setup(&rx, tls13_suites[c], KTLSNIC_TLS_RX_HINT, 10, 3, lengths,
                 G_N_ELEMENTS(lengths));
        rx_set_content(&rx, 1, 22, (const uint8_t *)"\4\0\0\1\1", 5);
        start = rx_start(&rx, 1);
        end = rx_start(&rx, 2);
        data = g_memdup2(rx.stream->wire->data + start, end - start);
        data[HEADER] ^= 4 ^ 24;
        rx_restart(&rx);
        rx_send_clear(&rx, 0, start);
        g_assert_false(rx_send_bytes(&rx, start, data, end - start));
        g_assert_true(rx.result.auth_failed);
        g_assert_false(rx.result.key_update);
        g_assert_true(flow_rx_confirm(rx.flow, rx.seq + end, 3 + 2));
        rx_send_clear(&rx, end, rx.len);
        rx_teardown(&rx);
    }
}

/* ---- gaps ---- */

/* Bytes of the record before it are missing, or come twice. */
static void test_after_gap(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        size_t start, end;

        setup(&rx, tls13_suites[mode], mode, 4);
        start = rx_start(&rx, KEY_UPDATE);
        end = key_end(&rx);
        for (size_t from = HEADER + 1; from <= start; from++) {
            rx_restart(&rx);
            rx_send_clear(&rx, 0, HEADER);
            g_assert_true(rx_send(&rx, from, end) == (from == start));
            g_assert_true(rx.result.key_update);
            g_assert_cmpuint(rx.result.records, ==, 1);
            send(&rx, end, rx.len);

            rx_restart(&rx);                    /* and more in that segment */
            rx_send_clear(&rx, 0, HEADER);
            rx_send_wire(&rx, from, end + 1);
            g_assert_true(rx.result.key_update);
            send(&rx, end + 1, rx.len);

            rx_restart(&rx);                    /* overlap */
            rx_send_clear(&rx, 0, from);
            rx_send_wire(&rx, from - 1, end);
            g_assert_true(rx.result.key_update);
            send(&rx, end, rx.len);
        }
        rx_teardown(&rx);
    }
}

/*
 * Bytes of the KeyUpdate itself are missing: nobody can know that it is one.
 * What follows is decrypted with the old key until the first tag.
 */
static void test_gap_in_it(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        size_t start, end, next;

        setup(&rx, tls13_suites[mode], mode, 4);
        start = rx_start(&rx, KEY_UPDATE);
        end = key_end(&rx);
        next = rx_start(&rx, KEY_UPDATE + 2);
        for (size_t a = start + HEADER; a < end; a++) {
            for (size_t b = a + 1; b <= end; b++) {
                rx_restart(&rx);
                rx_send_clear(&rx, 0, a);
                g_assert_false(rx.result.key_update);
                if (b < end) {
                    rx_send_wire(&rx, b, end);
                    g_assert_false(rx.result.key_update);
                }
                rx_send_clear(&rx, end, next - 1);
                rx_send_wire(&rx, next - 1, next);
                g_assert_true(rx.result.auth_failed);
                g_assert_false(rx.result.key_update);
            }
        }
        rx_teardown(&rx);
    }
}

/*
 * It comes late, while what is after it has been searched: with as much of what
 * is in front and after as there may be in its segment. The search ends, even
 * where its chain begins just after the KeyUpdate.
 */
static void test_late(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        size_t start, end;
        uint32_t seq;

        setup(&rx, tls13_suites[mode], mode, 0);
        start = rx_start(&rx, KEY_UPDATE);
        end = key_end(&rx);
        for (size_t a = start - 3; a < start + HEADER; a++) {
            for (size_t b = end - 3; b < end + 3; b++) {
                rx_restart(&rx);
                rx_send_clear(&rx, 0, a);
                rx_send_wire(&rx, end, rx.len);
                g_assert_true(rx.result.resync_request ==
                              (mode != KTLSNIC_TLS_RX_HINT));
                seq = rx.result.resync_seq;
                if (b <= end) {
                    rx_send_clear(&rx, a, b);
                } else {
                    rx_send_wire(&rx, a, b);
                }
                g_assert_true(rx.result.key_update == (b >= end));
                if (b < end) {
                    continue;                   /* as if it were broken */
                }
                g_assert_false(rx.result.resync_request);
                g_assert_false(flow_rx_tracked(rx.flow, &seq));
                g_assert_false(flow_rx_confirm(rx.flow, seq, 1));
                send(&rx, end, rx.len);
            }
        }
        rx_teardown(&rx);
    }
}

/* ---- stopped ---- */

/* Whatever comes, from wherever, and whatever the host says. */
static void test_for_ever(void)
{
    size_t len = 1u << 24;
    g_autofree uint8_t *zeros = g_malloc0(len), *dst = g_malloc(len);

    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        uint32_t end, seq;

        setup(&rx, tls13_suites[mode], mode, 0);
        send(&rx, 0, key_end(&rx));
        end = rx.seq + key_end(&rx);
        rx_send_wire(&rx, 0, rx.len);           /* the whole of it again */
        assert_silent(&rx);
        for (size_t at = 0; at < rx.len; at++) {
            rx_send_wire(&rx, at, at + 1);
            assert_silent(&rx);
            g_assert_false(flow_rx_confirm(rx.flow, rx.seq + at, 9));
        }
        for (uint32_t i = 0; i <= FAR / len + 1; i++) {
            flow_rx_segment(rx.flow, end + i * len, zeros, dst, len,
                            &rx.result);
            assert_silent(&rx);
            g_assert_false(flow_rx_confirm(rx.flow, end + i * len, 9));
            g_assert_false(flow_rx_confirm(rx.flow, end + (i + 1) * len, 9));
        }
        g_assert_false(flow_rx_tracked(rx.flow, &seq));
        rx_teardown(&rx);
    }
}

/* The key is of no more use. */
static void test_wiped(void)
{
    struct rx rx;

    setup(&rx, tls13_suites[0], KTLSNIC_TLS_RX_SCAN, 0);
    wiped_key = rx.key.key;
    wiped = 0;
    send(&rx, 0, key_end(&rx) - 1);
    g_assert_cmpuint(wiped, ==, 0);
    send(&rx, key_end(&rx) - 1, key_end(&rx));
    g_assert_cmpuint(wiped, ==, 1);
    flow_rx_free(rx.flow);
    rx.flow = NULL;
    g_assert_cmpuint(wiped, ==, 1);
    wiped_key = NULL;
    rx_teardown(&rx);
}

/* ---- the new key ---- */

/*
 * A context may be there before its place is: what comes in front of that is
 * old, and at the place it is in step without a word from the host.
 */
static void test_place_ahead(void)
{
    for (size_t c = 0; c < G_N_ELEMENTS(tls13_suites); c++) {
        struct rx rx;
        size_t start, end;

        setup(&rx, tls13_suites[c], c % 3, 0);
        start = rx_start(&rx, KEY_UPDATE);
        end = key_end(&rx);
        for (size_t cut = start; cut <= end; cut++) {
            rx_take_new_key(&rx, KEY_UPDATE);
            rx_send_wire(&rx, 0, start);
            assert_silent(&rx);
            if (cut > start) {
                rx_send_wire(&rx, start, cut);
                assert_silent(&rx);
            }
            if (cut < end) {                    /* the place is in it */
                rx_send_wire(&rx, cut, end + 3);
                rx_send_clear(&rx, end + 3, rx.len);
            } else {
                rx_send_clear(&rx, end, rx.len);
            }
        }
        rx_teardown(&rx);
    }
}

/*
 * If the place has gone by, the header there is one that got lost: the search
 * finds another one.
 */
static void test_place_gone_by(void)
{
    for (unsigned mode = 0; mode < 3; mode++) {
        struct rx rx;
        size_t end, last;
        uint32_t seq;

        setup(&rx, tls13_suites[mode], mode, 0);
        end = key_end(&rx);
        last = rx_start(&rx, KEY_UPDATE + 3);
        rx_take_new_key(&rx, KEY_UPDATE);
        rx_send_wire(&rx, end + 1, last + HEADER);
        if (mode == KTLSNIC_TLS_RX_HINT) {
            seq = rx.seq + last + HEADER;
            g_assert_false(rx.result.resync_request);
            g_assert_true(flow_rx_confirm(rx.flow, seq, 3));
        } else {
            g_assert_true(rx.result.resync_request);
            seq = rx.result.resync_seq - rx.seq;
            rx_send_wire(&rx, last + HEADER, rx.len);
            g_assert_true(seq == last || seq == rx.len);
        }
        rx_teardown(&rx);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-rx/key-update/every-split", test_every_split);
    g_test_add_func("/flow-rx/key-update/padding", test_padding);
    g_test_add_func("/flow-rx/key-update/other-records", test_other_records);
    g_test_add_func("/flow-rx/key-update/two-records", test_two_records);
    g_test_add_func("/flow-rx/key-update/tls-1.2", test_tls12);
    g_test_add_func("/flow-rx/key-update/wrong-tag", test_wrong_tag);
    g_test_add_func("/flow-rx/key-update/forged", test_forged);
    g_test_add_func("/flow-rx/key-update/after-gap", test_after_gap);
    g_test_add_func("/flow-rx/key-update/gap-in-it", test_gap_in_it);
    g_test_add_func("/flow-rx/key-update/late", test_late);
    g_test_add_func("/flow-rx/key-update/for-ever", test_for_ever);
    g_test_add_func("/flow-rx/key-update/wiped", test_wiped);
    g_test_add_func("/flow-rx/place/ahead", test_place_ahead);
    g_test_add_func("/flow-rx/place/gone-by", test_place_gone_by);
    return g_test_run();
}
