/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "packet/checksum.h"
#include "frames.h"
#include "reference.h"

static struct packet_info parse(const struct frame *f)
{
    struct packet_info info;

    g_assert_true(packet_parse(f->data, f->len, &info));
    return info;
}

/* A header that has been checked by hand in many a textbook. */
static void test_known_header(void)
{
    uint8_t frame[14 + 115] = {
        [12] = 0x08, 0x00,
        [14] = 0x45, 0x00, 0x00, 0x73, 0x00, 0x00, 0x40, 0x00, 0x40, 0x11,
        0xff, 0xff, 0xc0, 0xa8, 0x00, 0x01, 0xc0, 0xa8, 0x00, 0xc7,
    };
    struct packet_info info;

    g_assert_true(packet_parse(frame, sizeof(frame), &info));
    g_assert_cmpint(checksum_verify_l3(frame, &info), ==, CHECKSUM_BAD);
    checksum_set_l3(frame, &info);
    g_assert_cmphex(frame[24] << 8 | frame[25], ==, 0xb861);
    g_assert_cmpint(checksum_verify_l3(frame, &info), ==, CHECKSUM_GOOD);
}

/* Against the plain loop, at every payload length; the field holds junk. */
static void check_frame(const struct frame_spec *spec)
{
    struct frame f = frame_make(spec);
    struct packet_info info = parse(&f);
    g_autofree uint8_t *expected = g_memdup2(f.data, f.len);
    bool l4 = spec->proto == PROTO_TCP || spec->proto == PROTO_UDP;

    g_assert_cmpint(checksum_verify_l3(f.data, &info), ==,
                    spec->version == 4 ? CHECKSUM_GOOD : CHECKSUM_ABSENT);
    g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                    l4 ? CHECKSUM_GOOD : CHECKSUM_ABSENT);

    if (spec->version == 4) {
        reference_random(f.data + f.l3_off + 10, 2);
        checksum_set_l3(f.data, &info);
    }
    if (l4) {
        reference_random(f.data + f.l4_off +
                         (spec->proto == PROTO_TCP ? 16 : 6), 2);
        checksum_set_l4(f.data, &info);
    }
    g_assert_cmpmem(f.data, f.len, expected, f.len);
    frame_free(&f);
}

static void test_reference(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i++) {
        check_frame(&spec);
        if (i % 9 == 0) {
            for (spec.payload_len = 0; spec.payload_len < 80;
                 spec.payload_len++) {
                check_frame(&spec);
            }
        }
        if (i % 50 == 0) {
            spec.payload_len = g_test_rand_int_range(9000, 65000);
            check_frame(&spec);
        }
    }
}

/* Bytes of all ones, as long as can be: no sum overflows. */
static void test_ones(void)
{
    struct frame_spec spec = {
        .version = 6, .proto = PROTO_TCP, .payload_len = 65535 - 20,
    };
    struct frame f = frame_make(&spec);
    struct packet_info info = parse(&f);
    g_autofree uint8_t *expected = NULL;

    memset(f.data + f.payload_off, 0xff, spec.payload_len);
    memset(f.data + f.l3_off + 8, 0xff, 32);
    frame_set_checksums(&f);
    expected = g_memdup2(f.data, f.len);
    checksum_set_l4(f.data, &info);
    g_assert_cmpmem(f.data, f.len, expected, f.len);
    frame_free(&f);
}

/* Any one bit that changes is seen, in the part that is covered. */
static void test_bit_flips(void)
{
    struct frame_spec spec;

    for (unsigned i = 0; frame_spec_nth(i, &spec); i += 5) {
        struct frame f = frame_make(&spec);
        struct packet_info info = parse(&f);

        for (size_t bit = 8 * f.l3_off; bit < 8 * f.len; bit++) {
            uint8_t *byte = f.data + bit / 8, mask = 1 << bit % 8;
            size_t off = bit / 8;

            if (!info.has_l4 || off < f.l4_off ||
                (spec.proto == PROTO_UDP && (off - f.l4_off) / 4 == 1)) {
                continue;       /* UDP length and field: cases of their own */
            }
            *byte ^= mask;
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            off < f.ip_end ? CHECKSUM_BAD : CHECKSUM_GOOD);
            *byte ^= mask;
        }
        frame_free(&f);
    }
}

static void test_header_bit_flips(void)
{
    for (unsigned options = 0; options <= 40; options += 4) {
        struct frame_spec spec = {
            .version = 4, .proto = PROTO_TCP, .options = options,
            .payload_len = 5,
        };
        struct frame f = frame_make(&spec);
        struct packet_info info = parse(&f);

        /* from the header's own length on */
        for (size_t bit = 8 * (f.l3_off + 1); bit < 8 * f.l4_off; bit++) {
            f.data[bit / 8] ^= 1 << bit % 8;
            g_assert_cmpint(checksum_verify_l3(f.data, &info), ==,
                            CHECKSUM_BAD);
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            CHECKSUM_ABSENT);
            f.data[bit / 8] ^= 1 << bit % 8;
        }
        frame_free(&f);
    }
}

/* The addresses of the pseudo header count, also where no header sum does. */
static void test_pseudo_header(void)
{
    struct frame_spec spec = {
        .version = 6, .proto = PROTO_UDP, .payload_len = 5,
    };
    struct frame f = frame_make(&spec);
    struct packet_info info = parse(&f);

    for (size_t bit = 8 * (f.l3_off + 8); bit < 8 * (f.l3_off + 40); bit++) {
        f.data[bit / 8] ^= 1 << bit % 8;
        g_assert_cmpint(checksum_verify_l4(f.data, &info), ==, CHECKSUM_BAD);
        f.data[bit / 8] ^= 1 << bit % 8;
    }
    g_assert_cmpint(checksum_verify_l4(f.data, &info), ==, CHECKSUM_GOOD);
    frame_free(&f);
}

/* A sum of 0: UDP sends 0xffff for it, TCP sends it. */
static void test_zero_result(void)
{
    static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP };

    for (size_t p = 0; p < G_N_ELEMENTS(protos); p++) {
        for (unsigned version = 4; version <= 6; version += 2) {
            struct frame_spec spec = {
                .version = version, .proto = protos[p], .payload_len = 2,
            };
            struct frame f = frame_make(&spec);
            struct packet_info info = parse(&f);
            uint8_t *field = f.data + f.l4_off + (p ? 6 : 16);

            /* the checksum as data makes the checksum 0 */
            memset(f.data + f.payload_off, 0, 2);
            checksum_set_l4(f.data, &info);
            memcpy(f.data + f.payload_off, field, 2);
            checksum_set_l4(f.data, &info);
            g_assert_cmphex(field[0] << 8 | field[1], ==, p ? 0xffff : 0);
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            CHECKSUM_GOOD);
            /* as TCP 0xffff means the same, but as UDP 0 means none */
            memset(field, p ? 0 : 0xff, 2);
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            !p ? CHECKSUM_GOOD :
                            version == 4 ? CHECKSUM_ABSENT : CHECKSUM_BAD);
            frame_free(&f);
        }
    }
}

/* A UDP length other than that of the IP packet. */
static void test_udp_length(void)
{
    struct frame_spec spec = {
        .version = 4, .proto = PROTO_UDP, .payload_len = 40,
    };
    struct frame f = frame_make(&spec);
    struct packet_info info = parse(&f);

    for (unsigned len = 0; len <= 0xffff; len++) {
        f.data[f.l4_off + 4] = len >> 8;
        f.data[f.l4_off + 5] = len;
        if (len < 8 || len > 48) {
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            CHECKSUM_ABSENT);
        } else {
            checksum_set_l4(f.data, &info);
            g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                            CHECKSUM_GOOD);
            /* what lies after it does not count, what lies before it does */
            if (len < 48) {
                f.data[f.l4_off + len] ^= 1;
                g_assert_cmpint(checksum_verify_l4(f.data, &info), ==,
                                CHECKSUM_GOOD);
            }
            f.data[f.l4_off + len - 1] ^= 1;
            g_assert_cmpint(checksum_verify_l4(f.data, &info), !=,
                            CHECKSUM_GOOD);
        }
    }
    frame_free(&f);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/checksum/known-header", test_known_header);
    g_test_add_func("/checksum/reference", test_reference);
    g_test_add_func("/checksum/ones", test_ones);
    g_test_add_func("/checksum/bit-flips", test_bit_flips);
    g_test_add_func("/checksum/header-bit-flips", test_header_bit_flips);
    g_test_add_func("/checksum/pseudo-header", test_pseudo_header);
    g_test_add_func("/checksum/zero-result", test_zero_result);
    g_test_add_func("/checksum/udp-length", test_udp_length);
    return g_test_run();
}
