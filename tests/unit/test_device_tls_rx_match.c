/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which frames are of an RX context's connection, and which only look so
 * (hw-model/SPEC.md 10.4); Documentation/contract.md, case 42.
 */
#include <string.h>

#include "conn.h"

static const size_t lengths[] = { 40, 50, 60, 70, 80, 90, 30, 31 };

static void setup(struct conn *t, unsigned ip_version)
{
    conn_open(t, KTLSNIC_TLS_RX_ASYNC, ip_version, g_test_rand_int(), 3,
              lengths, G_N_ELEMENTS(lengths));
}

/* The next segment of the stream. */
static struct frame next_frame(const struct conn *t, size_t from)
{
    return conn_frame(t, from, t->rx.stream->wire->data + from, 40);
}

/* The connection goes on where it was. */
static void finish(struct conn *t, size_t from)
{
    g_assert_true(conn_send(t, from, t->rx.len));
    conn_close(t);
}

/* Each bit of both addresses and ports, and of the station's. */
static void test_tuple_bits(void)
{
    for (unsigned v = 4; v <= 6; v += 2) {
        struct conn t;
        struct frame frame;
        size_t first, end;

        setup(&t, v);
        fake_write(t.h.host, KTLSNIC_REG_RX_CTRL,
                   KTLSNIC_RX_CTRL_ENABLE | KTLSNIC_RX_CTRL_PROMISC);
        g_assert_true(conn_send(&t, 0, 100));
        frame = next_frame(&t, 100);
        first = frame.l3_off + (v == 4 ? 12 : 8);
        end = frame.l4_off + 4;
        for (size_t i = 0; i < end; i++) {
            if (i >= 6 && i < first) {
                continue;
            }
            for (unsigned bit = 0; bit < 8; bit++) {
                frame.data[i] ^= 1 << bit;
                frame_set_checksums(&frame);
                conn_deliver_plain(&t, &frame);
                g_assert_true(t.got.flags & KTLSNIC_RXF_L4_OK);
                frame.data[i] ^= 1 << bit;
            }
        }
        frame_free(&frame);
        finish(&t, 100);
    }
}

/* The other way round it is another connection. */
static void test_swapped_ends(void)
{
    struct conn t;
    struct frame frame;
    struct ktlsnic_tls_tuple right;

    setup(&t, 4);
    right = t.tuple;
    memcpy(t.tuple.remote_port, right.local_port, 2);
    memcpy(t.tuple.local_port, right.remote_port, 2);
    memcpy(t.tuple.remote_addr, right.local_addr, 16);
    memcpy(t.tuple.local_addr, right.remote_addr, 16);
    frame = next_frame(&t, 0);
    conn_deliver_plain(&t, &frame);
    frame_free(&frame);
    t.tuple = right;
    finish(&t, 0);
}

/* Fields that are not of the tuple may be anything. */
static void test_other_fields(void)
{
    struct conn t;
    struct frame frame;
    g_autofree uint8_t *want = NULL;

    setup(&t, 4);
    frame = next_frame(&t, 0);
    reference_random(frame.data + 6, 6);                /* who sent it */
    frame.data[frame.l3_off + 1] ^= 0x03;               /* ECN */
    frame.data[frame.l3_off + 4] ^= 0xff;               /* identification */
    frame.data[frame.l3_off + 6] = 0;                   /* DF */
    frame.data[frame.l3_off + 8] = 3;                   /* TTL */
    frame.data[frame.l4_off + 8] ^= 0xff;               /* acknowledgement */
    frame.data[frame.l4_off + 14] ^= 0xff;              /* window */
    frame_set_checksums(&frame);
    want = conn_expect(&t, &frame, 0);
    conn_deliver(&t, &frame);
    conn_assert(&t, want, frame.len);
    g_assert_true(t.rx.result.decrypted);
    frame_free(&frame);
    finish(&t, 40);
}

/* Tags, of the customer or the provider, stripped or not. */
static void test_tagged(void)
{
    for (unsigned i = 0; i < 16; i++) {
        struct conn t;
        struct frame frame;
        unsigned tags = 1 + i % 2;

        setup(&t, i % 4 < 2 ? 4 : 6);
        fake_write(t.h.host, KTLSNIC_REG_RX_CTRL, KTLSNIC_RX_CTRL_ENABLE |
                   (i & 4 ? KTLSNIC_RX_CTRL_VLAN_STRIP : 0));
        t.spec.tags = tags;
        frame = next_frame(&t, 0);
        frame.data[12] = i & 8 ? 0x88 : 0x81;
        frame.data[13] = i & 8 ? 0xa8 : 0x00;
        conn_deliver(&t, &frame);
        g_assert_cmphex(t.got.flags & (KTLSNIC_RXF_TLS | KTLSNIC_RXF_L4_OK),
                        ==, KTLSNIC_RXF_L4_OK);
        g_assert_cmpmem(t.got.data + t.got.len - 40, 40,
                        frame.data + frame.len - 40, 40);
        g_assert_cmpint(!!(t.got.flags & KTLSNIC_RXF_VLAN), ==,
                        (i & 4) && !(i & 8));
        frame_free(&frame);
        t.spec.tags = 0;
        finish(&t, 0);
    }
}

static void test_ipv4_fragment(void)
{
    static const uint16_t bits[] = { 0x2000, 0x0001, 0x1fff, 0x2001, 0x3fff };
    struct conn t;

    setup(&t, 4);
    for (unsigned i = 0; i < G_N_ELEMENTS(bits); i++) {
        struct frame frame = next_frame(&t, 0);

        frame.data[frame.l3_off + 6] = bits[i] >> 8;
        frame.data[frame.l3_off + 7] = bits[i];
        frame_set_checksums(&frame);
        conn_deliver_plain(&t, &frame);
        frame_free(&frame);
    }
    finish(&t, 0);
}

/* Puts extension headers (in place of destination options, 8 bytes each). */
static void check_ipv6_ext(struct conn *t, uint8_t type, const uint8_t ext[8],
                           bool match, size_t from)
{
    struct frame frame;

    t->spec.options = 8;
    frame = next_frame(t, from);
    frame.data[frame.l3_off + 6] = type;
    memcpy(frame.data + frame.l3_off + 41, ext + 1, 7);
    frame_set_checksums(&frame);
    if (match) {
        g_autofree uint8_t *want = conn_expect(t, &frame, from);

        conn_deliver(t, &frame);
        conn_assert(t, want, frame.len);
        g_assert_true(t->rx.result.decrypted);
    } else {
        conn_deliver_plain(t, &frame);
    }
    frame_free(&frame);
    t->spec.options = 0;
}

static void test_ipv6_extensions(void)
{
    static const struct {
        uint8_t type;
        uint8_t ext[8];
        bool match;
    } cases[] = {
        { 0, { 0 }, true },                     /* hop by hop */
        { 60, { 0 }, true },                    /* destination options */
        { 43, { 0 }, true },                    /* routing, no stops to go */
        { 43, { 0, 0, 0, 1 }, false },          /* one stop to go */
        { 44, { 0 }, true },                    /* a "fragment" that is whole */
        { 44, { 0, 0, 0, 1 }, false },          /* more to come */
        { 44, { 0, 0, 0, 8 }, false },          /* an offset */
        { 44, { 0, 0, 0xff, 0xf8 }, false },
        { 50, { 0 }, false },                   /* encrypted: unknown */
        { 59, { 0 }, false },                   /* no next header */
    };
    struct conn t;
    size_t from = 0;

    setup(&t, 6);
    for (unsigned i = 0; i < G_N_ELEMENTS(cases); i++) {
        check_ipv6_ext(&t, cases[i].type, cases[i].ext, cases[i].match, from);
        from += cases[i].match ? 40 : 0;
    }
    finish(&t, from);
}

/* Options of IP and TCP are looked past, and stay. */
static void test_options(void)
{
    for (unsigned ip = 0; ip <= 40; ip += 4) {
        struct conn t;
        size_t from = 0;

        setup(&t, ip % 8 ? 4 : 6);
        t.spec.options = ip;
        for (unsigned tcp = 0; tcp <= 40; tcp += 4) {
            t.spec.tcp_options = tcp;
            t.spec.padding = tcp % 5;
            g_assert_true(conn_send(&t, from, from + 30));
            from += 30;
        }
        t.spec.options = 0;
        finish(&t, from);
    }
}

static void test_udp(void)
{
    for (unsigned v = 4; v <= 6; v += 2) {
        struct conn t;
        struct frame frame;

        setup(&t, v);
        t.spec.proto = PROTO_UDP;
        t.spec.tcp_options = 0;
        frame = next_frame(&t, 0);
        frame.data[frame.l4_off + 13] = 0x10;   /* as TCP it would be good */
        frame_set_checksums(&frame);
        conn_deliver_plain(&t, &frame);
        g_assert_true(t.got.flags & KTLSNIC_RXF_L4_OK);
        frame_free(&frame);
        t.spec.proto = PROTO_TCP;
        finish(&t, 0);
    }
}

/* IPv4 in IPv4: the inner packet is none of ours. */
static void test_tunnel(void)
{
    struct conn t;
    struct frame inner, outer;
    struct frame_spec spec = { .version = 4, .proto = 4 };

    setup(&t, 4);
    inner = next_frame(&t, 0);
    spec.payload_len = inner.len - inner.l3_off;
    outer = frame_make(&spec);
    memcpy(outer.data, t.h.host->config.mac, 6);
    memcpy(outer.data + outer.payload_off, inner.data + inner.l3_off,
           spec.payload_len);
    memcpy(outer.data + outer.l3_off + 12, t.tuple.remote_addr, 4);
    memcpy(outer.data + outer.l3_off + 16, t.tuple.local_addr, 4);
    frame_set_checksums(&outer);
    conn_deliver_plain(&t, &outer);
    frame_free(&inner);
    frame_free(&outer);
    finish(&t, 0);
}

/* IPv6 addresses that begin with the bytes of IPv4 ones, and the other way. */
static void test_versions(void)
{
    for (unsigned v = 4; v <= 6; v += 2) {
        struct conn t;
        struct frame frame;

        setup(&t, v);
        memset(t.tuple.remote_addr + 4, 0, 12);
        memset(t.tuple.local_addr + 4, 0, 12);
        conn_reopen(&t);
        t.spec.version = t.tuple.ip_version = 10 - v;
        frame = next_frame(&t, 0);
        conn_deliver_plain(&t, &frame);
        frame_free(&frame);
        t.spec.version = t.tuple.ip_version = v;
        finish(&t, 0);
    }
}

/* Another station address: what goes to the old one is not ours any more. */
static void test_station_address(void)
{
    struct conn t;
    struct frame frame;

    setup(&t, 4);
    fake_write(t.h.host, KTLSNIC_REG_RX_CTRL,
               KTLSNIC_RX_CTRL_ENABLE | KTLSNIC_RX_CTRL_PROMISC);
    g_assert_true(conn_send(&t, 0, 100));
    fake_write(t.h.host, KTLSNIC_REG_MAC_LO, 0x44332202);
    frame = next_frame(&t, 100);
    conn_deliver_plain(&t, &frame);
    frame_free(&frame);
    memcpy(t.h.host->config.mac, "\x02\x22\x33\x44", 4);
    finish(&t, 100);
}

/* Sixteen connections that differ in a port, their segments in any order. */
static void test_many(void)
{
    struct conn t;
    struct rx rx[16];
    size_t at[16] = { 0 };

    setup(&t, 4);
    conn_on_ctx(&t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT);
    t.want[KTLSNIC_STAT_TLS_RX_DELETED] = 1;
    rx_teardown(&t.rx);
    for (unsigned i = 0; i < 16; i++) {
        rx_setup(&rx[i], reference_suites[i % REFERENCE_SUITES], KTLSNIC_TLS_RX_ASYNC, i, i,
                 lengths, G_N_ELEMENTS(lengths));
        t.rx = rx[i];
        t.tuple.remote_port[1] = i;
        g_assert_cmpuint(conn_add(&t, i), ==, KTLSNIC_CMD_OK);
        t.want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    }
    for (unsigned n = 0; n < 400; n++) {
        unsigned i = g_test_rand_int_range(0, 16);
        size_t len = g_test_rand_int_range(1, 30);
        struct frame frame;
        g_autofree uint8_t *want = NULL;

        len = MIN(len, rx[i].len - at[i]);
        t.rx = rx[i];
        t.tuple.remote_port[1] = i;
        frame = conn_frame(&t, at[i], rx[i].stream->wire->data + at[i], len);
        if (len) {
            want = conn_expect(&t, &frame, at[i]);
            conn_deliver(&t, &frame);
            g_assert_cmpuint(GUINT32_FROM_LE(t.got.first.tls_ctx), ==, i);
            g_assert_true(t.got.flags & KTLSNIC_RXF_TLS_DECRYPTED);
            g_assert_cmpmem(t.got.data + frame.payload_off, len,
                            rx[i].clear + at[i], len);
        }
        at[i] += len;
        frame_free(&frame);
    }
    for (unsigned i = 1; i < 16; i++) {
        rx_teardown(&rx[i]);
    }
    t.rx = rx[0];
    conn_close(&t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx-match/case-42-tuple-bits", test_tuple_bits);
    g_test_add_func("/device/tls-rx-match/case-42-swapped-ends",
                    test_swapped_ends);
    g_test_add_func("/device/tls-rx-match/case-42-other-fields",
                    test_other_fields);
    g_test_add_func("/device/tls-rx-match/case-42-tagged", test_tagged);
    g_test_add_func("/device/tls-rx-match/case-42-ipv4-fragment",
                    test_ipv4_fragment);
    g_test_add_func("/device/tls-rx-match/case-42-ipv6-extensions",
                    test_ipv6_extensions);
    g_test_add_func("/device/tls-rx-match/case-42-options", test_options);
    g_test_add_func("/device/tls-rx-match/case-42-udp", test_udp);
    g_test_add_func("/device/tls-rx-match/case-42-tunnel", test_tunnel);
    g_test_add_func("/device/tls-rx-match/case-42-versions", test_versions);
    g_test_add_func("/device/tls-rx-match/case-42-station-address",
                    test_station_address);
    g_test_add_func("/device/tls-rx-match/case-42-many", test_many);
    return g_test_run();
}
