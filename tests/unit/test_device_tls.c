/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TLS transmit through rings and frames (SPEC 9.4, 9.5), against records made
 * by another library. */
#include <string.h>

#include "reference.h"
#include "tx_units.h"

#define COMPLETE    KTLSNIC_TXF_COMPLETE
#define TSO         KTLSNIC_TXF_TSO
#define TLS         KTLSNIC_TXF_TLS
#define CONTEXT     5

static const size_t lengths[] = { 100, 0, 16384, 1, 4000, 16, 9999 };

/* A connection: its stream, and the device's context for it. */
struct fixture {
    struct fake_host *host;
    struct fake_queue q;
    struct fake_ring cmd, cmd_cq;
    uint32_t used;              /* memory of the rings */
    unsigned version;           /* of IP */
    struct reference_key key;
    struct reference_stream *stream;
    uint32_t seq;               /* of its first byte */
    bool quiet;                 /* units want no completion */
};

static unsigned command(struct fixture *f, struct ktlsnic_cmd *cmd,
                        enum ktlsnic_cmd_op op)
{
    struct ktlsnic_cmd_cpl cpl;

    cmd->op = GUINT16_TO_LE(op);
    fake_push(&f->cmd, cmd);
    fake_ring_doorbell(&f->cmd);
    fake_settle(f->host);
    g_assert_true(fake_pop(&f->cmd_cq, &cpl));
    fake_ring_doorbell(&f->cmd_cq);
    return GUINT16_FROM_LE(cpl.status);
}

static void add_context(struct fixture *f, uint64_t rec_num)
{
    struct ktlsnic_cmd cmd = { 0 };
    struct ktlsnic_cmd_tls_add *add = &cmd.body.tls_add;

    add->tls_ctx = GUINT32_TO_LE(CONTEXT);
    add->version = f->key.version;
    add->cipher = f->key.cipher;
    add->tcp_seq = GUINT32_TO_LE(f->seq);
    add->rec_num = GUINT64_TO_LE(rec_num);
    memcpy(add->iv, f->key.iv, sizeof(add->iv));
    memcpy(add->key, f->key.key, sizeof(add->key));
    g_assert_cmpuint(command(f, &cmd, KTLSNIC_CMD_TLS_TX_ADD), ==,
                     KTLSNIC_CMD_OK);
}

static void del_context(struct fixture *f)
{
    struct ktlsnic_cmd cmd = { 0 };

    cmd.body.tls_ctx.tls_ctx = GUINT32_TO_LE(CONTEXT);
    g_assert_cmpuint(command(f, &cmd, KTLSNIC_CMD_TLS_TX_DEL), ==,
                     KTLSNIC_CMD_OK);
}

static struct fixture setup(unsigned version, struct reference_suite suite,
                            uint32_t seq, uint64_t rec_num)
{
    struct fixture f = {
        .host = fake_host_new(NULL),
        .version = version,
        .seq = seq,
    };

    f.q = fake_queue_open(f.host, 0, 8);
    f.cmd_cq = fake_ring_open(f.host, KTLSNIC_RING_CMD_CQ, 6, 16);
    f.cmd = fake_ring_open(f.host, KTLSNIC_RING_CMD, 6, 128);
    f.used = f.host->used;
    reference_key_random(&f.key, suite);
    f.stream = reference_stream_new(&f.key, rec_num, lengths,
                                    G_N_ELEMENTS(lengths));
    add_context(&f, rec_num);
    return f;
}

static void teardown(struct fixture *f)
{
    reference_stream_free(f->stream);
    fake_host_free(f->host);
}

static size_t stream_len(const struct fixture *f)
{
    return f->stream->plain->len;
}

/* Bytes from..to of the stream (plain or wire) in a TCP frame. */
static struct frame frame_of(const struct fixture *f, const GByteArray *bytes,
                             size_t from, size_t to)
{
    struct frame_spec spec = {
        .version = f->version,
        .proto = PROTO_TCP,
        .tcp_options = 12,
        .payload_len = to - from,
    };
    struct frame frame = frame_make(&spec);
    uint32_t seq = GUINT32_TO_BE(f->seq + (uint32_t)from);

    memcpy(frame.data + frame.l4_off + 4, &seq, sizeof(seq));
    memcpy(frame.data + frame.payload_off, bytes->data + from, to - from);
    frame_set_checksums(&frame);
    return frame;
}

/* The frame with other payload: what must be on the wire for it. */
static struct frame on_wire(const struct fixture *f, const struct frame *plain,
                            size_t from)
{
    struct frame wire = *plain;

    wire.data = g_memdup2(plain->data, plain->len);
    memcpy(wire.data + wire.payload_off, f->stream->wire->data + from,
           wire.len - wire.payload_off);
    frame_set_checksums(&wire);
    return wire;
}

static struct tx_unit_spec tls_unit(struct fixture *f,
                                    const struct frame *frame, uint32_t mss)
{
    unsigned flags = TLS | (mss ? TSO : 0) | (f->quiet ? 0 : COMPLETE);
    struct tx_unit_spec unit = tx_unit_of_frame(f->host, frame,
                                                g_test_rand_int_range(1, 20),
                                                flags);

    unit.desc[0].mss = GUINT16_TO_LE(mss);
    unit.desc[0].tls_ctx = GUINT32_TO_LE(CONTEXT);
    return unit;
}

static void clear(struct fixture *f)
{
    g_ptr_array_set_size(f->host->sent, 0);
    f->host->used = f->used;
}

/* Sends from..to of the stream; returns the status. If that is OK the wire
 * must carry the reference's bytes in the right headers. */
static unsigned push(struct fixture *f, size_t from, size_t to, uint32_t mss)
{
    struct frame frame = frame_of(f, f->stream->plain, from, to);
    struct frame wire = on_wire(f, &frame, from);
    struct tx_unit_spec unit = tls_unit(f, &frame, mss);
    unsigned status = tx_unit_do(&f->q, &unit);
    unsigned sent = 0;

    if (status == KTLSNIC_TX_OK && mss) {
        struct frame seg;

        while ((seg = tx_segment_of(&wire, mss, sent)).data) {
            g_assert_cmpuint(sent, <, f->host->sent->len);
            tx_assert_sent(g_ptr_array_index(f->host->sent, sent++), seg.data,
                           seg.len);
            frame_free(&seg);
        }
    } else if (status == KTLSNIC_TX_OK) {
        tx_assert_sent(fake_last_sent(f->host), wire.data, wire.len);
        sent = 1;
    }
    g_assert_cmpuint(f->host->sent->len, ==, sent);
    frame_free(&frame);
    frame_free(&wire);
    clear(f);
    return status;
}

/* The whole stream, cut anywhere, with and without TSO; the sequence wraps. */
static void test_stream(void)
{
    for (unsigned i = 0; i < 60; i++) {
        uint32_t seq = i % 3 ? (uint32_t)g_test_rand_int()
                             : 0xffffffffu - i * 100;
        struct fixture f = setup(i % 2 ? 4 : 6,
                                 reference_suites[i / 2 % REFERENCE_SUITES],
                                 seq, i % 4 ? 1 : 0xfffffffffull);
        uint64_t packets = 0;

        for (size_t from = 0, to; from < stream_len(&f); from = to) {
            uint32_t mss = g_test_rand_bit() ? g_test_rand_int_range(32, 3000)
                                             : 0;

            to = from + g_test_rand_int_range(1, mss ? 30000 : 1461);
            to = MIN(to, stream_len(&f));
            g_assert_cmpuint(push(&f, from, to, mss), ==, KTLSNIC_TX_OK);
            packets += mss ? (to - from + mss - 1) / mss : 1;
        }
        g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_PACKETS), ==,
                         packets);
        g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_BYTES), ==,
                         stream_len(&f));
        g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RECORDS), ==,
                         G_N_ELEMENTS(lengths));
        g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ERRORS), ==, 0);
        teardown(&f);
    }
}

/* Units without payload go by, whatever their sequence; so do units without
 * the flag. */
static void test_pure_ack(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 1000, 0);
    struct frame frame;
    struct tx_unit_spec unit;

    g_assert_cmpuint(push(&f, 0, 500, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, 7, 7, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, 7000, 7000, 1000), ==, KTLSNIC_TX_OK);
    frame = frame_of(&f, f.stream->plain, 100, 200);
    unit = tx_unit_of_frame(f.host, &frame, 1, 0);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    tx_assert_sent(fake_last_sent(f.host), frame.data, frame.len);
    frame_free(&frame);
    clear(&f);
    g_assert_cmpuint(push(&f, 500, 1000, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_PACKETS), ==, 2);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_BYTES), ==, 1000);
    teardown(&f);
}

static void test_bad_seq(void)
{
    struct fixture f = setup(6, SUITE(1_2, AES_GCM_256), 77, 9);

    g_assert_cmpuint(push(&f, 1, 100, 0), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    g_assert_cmpuint(push(&f, 0, 1000, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, 0, 1000, 0), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    g_assert_cmpuint(push(&f, 1001, 2000, 500), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    /* The context is as before. */
    g_assert_cmpuint(push(&f, 1000, 2000, 500), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ERRORS), ==, 3);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_ERRORS), ==, 3);
    teardown(&f);
}

static void test_no_context(void)
{
    static const uint32_t bad[] = { 4, 6, 15, 16, 0xffffffff };
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 0, 0);
    struct frame frame = frame_of(&f, f.stream->plain, 0, 100);
    struct tx_unit_spec unit = tls_unit(&f, &frame, 0);

    for (unsigned i = 0; i < G_N_ELEMENTS(bad); i++) {
        unit.desc[0].tls_ctx = GUINT32_TO_LE(bad[i]);
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==,
                         KTLSNIC_TX_TLS_NO_CONTEXT);
        unit = tx_unit_resync(f.host, bad[i], 0, 0, NULL, 0, 0);
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==,
                         KTLSNIC_TX_TLS_NO_CONTEXT);
        unit = tls_unit(&f, &frame, 0);
    }
    del_context(&f);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TLS_NO_CONTEXT);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ERRORS), ==, 11);
    frame_free(&frame);
    teardown(&f);
}

/* A check that fails before the sequence is looked at leaves the context. */
static void test_failed_check_touches_nothing(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 0, 0);
    struct frame frame = frame_of(&f, f.stream->plain, 0, 1000);
    struct tx_unit_spec unit = tls_unit(&f, &frame, 0);

    unit.desc[0].l4_off = 0;
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_BAD_HEADER);
    unit.desc[0].l4_off = frame.l4_off;
    unit.desc[0].reserved = 1;
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_BAD_DESC);
    unit = tls_unit(&f, &frame, 9200);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TOO_LONG);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    g_assert_cmpuint(push(&f, 0, 1000, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_ERRORS), ==, 0);
    frame_free(&frame);
    teardown(&f);
}

/* No record where one must start: nothing leaves, and only a resync helps. */
static void test_bad_record(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 50, 3);
    size_t second = reference_stream_start(f.stream, 1);
    uint8_t type = f.stream->plain->data[second + 1];
    struct tx_unit_spec unit;

    f.stream->plain->data[second + 1] ^= 0xff;      /* the version */
    g_assert_cmpuint(push(&f, 0, second + 50, 0), ==,
                     KTLSNIC_TX_TLS_BAD_RECORD);
    f.stream->plain->data[second + 1] = type;
    g_assert_cmpuint(push(&f, 0, second, 0), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    g_assert_cmpuint(push(&f, second, second + 100, 0), ==,
                     KTLSNIC_TX_TLS_BAD_SEQ);
    g_assert_cmpuint(push(&f, 0, 0, 0), ==, KTLSNIC_TX_OK);
    unit = tx_unit_resync(f.host, CONTEXT, f.seq + second, 4, NULL, 0, 0);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, second, second + 100, 0), ==, KTLSNIC_TX_OK);
    teardown(&f);
}

/* Any segment, any number of times, in any order, after its resync unit:
 * pushed together, as a driver does it. */
static void test_resync(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_256), 0xfffff000, 17);
    uint64_t bytes = 0;

    for (unsigned i = 0; i < 400; i++) {
        size_t from = g_test_rand_int_range(0, stream_len(&f));
        size_t to = from + g_test_rand_int_range(1, 1461);
        size_t start = 0, prefix;
        unsigned rec = 0;
        struct tx_unit_spec unit;

        to = MIN(to, stream_len(&f));
        while (reference_stream_start(f.stream, rec + 1) <= from) {
            rec++;
        }
        start = reference_stream_start(f.stream, rec);
        prefix = from - start;
        unit = tx_unit_resync(f.host, CONTEXT, f.seq + start, 17 + rec,
                              f.stream->plain->data + start, prefix,
                              prefix ? 1 + g_test_rand_int() % MIN(prefix, 9)
                                     : 0);
        tx_unit_push(&f.q.tx, &unit);
        g_assert_cmpuint(push(&f, from, to, 0), ==, KTLSNIC_TX_OK);
        bytes += prefix;
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RESYNCS), ==, 400);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RESYNC_BYTES), ==,
                     bytes);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_PACKETS), ==, 400);
    teardown(&f);
}

static void test_resync_bad(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 0, 0);
    const uint8_t *plain = f.stream->plain->data;
    size_t record = reference_stream_start(f.stream, 1);
    const struct tx_unit_spec good = tx_unit_resync(f.host, CONTEXT, 0, 0,
                                                    plain, 60, 3);
    struct tx_unit_spec unit;
    struct ktlsnic_tx_resync head;

#define BAD(change) do { \
        unit = good; \
        memcpy(&head, unit.desc, sizeof(head)); \
        change; \
        memcpy(unit.desc, &head, sizeof(head)); \
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_BAD_DESC); \
    } while (0)
    BAD(head.prefix_len = GUINT32_TO_LE(59));
    BAD(head.prefix_len = GUINT32_TO_LE(0));
    BAD(head.prefix_len = GUINT32_TO_LE(0xffffffff));
    BAD(head.reserved[0] = 1);
    BAD(head.reserved[1] = 1);
    BAD(head.flags = GUINT16_TO_LE(TLS));
    BAD(head.flags = GUINT16_TO_LE(0x8001));
    BAD(unit.desc[1].mss = 1);
    BAD(unit.desc[2].len = 0);
#undef BAD
    g_assert_cmpuint(push(&f, 0, 50, 0), ==, KTLSNIC_TX_OK);

    /* The whole record, or no record at all: lost. */
    unit = tx_unit_resync(f.host, CONTEXT, 0, 0, plain, record, 2);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TLS_BAD_RECORD);
    g_assert_cmpuint(push(&f, 50, 100, 0), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    unit = tx_unit_resync(f.host, CONTEXT, 0, 0, plain + 1, 50, 2);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TLS_BAD_RECORD);
    /* Longer than any record; longer than memory. */
    unit = tx_unit_resync(f.host, CONTEXT, 0, 0, plain, stream_len(&f), 3);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TLS_BAD_RECORD);
    unit.desc[1].len = GUINT32_TO_LE(0x7fffffff);
    unit.desc[1].addr = GUINT64_TO_LE(FAKE_MEM_BASE);
    unit.desc[2].len = GUINT32_TO_LE(0x40000000);
    unit.desc[3].len = GUINT32_TO_LE(0x40000000);
    unit.desc[0].len = GUINT32_TO_LE(0xffffffff);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_TLS_BAD_RECORD);
    unit = tx_unit_resync(f.host, CONTEXT, 0, 0, plain, 60, 3);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, 60, 100, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RESYNCS), ==, 1);
    teardown(&f);
}

/* By command: only to the start of a record, of any number. */
static void test_resync_command(void)
{
    struct fixture f = setup(6, SUITE(1_2, AES_GCM_256), 0xffffff00, 9);
    unsigned records = G_N_ELEMENTS(lengths);

    for (unsigned i = 0; i < 40; i++) {
        unsigned rec = g_test_rand_int_range(0, records);
        size_t start = reference_stream_start(f.stream, rec);
        struct ktlsnic_cmd cmd = { 0 };

        cmd.body.tls_resync.tls_ctx = GUINT32_TO_LE(CONTEXT);
        cmd.body.tls_resync.tcp_seq = GUINT32_TO_LE(f.seq + start);
        cmd.body.tls_resync.rec_num = GUINT64_TO_LE(UINT64_C(9) + rec);
        g_assert_cmpuint(command(&f, &cmd, KTLSNIC_CMD_TLS_TX_RESYNC), ==,
                         KTLSNIC_CMD_OK);
        g_assert_cmpuint(push(&f, start, MIN(start + 1400, stream_len(&f)), 0),
                         ==, KTLSNIC_TX_OK);
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RESYNCS), ==, 40);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RESYNC_BYTES), ==,
                     0);
    teardown(&f);
}

/* A completion tells the payload of all units since the last one. */
static void test_payload_count(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 0, 0);
    size_t first = reference_stream_start(f.stream, 1);
    size_t second = reference_stream_start(f.stream, 2);
    size_t third = reference_stream_start(f.stream, 3);
    struct tx_unit_spec unit = { .ndesc = 0 };

    g_assert_cmpuint(f.q.tls_payload, ==, 0);
    g_assert_cmpuint(push(&f, 0, 5 + 8 + 1, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.q.tls_payload, ==, 1);
    f.quiet = true;
    g_assert_cmpuint(push(&f, 5 + 8 + 1, first, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(push(&f, first, second + 5 + 8, 0), ==, KTLSNIC_TX_OK);
    f.quiet = false;
    g_assert_cmpuint(push(&f, second + 5 + 8, third - 16, 1000), ==,
                     KTLSNIC_TX_OK);
    g_assert_cmpuint(f.q.tls_payload, ==, 99 + 0 + 16384);
    g_assert_cmpuint(push(&f, third - 16, third, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.q.tls_payload, ==, 0);
    /* What was not encrypted, or only replayed, does not count. */
    g_assert_cmpuint(push(&f, 0, 1000, 0), ==, KTLSNIC_TX_TLS_BAD_SEQ);
    g_assert_cmpuint(f.q.tls_payload, ==, 0);
    unit = tx_unit_resync(f.host, CONTEXT, second, 2,
                          f.stream->plain->data + second, 500, 2);
    unit.desc[0].flags = GUINT16_TO_LE(COMPLETE);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.q.tls_payload, ==, 0);
    teardown(&f);
}

/* With the link down the context goes on, but no packet has left. */
static void test_link_down(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_128), 0, 0);
    struct frame frame = frame_of(&f, f.stream->plain, 0, 200);
    struct tx_unit_spec unit = tls_unit(&f, &frame, 0);

    ktlsnic_dev_set_link(f.host->dev, false);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    ktlsnic_dev_set_link(f.host->dev, true);
    g_assert_cmpuint(push(&f, 200, 300, 0), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_PACKETS), ==, 1);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_BYTES), ==, 100);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TLS_TX_RECORDS), ==, 2);
    frame_free(&frame);
    teardown(&f);
}

/* No byte of a key or IV is written anywhere: not to memory, not to a register
 * (traces carry no more than numbers from descriptors). */
static void test_keys_stay(void)
{
    struct fixture f = setup(4, SUITE(1_2, AES_GCM_256), 0, 0);
    uint32_t words[8];

    memset(fake_ptr(f.host, f.cmd.base), 0, 128 * 64);  /* as the driver does */
    g_assert_cmpuint(push(&f, 0, stream_len(&f), 1400), ==, KTLSNIC_TX_OK);
    del_context(&f);
    memcpy(words, f.key.key, sizeof(words));
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        g_assert_null(memmem(f.host->mem, FAKE_MEM_SIZE, &f.key.key[4 * i], 8 -
                             (i == 7 ? 4 : 0)));
        for (uint32_t reg = 0; reg < KTLSNIC_BAR_REGS_SIZE; reg += 4) {
            g_assert_cmphex(fake_read(f.host, reg), !=, words[i]);
        }
    }
    teardown(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls/case-02-stream", test_stream);
    g_test_add_func("/device/tls/case-16-pure-ack", test_pure_ack);
    g_test_add_func("/device/tls/bad-seq", test_bad_seq);
    g_test_add_func("/device/tls/no-context", test_no_context);
    g_test_add_func("/device/tls/failed-check",
                    test_failed_check_touches_nothing);
    g_test_add_func("/device/tls/bad-record", test_bad_record);
    g_test_add_func("/device/tls/case-04-resync", test_resync);
    g_test_add_func("/device/tls/resync-bad", test_resync_bad);
    g_test_add_func("/device/tls/case-08-resync-command", test_resync_command);
    g_test_add_func("/device/tls/payload-count", test_payload_count);
    g_test_add_func("/device/tls/link-down", test_link_down);
    g_test_add_func("/device/tls/keys-stay", test_keys_stay);
    return g_test_run();
}
