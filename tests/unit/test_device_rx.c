/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive: which frames get in, and into which memory (SPEC 5, 10). */
#include <string.h>

#include "reference.h"
#include "rx_host.h"

#define ENABLE  KTLSNIC_RX_CTRL_ENABLE

/* Whether a frame to this address gets in. */
static bool accepted(struct rx_host *f, const char *dst)
{
    uint8_t frame[64] = { 0 };
    struct rx_received r;
    uint64_t filtered = fake_stat(f->host, KTLSNIC_STAT_RX_FILTERED);
    bool in;

    f->host->used = f->used;
    rx_host_give(f, 0, 256);
    memcpy(frame, dst, 6);
    frame[12] = 0x12;
    g_assert_true(rx_host_offer(f, frame, sizeof(frame)));
    in = rx_host_take(f, 0, &r);
    if (in) {
        rx_host_assert(&r, frame, sizeof(frame));
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
    struct rx_host f = rx_host_open(ENABLE);

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
    rx_host_close(&f);
}

/* A restored state filters as it says. */
static void test_restored(void)
{
    struct rx_host f = rx_host_open(ENABLE);

    memcpy(ktlsnic_dev_state(f.host->dev)->mac, OTHER, 6);
    g_assert_true(ktlsnic_dev_restored(f.host->dev));
    g_assert_true(accepted(&f, OTHER));
    g_assert_false(accepted(&f, STATION));
    rx_host_close(&f);
}

/* While the port does not receive, frames are gone and counted nowhere. */
static void test_disabled(void)
{
    struct rx_host f = rx_host_open(0);
    uint8_t frame[64];
    struct rx_received r;

    memset(frame, 0xff, sizeof(frame));
    rx_host_give(&f, 0, 256);
    g_assert_true(rx_host_offer(&f, frame, 64));
    g_assert_true(rx_host_offer(&f, frame, 5));
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE);
    ktlsnic_dev_set_link(f.host->dev, false);
    g_assert_true(rx_host_offer(&f, frame, 64));
    g_assert_false(rx_host_take(&f, 0, &r));
    for (unsigned i = 0; i < KTLSNIC_STATS; i++) {
        g_assert_cmpuint(fake_stat(f.host, i), ==, 0);
    }
    rx_host_close(&f);
}

static void test_lengths(void)
{
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[9300];
    struct rx_received r;
    static const size_t good[] = { 14, 60, 256, 257, 1522 };
    uint64_t long_ones = 0;

    memset(frame, 0xff, sizeof(frame));
    for (unsigned i = 0; i < G_N_ELEMENTS(good); i++) {
        f.host->used = f.used;
        rx_host_give(&f, 0, 2048);
        g_assert_true(rx_host_offer(&f, frame, good[i]));
        g_assert_true(rx_host_take(&f, 0, &r));
        rx_host_assert(&r, frame, good[i]);
    }
    for (size_t len = 0; len < 14; len++) {
        uint8_t *exact = g_memdup2(frame, len);

        g_assert_true(rx_host_offer(&f, exact, len));
        g_free(exact);
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_TOO_SHORT), ==, 14);
    g_assert_true(rx_host_offer(&f, frame, 1523));
    long_ones++;
    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 60);
    g_assert_true(rx_host_offer(&f, frame, 61));
    long_ones++;
    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 1 << 30);
    g_assert_true(rx_host_offer(&f, frame, 9239));
    long_ones++;
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_TOO_LONG), ==,
                     long_ones);
    g_assert_false(rx_host_take(&f, 0, &r));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS), ==,
                     G_N_ELEMENTS(good));
    rx_host_close(&f);
}

/* One frame over many buffers of many sizes, all filled in order. */
static void test_multi_buffer(void)
{
    static const size_t lens[] = { 60, 255, 256, 257, 512, 1514, 9000, 9238 };
    static const uint32_t sizes[] = { 256, 300, 2048, 65535 };
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t frame[9238];
    struct rx_received r;

    fake_write(f.host, KTLSNIC_REG_RX_MAX_FRAME, 9238);
    for (unsigned l = 0; l < G_N_ELEMENTS(lens); l++) {
        for (unsigned s = 0; s < G_N_ELEMENTS(sizes); s++) {
            unsigned want = (lens[l] + sizes[s] - 1) / sizes[s];
            uint32_t before;

            f.host->used = f.used;
            before = fake_read(f.host, f.q[0].rx.reg + KTLSNIC_RING_INDEX);
            for (unsigned i = 0; i < want; i++) {
                rx_host_give(&f, 0, sizes[s]);
            }
            reference_random(frame, lens[l]);
            g_assert_true(rx_host_offer(&f, frame, lens[l]));
            g_assert_true(rx_host_take(&f, 0, &r));
            rx_host_assert(&r, frame, lens[l]);
            g_assert_cmpuint(r.bufs, ==, want);
            g_assert_cmpuint(fake_read(f.host, f.q[0].rx.reg +
                                       KTLSNIC_RING_INDEX), ==, before + want);
        }
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 0);
    rx_host_close(&f);
}

/* Not enough buffers: the wire waits, and is told when to go on. */
static void test_pause(void)
{
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[700];
    struct rx_received r;

    memset(frame, 0xff, sizeof(frame));
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    rx_host_give(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    rx_host_give(&f, 0, 256);
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_read(f.host, f.q[0].rx.reg + KTLSNIC_RING_INDEX), ==,
                     0);
    rx_host_give(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 3);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 1);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_true(rx_host_take(&f, 0, &r));
    rx_host_assert(&r, frame, sizeof(frame));
    g_assert_cmpuint(r.bufs, ==, 3);
    /* Nobody waits now. */
    rx_host_give(&f, 0, 256);
    g_assert_cmpuint(f.host->rx_ready, ==, 3);
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PAUSES), ==, 2);
    /* A pause ends, too, when its ring goes or the port is switched off. */
    fake_write(f.host, f.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 4);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    rx_host_close(&f);
}

static void test_pause_ends_with_reset(void)
{
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[60];

    memset(frame, 0xff, sizeof(frame));
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, 0);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE);
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    fake_settle(f.host);
    f.host->rx_ready = 0;
    fake_write(f.host, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    rx_host_close(&f);
}

/* The frame that waits may be for another ring, or for nobody, after these. */
static void test_pause_ends_with_registers(void)
{
    static const uint32_t registers[] = {
        KTLSNIC_REG_RSS_CTRL, KTLSNIC_REG_RSS_KEY(0), KTLSNIC_REG_RSS_KEY(9),
        KTLSNIC_REG_RSS_INDIR(0), KTLSNIC_REG_RSS_INDIR(31),
        KTLSNIC_REG_FILTER_LO(0), KTLSNIC_REG_FILTER_HI(15),
    };
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[60];

    memset(frame, 0xff, sizeof(frame));
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    for (unsigned i = 0; i < G_N_ELEMENTS(registers); i++) {
        f.host->rx_ready = 0;
        fake_write(f.host, registers[i], 0);
        fake_settle(f.host);
        g_assert_cmpuint(f.host->rx_ready, ==, 1);
        g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    }
    rx_host_close(&f);
}

/* A full completion ring pauses as well. */
static void test_pause_cq_full(void)
{
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[60];
    unsigned n;

    memset(frame, 0xff, sizeof(frame));
    for (n = 0; n < 64; n++) {
        rx_host_give(&f, 0, 256);
        g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    }
    rx_host_give(&f, 0, 256);
    g_assert_false(rx_host_offer(&f, frame, sizeof(frame)));
    fake_write(f.host, f.q[0].rx_cq.reg + KTLSNIC_RING_DOORBELL, 1);
    fake_settle(f.host);
    g_assert_cmpuint(f.host->rx_ready, ==, 1);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    rx_host_close(&f);
}

static void check_stops(uint64_t addr, uint32_t size, uint32_t reserved,
                        enum ktlsnic_ring_error error)
{
    struct rx_host f = rx_host_open(ENABLE);
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(addr),
        .len = GUINT32_TO_LE(size),
        .reserved = GUINT32_TO_LE(reserved),
    };
    uint8_t frame[300];
    struct ktlsnic_event event;
    struct rx_received r;

    memset(frame, 0xff, sizeof(frame));
    fake_push(&f.q[0].rx, &desc);
    fake_ring_doorbell(&f.q[0].rx);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_cmphex(fake_ring_status(&f.q[0].rx), ==, (uint32_t)error << 8);
    g_assert_true(fake_pop(&f.event, &event));
    g_assert_cmphex(GUINT32_FROM_LE(event.source), ==, f.q[0].rx.reg);
    g_assert_cmpuint(GUINT32_FROM_LE(event.data), ==, error);
    g_assert_false(rx_host_take(&f, 0, &r));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_PACKETS), ==, 0);
    rx_host_close(&f);
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

static void test_no_queue(void)
{
    struct rx_host f = rx_host_open(ENABLE);
    uint8_t frame[60];

    memset(frame, 0xff, sizeof(frame));
    fake_write(f.host, f.q[0].rx.reg + KTLSNIC_RING_CTRL, 0);
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_NO_QUEUE), ==, 1);
    rx_host_close(&f);
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
    g_test_add_func("/device/rx/pause-ends-with-registers",
                    test_pause_ends_with_registers);
    g_test_add_func("/device/rx/pause-cq-full", test_pause_cq_full);
    g_test_add_func("/device/rx/bad-buffer", test_bad_buffer);
    g_test_add_func("/device/rx/no-queue", test_no_queue);
    return g_test_run();
}
