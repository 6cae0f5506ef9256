/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "flow/flow_tx.h"
#include "reference.h"

/* A connection under test, and what the model must make of its stream. */
struct fixture {
    struct reference_key key;
    struct reference_stream *stream;
    struct flow_tx *flow;
    uint32_t seq;           /* of the stream's first byte */
    uint8_t *out;           /* the stream, as far as it went by */
    size_t len;             /* of the stream */
};

static struct flow_tx *flow_for(const struct reference_key *key, uint32_t seq,
                                uint64_t rec_num)
{
    struct flow_params params = {
        .keys.version = key->version,
        .keys.cipher = key->cipher,
        .tcp_seq = seq,
        .rec_num = rec_num,
    };
    struct flow_tx *flow;

    memcpy(params.keys.iv, key->iv, sizeof(params.keys.iv));
    memcpy(params.keys.key, key->key, sizeof(params.keys.key));
    flow = flow_tx_new(&params);
    g_assert_nonnull(flow);
    return flow;
}

static void setup(struct fixture *f, struct reference_suite suite,
                  uint32_t seq, uint64_t rec_num,
                  const size_t *lengths, unsigned count)
{
    reference_key_random(&f->key, suite);
    f->stream = reference_stream_new(&f->key, rec_num, lengths, count);
    f->flow = flow_for(&f->key, seq, rec_num);
    f->seq = seq;
    f->len = f->stream->plain->len;
    f->out = g_memdup2(f->stream->plain->data, f->len);
}

static void teardown(struct fixture *f)
{
    flow_tx_free(f->flow);
    reference_stream_free(f->stream);
    g_free(f->out);
}

/* A new connection over the same stream, so that it need not be made again. */
static void restart(struct fixture *f)
{
    flow_tx_free(f->flow);
    f->flow = flow_for(&f->key, f->seq, f->stream->rec_num);
    memcpy(f->out, f->stream->plain->data, f->len);
}

/* How many records end in the bytes from..to of the stream. */
static unsigned ends_between(const struct fixture *f, size_t from, size_t to)
{
    unsigned ends = 0;

    for (unsigned i = 1; i < f->stream->starts->len; i++) {
        size_t end = reference_stream_start(f->stream, i);

        ends += end > from && end <= to;
    }
    return ends;
}

/* How many payload bytes are in the bytes from..to of the stream. */
static size_t payload_between(const struct fixture *f, size_t from, size_t to)
{
    size_t sum = 0;

    for (unsigned i = 1; i < f->stream->starts->len; i++) {
        size_t first = reference_stream_start(f->stream, i - 1) +
                       reference_prefix(&f->key);
        size_t end = reference_stream_start(f->stream, i) - 16;

        first = MAX(first, from);
        end = MIN(end, to);
        sum += end > first ? end - first : 0;
    }
    return sum;
}

static enum flow_tx_result push(struct fixture *f, size_t from, size_t to,
                                struct flow_tx_done *done)
{
    return flow_tx_encrypt(f->flow, f->seq + from, f->out + from, to - from,
                           done);
}

/* Sends these bytes of the stream and compares all of it with the wire. */
static void send_good(struct fixture *f, size_t from, size_t to)
{
    struct flow_tx_done done = { 999, 999 };

    g_assert_cmpint(push(f, from, to, &done), ==, FLOW_TX_OK);
    g_assert_cmpuint(done.records, ==, ends_between(f, from, to));
    g_assert_cmpuint(done.payload, ==, payload_between(f, from, to));
    if (to > from) {
        g_assert_cmpmem(f->out + from, to - from,
                        f->stream->wire->data + from, to - from);
    }
}

static void resync_good(struct fixture *f, unsigned record, size_t prefix_len)
{
    size_t start = reference_stream_start(f->stream, record);

    g_assert_cmpint(flow_tx_resync(f->flow, f->seq + start,
                                   f->stream->rec_num + record,
                                   f->stream->plain->data + start, prefix_len),
                    ==, FLOW_TX_OK);
}

/* Sends from..end again, from the plaintext, in pieces of any length. */
static void send_rest(struct fixture *f, size_t from, size_t piece_max)
{
    memcpy(f->out + from, f->stream->plain->data + from, f->len - from);
    while (from < f->len) {
        size_t piece = g_test_rand_int_range(1, piece_max + 1);
        size_t to = MIN(f->len, from + piece);

        send_good(f, from, to);
        from = to;
    }
}

/* ---- splits ---- */

/* Records of every kind of end: empty, part of a block, a block, more. */
static const size_t small_lengths[] = { 0, 1, 15, 16, 17, 0, 48, 3 };

static void test_every_split(void)
{
    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct fixture f;

        setup(&f, reference_suites[c], 1000, 0, small_lengths,
              G_N_ELEMENTS(small_lengths));
        for (size_t cut = 0; cut <= f.len; cut++) {
            restart(&f);
            send_good(&f, 0, cut);
            send_good(&f, cut, f.len);
        }
        teardown(&f);
    }
}

/* Two cuts near each other: a piece that lies inside a header, a nonce, a tag. */
static void test_every_short_piece(void)
{
    struct fixture f;

    setup(&f, SUITE(1_2, AES_GCM_128), 77, 5, small_lengths,
          G_N_ELEMENTS(small_lengths));
    for (size_t cut = 0; cut < f.len; cut++) {
        for (size_t len = 1; len <= 20 && cut + len <= f.len; len++) {
            restart(&f);
            send_good(&f, 0, cut);
            send_good(&f, cut, cut + len);
            send_good(&f, cut + len, f.len);
        }
    }
    teardown(&f);
}

static void test_byte_by_byte(void)
{
    static const size_t lengths[] = { 0, 100, 1, 333, 16384, 16 };

    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct fixture f;

        setup(&f, reference_suites[c], 0xfffffff0, 9, lengths,
              G_N_ELEMENTS(lengths));
        for (size_t i = 0; i < f.len; i++) {
            send_good(&f, i, i + 1);
        }
        teardown(&f);
    }
}

static void test_random_segments(void)
{
    static const size_t piece_max[] = { 7, 40, 1460, 9000, 65536 };

    for (unsigned n = 0; n < 300; n++) {
        size_t lengths[24];
        unsigned count = g_test_rand_int_range(1, G_N_ELEMENTS(lengths) + 1);
        struct fixture f;

        for (unsigned i = 0; i < count; i++) {
            lengths[i] = g_test_rand_int_range(0, n % 10 ? 300 : 16385);
        }
        setup(&f, reference_suites[n % REFERENCE_SUITES], g_test_rand_int(), g_test_rand_int(),
              lengths, count);
        send_rest(&f, 0, piece_max[n % G_N_ELEMENTS(piece_max)]);
        teardown(&f);
    }
}

/* The TCP sequence passes 2^32 at every place of a record. */
static void test_sequence_wrap(void)
{
    struct fixture f;
    static const size_t lengths[] = { 20, 20 };

    for (uint32_t before = 0; before <= 2 * (20 + 29); before++) {
        setup(&f, SUITE(1_2, AES_GCM_256), -before, 3, lengths, 2);
        send_rest(&f, 0, 10);
        teardown(&f);

        setup(&f, SUITE(1_2, AES_GCM_256), -before, 3, lengths, 2);
        send_good(&f, 0, before);
        send_good(&f, before, f.len);
        teardown(&f);
    }
}

/* ---- refusals ---- */

/* A wrong sequence changes nothing; a unit without payload has no sequence. */
static void test_bad_seq(void)
{
    static const size_t lengths[] = { 50, 50 };
    struct fixture f;
    struct flow_tx_done done = { 999, 999 };

    setup(&f, SUITE(1_2, AES_GCM_128), 5000, 0, lengths, 2);
    for (size_t pos = 0; pos < f.len; pos++) {
        uint8_t data[8] = { 23, 3, 3, 0, 30 }, before[8];

        memcpy(before, data, sizeof(data));
        for (int delta = -3; delta <= 3; delta++) {
            uint32_t seq = f.seq + pos + delta;

            g_assert_cmpint(flow_tx_encrypt(f.flow, seq, data, 0, &done),
                            ==, FLOW_TX_OK);
            if (delta) {
                g_assert_cmpint(flow_tx_encrypt(f.flow, seq, data,
                                                sizeof(data), &done),
                                ==, FLOW_TX_BAD_SEQ);
                g_assert_cmpuint(done.records, ==, 0);
                g_assert_cmpmem(data, sizeof(data), before, sizeof(before));
            }
        }
        g_assert_cmpint(flow_tx_encrypt(f.flow, f.seq + pos + 0x80000000, data,
                                        sizeof(data), &done),
                        ==, FLOW_TX_BAD_SEQ);
        send_good(&f, pos, pos + 1);
    }
    teardown(&f);
}

/*
 * Breaks the header of the second record, and sends it in two pieces cut at
 * every place: the error comes with the piece that completes the header, and
 * the context is lost until a resync.
 */
static void bad_record(const uint8_t header[5])
{
    static const size_t lengths[] = { 30, 40, 50 };
    struct fixture f;
    size_t second;

    setup(&f, SUITE(1_2, AES_GCM_128), 1, 0, lengths, 3);
    second = reference_stream_start(f.stream, 1);
    for (size_t cut = 1; cut <= second + 10; cut++) {
        struct flow_tx_done done = { 999, 999 };

        restart(&f);
        memcpy(f.out + second, header, 5);
        if (cut < second + 5) {
            g_assert_cmpint(push(&f, 0, cut, &done), ==, FLOW_TX_OK);
            g_assert_cmpint(push(&f, cut, f.len, &done), ==,
                            FLOW_TX_BAD_RECORD);
        } else {
            g_assert_cmpint(push(&f, 0, cut, &done), ==,
                            FLOW_TX_BAD_RECORD);
        }
        g_assert_cmpuint(done.records, ==, 0);

        for (size_t pos = 0; pos < f.len; pos++) {
            g_assert_cmpint(push(&f, pos, pos + 1, &done), ==,
                            FLOW_TX_BAD_SEQ);
            g_assert_cmpint(push(&f, pos, pos, &done), ==, FLOW_TX_OK);
        }
        resync_good(&f, 1, 3);
        send_rest(&f, second + 3, 100);
    }
    teardown(&f);
}

static void test_bad_record(void)
{
    bad_record((uint8_t[]) { 23, 3, 4, 0, 100 });
    bad_record((uint8_t[]) { 23, 2, 3, 0, 100 });
    bad_record((uint8_t[]) { 23, 3, 3, 0, 23 });
    bad_record((uint8_t[]) { 23, 3, 3, 0, 0 });
    bad_record((uint8_t[]) { 23, 3, 3, 0x40, 25 });
    bad_record((uint8_t[]) { 23, 3, 3, 0xff, 0xff });
    bad_record((uint8_t[]) { 'G', 'E', 'T', ' ', '/' });
}

/* No record number is used twice: after 2^64 - 1 the context is at its end. */
static void test_record_numbers_end(void)
{
    static const size_t lengths[] = { 10, 20, 30 };

    for (unsigned together = 0; together < 2; together++) {
        struct fixture f;
        struct flow_tx_done done;
        size_t third;

        setup(&f, SUITE(1_2, AES_GCM_128), 0, UINT64_MAX - 1, lengths, 3);
        third = reference_stream_start(f.stream, 2);
        if (!together) {
            send_good(&f, 0, third);
            g_assert_cmpint(push(&f, third, third + 1, &done), ==,
                            FLOW_TX_BAD_RECORD);
        } else {
            g_assert_cmpint(push(&f, 0, third + 1, &done), ==,
                            FLOW_TX_BAD_RECORD);
        }
        g_assert_cmpuint(done.records, ==, 0);
        g_assert_cmpint(push(&f, third, f.len, &done), ==, FLOW_TX_BAD_SEQ);

        /* retransmission of the last good one */
        memcpy(f.out, f.stream->plain->data, f.len);
        resync_good(&f, 1, 15);
        send_good(&f, reference_stream_start(f.stream, 1) + 15, third);
        g_assert_cmpint(push(&f, third, f.len, &done), ==,
                        FLOW_TX_BAD_RECORD);
        teardown(&f);
    }
}

static void test_supported(void)
{
    struct flow_params params = { .keys.version = KTLSNIC_TLS_VERSIONS };

    for (size_t i = 0; i < REFERENCE_SUITES; i++) {
        g_assert_true(flow_tx_supported(reference_suites[i].version,
                                        reference_suites[i].cipher));
    }
    g_assert_false(flow_tx_supported(KTLSNIC_TLS_VERSIONS, 0));
    g_assert_false(flow_tx_supported(KTLSNIC_TLS_1_2, KTLSNIC_CIPHERS));
    g_assert_false(flow_tx_supported(0xff, 0xff));
    g_assert_null(flow_tx_new(&params));
    flow_tx_free(NULL);
}

/* ---- resync ---- */

/* To every place of every record, from every kind of place. */
static void test_resync_every_prefix(void)
{
    for (size_t c = 0; c < REFERENCE_SUITES; c++) {
        struct fixture f;

        setup(&f, reference_suites[c], 0xffffff80, 1ULL << 40, small_lengths,
              G_N_ELEMENTS(small_lengths));
        for (unsigned i = 0; i < G_N_ELEMENTS(small_lengths); i++) {
            size_t start = reference_stream_start(f.stream, i);
            size_t len = reference_stream_start(f.stream, i + 1) - start;

            for (size_t prefix = 0; prefix < len; prefix++) {
                resync_good(&f, i, prefix);
                send_rest(&f, start + prefix, 25);
                /* leave it somewhere inside */
                resync_good(&f, i, prefix);
                memcpy(f.out, f.stream->plain->data, f.len);
                send_good(&f, start + prefix, MIN(start + prefix + 9, f.len));
            }
        }
        teardown(&f);
    }
}

/* Long prefixes, which go through the cipher in several pieces. */
static void test_resync_long(void)
{
    static const size_t lengths[] = { 16384, 16383, 5 };
    struct fixture f;

    setup(&f, SUITE(1_2, AES_GCM_256), 1, 0, lengths, 3);
    for (unsigned n = 0; n < 300; n++) {
        unsigned i = n % 2;
        size_t prefix = g_test_rand_int_range(0, lengths[i] + 29);

        resync_good(&f, i, prefix);
        send_rest(&f, reference_stream_start(f.stream, i) + prefix, 30000);
    }
    teardown(&f);
}

/* A prefix that is no record, or all of one, or more; then a good one. */
static void test_resync_bad(void)
{
    static const size_t lengths[] = { 30, 40 };
    uint8_t junk[100] = { 23, 3, 1, 0, 50 };
    struct fixture f;
    struct flow_tx_done done;
    size_t first;

    setup(&f, SUITE(1_2, AES_GCM_128), 9, 0, lengths, 2);
    first = reference_stream_start(f.stream, 1);
    for (size_t len = 5; len <= sizeof(junk); len++) {
        g_assert_cmpint(flow_tx_resync(f.flow, 9, 0, junk, len), ==,
                        FLOW_TX_BAD_RECORD);
        g_assert_cmpint(flow_tx_encrypt(f.flow, 9 + len, junk, 1, &done),
                        ==, FLOW_TX_BAD_SEQ);
    }
    for (size_t len = first; len <= f.len; len++) {
        g_assert_cmpint(flow_tx_resync(f.flow, 9, 0, f.stream->plain->data,
                                       len), ==, FLOW_TX_BAD_RECORD);
        g_assert_cmpint(push(&f, len, len, &done), ==, FLOW_TX_OK);
        g_assert_cmpint(flow_tx_encrypt(f.flow, 9 + len, junk, 1, &done),
                        ==, FLOW_TX_BAD_SEQ);
    }
    resync_good(&f, 0, 0);
    send_rest(&f, 0, 20);
    teardown(&f);
}

/* What the resync unit is for: segments of a stream in any order. */
static void test_resync_random_order(void)
{
    for (unsigned n = 0; n < 60; n++) {
        size_t lengths[16];
        struct fixture f;

        for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
            lengths[i] = g_test_rand_int_range(0, 3000);
        }
        setup(&f, reference_suites[n % REFERENCE_SUITES], g_test_rand_int(), 0,
              lengths, G_N_ELEMENTS(lengths));
        for (unsigned k = 0; k < 100; k++) {
            size_t from = g_test_rand_int_range(0, f.len);
            size_t piece = g_test_rand_int_range(1, 5000);
            size_t to = MIN(f.len, from + piece);
            unsigned i = 0;

            while (reference_stream_start(f.stream, i + 1) <= from) {
                i++;
            }
            memcpy(f.out + from, f.stream->plain->data + from, to - from);
            resync_good(&f, i, from - reference_stream_start(f.stream, i));
            send_good(&f, from, to);
        }
        teardown(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/flow-tx/case-02-every-split", test_every_split);
    g_test_add_func("/flow-tx/case-02-every-short-piece",
                    test_every_short_piece);
    g_test_add_func("/flow-tx/byte-by-byte", test_byte_by_byte);
    g_test_add_func("/flow-tx/random-segments", test_random_segments);
    g_test_add_func("/flow-tx/case-24-sequence-wrap", test_sequence_wrap);
    g_test_add_func("/flow-tx/bad-seq", test_bad_seq);
    g_test_add_func("/flow-tx/bad-record", test_bad_record);
    g_test_add_func("/flow-tx/case-25-record-numbers-end",
                    test_record_numbers_end);
    g_test_add_func("/flow-tx/supported", test_supported);
    g_test_add_func("/flow-tx/resync/case-04-every-prefix",
                    test_resync_every_prefix);
    g_test_add_func("/flow-tx/resync/case-05-long", test_resync_long);
    g_test_add_func("/flow-tx/resync/bad", test_resync_bad);
    g_test_add_func("/flow-tx/resync/case-04-random-order",
                    test_resync_random_order);
    return g_test_run();
}
