/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>
#include <linux/types.h>

#include "packet/packet.h"
#include "frames.h"
#include "ktlsnic_hw.h"
#include "reference.h"

#define L3   KTLSNIC_TXF_L3_CSUM
#define L4   KTLSNIC_TXF_L4_CSUM
#define TSO  KTLSNIC_TXF_TSO
#define TLS  KTLSNIC_TXF_TLS

static void assert_info(const struct packet_info *info, const struct frame *f,
                        const struct frame_spec *spec)
{
    bool has_l4 = spec->proto == PROTO_TCP || spec->proto == PROTO_UDP;

    g_assert_cmpuint(info->ip_version, ==, spec->version);
    g_assert_cmpuint(info->l3_off, ==, f->l3_off);
    g_assert_cmpuint(info->l4_proto, ==, spec->proto);
    g_assert_false(info->is_fragment);
    g_assert_cmpint(info->has_l4, ==, has_l4);
    if (has_l4) {
        g_assert_cmpuint(info->l4_off, ==, f->l4_off);
        g_assert_cmpuint(info->payload_off, ==, f->payload_off);
        g_assert_cmpuint(info->payload_len, ==, spec->payload_len);
    }
}

static void test_shapes(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame f = frame_make(&spec);
        struct packet_info info;

        g_assert_true(packet_parse(f.data, f.len, &info));
        assert_info(&info, &f, &spec);
        frame_free(&f);
    }
}

/* What holds of any bytes whatever. */
static void assert_sane(const struct packet_info *info, size_t len)
{
    if (!info->ip_version) {
        g_assert_false(info->has_l4);
        return;
    }
    g_assert_cmpuint(info->l3_off + (info->ip_version == 4 ? 20 : 40), <=, len);
    if (info->has_l4) {
        g_assert_false(info->is_fragment);
        g_assert_cmpuint(info->l4_off, >, info->l3_off);
        g_assert_cmpuint(info->payload_off, >=, info->l4_off + 8);
        g_assert_cmpuint(info->payload_off + info->payload_len, <=, len);
    }
}

/* Cut off after every byte; the sanitizer sees reads beyond the copy. */
static void test_truncated(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame f = frame_make(&spec);

        for (size_t len = 0; len < f.ip_end; len++) {
            uint8_t *cut = g_memdup2(f.data, len);
            struct packet_info info;

            packet_parse(cut, len, &info);
            assert_sane(&info, len);
            g_assert_false(info.has_l4);
            g_assert_cmpint(info.ip_version != 0, ==,
                            len >= f.l3_off + (spec.version == 4 ?
                                               20 + spec.options : 40));

            g_assert_false(packet_check_tx(cut, len, f.l3_off, f.l4_off, L4,
                                           &info));
            g_assert_cmpint(packet_check_tx(cut, len, f.l3_off, f.l4_off, TSO,
                                            &info), ==,
                            len >= f.payload_off && spec.proto == PROTO_TCP);
            assert_sane(&info, len);
            g_free(cut);
        }
        frame_free(&f);
    }
}

/* The IP header ends the packet before the frame ends, or after it. */
static void test_ip_length(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame f = frame_make(&spec);
        uint8_t *field = f.data + f.l3_off + (spec.version == 4 ? 2 : 4);
        size_t fixed = spec.version == 4 ? 0 : 40;
        bool known = spec.proto == PROTO_TCP || spec.proto == PROTO_UDP;

        for (size_t value = 0; value < f.len + 20; value++) {
            size_t end = f.l3_off + fixed + value;
            struct packet_info info;

            field[0] = value >> 8;
            field[1] = value;
            g_assert_true(packet_parse(f.data, f.len, &info));
            assert_sane(&info, f.len);
            g_assert_cmpint(info.has_l4, ==, known && end >= f.payload_off &&
                                             end <= f.len);
            if (info.has_l4) {
                g_assert_cmpuint(info.payload_len, ==, end - f.payload_off);
            }
        }
        frame_free(&f);
    }
}

/* Headers with any bytes changed, frames cut anywhere. */
static void test_mutated(void)
{
    struct frame_spec spec;

    for (unsigned n = 0; n < 200000; n++) {
        struct frame f;
        struct packet_info info;
        size_t len;
        uint8_t *cut;
        unsigned flags = g_test_rand_int_range(0, 64);

        frame_spec_nth(n % 2430, &spec);
        f = frame_make(&spec);
        for (int i = g_test_rand_int_range(1, 5); i > 0; i--) {
            f.data[g_test_rand_int_range(12, f.payload_off)] =
                g_test_rand_int();
        }
        len = g_test_rand_bit() ? f.len
                                : (size_t)g_test_rand_int_range(0, f.len);
        cut = g_memdup2(f.data, len);
        g_assert_cmpint(packet_parse(cut, len, &info), ==,
                        info.ip_version != 0);
        assert_sane(&info, len);
        packet_check_tx(cut, len, f.l3_off, f.l4_off, flags, &info);
        assert_sane(&info, len);
        g_free(cut);
        frame_free(&f);
    }
}

static void test_not_ip(void)
{
    struct frame_spec spec = {
        .version = 4, .proto = PROTO_TCP, .payload_len = 10, .tags = 2,
    };
    struct frame f = frame_make(&spec);
    struct packet_info info;
    uint8_t tagged[18 + 200] = { 0 };

    /* a third tag */
    memcpy(tagged, f.data, 12);
    memcpy(tagged + 12, "\x81\x00\x00\x01", 4);
    memcpy(tagged + 16, f.data + 12, f.len - 12);
    g_assert_false(packet_parse(tagged, f.len + 4, &info));

    /* the version does not go with the type */
    g_assert_true(packet_parse(f.data, f.len, &info));
    f.data[f.l3_off] = 0x65;
    g_assert_false(packet_parse(f.data, f.len, &info));
    f.data[f.l3_off] = 0x44;        /* header of 16 bytes */
    g_assert_false(packet_parse(f.data, f.len, &info));
    f.data[f.l3_off] = 0x45;
    f.data[f.l3_off - 1] = 0x06;    /* ARP */
    g_assert_false(packet_parse(f.data, f.len, &info));
    frame_free(&f);
}

static void assert_fragment(const struct frame *f, bool is_fragment)
{
    struct packet_info info;

    g_assert_true(packet_parse(f->data, f->len, &info));
    g_assert_cmpint(info.is_fragment, ==, is_fragment);
    g_assert_cmpint(info.has_l4, ==, !is_fragment);
    g_assert_cmpuint(info.l4_proto, ==, PROTO_TCP);
    g_assert_cmpint(packet_check_tx(f->data, f->len, f->l3_off, f->l4_off, L4,
                                    &info), ==, !is_fragment);
}

static void test_fragments_v4(void)
{
    struct frame_spec spec = {
        .version = 4, .proto = PROTO_TCP, .payload_len = 10,
    };
    struct frame f = frame_make(&spec);
    uint8_t *field = f.data + f.l3_off + 6;

    for (unsigned value = 0; value <= 0xffff; value++) {
        field[0] = value >> 8;
        field[1] = value;
        assert_fragment(&f, value & 0x3fff);
    }
    frame_free(&f);
}

static void test_fragments_v6(void)
{
    struct frame_spec spec = {
        .version = 6, .options = 8, .proto = PROTO_TCP, .payload_len = 10,
    };
    struct frame f = frame_make(&spec);
    uint8_t *ip = f.data + f.l3_off;

    ip[6] = 44;         /* the options become a fragment header */
    for (unsigned value = 0; value <= 0xffff; value++) {
        ip[42] = value >> 8;
        ip[43] = value;
        assert_fragment(&f, value & 0xfff9);
    }
    frame_free(&f);
}

/* Each kind of extension header in front of TCP, and all one after another. */
static void test_extensions(void)
{
    static const struct {
        uint8_t type, len_field;
        bool passable;
    } kinds[] = {
        { 0, 2, true }, { 60, 2, true }, { 43, 2, true }, { 51, 4, true },
        { 50, 2, false }, { 59, 2, false }, { 135, 2, false },
    };
    struct frame_spec spec = {
        .version = 6, .options = 24, .proto = PROTO_TCP, .payload_len = 10,
    };
    struct frame f = frame_make(&spec);
    uint8_t *ip = f.data + f.l3_off;
    struct packet_info info;

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        ip[6] = kinds[i].type;
        ip[41] = kinds[i].len_field;
        g_assert_true(packet_parse(f.data, f.len, &info));
        g_assert_cmpint(info.has_l4, ==, kinds[i].passable);
        if (kinds[i].passable) {
            g_assert_cmpuint(info.l4_off, ==, f.l4_off);
        }
    }

    ip[6] = 43;
    ip[41] = 2;
    ip[43] = 1;         /* one stop to go */
    g_assert_true(packet_parse(f.data, f.len, &info));
    g_assert_false(info.has_l4);

    /* hop-by-hop, routing at its end, destination: 8 bytes each */
    memcpy(ip + 40, "\x2b\0\0\0\0\0\0\0" "\x3c\0\0\0\0\0\0\0"
                    "\x06\0\0\0\0\0\0\0", 24);
    ip[6] = 0;
    g_assert_true(packet_parse(f.data, f.len, &info));
    assert_info(&info, &f, &spec);

    /* one that says it is longer than the packet */
    ip[49] = 0xff;
    g_assert_true(packet_parse(f.data, f.len, &info));
    g_assert_false(info.has_l4);
    frame_free(&f);
}

/* ---- transmit ---- */

static void test_tx_shapes(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        struct frame f = frame_make(&spec);
        bool tcp = spec.proto == PROTO_TCP, udp = spec.proto == PROTO_UDP;
        struct packet_info info;

        for (unsigned flags = 0; flags < 64; flags++) {
            bool good = true;

            good &= !(flags & L3) || spec.version == 4;
            good &= !(flags & L4) || tcp || udp;
            good &= !(flags & (TSO | TLS)) || tcp;
            good &= !(flags & TLS) || flags & TSO || !spec.padding;
            g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off,
                                            flags, &info), ==, good);
            if (flags & TSO) {
                /* all of the frame is payload */
                g_assert_cmpint(info.payload_len, ==, !info.has_l4 ? 0 :
                                spec.payload_len + spec.padding);
            } else if (flags & (L3 | L4 | TLS)) {
                assert_info(&info, &f, &spec);
            }
        }
        frame_free(&f);
    }
}

static void test_tx_offsets(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i += 7) {
        struct frame f = frame_make(&spec);
        struct packet_info info;

        if (spec.proto == PROTO_TCP) {
            for (unsigned off = 0; off < 256; off++) {
                g_assert_cmpint(packet_check_tx(f.data, f.len, off, f.l4_off,
                                                TSO, &info), ==,
                                off == f.l3_off);
                g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, off,
                                                L4, &info), ==,
                                off == f.l4_off);
                /* without a layer 4 flag its offset is nobody's affair */
                g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, off,
                                                L3, &info), ==,
                                spec.version == 4);
            }
        }
        frame_free(&f);
    }
}

/* With TSO the IP length may be anything; with TLS it must be the frame's, for
 * what follows it would not be encrypted; else it must fit the frame. */
static void test_tx_ip_length(void)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        struct frame_spec spec = {
            .version = version, .proto = PROTO_TCP, .payload_len = 30,
        };
        struct frame f = frame_make(&spec);
        uint8_t *field = f.data + f.l3_off + (version == 4 ? 2 : 4);
        unsigned fixed = version == 4 ? 0 : 40, ip_len = f.len - f.l3_off;
        unsigned headers = f.payload_off - f.l3_off;
        struct packet_info info;

        for (unsigned value = 0; value <= 0xffff; value++) {
            bool fits = value + fixed >= headers && value + fixed <= ip_len;

            field[0] = value >> 8;
            field[1] = value;
            g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off,
                                            TLS, &info), ==,
                            value + fixed == ip_len);
            g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off,
                                            L4, &info), ==, fits);
            if (fits) {
                g_assert_cmpuint(info.payload_len, ==,
                                 value + fixed - headers);
            }
            g_assert_true(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off,
                                          TSO | TLS, &info));
            g_assert_cmpuint(info.payload_len, ==, 30);
            if (version == 4) {
                g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, 0, L3,
                                                &info), ==,
                                value >= 20 && value <= ip_len);
            }
        }
        frame_free(&f);
    }
}

static void test_tx_l4_header(void)
{
    struct frame_spec tcp = {
        .version = 4, .proto = PROTO_TCP, .payload_len = 12,
    };
    struct frame_spec udp = {
        .version = 6, .proto = PROTO_UDP, .payload_len = 12,
    };
    struct frame f = frame_make(&tcp);
    struct packet_info info;

    for (unsigned words = 0; words < 16; words++) {
        f.data[f.l4_off + 12] = words << 4;
        g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off, TSO,
                                        &info), ==, words >= 5 && words <= 8);
    }
    frame_free(&f);

    f = frame_make(&udp);
    for (unsigned len = 0; len <= 0xffff; len++) {
        f.data[f.l4_off + 4] = len >> 8;
        f.data[f.l4_off + 5] = len;
        g_assert_cmpint(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off, L4,
                                        &info), ==, len >= 8 && len <= 20);
    }
    frame_free(&f);
}

/* The length is the descriptor's, not that of a 16-bit field. */
static void test_tx_big(void)
{
    for (unsigned version = 4; version <= 6; version += 2) {
        struct frame_spec spec = {
            .version = version, .proto = PROTO_TCP, .tcp_options = 12,
            .payload_len = 500000,
        };
        struct frame f = frame_make(&spec);
        struct packet_info info;

        g_assert_true(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off, TSO,
                                      &info));
        g_assert_cmpuint(info.payload_len, ==, 500000);
        g_assert_false(packet_check_tx(f.data, f.len, f.l3_off, f.l4_off, L4,
                                       &info));
        frame_free(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/packet/shapes", test_shapes);
    g_test_add_func("/packet/truncated", test_truncated);
    g_test_add_func("/packet/ip-length", test_ip_length);
    g_test_add_func("/packet/mutated", test_mutated);
    g_test_add_func("/packet/not-ip", test_not_ip);
    g_test_add_func("/packet/fragments-v4", test_fragments_v4);
    g_test_add_func("/packet/fragments-v6", test_fragments_v6);
    g_test_add_func("/packet/extensions", test_extensions);
    g_test_add_func("/packet/tx/shapes", test_tx_shapes);
    g_test_add_func("/packet/tx/offsets", test_tx_offsets);
    g_test_add_func("/packet/tx/ip-length", test_tx_ip_length);
    g_test_add_func("/packet/tx/l4-header", test_tx_l4_header);
    g_test_add_func("/packet/tx/big", test_tx_big);
    return g_test_run();
}
