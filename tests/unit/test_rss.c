/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <string.h>
#include <glib.h>

#include "packet/rss.h"
#include "frames.h"
#include "reference.h"

/* "Verifying the RSS Hash Calculation", the published verification suite. */
static const uint8_t suite_key[KTLSNIC_RSS_KEY_SIZE] = {
    0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2,
    0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0,
    0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4,
    0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c,
    0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static const struct {
    unsigned version;
    const char *dst;
    uint16_t dst_port;
    const char *src;
    uint16_t src_port;
    uint32_t hash_ip, hash_ports;
} suite[] = {
    { 4, "161.142.100.80", 1766, "66.9.149.187", 2794,
      0x323e8fc2, 0x51ccc178 },
    { 4, "65.69.140.83", 4739, "199.92.111.2", 14230,
      0xd718262a, 0xc626b0ea },
    { 4, "12.22.207.184", 38024, "24.19.198.95", 12898,
      0xd2d0a5de, 0x5c2b394a },
    { 4, "209.142.163.6", 2217, "38.27.205.30", 48228,
      0x82989176, 0xafc7327f },
    { 4, "202.188.127.2", 1303, "153.39.163.191", 44251,
      0x5d1809c5, 0x10e828a2 },
    { 6, "3ffe:2501:200:3::1", 1766, "3ffe:2501:200:1fff::7", 2794,
      0x2cc18cd5, 0x40207d3d },
    { 6, "ff02::1", 4739, "3ffe:501:8::260:97ff:fe40:efab", 14230,
      0x0f0c461c, 0xdde51bbf },
    { 6, "fe80::200:f8ff:fe21:67cf", 38024,
      "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251, 0x4b61e985, 0x02d1feef },
};

static struct frame suite_frame(size_t i, uint8_t proto)
{
    struct frame_spec spec = {
        .tags = i % 3, .version = suite[i].version, .proto = proto,
        .payload_len = 9, .options = i % 2 * 8,
    };
    struct frame f = frame_make(&spec);
    uint8_t *ip = f.data + f.l3_off, *l4 = f.data + f.l4_off;
    bool v4 = suite[i].version == 4;
    int family = v4 ? AF_INET : AF_INET6;

    g_assert_cmpint(inet_pton(family, suite[i].src, ip + (v4 ? 12 : 8)), ==, 1);
    g_assert_cmpint(inet_pton(family, suite[i].dst, ip + (v4 ? 16 : 24)), ==,
                    1);
    l4[0] = suite[i].src_port >> 8;
    l4[1] = suite[i].src_port;
    l4[2] = suite[i].dst_port >> 8;
    l4[3] = suite[i].dst_port;
    return f;
}

static uint16_t type_of(unsigned version, uint8_t proto)
{
    bool v4 = version == 4;

    switch (proto) {
    case PROTO_TCP:
        return v4 ? KTLSNIC_RSS_TCP4 : KTLSNIC_RSS_TCP6;
    case PROTO_UDP:
        return v4 ? KTLSNIC_RSS_UDP4 : KTLSNIC_RSS_UDP6;
    default:
        return v4 ? KTLSNIC_RSS_IPV4 : KTLSNIC_RSS_IPV6;
    }
}

static void assert_hash(const struct frame *f, uint32_t ctrl,
                        uint32_t expected, uint16_t expected_type)
{
    struct packet_info info;
    struct rss_key key;
    uint16_t type = 0xaaaa;

    packet_parse(f->data, f->len, &info);
    rss_key_init(&key, suite_key);
    g_assert_cmphex(rss_hash(&key, ctrl, f->data, &info, &type), ==,
                    expected);
    g_assert_cmphex(type, ==, expected_type);
}

/* Every frame of the suite, as TCP, UDP and neither, under every RSS_CTRL. */
static void test_suite(void)
{
    static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP, 1 };

    for (size_t i = 0; i < G_N_ELEMENTS(suite); i++) {
        for (size_t p = 0; p < G_N_ELEMENTS(protos); p++) {
            struct frame f = suite_frame(i, protos[p]);
            uint16_t l4 = type_of(suite[i].version, protos[p]);
            uint16_t l3 = type_of(suite[i].version, 0);

            for (uint32_t ctrl = 0; ctrl < 0x100; ctrl++) {
                if (!(ctrl & KTLSNIC_RSS_ENABLE)) {
                    assert_hash(&f, ctrl, 0, 0);
                } else if (l4 != l3 && (ctrl & l4)) {
                    assert_hash(&f, ctrl, suite[i].hash_ports, l4);
                } else if (ctrl & l3) {
                    assert_hash(&f, ctrl, suite[i].hash_ip, l3);
                } else {
                    assert_hash(&f, ctrl, 0, 0);
                }
            }
            frame_free(&f);
        }
    }
}

/* A fragment has no ports that all its fellows have. */
static void test_fragment(void)
{
    struct frame f = suite_frame(0, PROTO_TCP);

    f.data[f.l3_off + 6] = 0x20;
    assert_hash(&f, 0x7f, suite[0].hash_ip, KTLSNIC_RSS_IPV4);
    assert_hash(&f, KTLSNIC_RSS_ENABLE | KTLSNIC_RSS_TCP4, 0, 0);
    frame_free(&f);
}

static void test_not_ip(void)
{
    struct frame f = suite_frame(0, PROTO_TCP);

    f.data[f.l3_off - 1] = 0x06;
    assert_hash(&f, 0x7f, 0, 0);
    f.len = 3;
    assert_hash(&f, 0x7f, 0, 0);
    frame_free(&f);
}

/* The definition, with a key as one long number that is shifted. */
static void test_toeplitz(void)
{
    for (unsigned n = 0; n < 2000; n++) {
        uint8_t bytes[KTLSNIC_RSS_KEY_SIZE], shifted[KTLSNIC_RSS_KEY_SIZE];
        uint8_t data[RSS_INPUT_MAX];
        struct rss_key key;
        size_t len = n % (sizeof(data) + 1);
        uint32_t expected = 0;

        reference_random(bytes, sizeof(bytes));
        reference_random(data, sizeof(data));
        memcpy(shifted, bytes, sizeof(bytes));
        for (size_t bit = 0; bit < 8 * len; bit++) {
            if (data[bit / 8] & 0x80 >> bit % 8) {
                expected ^= (uint32_t)shifted[0] << 24 | shifted[1] << 16 |
                            shifted[2] << 8 | shifted[3];
            }
            for (size_t i = 0; i < sizeof(shifted); i++) {
                shifted[i] = shifted[i] << 1 |
                             (i + 1 < sizeof(shifted) ? shifted[i + 1] >> 7
                                                      : 0);
            }
        }
        rss_key_init(&key, bytes);
        g_assert_cmphex(rss_toeplitz(&key, data, len), ==, expected);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/rss/suite", test_suite);
    g_test_add_func("/rss/fragment", test_fragment);
    g_test_add_func("/rss/not-ip", test_not_ip);
    g_test_add_func("/rss/toeplitz", test_toeplitz);
    return g_test_run();
}
