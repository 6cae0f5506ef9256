/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>
#include <linux/types.h>

#include "packet/checksum.h"
#include "packet/tso.h"
#include "frames.h"
#include "ktlsnic_hw.h"
#include "reference.h"

#define TCP_FIN 0x01
#define TCP_PSH 0x08
#define TCP_CWR 0x80

static unsigned get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static struct packet_info check_tx(const struct frame *f)
{
    struct packet_info info;

    g_assert_true(packet_check_tx(f->data, f->len, f->l3_off, f->l4_off,
                                  KTLSNIC_TXF_TSO, &info));
    return info;
}

/* The frame's headers are the segment's but for the fields that must differ. */
static void assert_headers(const struct frame *f, const uint8_t *segment,
                           unsigned version)
{
    g_autofree uint8_t *want = g_memdup2(f->data, f->payload_off);
    g_autofree uint8_t *have = g_memdup2(segment, f->payload_off);
    uint8_t *headers[] = { want, have };

    for (int i = 0; i < 2; i++) {
        uint8_t *ip = headers[i] + f->l3_off, *tcp = headers[i] + f->l4_off;

        if (version == 4) {
            memset(ip + 2, 0, 4);           /* total length, identification */
            memset(ip + 10, 0, 2);          /* checksum */
        } else {
            memset(ip + 4, 0, 2);           /* payload length */
        }
        memset(tcp + 4, 0, 4);              /* sequence */
        tcp[13] &= ~(TCP_FIN | TCP_PSH | TCP_CWR);
        memset(tcp + 16, 0, 2);             /* checksum */
    }
    g_assert_cmpmem(have, f->payload_off, want, f->payload_off);
}

/* Segment number i, with the payload from done, as a receiver sees it. */
static void assert_segment(const struct frame *f, const struct frame_spec *spec,
                           const uint8_t *segment, size_t len,
                           uint32_t i, uint32_t done, uint32_t payload_len)
{
    const uint8_t *ip = segment + f->l3_off, *tcp = segment + f->l4_off;
    const uint8_t *orig_ip = f->data + f->l3_off;
    const uint8_t *orig_tcp = f->data + f->l4_off;
    bool last = done + payload_len == spec->payload_len;
    struct packet_info info;
    uint8_t flags = orig_tcp[13];

    g_assert_cmpuint(len, ==, f->payload_off + payload_len);
    g_assert_true(packet_parse(segment, len, &info));
    g_assert_true(info.has_l4);
    g_assert_cmpuint(info.payload_len, ==, payload_len);
    g_assert_cmpint(checksum_verify_l3(segment, &info), ==,
                    spec->version == 4 ? CHECKSUM_GOOD : CHECKSUM_ABSENT);
    g_assert_cmpint(checksum_verify_l4(segment, &info), ==, CHECKSUM_GOOD);
    if (spec->version == 4) {
        g_assert_cmpuint(get16(ip + 4), ==,
                         (get16(orig_ip + 4) + i) & 0xffff);
    }
    g_assert_cmpuint(get32(tcp + 4), ==, get32(orig_tcp + 4) + done);
    flags &= last ? 0xff : ~(TCP_FIN | TCP_PSH);
    flags &= i == 0 ? 0xff : ~TCP_CWR;
    g_assert_cmphex(tcp[13], ==, flags);
    g_assert_cmpmem(segment + f->payload_off, payload_len,
                    f->data + f->payload_off + done, payload_len);
    assert_headers(f, segment, spec->version);
}

static void check(const struct frame_spec *spec, uint32_t mss)
{
    struct frame f = frame_make(spec);
    struct packet_info info;
    g_autofree uint8_t *orig = NULL;
    uint8_t *segment;
    uint32_t done = 0, count, i = 0;
    struct tso tso;
    size_t len;

    /* the lengths and checksums of the big frame mean nothing */
    reference_random(f.data + f.l3_off + (spec->version == 4 ? 2 : 4), 2);
    reference_random(f.data + f.l4_off + 16, 2);
    orig = g_memdup2(f.data, f.len);

    info = check_tx(&f);
    count = tso_begin(&tso, f.data, &info, mss);
    g_assert_cmpuint(count, >=, 1);
    segment = g_malloc(tso_segment_max(&tso));
    while ((len = tso_next(&tso, segment)) != 0) {
        uint32_t payload_len = MIN(mss, spec->payload_len - done);

        assert_segment(&f, spec, segment, len, i, done, payload_len);
        done += payload_len;
        i++;
    }
    g_assert_cmpuint(i, ==, count);
    g_assert_cmpuint(done, ==, spec->payload_len);
    g_assert_cmpuint(tso_next(&tso, segment), ==, 0);
    g_assert_cmpmem(f.data, f.len, orig, f.len);
    g_free(segment);
    frame_free(&f);
}

static void test_shapes(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        if (spec.proto == PROTO_TCP && spec.padding == 0) {
            static const uint32_t msses[] = { 1, 2, 31, 32, 100, 1448 };

            for (size_t m = 0; m < G_N_ELEMENTS(msses); m++) {
                check(&spec, msses[m]);
            }
        }
    }
}

/* Around a whole number of segments. */
static void test_counts(void)
{
    for (uint32_t payload_len = 0; payload_len <= 5 * 40; payload_len++) {
        struct frame_spec spec = {
            .version = payload_len % 2 ? 4 : 6, .proto = PROTO_TCP,
            .payload_len = payload_len,
        };
        struct frame f = frame_make(&spec);
        struct packet_info info = check_tx(&f);
        struct tso tso;

        g_assert_cmpuint(tso_begin(&tso, f.data, &info, 40), ==,
                         payload_len ? (payload_len + 39) / 40 : 1);
        g_assert_cmpuint(tso_segment_max(&tso), ==,
                         f.payload_off + MIN(40, payload_len));
        frame_free(&f);
        check(&spec, 40);
    }
}

static void test_big(void)
{
    for (unsigned n = 0; n < 40; n++) {
        struct frame_spec spec = {
            .tags = n % 3, .version = n % 2 ? 4 : 6, .proto = PROTO_TCP,
            .options = n % 5 ? 0 : 8, .tcp_options = 12,
            .payload_len = g_test_rand_int_range(60000, 524288 - 200),
        };

        check(&spec, n % 4 ? (uint32_t)g_test_rand_int_range(32, 9000) : 1448);
    }
}

/* A segment must fit the length fields of a packet. */
static void test_limits(void)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        struct frame_spec spec = {
            .version = version, .proto = PROTO_TCP, .payload_len = 200000,
        };
        struct frame f = frame_make(&spec);
        struct packet_info info = check_tx(&f);
        uint32_t most = 65535 - (version == 4 ? 40 : 20);
        struct tso tso;

        g_assert_cmpuint(tso_begin(&tso, f.data, &info, 0), ==, 0);
        g_assert_cmpuint(tso_begin(&tso, f.data, &info, most), >, 0);
        g_assert_cmpuint(tso_begin(&tso, f.data, &info, most + 1), ==, 0);
        g_assert_cmpuint(tso_begin(&tso, f.data, &info, UINT32_MAX), ==, 0);
        check(&spec, most);
        frame_free(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/tso/shapes", test_shapes);
    g_test_add_func("/tso/counts", test_counts);
    g_test_add_func("/tso/big", test_big);
    g_test_add_func("/tso/limits", test_limits);
    return g_test_run();
}
