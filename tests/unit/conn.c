/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "conn.h"

#define TCP_ACK     0x10
#define TLS_FLAGS   (KTLSNIC_RXF_TLS | KTLSNIC_RXF_TLS_DECRYPTED | \
                     KTLSNIC_RXF_TLS_FAILED | KTLSNIC_RXF_TLS_RESYNC)

static void random_tuple(struct ktlsnic_tls_tuple *tuple, unsigned ip_version)
{
    unsigned len = ip_version == 4 ? 4 : 16;

    memset(tuple, 0, sizeof(*tuple));
    tuple->ip_version = ip_version;
    reference_random(tuple->remote_port, sizeof(tuple->remote_port));
    reference_random(tuple->local_port, sizeof(tuple->local_port));
    reference_random(tuple->remote_addr, len);
    reference_random(tuple->local_addr, len);
}

void conn_open(struct conn *t, enum ktlsnic_tls_rx_mode mode,
               unsigned ip_version, uint32_t seq, uint64_t rec_num,
               const size_t *lengths, unsigned count)
{
    conn_open_suite(t, reference_suites[g_test_rand_int_range(0, 2)], mode,
                    ip_version, seq, rec_num, lengths, count);
}

void conn_open_suite(struct conn *t, struct reference_suite suite,
                     enum ktlsnic_tls_rx_mode mode, unsigned ip_version,
                     uint32_t seq, uint64_t rec_num, const size_t *lengths,
                     unsigned count)
{
    struct ktlsnic_config config = fake_usual_config;

    memset(t, 0, sizeof(*t));
    config.tls_rx_mode = mode;
    t->h = rx_host_open_device(&config, KTLSNIC_RX_CTRL_ENABLE);
    fake_write(t->h.host, KTLSNIC_REG_RX_MAX_FRAME, KTLSNIC_MAX_FRAME);
    t->cmd_cq = fake_ring_open(t->h.host, KTLSNIC_RING_CMD_CQ, 6, 16);
    t->cmd = fake_ring_open(t->h.host, KTLSNIC_RING_CMD, 6, 128);
    t->h.used = t->h.host->used;
    t->buf_size = 16384;
    t->spec.version = ip_version;
    t->spec.proto = PROTO_TCP;
    t->spec.tcp_options = 12;
    random_tuple(&t->tuple, ip_version);
    rx_setup(&t->rx, suite, mode, seq, rec_num, lengths, count);
    g_assert_cmpuint(conn_add(t, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    t->want[KTLSNIC_STAT_TLS_RX_ADDED] = 1;
}

void conn_check_stats(struct conn *t)
{
    for (unsigned i = KTLSNIC_STAT_TLS_RX_ADDED;
         i <= KTLSNIC_STAT_TLS_RX_KEY_UPDATES; i++) {
        if (fake_stat(t->h.host, i) != t->want[i]) {
            g_error("statistic %u is %u instead of %u", i,
                    (unsigned)fake_stat(t->h.host, i), (unsigned)t->want[i]);
        }
    }
}

void conn_close(struct conn *t)
{
    conn_check_stats(t);
    rx_teardown(&t->rx);
    rx_host_close(&t->h);
}

void conn_reopen(struct conn *t)
{
    rx_restart(&t->rx);
    g_assert_cmpuint(conn_on_ctx(t, KTLSNIC_CMD_TLS_RX_DEL, CONN_CONTEXT),
                     ==, KTLSNIC_CMD_OK);
    g_assert_cmpuint(conn_add(t, CONN_CONTEXT), ==, KTLSNIC_CMD_OK);
    t->want[KTLSNIC_STAT_TLS_RX_ADDED]++;
    t->want[KTLSNIC_STAT_TLS_RX_DELETED]++;
}

/* ---- commands ---- */

unsigned conn_command(struct conn *t, uint16_t op,
                      const struct ktlsnic_cmd *body)
{
    struct ktlsnic_cmd cmd = *body;
    struct ktlsnic_cmd_cpl cpl;

    cmd.op = GUINT16_TO_LE(op);
    fake_push(&t->cmd, &cmd);
    fake_ring_doorbell(&t->cmd);
    fake_settle(t->h.host);
    g_assert_true(fake_pop(&t->cmd_cq, &cpl));
    fake_ring_doorbell(&t->cmd_cq);
    t->value = GUINT32_FROM_LE(cpl.value);
    return GUINT16_FROM_LE(cpl.status);
}

struct ktlsnic_cmd conn_add_body(const struct conn *t, uint32_t ctx)
{
    struct ktlsnic_cmd cmd = { 0 };
    struct ktlsnic_cmd_tls_add *add = &cmd.body.tls_rx_add.add;

    add->tls_ctx = GUINT32_TO_LE(ctx);
    add->version = t->rx.key.version;
    add->cipher = t->rx.key.cipher;
    add->tcp_seq = GUINT32_TO_LE(t->rx.seq);
    add->rec_num = GUINT64_TO_LE(t->rx.stream->rec_num);
    memcpy(add->iv, t->rx.key.iv, sizeof(add->iv));
    memcpy(add->key, t->rx.key.key, sizeof(add->key));
    cmd.body.tls_rx_add.tuple = t->tuple;
    return cmd;
}

unsigned conn_add(struct conn *t, uint32_t ctx)
{
    struct ktlsnic_cmd cmd = conn_add_body(t, ctx);

    return conn_command(t, KTLSNIC_CMD_TLS_RX_ADD, &cmd);
}

unsigned conn_on_ctx(struct conn *t, uint16_t op, uint32_t ctx)
{
    struct ktlsnic_cmd cmd = { 0 };

    cmd.body.tls_ctx.tls_ctx = GUINT32_TO_LE(ctx);
    return conn_command(t, op, &cmd);
}

unsigned conn_resync(struct conn *t, uint32_t seq, uint64_t rec_num)
{
    struct ktlsnic_cmd cmd = { 0 };

    cmd.body.tls_resync.tls_ctx = GUINT32_TO_LE(CONN_CONTEXT);
    cmd.body.tls_resync.tcp_seq = GUINT32_TO_LE(seq);
    cmd.body.tls_resync.rec_num = GUINT64_TO_LE(rec_num);
    return conn_command(t, KTLSNIC_CMD_TLS_RX_RESYNC, &cmd);
}

/* ---- frames ---- */

struct frame conn_frame(const struct conn *t, uint32_t from,
                        const uint8_t *bytes, size_t len)
{
    struct frame_spec spec = t->spec;
    uint32_t seq = GUINT32_TO_BE(t->rx.seq + from);
    size_t addr_len = spec.version == 4 ? 4 : 16;
    struct frame f;
    uint8_t *addr, *tcp;

    spec.payload_len = len;
    f = frame_make(&spec);
    addr = f.data + f.l3_off + (spec.version == 4 ? 12 : 8);
    tcp = f.data + f.l4_off;
    memcpy(f.data, t->h.host->config.mac, 6);
    memcpy(addr, t->tuple.remote_addr, addr_len);
    memcpy(addr + addr_len, t->tuple.local_addr, addr_len);
    memcpy(tcp, t->tuple.remote_port, 2);
    memcpy(tcp + 2, t->tuple.local_port, 2);
    if (spec.proto == PROTO_TCP) {
        memcpy(tcp + 4, &seq, 4);
        tcp[13] = TCP_ACK;
    }
    if (len) {
        memcpy(f.data + f.payload_off, bytes, len);
    }
    frame_set_checksums(&f);
    return f;
}

void conn_deliver(struct conn *t, const struct frame *frame)
{
    g_autofree uint8_t *wire = g_memdup2(frame->data, frame->len);

    t->h.host->used = t->h.used;
    for (size_t given = 0; given < frame->len; given += t->buf_size) {
        rx_host_give(&t->h, 0, t->buf_size);
    }
    g_assert_true(rx_host_offer(&t->h, frame->data, frame->len));
    g_assert_true(rx_host_take(&t->h, 0, &t->got));
    g_assert_cmpmem(wire, frame->len, frame->data, frame->len);
}

void conn_deliver_plain(struct conn *t, const struct frame *frame)
{
    conn_deliver(t, frame);
    rx_host_assert(&t->got, frame->data, frame->len);
    g_assert_cmphex(t->got.flags & TLS_FLAGS, ==, 0);
    g_assert_cmphex(t->got.first.tls_ctx, ==, 0);
    g_assert_cmphex(t->got.first.tls_seq, ==, 0);
    g_assert_cmphex(t->got.first.tls_payload, ==, 0);
}

static void count(struct conn *t, size_t len)
{
    const struct flow_rx_result *r = &t->rx.result;

    t->want[KTLSNIC_STAT_TLS_RX_SEEN_PACKETS]++;
    t->want[KTLSNIC_STAT_TLS_RX_SEEN_BYTES] += len;
    if (r->decrypted) {
        t->want[KTLSNIC_STAT_TLS_RX_PACKETS]++;
        t->want[KTLSNIC_STAT_TLS_RX_BYTES] += len;
    }
    t->want[KTLSNIC_STAT_TLS_RX_RECORDS] += r->records;
    t->want[KTLSNIC_STAT_TLS_RX_AUTH_FAILED] += r->auth_failed;
    t->want[KTLSNIC_STAT_TLS_RX_BAD_HEADERS] += r->bad_header;
    t->want[KTLSNIC_STAT_TLS_RX_FALSE_HEADERS] += r->false_headers;
    t->want[KTLSNIC_STAT_TLS_RX_REQUESTS] += r->resync_request;
    t->want[KTLSNIC_STAT_TLS_RX_KEY_UPDATES] += r->key_update;
}

uint8_t *conn_expect(struct conn *t, const struct frame *frame,
                     uint32_t from)
{
    uint8_t *data = g_memdup2(frame->data, frame->len);
    size_t len = frame->ip_end - frame->payload_off;

    rx_segment(t->rx.flow, t->rx.seq + from, data + frame->payload_off,
                    len, &t->rx.result);
    count(t, len);
    return data;
}

void conn_assert(const struct conn *t, const uint8_t *data, size_t len)
{
    const struct flow_rx_result *r = &t->rx.result;
    unsigned flags = KTLSNIC_RXF_TLS;

    flags |= r->decrypted ? KTLSNIC_RXF_TLS_DECRYPTED : 0;
    flags |= r->auth_failed || r->bad_header ? KTLSNIC_RXF_TLS_FAILED : 0;
    flags |= r->resync_request ? KTLSNIC_RXF_TLS_RESYNC : 0;
    g_assert_cmphex(t->got.flags & TLS_FLAGS, ==, flags);
    g_assert_true(t->got.flags & KTLSNIC_RXF_L4_OK);
    g_assert_cmpuint(GUINT32_FROM_LE(t->got.first.tls_ctx), ==,
                     CONN_CONTEXT);
    g_assert_cmphex(GUINT32_FROM_LE(t->got.first.tls_seq), ==,
                    r->resync_request ? r->resync_seq : 0);
    g_assert_cmpuint(GUINT32_FROM_LE(t->got.first.tls_payload), ==,
                     r->payload);
    rx_host_assert(&t->got, data, len);
}

bool conn_send_bytes(struct conn *t, uint32_t from,
                     const uint8_t *bytes, size_t len)
{
    struct frame frame = conn_frame(t, from, bytes, len);
    g_autofree uint8_t *want = conn_expect(t, &frame, from);

    conn_deliver(t, &frame);
    conn_assert(t, want, frame.len);
    frame_free(&frame);
    return t->rx.result.decrypted;
}

bool conn_send(struct conn *t, size_t from, size_t to)
{
    struct rx *rx = &t->rx;
    bool decrypted = conn_send_bytes(t, from, rx->stream->wire->data + from,
                                     to - from);
    const uint8_t *right = decrypted ? rx->clear : rx->stream->wire->data;
    size_t tail = t->spec.padding;

    g_assert_cmpmem(t->got.data + t->got.len - tail - (to - from), to - from,
                    right + from, to - from);
    g_assert_cmpuint(rx->result.payload, ==,
                     decrypted ? rx_payload(rx, from, to) : 0);
    return decrypted;
}
