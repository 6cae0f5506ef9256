/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "link_fixture.h"

#define SERVER_PORT 443

static int64_t host_now(void *opaque)
{
    return ((struct wire *)opaque)->now;
}

static void host_wake(void *opaque, int64_t when)
{
    ((struct wire *)opaque)->wake = when;
}

static void host_fault(void *opaque, enum link_dir dir, enum link_counter what,
                       const struct link_frame *frame)
{
    struct wire *wire = opaque;

    g_assert_cmpint(dir, <, LINK_DIRS);
    g_assert_cmpint(what, <, LINK_COUNTERS);
    g_assert_nonnull(frame->data);
    wire->faults++;
}

static void arrive(struct wire *wire, enum link_dir dir,
                   const struct link_frame *frame)
{
    struct arrival arrival = {
        .id = frame->flags,
        .when = wire->now,
        .csum = frame->csum,
        .data = g_memdup2(frame->data, frame->len),
        .len = frame->len,
    };
    uint32_t id = frame->flags;

    g_assert_cmpmem(frame->head, frame->head_len, &id, sizeof(id));
    g_array_append_val(wire->out[dir], arrival);
}

static void host_deliver(void *opaque, enum link_dir dir,
                         const struct link_frame *frame)
{
    struct wire *wire = opaque;

    arrive(wire, dir, frame);
    if (wire->echo && dir == LINK_TX) {
        wire_send(wire, LINK_RX, wire->echo);
    }
}

static void clear_arrival(void *arrival)
{
    g_free(((struct arrival *)arrival)->data);
}

static void set_options(struct link_config *config, const char *options)
{
    g_auto(GStrv) list = g_strsplit(options, ",", -1);

    for (char **option = list; *option; option++) {
        g_auto(GStrv) pair = g_strsplit(*option, "=", 2);
        GError *error = NULL;

        link_config_set(config, pair[0], pair[1], &error);
        g_assert_no_error(error);
    }
}

struct wire *wire_new(const char *options, const char *rules)
{
    static const struct link_host host = {
        .now = host_now,
        .deliver = host_deliver,
        .wake = host_wake,
        .fault = host_fault,
    };
    struct wire *wire = g_new0(struct wire, 1);
    GError *error = NULL;

    wire->config = link_config_new();
    set_options(wire->config, options);
    if (rules) {
        link_config_set(wire->config, "rules", rules, &error);
        g_assert_no_error(error);
    }
    link_config_check(wire->config, &error);
    g_assert_no_error(error);
    wire->link = link_new(wire->config, &host, wire);
    wire->wake = NEVER;
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        wire->out[dir] = g_array_new(false, false, sizeof(struct arrival));
        g_array_set_clear_func(wire->out[dir], clear_arrival);
    }
    return wire;
}

void wire_free(struct wire *wire)
{
    link_free(wire->link);
    link_config_free(wire->config);
    for (int dir = 0; dir < LINK_DIRS; dir++) {
        g_array_unref(wire->out[dir]);
    }
    g_free(wire);
}

unsigned wire_send_as(struct wire *wire, enum link_dir dir,
                      const struct frame *frame, enum link_csum csum)
{
    uint32_t id = ++wire->sent;
    struct link_frame sent = {
        .head = (const uint8_t *)&id,
        .head_len = sizeof(id),
        .data = frame->data,
        .len = frame->len,
        .csum = csum,
        .flags = id,
    };

    if (!link_submit(wire->link, dir, &sent)) {
        arrive(wire, dir, &sent);
    }
    return id;
}

unsigned wire_send(struct wire *wire, enum link_dir dir,
                   const struct frame *frame)
{
    return wire_send_as(wire, dir, frame, LINK_CSUM_DONE);
}

void wire_send_many(struct wire *wire, enum link_dir dir, unsigned count)
{
    uint8_t data[60] = { 0 };
    struct frame frame = { .data = data, .len = sizeof(data) };

    for (unsigned i = 0; i < count; i++) {
        wire_send(wire, dir, &frame);
    }
}

void wire_pass(struct wire *wire, int64_t ns)
{
    int64_t end = wire->now + ns;

    while (wire->wake <= end) {
        wire->now = MAX(wire->now, wire->wake);
        wire->wake = NEVER;
        link_run(wire->link);
    }
    wire->now = end;
}

const struct arrival *wire_arrival(struct wire *wire, enum link_dir dir,
                                   unsigned index)
{
    g_assert_cmpuint(index, <, wire->out[dir]->len);
    return &g_array_index(wire->out[dir], struct arrival, index);
}

char *wire_order(struct wire *wire, enum link_dir dir)
{
    GString *order = g_string_new(NULL);

    for (unsigned i = 0; i < wire->out[dir]->len; i++) {
        g_string_append_printf(order, "%s%u", i ? " " : "",
                               wire_arrival(wire, dir, i)->id);
    }
    return g_string_free(order, false);
}

void wire_assert_order(struct wire *wire, enum link_dir dir,
                       const char *expected)
{
    g_autofree char *order = wire_order(wire, dir);

    g_assert_cmpstr(order, ==, expected);
}

uint64_t wire_count(struct wire *wire, enum link_dir dir,
                    enum link_counter counter)
{
    return link_count(wire->link, dir, counter);
}

/* ---- conversations ------------------------------------------------------ */

static void put32(uint8_t *p, uint32_t value)
{
    uint32_t be = GUINT32_TO_BE(value);

    memcpy(p, &be, sizeof(be));
}

static void put_port(uint8_t *p, uint16_t port)
{
    p[0] = port >> 8;
    p[1] = port;
}

struct frame talk_frame(const struct talk *talk, enum link_dir dir,
                        uint8_t flags, uint32_t seq, uint32_t len)
{
    struct frame_spec spec = {
        .tags = talk->tags,
        .version = talk->version,
        .proto = PROTO_TCP,
        .tcp_options = 12,
        .payload_len = len,
        .padding = len ? 0 : 2,
    };
    struct frame f = frame_make(&spec);
    size_t addr_len = talk->version == 4 ? 4 : 16;
    uint8_t *src = f.data + f.l3_off + (talk->version == 4 ? 12 : 8);
    uint8_t *tcp = f.data + f.l4_off;

    memset(src, 0x20 + dir, addr_len);
    memset(src + addr_len, 0x20 + !dir, addr_len);
    put_port(tcp, dir == LINK_TX ? talk->port : SERVER_PORT);
    put_port(tcp + 2, dir == LINK_TX ? SERVER_PORT : talk->port);
    put32(tcp + 4, seq);
    tcp[13] = flags;
    frame_set_checksums(&f);
    return f;
}

unsigned talk_send(struct wire *wire, const struct talk *talk,
                   enum link_dir dir, uint8_t flags, uint32_t seq, uint32_t len)
{
    struct frame f = talk_frame(talk, dir, flags, seq, len);
    unsigned id = wire_send(wire, dir, &f);

    frame_free(&f);
    return id;
}

void talk_open(struct wire *wire, const struct talk *talk, enum link_dir dir)
{
    talk_send(wire, talk, dir, SYN, talk->isn[dir], 0);
    talk_send(wire, talk, !dir, SYN | ACK, talk->isn[!dir], 0);
    talk_send(wire, talk, dir, ACK, talk->isn[dir] + 1, 0);
}

unsigned talk_data(struct wire *wire, const struct talk *talk,
                   enum link_dir dir, int64_t offset, uint32_t len)
{
    return talk_send(wire, talk, dir, ACK, talk->isn[dir] + 1 + offset, len);
}
