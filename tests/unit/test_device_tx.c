/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Transmit without TLS (SPEC 9). */
#include <string.h>

#include "reference.h"
#include "tx_units.h"

#define COMPLETE    KTLSNIC_TXF_COMPLETE
#define L3          KTLSNIC_TXF_L3_CSUM
#define L4          KTLSNIC_TXF_L4_CSUM
#define TSO         KTLSNIC_TXF_TSO
#define VLAN        KTLSNIC_TXF_VLAN

struct fixture {
    struct fake_host *host;
    struct fake_ring event;
    struct fake_queue q;        /* queue pair 1 */
    uint32_t used;              /* memory of the rings: the rest is for units */
};

static struct fixture setup(void)
{
    struct fixture f = { .host = fake_host_new(NULL) };

    f.event = fake_ring_open(f.host, KTLSNIC_RING_EVENT, 6, 16);
    f.q = fake_queue_open(f.host, 1, 8);
    f.used = f.host->used;
    return f;
}

/* Forgets what was sent and the memory of the units. */
static void clear(struct fixture *f)
{
    g_ptr_array_set_size(f->host->sent, 0);
    f->host->used = f->used;
}

static struct frame tcp_frame(unsigned version, uint32_t payload_len)
{
    struct frame_spec spec = {
        .version = version,
        .proto = PROTO_TCP,
        .tcp_options = 12,
        .payload_len = payload_len,
    };

    return frame_make(&spec);
}

/* Any bytes, in any number of buffers, go out as they are. */
static void test_gather(void)
{
    static const uint32_t lens[] = { 14, 59, 60, 61, 1514, 9238 };
    static const unsigned counts[] = { 1, 2, 3, 14, 64 };
    struct fixture f = setup();
    uint8_t data[9238];
    uint64_t bytes = 0, frames = 0;

    for (unsigned l = 0; l < G_N_ELEMENTS(lens); l++) {
        for (unsigned c = 0; c < G_N_ELEMENTS(counts); c++) {
            struct tx_unit_spec unit;

            if (counts[c] > lens[l]) {
                continue;
            }
            reference_random(data, lens[l]);
            unit = tx_unit_make(f.host, data, lens[l], counts[c],
                                c % 2 ? COMPLETE : 0);
            g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
            g_assert_cmpuint(f.host->sent->len, ==, 1);
            g_assert_cmpuint(f.host->sent_queue, ==, 1);
            tx_assert_sent(fake_last_sent(f.host), data, lens[l]);
            frames++;
            bytes += lens[l];
            clear(&f);
        }
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_PACKETS), ==, frames);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_BYTES), ==, bytes);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_ERRORS), ==, 0);
    fake_host_free(f.host);
}

/* Checksums of every shape of frame: whatever stood in the fields, the result
 * is that of the reference. */
static void test_checksum(void)
{
    struct fixture f = setup();
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame frame = frame_make(&spec);
        bool l4 = spec.proto == PROTO_TCP || spec.proto == PROTO_UDP;
        unsigned flags = (l4 ? L4 : 0) | (spec.version == 4 ? L3 : 0);
        uint8_t *want = g_memdup2(frame.data, frame.len);
        struct tx_unit_spec unit;

        if (spec.version == 4) {
            memset(frame.data + frame.l3_off + 10, 0xa5, 2);
        }
        if (l4) {
            memset(frame.data + frame.l4_off +
                   (spec.proto == PROTO_TCP ? 16 : 6), 0x5a, 2);
        }
        unit = tx_unit_of_frame(f.host, &frame, 2, flags);
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
        tx_assert_sent(fake_last_sent(f.host), want, frame.len);
        g_free(want);
        frame_free(&frame);
        clear(&f);
    }
    fake_host_free(f.host);
}

static void test_vlan(void)
{
    struct fixture f = setup();
    static const uint32_t lens[] = { 14, 55, 56, 57, 1000, 9238 };
    uint8_t data[9238], want[9242];

    for (unsigned i = 0; i < G_N_ELEMENTS(lens); i++) {
        struct tx_unit_spec unit;

        reference_random(data, lens[i]);
        memcpy(want, data, 12);
        memcpy(want + 12, "\x81\x00\xb1\x23", 4);
        memcpy(want + 16, data + 12, lens[i] - 12);
        unit = tx_unit_make(f.host, data, lens[i], 1, VLAN);
        unit.desc[0].vlan_tci = GUINT16_TO_LE(0xb123);
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
        tx_assert_sent(fake_last_sent(f.host), want, lens[i] + 4);
        clear(&f);
    }
    fake_host_free(f.host);
}

/* Cuts one frame and compares every segment. */
static void check_tso(struct fixture *f, const struct frame *frame,
                      uint32_t mss, unsigned nbufs)
{
    struct tx_unit_spec unit = tx_unit_of_frame(f->host, frame, nbufs, TSO);
    struct frame seg;
    unsigned i;

    unit.desc[0].mss = GUINT16_TO_LE(mss);
    g_assert_cmpuint(tx_unit_do(&f->q, &unit), ==, KTLSNIC_TX_OK);
    for (i = 0; (seg = tx_segment_of(frame, mss, i)).data; i++) {
        g_assert_cmpuint(i, <, f->host->sent->len);
        tx_assert_sent(g_ptr_array_index(f->host->sent, i), seg.data, seg.len);
        frame_free(&seg);
    }
    g_assert_cmpuint(i, ==, f->host->sent->len);
    clear(f);
}

static void test_tso(void)
{
    static const uint32_t payloads[] = { 0, 1, 32, 1447, 1448, 1449, 60000 };
    static const uint32_t sizes[] = { 32, 536, 1448, 9000 };
    struct fixture f = setup();
    unsigned units = 0;

    for (unsigned version = 4; version <= 6; version += 2) {
        for (unsigned p = 0; p < G_N_ELEMENTS(payloads); p++) {
            for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
                struct frame frame = tcp_frame(version, payloads[p]);

                check_tso(&f, &frame, sizes[s], 1 + units++ % 20);
                frame_free(&frame);
            }
        }
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_TSO_UNITS), ==, units);
    fake_host_free(f.host);
}

/* The longest unit there is: more than any IP length field can say. */
static void test_tso_longest(void)
{
    struct fixture f = setup();

    for (unsigned version = 4; version <= 6; version += 2) {
        struct frame frame = tcp_frame(version, 0);
        uint32_t headers = frame.len;

        frame_free(&frame);
        frame = tcp_frame(version, KTLSNIC_MAX_TSO - headers);
        g_assert_cmpuint(frame.len, ==, KTLSNIC_MAX_TSO);
        check_tso(&f, &frame, 1448, 64);
        frame_free(&frame);
    }
    fake_host_free(f.host);
}

/* Segments carry the tag too. */
static void test_tso_vlan(void)
{
    struct fixture f = setup();
    struct frame frame = tcp_frame(4, 5000);
    struct tx_unit_spec unit = tx_unit_of_frame(f.host, &frame, 3, TSO | VLAN);

    unit.desc[0].mss = GUINT16_TO_LE(1000);
    unit.desc[0].vlan_tci = GUINT16_TO_LE(42);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 5);
    for (unsigned i = 0; i < 5; i++) {
        struct frame seg = tx_segment_of(&frame, 1000, i);
        const GByteArray *sent = g_ptr_array_index(f.host->sent, i);

        g_assert_cmpuint(sent->len, ==, seg.len + 4);
        g_assert_true(memcmp(sent->data, seg.data, 12) == 0);
        g_assert_true(memcmp(sent->data + 12, "\x81\x00\x00\x2a", 4) == 0);
        g_assert_true(memcmp(sent->data + 16, seg.data + 12,
                             seg.len - 12) == 0);
        frame_free(&seg);
    }
    frame_free(&frame);
    fake_host_free(f.host);
}

/* A unit that is skipped: its status, nothing on the wire, the ring goes on. */
static void check_skipped(struct fixture *f, const struct tx_unit_spec *unit,
                          enum ktlsnic_tx_status status)
{
    uint64_t errors = fake_stat(f->host, KTLSNIC_STAT_TX_ERRORS);

    g_assert_cmpuint(tx_unit_do(&f->q, unit), ==, status);
    g_assert_cmpuint(f->host->sent->len, ==, 0);
    g_assert_cmpuint(fake_stat(f->host, KTLSNIC_STAT_TX_ERRORS), ==,
                     errors + 1);
}

static void test_bad_desc(void)
{
    struct fixture f = setup();
    uint8_t data[100] = { 0 };
    const struct tx_unit_spec good = tx_unit_make(f.host, data, 100, 3, 0);
    struct tx_unit_spec unit;

#define BAD(change) do { \
        unit = good; \
        change; \
        check_skipped(&f, &unit, KTLSNIC_TX_BAD_DESC); \
    } while (0)
    BAD(unit.desc[0].total_len = GUINT32_TO_LE(99));
    BAD(unit.desc[0].total_len = GUINT32_TO_LE(101));
    BAD(unit.desc[0].total_len = GUINT32_TO_LE(0xffffffff));
    BAD(unit.desc[1].len = 0);
    BAD(unit.desc[2].len = GUINT32_TO_LE(0xffffffff));
    BAD(unit.desc[0].flags = GUINT16_TO_LE(0x40));
    BAD(unit.desc[0].flags = GUINT16_TO_LE(0x8000));
    BAD(unit.desc[0].reserved = GUINT16_TO_LE(1));
    BAD(unit.desc[0].flags = GUINT16_TO_LE(TSO);
        unit.desc[0].mss = GUINT16_TO_LE(31));
    BAD(unit.desc[1].ndesc = 1);
    BAD(unit.desc[1].flags = GUINT16_TO_LE(COMPLETE));
    BAD(unit.desc[1].total_len = GUINT32_TO_LE(1));
    BAD(unit.desc[2].mss = GUINT16_TO_LE(1));
    BAD(unit.desc[2].vlan_tci = GUINT16_TO_LE(1));
    BAD(unit.desc[2].l3_off = 1);
    BAD(unit.desc[2].l4_off = 1);
    BAD(unit.desc[2].reserved = GUINT16_TO_LE(1));
    BAD(unit.desc[2].tls_ctx = GUINT32_TO_LE(1));
#undef BAD
    unit = tx_unit_make(f.host, data, 13, 1, 0);
    check_skipped(&f, &unit, KTLSNIC_TX_BAD_DESC);
    /* The sum is right, and one buffer is empty: a later one, or the head's. */
    unit = good;
    unit.desc[2].len = 0;
    unit.desc[1].len = GUINT32_TO_LE(100 - GUINT32_FROM_LE(unit.desc[0].len));
    check_skipped(&f, &unit, KTLSNIC_TX_BAD_DESC);
    unit = good;
    unit.desc[0].len = 0;
    unit.desc[1].len = GUINT32_TO_LE(100 - GUINT32_FROM_LE(unit.desc[2].len));
    check_skipped(&f, &unit, KTLSNIC_TX_BAD_DESC);
    /* The sum of these lengths is right, modulo 2^32. */
    unit = good;
    unit.desc[1].len = GUINT32_TO_LE(0x80000000);
    unit.desc[2].len = GUINT32_TO_LE(0x80000000);
    unit.desc[0].len = GUINT32_TO_LE(100);
    check_skipped(&f, &unit, KTLSNIC_TX_BAD_DESC);
    g_assert_cmpuint(tx_unit_do(&f.q, &good), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 1);
    fake_host_free(f.host);
}

static void test_bad_header(void)
{
    struct fixture f = setup();
    struct frame frame = tcp_frame(4, 100);
    const struct tx_unit_spec good = tx_unit_of_frame(f.host, &frame, 1, L4);
    static const unsigned flags[] = { L3, L4, TSO, KTLSNIC_TXF_TLS };
    struct tx_unit_spec unit;

    for (unsigned i = 0; i < G_N_ELEMENTS(flags); i++) {
        unit = good;
        unit.desc[0].flags = GUINT16_TO_LE(flags[i] | COMPLETE);
        unit.desc[0].mss = GUINT16_TO_LE(100);
        unit.desc[0].l3_off = 15;
        check_skipped(&f, &unit, KTLSNIC_TX_BAD_HEADER);
        if (flags[i] != L3) {
            unit.desc[0].l3_off = 14;
            unit.desc[0].l4_off = 255;
            check_skipped(&f, &unit, KTLSNIC_TX_BAD_HEADER);
        }
    }
    frame_free(&frame);
    fake_host_free(f.host);
}

static void test_too_long(void)
{
    struct fixture f = setup();
    uint8_t data[9239] = { 0 };
    struct frame frame = tcp_frame(4, 20000);
    uint32_t headers = frame.payload_off;
    struct tx_unit_spec unit = tx_unit_make(f.host, data, 9239, 4, 0);

    check_skipped(&f, &unit, KTLSNIC_TX_TOO_LONG);
    unit = tx_unit_make(f.host, data, 9239, 4, VLAN);
    check_skipped(&f, &unit, KTLSNIC_TX_TOO_LONG);
    unit = tx_unit_of_frame(f.host, &frame, 4, TSO);
    unit.desc[0].mss = GUINT16_TO_LE(9238 - headers + 1);
    check_skipped(&f, &unit, KTLSNIC_TX_TOO_LONG);
    unit.desc[0].mss = GUINT16_TO_LE(9238 - headers);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 3);
    frame_free(&frame);
    fake_host_free(f.host);
}

/* What stops the ring: the entry, and no completion. */
static void check_stopped(const struct tx_unit_spec *unit, unsigned entries,
                          enum ktlsnic_ring_error error)
{
    struct fixture f = setup();
    struct ktlsnic_event event;
    struct ktlsnic_tx_cpl cpl;

    for (unsigned i = 0; i < entries; i++) {
        fake_push(&f.q.tx, &unit->desc[i]);
    }
    fake_ring_doorbell(&f.q.tx);
    fake_settle(f.host);
    g_assert_cmphex(fake_ring_status(&f.q.tx), ==, (uint32_t)error << 8);
    g_assert_cmphex(fake_read(f.host, f.q.tx.reg + KTLSNIC_RING_INDEX), ==, 0);
    g_assert_true(fake_pop(&f.event, &event));
    g_assert_cmphex(GUINT32_FROM_LE(event.source), ==, f.q.tx.reg);
    g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, error);
    g_assert_false(fake_pop(&f.event, &event));
    g_assert_false(fake_pop(&f.q.tx_cq, &cpl));
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    fake_host_free(f.host);
}

/* A unit of more descriptors than may be, all of them there. */
static void check_too_many(unsigned ndesc)
{
    struct fixture f = setup();
    struct ktlsnic_tx_desc desc = {
        .addr = GUINT64_TO_LE(fake_alloc(f.host, 64)),
        .len = GUINT32_TO_LE(1),
        .type = KTLSNIC_TXD_PACKET,
        .ndesc = ndesc,
        .total_len = GUINT32_TO_LE(ndesc),
    };

    fake_push(&f.q.tx, &desc);
    desc = (struct ktlsnic_tx_desc) {
        .addr = desc.addr,
        .len = desc.len,
        .type = KTLSNIC_TXD_BUFFER,
    };
    for (unsigned i = 1; i < ndesc; i++) {
        fake_push(&f.q.tx, &desc);
    }
    fake_ring_doorbell(&f.q.tx);
    fake_settle(f.host);
    g_assert_cmphex(fake_ring_status(&f.q.tx), ==,
                    (uint32_t)KTLSNIC_RING_BAD_ENTRY << 8);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    fake_host_free(f.host);
}

static void test_bad_entry(void)
{
    struct fixture f = setup();
    uint8_t data[100] = { 0 };
    const struct tx_unit_spec good = tx_unit_make(f.host, data, 100, 3, 0);
    struct tx_unit_spec unit = good;

    for (unsigned type = 0; type < 256; type++) {
        unit = good;
        unit.desc[0].type = type;
        if (type != KTLSNIC_TXD_PACKET && type != KTLSNIC_TXD_TLS_RESYNC) {
            check_stopped(&unit, 3, KTLSNIC_RING_BAD_ENTRY);
        }
        unit = good;
        unit.desc[2].type = type;
        if (type != KTLSNIC_TXD_BUFFER) {
            check_stopped(&unit, 3, KTLSNIC_RING_BAD_ENTRY);
        }
    }
    unit = good;
    unit.desc[0].ndesc = 0;
    check_stopped(&unit, 3, KTLSNIC_RING_BAD_ENTRY);
    unit.desc[0].ndesc = 65;
    check_stopped(&unit, 3, KTLSNIC_RING_BAD_ENTRY);
    unit.desc[0].ndesc = 3;
    check_stopped(&unit, 2, KTLSNIC_RING_BAD_ENTRY);    /* past the doorbell */
    check_too_many(KTLSNIC_MAX_DESC + 1);
    check_too_many(255);
    unit = good;
    unit.desc[1].addr = GUINT64_TO_LE(FAKE_UNMAPPED + 1 -
                                      GUINT32_FROM_LE(unit.desc[1].len));
    check_stopped(&unit, 3, KTLSNIC_RING_DMA_FAULT);
    unit.desc[1].addr = GUINT64_TO_LE(UINT64_MAX);
    check_stopped(&unit, 3, KTLSNIC_RING_DMA_FAULT);
    fake_host_free(f.host);
}

static void test_link_down(void)
{
    struct fixture f = setup();
    struct frame frame = tcp_frame(4, 3000);
    struct tx_unit_spec unit = tx_unit_of_frame(f.host, &frame, 1,
                                                TSO | COMPLETE);

    unit.desc[0].mss = GUINT16_TO_LE(1000);
    ktlsnic_dev_set_link(f.host->dev, false);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 0);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_NO_CARRIER), ==, 3);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_PACKETS), ==, 0);
    ktlsnic_dev_set_link(f.host->dev, true);
    g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
    g_assert_cmpuint(f.host->sent->len, ==, 3);
    frame_free(&frame);
    fake_host_free(f.host);
}

/* The wire says stop: the unit stops, too, and goes on when it may. */
static void test_wire_busy(void)
{
    struct fixture f = setup();
    struct frame frame = tcp_frame(4, 3000);
    struct tx_unit_spec unit = tx_unit_of_frame(f.host, &frame, 1, TSO);

    unit.desc[0].mss = GUINT16_TO_LE(1000);
    f.host->wire_busy = true;
    tx_unit_push(&f.q.tx, &unit);
    tx_unit_push(&f.q.tx, &unit);
    for (unsigned i = 1; i <= 4; i++) {
        fake_ring_doorbell(&f.q.tx);
        fake_settle(f.host);
        g_assert_cmpuint(f.host->sent->len, ==, i);
        fake_ring_doorbell(&f.q.tx);
        fake_settle(f.host);
        g_assert_cmpuint(f.host->sent->len, ==, i);
        ktlsnic_dev_tx_ready(f.host->dev);
    }
    f.host->wire_busy = false;
    ktlsnic_dev_tx_ready(f.host->dev);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 6);

    /* A wire that goes away holds nothing back. */
    f.host->wire_busy = true;
    tx_unit_push(&f.q.tx, &unit);
    tx_unit_push(&f.q.tx, &unit);
    fake_ring_doorbell(&f.q.tx);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 7);
    ktlsnic_dev_set_link(f.host->dev, false);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 7);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_TX_NO_CARRIER), ==, 5);
    frame_free(&frame);
    fake_host_free(f.host);
}

/* A full completion ring: no unit is taken, with COMPLETE or without. */
static void test_cq_full(void)
{
    struct fixture f = setup();
    struct fake_queue small;
    uint8_t data[60] = { 0 };
    struct tx_unit_spec unit = tx_unit_make(f.host, data, 60, 1, COMPLETE);
    struct ktlsnic_tx_cpl cpl;

    small.tx_cq = fake_ring_open(f.host, KTLSNIC_RING_TX_CQ(2), 6, 16);
    small.tx = fake_ring_open(f.host, KTLSNIC_RING_TX(2), 8, 32);
    for (unsigned i = 0; i < 100; i++) {
        unit.desc[0].flags = GUINT16_TO_LE(i < 70 ? COMPLETE : 0);
        tx_unit_push(&small.tx, &unit);
    }
    fake_ring_doorbell(&small.tx);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 64);
    for (unsigned i = 0; i < 64; i++) {
        g_assert_true(fake_pop(&small.tx_cq, &cpl));
        g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, i + 1);
    }
    g_assert_false(fake_pop(&small.tx_cq, &cpl));
    fake_write(f.host, small.tx_cq.reg + KTLSNIC_RING_DOORBELL, 5);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 69);
    fake_ring_doorbell(&small.tx_cq);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 100);
    fake_host_free(f.host);
}

/* No ring waits for another that has much to send. */
static unsigned long_units_before;

static void see_queue_0(struct fake_host *host)
{
    if (host->sent_queue == 0 && !long_units_before) {
        long_units_before = host->sent->len;
    }
}

static void test_fairness(void)
{
    struct fixture f = setup();
    struct fake_queue first = fake_queue_open(f.host, 0, 6);
    uint8_t data[9000] = { 0 };
    struct tx_unit_spec big = tx_unit_make(f.host, data, 9000, 1, 0);
    struct tx_unit_spec small = tx_unit_make(f.host, data, 60, 1, 0);

    for (unsigned i = 0; i < 250; i++) {
        tx_unit_push(&f.q.tx, &big);
    }
    tx_unit_push(&first.tx, &small);
    f.host->in_send = see_queue_0;
    fake_ring_doorbell(&f.q.tx);
    fake_ring_doorbell(&first.tx);
    /* Its turn comes within one run, whichever began. */
    f.host->wake_now = false;
    ktlsnic_dev_run(f.host->dev);
    g_assert_cmpuint(long_units_before, >, 0);
    g_assert_cmpuint(long_units_before, <, 30);
    g_assert_cmpuint(f.host->sent->len, <, 251);
    g_assert_true(f.host->wake_now);        /* there is more to do */
    fake_settle(f.host);
    g_assert_cmpuint(f.host->sent->len, ==, 251);
    fake_host_free(f.host);
}

/* Units over the end of the ring and of the fetched batches. */
static void test_wrap(void)
{
    struct fixture f = setup();
    uint8_t data[3000];

    fake_ring_jump(&f.q.tx, KTLSNIC_RID_QUEUES + 4, 0xffffff00);
    for (unsigned i = 0; i < 300; i++) {
        unsigned nbufs = 1 + i * 7 % 64;
        uint32_t len = 64 + i * 9;
        struct tx_unit_spec unit;

        reference_random(data, len);
        unit = tx_unit_make(f.host, data, len, nbufs, 0);
        g_assert_cmpuint(tx_unit_do(&f.q, &unit), ==, KTLSNIC_TX_OK);
        tx_assert_sent(fake_last_sent(f.host), data, len);
        clear(&f);
    }
    fake_host_free(f.host);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tx/gather", test_gather);
    g_test_add_func("/device/tx/checksum", test_checksum);
    g_test_add_func("/device/tx/vlan", test_vlan);
    g_test_add_func("/device/tx/tso", test_tso);
    g_test_add_func("/device/tx/tso-longest", test_tso_longest);
    g_test_add_func("/device/tx/tso-vlan", test_tso_vlan);
    g_test_add_func("/device/tx/bad-desc", test_bad_desc);
    g_test_add_func("/device/tx/bad-header", test_bad_header);
    g_test_add_func("/device/tx/too-long", test_too_long);
    g_test_add_func("/device/tx/bad-entry", test_bad_entry);
    g_test_add_func("/device/tx/link-down", test_link_down);
    g_test_add_func("/device/tx/wire-busy", test_wire_busy);
    g_test_add_func("/device/tx/cq-full", test_cq_full);
    g_test_add_func("/device/tx/fairness", test_fairness);
    g_test_add_func("/device/tx/wrap", test_wrap);
    return g_test_run();
}
