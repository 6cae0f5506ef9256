/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Receive: what is found in a frame and said about it (SPEC 6, 10). */
#include <string.h>

#include "packet/rss.h"
#include "frames.h"
#include "reference.h"
#include "rx_host.h"

#define ENABLE  KTLSNIC_RX_CTRL_ENABLE
#define CSUM_FLAGS (KTLSNIC_RXF_L3_OK | KTLSNIC_RXF_L3_BAD | \
                    KTLSNIC_RXF_L4_OK | KTLSNIC_RXF_L4_BAD)

static void test_vlan_strip(void)
{
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC |
                             KTLSNIC_RX_CTRL_VLAN_STRIP);
    uint8_t frame[1526], want[1522];
    struct rx_received r;

    reference_random(frame, sizeof(frame));
    memcpy(frame + 12, "\x81\x00\xe1\x23", 4);
    memcpy(frame + 16, "\x81\x00\x00\x07", 4);      /* stays */
    memcpy(want, frame, 12);
    memcpy(want + 12, frame + 16, sizeof(want) - 12);
    rx_host_give(&f, 0, 2048);
    /* The tag does not count: 1526 bytes with it pass RX_MAX_FRAME 1522. */
    g_assert_true(rx_host_offer(&f, frame, sizeof(frame)));
    g_assert_true(rx_host_take(&f, 0, &r));
    rx_host_assert(&r, want, sizeof(want));
    g_assert_cmphex(GUINT16_FROM_LE(r.first.vlan_tci), ==, 0xe123);
    g_assert_cmphex(r.flags, ==, KTLSNIC_RXF_VLAN);
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_BYTES), ==, 1526);

    /* A service tag is not one to strip, nor is half a tag. */
    frame[12] = 0x88;
    frame[13] = 0xa8;
    rx_host_give(&f, 0, 2048);
    g_assert_true(rx_host_offer(&f, frame, 100));
    g_assert_true(rx_host_take(&f, 0, &r));
    rx_host_assert(&r, frame, 100);
    g_assert_cmphex(r.flags & KTLSNIC_RXF_VLAN, ==, 0);
    frame[12] = 0x81;
    frame[13] = 0;
    for (size_t len = 14; len < 18; len++) {
        uint8_t *exact = g_memdup2(frame, len);

        rx_host_give(&f, 0, 256);
        g_assert_true(rx_host_offer(&f, exact, len));
        g_assert_true(rx_host_take(&f, 0, &r));
        rx_host_assert(&r, frame, len);
        g_free(exact);
    }
    frame[13] = 0x01;                       /* another type */
    rx_host_give(&f, 0, 256);
    g_assert_true(rx_host_offer(&f, frame, 100));
    g_assert_true(rx_host_take(&f, 0, &r));
    rx_host_assert(&r, frame, 100);
    frame[13] = 0;
    /* Switched off, nothing is stripped. */
    fake_write(f.host, KTLSNIC_REG_RX_CTRL, ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    rx_host_give(&f, 0, 256);
    g_assert_true(rx_host_offer(&f, frame, 100));
    g_assert_true(rx_host_take(&f, 0, &r));
    rx_host_assert(&r, frame, 100);
    g_assert_cmphex(r.first.vlan_tci, ==, 0);
    rx_host_close(&f);
}

/* Every shape of frame, right and with each checksum broken. */
static void test_csum_flags(void)
{
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    struct frame_spec spec;
    uint64_t bad = 0;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame frame = frame_make(&spec);
        bool l4 = spec.proto == PROTO_TCP || spec.proto == PROTO_UDP;
        unsigned l3_ok = spec.version == 4 ? KTLSNIC_RXF_L3_OK : 0;
        struct rx_received r;

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
            if (broken == 1 && spec.proto == PROTO_UDP && spec.version == 4 &&
                !(frame.data[frame.l4_off + 6] |
                  frame.data[frame.l4_off + 7])) {
                /* That was in the checksum: 0 means that there is none. */
                want = l3_ok;
            }
            bad += (want & (KTLSNIC_RXF_L3_BAD | KTLSNIC_RXF_L4_BAD)) != 0;
            f.host->used = f.used;
            rx_host_give(&f, 0, 10000);
            g_assert_true(rx_host_offer(&f, frame.data, frame.len));
            g_assert_true(rx_host_take(&f, 0, &r));
            rx_host_assert(&r, frame.data, frame.len);
            g_assert_cmphex(r.flags & CSUM_FLAGS, ==, want);
            if (broken == 1) {
                frame.data[frame.payload_off - 1] ^= 0x10;
            }
        }
        frame_free(&frame);
    }
    g_assert_cmpuint(fake_stat(f.host, KTLSNIC_STAT_RX_CSUM_BAD), ==, bad);
    rx_host_close(&f);
}

static void set_rss(struct rx_host *f, const uint8_t *key, uint32_t ctrl)
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
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t key[40];
    struct rss_key rss_key;
    unsigned used[4] = { 0 };
    struct frame_spec tcp = { .version = 4, .proto = PROTO_TCP };
    struct rx_received r;

    reference_random(key, sizeof(key));
    set_rss(&f, key, KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TCP4);
    rss_key_init(&rss_key, key);
    for (unsigned i = 0; i < 200; i++) {
        struct frame frame = frame_make(&tcp);
        uint8_t input[12];
        uint32_t hash;
        unsigned queue;

        if (i == 100) {     /* half-way with another key, from a saved state */
            reference_random(key, sizeof(key));
            memcpy(ktlsnic_dev_state(f.host->dev)->rss_key, key, sizeof(key));
            g_assert_true(ktlsnic_dev_restored(f.host->dev));
            rss_key_init(&rss_key, key);
        }
        memcpy(input, frame.data + frame.l3_off + 12, 8);
        memcpy(input + 8, frame.data + frame.l4_off, 4);
        hash = rss_toeplitz(&rss_key, input, sizeof(input));
        queue = hash % 128 % 5 % 4;     /* 4 becomes 0 */
        f.host->used = f.used;
        rx_host_give(&f, queue, 256);
        g_assert_true(rx_host_offer(&f, frame.data, frame.len));
        g_assert_true(rx_host_take(&f, queue, &r));
        rx_host_assert(&r, frame.data, frame.len);
        g_assert_cmphex(GUINT32_FROM_LE(r.first.rss_hash), ==, hash);
        g_assert_cmphex(GUINT16_FROM_LE(r.first.rss_type), ==,
                        KTLSNIC_RSS_TCP4);
        used[queue]++;
        frame_free(&frame);
    }
    for (unsigned i = 0; i < 4; i++) {
        g_assert_cmpuint(used[i], >, 0);
    }
    rx_host_close(&f);
}

/* Queue 0, hash 0, type 0: not covered by an enabled type, or not enabled. */
static void test_rss_not(void)
{
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    uint8_t key[40];
    struct frame_spec tcp = { .version = 4, .proto = PROTO_TCP };
    struct rx_received r;

    reference_random(key, sizeof(key));
    for (unsigned i = 0; i < 20; i++) {
        struct frame frame = frame_make(&tcp);

        set_rss(&f, key, i % 2 ? KTLSNIC_RSS_TCP4
                               : KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TCP6);
        fake_write(f.host, KTLSNIC_REG_RSS_INDIR(0), 0x01010101);
        f.host->used = f.used;
        rx_host_give(&f, 0, 256);
        g_assert_true(rx_host_offer(&f, frame.data, frame.len));
        g_assert_true(rx_host_take(&f, 0, &r));
        g_assert_cmphex(r.first.rss_hash, ==, 0);
        g_assert_cmphex(r.first.rss_type, ==, 0);
        frame_free(&frame);
    }
    rx_host_close(&f);
}

/* Any bytes of any length, in buffers of exactly that length. */
static void test_hostile_frames(void)
{
    struct rx_host f = rx_host_open(ENABLE | KTLSNIC_RX_CTRL_PROMISC |
                             KTLSNIC_RX_CTRL_VLAN_STRIP);
    uint8_t key[40] = { 1, 2, 3 };
    struct frame_spec spec;
    struct rx_received r;
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
                rx_host_give(&f, q, 10000);
            }
        }
        g_assert_true(rx_host_offer(&f, cut, len));
        for (unsigned q = 0; q < 4; q++) {
            if (rx_host_take(&f, q, &r)) {
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
    rx_host_close(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/rx-frames/vlan-strip", test_vlan_strip);
    g_test_add_func("/device/rx-frames/csum-flags", test_csum_flags);
    g_test_add_func("/device/rx-frames/rss", test_rss);
    g_test_add_func("/device/rx-frames/rss-not", test_rss_not);
    g_test_add_func("/device/rx-frames/hostile-frames", test_hostile_frames);
    return g_test_run();
}
