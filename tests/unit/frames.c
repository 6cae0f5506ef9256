/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "frames.h"
#include "reference.h"

static void put16(uint8_t *p, unsigned value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static unsigned get16(const uint8_t *p)
{
    return p[0] << 8 | p[1];
}

static unsigned proto_of(const struct frame *f)
{
    const uint8_t *ip = f->data + f->l3_off;

    if (ip[0] >> 4 == 4) {
        return ip[9];
    }
    return f->l4_off > f->l3_off + 40 ? ip[40] : ip[6];
}

static uint32_t add(uint32_t sum, const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        sum += i % 2 ? p[i] : p[i] << 8;
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

static unsigned finish(uint32_t sum)
{
    sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

void frame_set_checksums(struct frame *f)
{
    uint8_t *ip = f->data + f->l3_off, *l4 = f->data + f->l4_off;
    unsigned proto = proto_of(f), csum;
    uint32_t sum = proto, l4_len = f->ip_end - f->l4_off;
    uint8_t *field = l4 + (proto == PROTO_TCP ? 16 : 6);

    if (ip[0] >> 4 == 4) {
        put16(ip + 10, 0);
        put16(ip + 10, finish(add(0, ip, (ip[0] & 15) * 4)));
    }
    if (proto != PROTO_TCP && proto != PROTO_UDP) {
        return;
    }
    sum = ip[0] >> 4 == 4 ? add(sum, ip + 12, 8) : add(sum, ip + 8, 32);
    sum += l4_len >> 16;
    sum += l4_len & 0xffff;
    put16(field, 0);
    csum = finish(add(sum, l4, l4_len));
    put16(field, csum || proto == PROTO_TCP ? csum : 0xffff);
}

static void make_ipv4(uint8_t *ip, const struct frame_spec *spec, size_t ip_len)
{
    ip[0] = 0x45 + spec->options / 4;
    ip[1] = 0;
    put16(ip + 2, ip_len <= 0xffff ? ip_len : 0);
    put16(ip + 6, 0x4000);
    ip[8] = 64;
    ip[9] = spec->proto;
    memset(ip + 20, 1, spec->options);      /* no operation */
}

static void make_ipv6(uint8_t *ip, const struct frame_spec *spec, size_t ip_len)
{
    put16(ip, 0x6000);
    put16(ip + 4, ip_len - 40 <= 0xffff ? ip_len - 40 : 0);
    ip[6] = spec->options ? 60 : spec->proto;
    ip[7] = 64;
    if (spec->options) {
        ip[40] = spec->proto;
        ip[41] = spec->options / 8 - 1;
        memset(ip + 42, 0, spec->options - 2);
    }
}

static size_t l4_header_len(const struct frame_spec *spec)
{
    switch (spec->proto) {
    case PROTO_TCP:
        return 20 + spec->tcp_options;
    case PROTO_UDP:
        return 8;
    default:
        return 0;
    }
}

struct frame frame_make(const struct frame_spec *spec)
{
    struct frame f;
    uint8_t *l4;

    f.l3_off = 14 + 4 * spec->tags;
    f.l4_off = f.l3_off + (spec->version == 4 ? 20 : 40) + spec->options;
    f.payload_off = f.l4_off + l4_header_len(spec);
    f.ip_end = f.payload_off + spec->payload_len;
    f.len = f.ip_end + spec->padding;
    f.data = g_malloc(f.len);
    reference_random(f.data, f.len);

    for (unsigned i = 0; i < spec->tags; i++) {
        put16(f.data + 12 + 4 * i, i + 1 < spec->tags ? 0x88a8 : 0x8100);
    }
    put16(f.data + f.l3_off - 2, spec->version == 4 ? 0x0800 : 0x86dd);
    if (spec->version == 4) {
        make_ipv4(f.data + f.l3_off, spec, f.ip_end - f.l3_off);
    } else {
        make_ipv6(f.data + f.l3_off, spec, f.ip_end - f.l3_off);
    }
    l4 = f.data + f.l4_off;
    if (spec->proto == PROTO_TCP) {
        l4[12] = l4_header_len(spec) / 4 << 4;
    } else if (spec->proto == PROTO_UDP) {
        put16(l4 + 4, f.ip_end - f.l4_off);
    }
    frame_set_checksums(&f);
    g_assert_cmpuint(get16(f.data + f.l3_off - 2), !=, 0x8100);
    return f;
}

void frame_free(struct frame *frame)
{
    g_free(frame->data);
}

bool frame_spec_nth(unsigned index, struct frame_spec *spec)
{
    static const uint8_t protos[] = { PROTO_TCP, PROTO_UDP, 1 };
    static const unsigned options[] = { 0, 8, 40 };
    static const unsigned payloads[] = { 0, 1, 2, 63, 100 };
    static const unsigned paddings[] = { 0, 1, 26 };

    spec->tags = index % 3;
    index /= 3;
    spec->version = index % 2 ? 6 : 4;
    index /= 2;
    spec->options = options[index % 3];
    index /= 3;
    spec->proto = protos[index % 3];
    index /= 3;
    spec->tcp_options = options[index % 3];
    index /= 3;
    spec->payload_len = payloads[index % 5];
    index /= 5;
    spec->padding = paddings[index % 3];
    return index < 3;
}
