/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive (SPEC 5, 6, 10). */
#include <string.h>

#include "device/rss.h"
#include "frames.h"
#include "reference.h"
#include "fake_host.h"

#define ENABLE  KTLSNIC_RX_CTRL_ENABLE
#define CSUM_FLAGS (KTLSNIC_RXF_L3_OK | KTLSNIC_RXF_L3_BAD | \
                    KTLSNIC_RXF_L4_OK | KTLSNIC_RXF_L4_BAD)

struct fixture {
    struct fake_host *host;
    struct fake_ring event;
    struct fake_queue q[4];
    uint32_t used;              /* memory of the rings */
};

static struct fixture setup(uint32_t rx_ctrl)
{
    struct fixture f = { .host = fake_host_new(NULL) };

    f.event = fake_ring_open(f.host, KTLSNIC_RING_EVENT, 6, 16);
    for (unsigned i = 0; i < 4; i++) {
        f.q[i] = fake_queue_open(f.host, i, 6);
    }
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, rx_ctrl);
    f.used = f.host->used;
    return f;
}

static void teardown(struct fixture *f)
{
    fake_host_free(f->host);
}

static void give_buffer(struct fixture *f, unsigned queue, uint32_t size)
{
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(fake_alloc(f->host, size)),
        .len = GUINT32_TO_LE(size),
    };

    fake_push(&f->q[queue].rx, &desc);
    fake_ring_doorbell(&f->q[queue].rx);
    fake_settle(f->host);
}

static bool offer(struct fixture *f, const uint8_t *frame, size_t len)
{
    return ktlsnic_dev_receive(f->host->dev, frame, len) == KTLSNIC_RX_TAKEN;
}

/* A frame as the driver sees it. */
struct received {
    struct ktlsnic_rx_cpl first;    /* its first completion, fields LE */
    unsigned bufs;
    uint8_t data[KTLSNIC_MAX_FRAME + 4];
    size_t len;
    unsigned flags;                 /* without PHASE, FIRST, LAST */
};

/* Takes the next frame of a queue; false if there is none. All completions of
 * it must agree, and index the buffers in order. */
static bool take(struct fixture *f, unsigned queue, struct received *r)
{
    struct fake_queue *q = &f->q[queue];
    uint32_t index = q->rx_cq.index;
    const struct ktlsnic_rx_desc *desc;
    struct ktlsnic_rx_cpl cpl;
    unsigned flags;

    memset(r, 0, sizeof(*r));
    if (!fake_pop(&q->rx_cq, &cpl)) {
        return false;
    }
    r->first = cpl;
    do {
        flags = GUINT16_FROM_LE(cpl.flags) & ~KTLSNIC_CPL_PHASE;
        g_assert_cmpuint(!!(flags & KTLSNIC_RXF_FIRST), ==, !r->bufs);
        g_assert_cmpuint(GUINT32_FROM_LE(cpl.index), ==, index + r->bufs);
        g_assert_cmpuint(cpl.reserved | cpl.reserved2[0] | cpl.reserved2[1] |
                         cpl.reserved2[2] | cpl.reserved3, ==, 0);
        g_assert_cmphex(cpl.rss_hash, ==, r->first.rss_hash);
        g_assert_cmphex(cpl.rss_type, ==, r->first.rss_type);
        g_assert_cmphex(cpl.vlan_tci, ==, r->first.vlan_tci);
        desc = fake_entry(&q->rx, index + r->bufs);
        memcpy(r->data + r->len, fake_ptr(f->host, GUINT64_FROM_LE(desc->addr)),
               GUINT16_FROM_LE(cpl.len));
        r->len += GUINT16_FROM_LE(cpl.len);
        r->bufs++;
        if (r->bufs > 1) {
            g_assert_cmphex(flags & ~KTLSNIC_RXF_LAST, ==, r->flags);
        }
        r->flags = flags & ~(KTLSNIC_RXF_FIRST | KTLSNIC_RXF_LAST);
        if (!(flags & KTLSNIC_RXF_LAST)) {      /* all but the last are full */
            g_assert_cmpuint(GUINT16_FROM_LE(cpl.len), ==,
                             GUINT32_FROM_LE(desc->len));
            g_assert_true(fake_pop(&q->rx_cq, &cpl));
        }
    } while (!(flags & KTLSNIC_RXF_LAST));
    fake_ring_doorbell(&q->rx_cq);
    return true;
}

static void assert_frame(const struct received *r, const uint8_t *data,
                         size_t len)
{
    g_assert_cmpuint(r->len, ==, len);
    g_assert_true(memcmp(r->data, data, len) == 0);
}

/* Whether a frame to this address gets in. */
static bool accepted(struct fixture *f, const char *dst)
{
    uint8_t frame[64] = { 0 };
    struct received r;
    uint64_t filtered = fake_stat(f->host, KTLSNIC_STAT_RX_FILTERED);
    bool in;

    f->host->used = f->used;
    give_buffer(f, 0, 256);
    memcpy(frame, dst, 6);
    frame[12] = 0x12;
    g_assert_true(offer(f, frame, sizeof(frame)));
    in = take(f, 0, &r);
    if (in) {
        assert_frame(&r, frame, sizeof(frame));
        g_assert_cmphex(r.flags, ==, 0);
    }
    g_assert_cmpuint(fake_stat(f->host, KTLSNIC_STAT_RX_FILTERED), ==,
                     filtered + !in);
    return in;
}

#define STATION     "\x52\x54\x00\x12\x34\x56"
#define OTHER       "\x52\x54\x00\x12\x34\x57"
#define BROADCAST   "\xff\xff\xff\xff\xff\xff"
#define GROUP       "\x01\x00\x5e\x00\x00\x01"

static void test_filters(void)
{
    struct fixture f = setup(ENABLE);

    g_assert_true(accepted(&f, STATION));
    g_assert_true(accepted(&f, BROADCAST));
    g_assert_false(accepted(&f, OTHER));
    g_assert_false(accepted(&f, GROUP));

    fake_write(f.host, KTLSNIC_REG_FILTER_LO(31), 0x12005452);
    fake_write(f.host, KTLSNIC_REG_FILTER_HI(31), 0x5734);
    g_assert_false(accepted(&f, OTHER));
    fake_write(f.host, KTLSNIC_REG_FILTER_HI(31),
               0x5734 | KTLSNIC_FILTER_HI_VALID);
    g_assert_true(accepted(&f, OTHER));
    fake_write(f.host, KTLSNIC_REG_FILTER_HI(31), 0);
    g_assert_false(accepted(&f, OTHER));

    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE | KTLSNIC_RX_CTRL_ALLMULTI);
    g_assert_true(accepted(&f, GROUP));
    g_assert_false(accepted(&f, OTHER));
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    g_assert_true(accepted(&f, GROUP));
    g_assert_true(accepted(&f, OTHER));

    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE);
    fake_write(f.host, KTLSNIC_REG_MAC_HI, 0x5734);
    g_assert_true(accepted(&f, OTHER));
    g_assert_false(accepted(&f, STATION));

    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS), ==, 7);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_BYTES), ==, 7 * 64);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_MULTICAST), ==, 2);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_BROADCAST), ==, 1);
    teardown(&f);
}

/* A restored state filters as it says. */
static void test_restored(void)
{
    struct fixture f = setup(ENABLE);

    memcpy(ktlsnic_dev_state(f.host->dev)->mac, OTHER, 6);
    g_assert_true(ktlsnic_dev_restored(f.host->dev));
    g_assert_true(accepted(&f, OTHER));
    g_assert_false(accepted(&f, STATION));
    teardown(&f);
}

/* While the port does not receive, frames are gone and counted nowhere. */
static void test_disabled(void)
{
    struct fixture f = setup(0);
    uint8_t frame[64];
    struct received r;

    memset(frame, 0xff, sizeof(frame));
    give_buffer(&f, 0, 256);
    g_assert_true(offer(&f, frame, 64));
    g_assert_true(offer(&f, frame, 5));
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE);
    ktlsnic_dev_set_link(f.host->dev, false);
    g_assert_true(offer(&f, frame, 64));
    g_assert_false(take(&f, 0, &r));
    for (unsigned i = 0; i < KTLSNIC_STATS; i++) {
        g_assert_cmpuint(fake_stat(f.host, i), ==, 0);
    }
    teardown(&f);
}

static void test_lengths(void)
{
    struct fixture f = setup(ENABLE);
    uint8_t frame[9300];
    struct received r;
    static const size_t good[] = { 14, 60, 256, 257, 1522 };
    uint64_t long_ones = 0;

    memset(frame, 0xff, sizeof(frame));
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        f.host->used = f.used;
        give_buffer(&f, 0, 2048);
        g_assert_true(offer(&f, frame, good[i]));
        g_assert_true(take(&f, 0, &r));
        assert_frame(&r, frame, good[i]);
    }
    for (size_t len = 0; len < 14; len++) {
        uint8_t *exact = g_memdup2(frame, len);

        g_assert_true(offer(&f, exact, len));
        g_free(exact);
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_TOO_SHORT), ==, 14);
    g_assert_true(offer(&f, frame, 1523));
    long_ones++;
    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 60);
    g_assert_true(offer(&f, frame, 61));
    long_ones++;
    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 1 << 30);
    g_assert_true(offer(&f, frame, 9239));
    long_ones++;
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_TOO_LONG), ==,
                     long_ones);
    g_assert_false(take(&f, 0, &r));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS), ==,
                     G_N_ELEMENTS(good));
    teardown(&f);
}

/* One frame over many buffers of many sizes, all filled in order. */
static void test_multi_buffer(void)
{
    static const size_t lens[] = { 60, 255, 256, 257, 512, 1514, 9000, 9238 };
    static const uint32_t sizes[] = { 256, 300, 2048, 65535 };
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t frame[9238];
    struct received r;

    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 9238);
    for (unsigned l = 0; l < G_N_ELEMENTS(lens); l++) {
        for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
            unsigned want = (lens[l] + sizes[s] - 1) / sizes[s];
            uint32_t before;

            f.host->used = f.used;
            before = fake_read(f.host, f.q[0].rx.reg + KTLSNIC_RING_INDEX);
            for (unsigned i = 0; i < want; i++) {
                give_buffer(&f, 0, sizes[s]);
            }
            reference_random(frame, lens[l]);
            g_assert_true(offer(&f, frame, lens[l]));
            g_assert_true(take(&f, 0, &r));
            assert_frame(&r, frame, lens[l]);
            g_assert_cmpuint(r.bufs, ==, want);
            g_assert_cmpuint(fake_read(f.host, f.q[0].rx.reg +
                                       KTLSNIC_RING_INDEX), ==, before + want);
        }
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 0);
    teardown(&f);
}

/* Not enough buffers: the wire waits, and is told when to go on. */
static void test_pause(void)
{
    struct fixture f = setup(ENABLE);
    uint8_t frame[700];
    struct received r;

    memset(frame, 0xff, sizeof(frame));
    g_assert_false(offer(&f, frame, sizeof(frame)));
    g_assert_false(offer(&f, frame, sizeof(frame)));
    give_buffer(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_false(offer(&f, frame, sizeof(frame)));
    give_buffer(&f, 0, 256);
    g_assert_false(offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_read(f.host, f.q[0].rx.reg + KTLSNIC_RING_INDEX), ==,
                     0);
    give_buffer(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 3);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 1);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    g_assert_true(take(&f, 0, &r));
    assert_frame(&r, frame, sizeof(frame));
    g_assert_cmpuint(r.bufs, ==, 3);
    /* Nobody waits now. */
    give_buffer(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 3);
    g_assert_false(offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 2);
    /* A pause ends, too, when its ring goes or the port is switched off. */
    fake_write(f.host, f.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 4);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    teardown(&f);
}

static void test_pause_ends_with_reset(void)
{
    struct fixture f = setup(ENABLE);
    uint8_t frame[60];

    memset(frame, 0xff, sizeof(frame));
    g_assert_false(offer(&f, frame, sizeof(frame)));
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, 0);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE);
    g_assert_false(offer(&f, frame, sizeof(frame)));
    fake_settle(f.host);
    f.host->rx_ready = 0;
    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    teardown(&f);
}

/* A full completion ring pauses as well. */
static void test_pause_cq_full(void)
{
    struct fixture f = setup(ENABLE);
    uint8_t frame[60];
    unsigned n;

    memset(frame, 0xff, sizeof(frame));
    for (n = 0; n < 64; n++) {
        give_buffer(&f, 0, 256);
        g_assert_true(offer(&f, frame, sizeof(frame)));
    }
    give_buffer(&f, 0, 256);
    g_assert_false(offer(&f, frame, sizeof(frame)));
    fake_write(f.host, f.q[0].rx_cq.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    teardown(&f);
}

static void check_stops(uint64_t addr, uint32_t size, uint32_t reserved,
                        enum ktlsnic_ring_error error)
{
    struct fixture f = setup(ENABLE);
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(addr),
        .len = GUINT32_TO_LE(size),
        .reserved = GUINT32_TO_LE(reserved),
    };
    uint8_t frame[300];
    struct ktlsnic_event event;
    struct received r;

    memset(frame, 0xff, sizeof(frame));
    fake_push(&f.q[0].rx, &desc);
    fake_ring_doorbell(&f.q[0].rx);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    g_assert_cmphex(fake_ring_status(&f.q[0].rx), ==, (uint32_t)error << 8);
    g_assert_true(fake_pop(&f.event, &event));
    g_assert_cmphex(GUINT32_FROM_LE(event.source), ==, f.q[0].rx.reg);
    g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, error);
    g_assert_false(take(&f, 0, &r));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS), ==, 0);
    teardown(&f);
}

static void test_bad_buffer(void)
{
    uint64_t good = FAKE_MEM_BASE + FAKE_MEM_SIZE - 65536;

    check_stops(good, 0, 0, KTLSNIC_RING_BAD_ENTRY);
    check_stops(good, 255, 0, KTLSNIC_RING_BAD_ENTRY);
    check_stops(good, 65536, 0, KTLSNIC_RING_BAD_ENTRY);
    check_stops(good, 0xffffffff, 0, KTLSNIC_RING_BAD_ENTRY);
    check_stops(good, 2048, 1, KTLSNIC_RING_BAD_ENTRY);
    check_stops(FAKE_UNMAPPED, 2048, 0, KTLSNIC_RING_DMA_FAULT);
    check_stops(FAKE_UNMAPPED - 100, 2048, 0, KTLSNIC_RING_DMA_FAULT);
    check_stops(UINT64_MAX - 5, 2048, 0, KTLSNIC_RING_DMA_FAULT);
}

static void test_vlan_strip(void)
{
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC |
                             KTLSNIC_RX_CTRL_VLAN_STRIP);
    uint8_t frame[1526], want[1522];
    struct received r;

    reference_random(frame, sizeof(frame));
    memcpy(frame + 12, "\x81\x00\xe1\x23", 4);
    memcpy(frame + 16, "\x81\x00\x00\x07", 4);      /* stays */
    memcpy(want, frame, 12);
    memcpy(want + 12, frame + 16, sizeof(want) - 12);
    give_buffer(&f, 0, 2048);
    /* The tag does not count: 1526 bytes with it pass RX_MAX_FRAME 1522. */
    g_assert_true(offer(&f, frame, sizeof(frame)));
    g_assert_true(take(&f, 0, &r));
    assert_frame(&r, want, sizeof(want));
    g_assert_cmphex(GUINT16_FROM_LE(r.first.vlan_tci), ==, 0xe123);
    g_assert_cmphex(r.flags, ==, KTLSNIC_RXF_VLAN);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_BYTES), ==, 1526);

    /* A service tag is not one to strip, nor is half a tag. */
    frame[12] = 0x88;
    frame[13] = 0xa8;
    give_buffer(&f, 0, 2048);
    g_assert_true(offer(&f, frame, 100));
    g_assert_true(take(&f, 0, &r));
    assert_frame(&r, frame, 100);
    g_assert_cmphex(r.flags & KTLSNIC_RXF_VLAN, ==, 0);
    frame[12] = 0x81;
    frame[13] = 0;
    for (size_t len = 14; len < 18; len++) {
        uint8_t *exact = g_memdup2(frame, len);

        give_buffer(&f, 0, 256);
        g_assert_true(offer(&f, exact, len));
        g_assert_true(take(&f, 0, &r));
        assert_frame(&r, frame, len);
        g_free(exact);
    }
    frame[13] = 0x01;                       /* another type */
    give_buffer(&f, 0, 256);
    g_assert_true(offer(&f, frame, 100));
    g_assert_true(take(&f, 0, &r));
    assert_frame(&r, frame, 100);
    frame[13] = 0;
    /* Switched off, nothing is stripped. */
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    give_buffer(&f, 0, 256);
    g_assert_true(offer(&f, frame, 100));
    g_assert_true(take(&f, 0, &r));
    assert_frame(&r, frame, 100);
    g_assert_cmphex(r.first.vlan_tci, ==, 0);
    teardown(&f);
}

/* Every shape of frame, right and with each checksum broken. */
static void test_csum_flags(void)
{
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    struct frame_spec spec;
    uint64_t bad = 0;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame frame = frame_make(&spec);
        bool l4 = spec.proto == PROTO_TCP || spec.proto == PROTO_UDP;
        unsigned l3_ok = spec.version == 4 ? KTLSNIC_RXF_L3_OK : 0;
        struct received r;

        fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 9238);
        for (unsigned broken = 0; broken < 3; broken++) {
            unsigned want = l3_ok | (l4 ? KTLSNIC_RXF_L4_OK : 0);

            if (broken == 1 && l4) {
                frame.data[frame.payload_off - 1] ^= 0x10;
                want = l3_ok | KTLSNIC_RXF_L4_BAD;
            } else if (broken == 2 && spec.version == 4) {
                frame.data[frame.l3_off + 8] ^= 0x01;       /* TTL */
                want = KTLSNIC_RXF_L3_BAD;
            } else if (broken) {
                continue;
            }
            bad += broken != 0;
            f.host->used = f.used;
            give_buffer(&f, 0, 10000);
            g_assert_true(offer(&f, frame.data, frame.len));
            g_assert_true(take(&f, 0, &r));
            assert_frame(&r, frame.data, frame.len);
            if (broken == 1 && spec.proto == PROTO_UDP) {
                /* That was a byte of the checksum: it may have become 0. */
                want = frame.data[frame.l4_off + 6] |
                       frame.data[frame.l4_off + 7] ? want : l3_ok;
            }
            g_assert_cmphex(r.flags & CSUM_FLAGS, ==, want);
            if (broken == 1) {
                frame.data[frame.payload_off - 1] ^= 0x10;
            }
        }
        frame_free(&frame);
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_CSUM_BAD), ==, bad);
    teardown(&f);
}

static void set_rss(struct fixture *f, const uint8_t *key, uint32_t ctrl)
{
    for (unsigned i = 0; i < 10; i++) {
        uint32_t word = key[4 * i] | key[4 * i + 1] << 8 |
                        key[4 * i + 2] << 16 | (uint32_t)key[4 * i + 3] << 24;

        fake_write(f->host, KTLSNIC_REG_RSS_KEY(i), word);
    }
    for (unsigned i = 0; i < 32; i++) {
        /* Entry e names queue e mod 5: 4 does not exist. */
        uint32_t e = 4 * i;

        fake_write(f->host, KTLSNIC_REG_RSS_INDIR(i),
                   e % 5 | (e + 1) % 5 << 8 | (e + 2) % 5 << 16 |
                   (e + 3) % 5 << 24);
    }
    fake_write(f->host, KTLSNIC_REG_RSS_CTRL, ctrl);
}

static void test_rss(void)
{
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t key[40];
    unsigned used[4] = { 0 };
    struct frame_spec tcp = { .version = 4, .proto = PROTO_TCP };
    struct received r;

    reference_random(key, sizeof(key));
    set_rss(&f, key, KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TCP4);
    for (unsigned i = 0; i < 200; i++) {
        struct frame frame = frame_make(&tcp);
        uint8_t input[12];
        uint32_t hash;
        unsigned queue;

        memcpy(input, frame.data + frame.l3_off + 12, 8);
        memcpy(input + 8, frame.data + frame.l4_off, 4);
        hash = rss_toeplitz(key, input, sizeof(input));
        queue = hash % 128 % 5 % 4;     /* 4 becomes 0 */
        f.host->used = f.used;
        give_buffer(&f, queue, 256);
        g_assert_true(offer(&f, frame.data, frame.len));
        g_assert_true(take(&f, queue, &r));
        assert_frame(&r, frame.data, frame.len);
        g_assert_cmphex(GUINT32_FROM_LE(r.first.rss_hash), ==, hash);
        g_assert_cmphex(GUINT16_FROM_LE(r.first.rss_type), ==,
                        KTLSNIC_RSS_TCP4);
        used[queue]++;
        frame_free(&frame);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(used[i], >, 0);
    }
    teardown(&f);
}

/* Queue 0, hash 0, type 0: not covered by an enabled type, or not enabled. */
static void test_rss_not(void)
{
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t key[40];
    struct frame_spec tcp = { .version = 4, .proto = PROTO_TCP };
    struct received r;

    reference_random(key, sizeof(key));
    for (unsigned i = 0; i < 20; i++) {
        struct frame frame = frame_make(&tcp);

        set_rss(&f, key, i % 2 ? KTLSNIC_RSS_TCP4
                               : KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TCP6);
        fake_write(f.host, KTLSNIC_REG_RSS_INDIR(0), 0x01010101);
        f.host->used = f.used;
        give_buffer(&f, 0, 256);
        g_assert_true(offer(&f, frame.data, frame.len));
        g_assert_true(take(&f, 0, &r));
        g_assert_cmphex(r.first.rss_hash, ==, 0);
        g_assert_cmphex(r.first.rss_type, ==, 0);
        frame_free(&frame);
    }
    teardown(&f);
}

static void test_no_queue(void)
{
    struct fixture f = setup(ENABLE);
    uint8_t frame[60];

    memset(frame, 0xff, sizeof(frame));
    fake_write(f.host, f.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_true(offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    teardown(&f);
}

/* Any bytes of any length, in buffers of exactly that length. */
static void test_hostile_frames(void)
{
    struct fixture f = setup(ENABLE | KTLSNIC_RX_CTRL_PROMISC |
                             KTLSNIC_RX_CTRL_VLAN_STRIP);
    uint8_t key[40] = { 1, 2, 3 };
    struct frame_spec spec;
    struct received r;
    unsigned taken = 0;

    set_rss(&f, key, 0x7f);
    for (unsigned i = 0; i < 20000; i++) {
        struct frame frame;
        size_t len;
        uint8_t *cut;

        if (!frame_spec_nth(i % 64, &spec)) {
            frame_spec_nth(0, &spec);
        }
        frame = frame_make(&spec);
        len = g_test_rand_int_range(0, frame.len + 1);
        cut = g_memdup2(frame.data, len);
        for (unsigned n = g_test_rand_int_range(0, 8); n && len; n--) {
            cut[g_test_rand_int_range(0, MIN(len, 80))] = g_test_rand_int();
        }
        f.host->used = f.used;
        for (unsigned q = 0; q < 4; q++) {
            while (fake_read(f.host, f.q[q].rx.reg + KTLSNIC_RING_INDEX) ==
                   f.q[q].rx.index) {
                give_buffer(&f, q, 10000);
            }
        }
        g_assert_true(offer(&f, cut, len));
        for (unsigned q = 0; q < 4; q++) {
            if (take(&f, q, &r)) {
                g_assert_cmpuint(r.len + (r.flags & KTLSNIC_RXF_VLAN ? 4 : 0),
                                 ==, len);
                taken++;
            }
        }
        g_free(cut);
        frame_free(&frame);
    }
    g_assert_cmpuint(taken, ==, fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS));
    g_assert_cmpuint(taken, >, 5000);
    teardown(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/rx/filters", test_filters);
    g_test_add_func("/device/rx/restored", test_restored);
    g_test_add_func("/device/rx/disabled", test_disabled);
    g_test_add_func("/device/rx/lengths", test_lengths);
    g_test_add_func("/device/rx/multi-buffer", test_multi_buffer);
    g_test_add_func("/device/rx/pause", test_pause);
    g_test_add_func("/device/rx/pause-ends", test_pause_ends_with_reset);
    g_test_add_func("/device/rx/pause-cq-full", test_pause_cq_full);
    g_test_add_func("/device/rx/bad-buffer", test_bad_buffer);
    g_test_add_func("/device/rx/vlan-strip", test_vlan_strip);
    g_test_add_func("/device/rx/csum-flags", test_csum_flags);
    g_test_add_func("/device/rx/rss", test_rss);
    g_test_add_func("/device/rx/rss-not", test_rss_not);
    g_test_add_func("/device/rx/no-queue", test_no_queue);
    g_test_add_func("/device/rx/hostile-frames", test_hostile_frames);
    return g_test_run();
}
