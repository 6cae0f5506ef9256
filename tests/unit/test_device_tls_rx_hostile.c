/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A wire that carries anything for connections that have RX contexts, and a
 * host that commands anything. Whatever happens, a frame that is not called
 * decrypted has the bytes of the wire, the headers of any frame have, and what
 * is said of it makes sense. The sanitizers watch the rest.
 */
#include <string.h>

#include "frames.h"
#include "reference.h"
#include "rx_host.h"

#define ROUNDS      150
#define STEPS       400
#define CONNS       8
#define HEADER      5
#define OVERHEAD    24      /* of a record, after its header */
#define TLS_FLAGS   (KTLSNIC_RXF_TLS | KTLSNIC_RXF_TLS_DECRYPTED | \
                     KTLSNIC_RXF_TLS_FAILED | KTLSNIC_RXF_TLS_RESYNC)

struct hostile {
    struct rx_host h;
    struct fake_ring cmd, cmd_cq;
    struct reference_key key;           /* of all contexts */
    struct reference_stream *stream;    /* of all connections */
    uint32_t place[CONNS];              /* where each is in it */
};

static uint64_t total[KTLSNIC_STATS];

static uint32_t pick(uint32_t n)
{
    return (uint32_t)g_test_rand_int() % n;
}

static struct ktlsnic_tls_tuple tuple_of(unsigned conn)
{
    struct ktlsnic_tls_tuple tuple = {
        .ip_version = conn % 2 ? 4 : 6,
        .remote_port = { 1, conn },
        .local_port = { 0, 99 },
        .remote_addr = { 10, 0, 0, 1 },
        .local_addr = { 10, 0, 0, 2 },
    };

    return tuple;
}

static void open_rings(struct hostile *t)
{
    struct fake_host *host = t->h.host;

    host->used = 0;
    t->h.event = fake_ring_open(host, KTLSNIC_RING_EVENT, 6, 16);
    for (unsigned i = 0; i < 4; i++) {
        t->h.q[i] = fake_queue_open(host, i, 6);
    }
    t->cmd_cq = fake_ring_open(host, KTLSNIC_RING_CMD_CQ, 6, 16);
    t->cmd = fake_ring_open(host, KTLSNIC_RING_CMD, 6, 128);
    t->h.used = host->used;
    fake_write(host, KTLSNIC_REG_RX_CTRL, KTLSNIC_RX_CTRL_ENABLE);
    fake_write(host, KTLSNIC_REG_RX_MAX_FRAME, KTLSNIC_MAX_FRAME);
}

static void setup(struct hostile *t, unsigned round)
{
    struct ktlsnic_config config = fake_usual_config;
    size_t lengths[60];

    memset(t, 0, sizeof(*t));
    config.tls_rx_mode = round % 3;
    t->h.host = fake_host_new(&config);
    open_rings(t);
    for (unsigned i = 0; i < G_N_ELEMENTS(lengths); i++) {
        lengths[i] = pick(300);
    }
    reference_key_random(&t->key,
                         reference_suites[pick(REFERENCE_SUITES)]);
    t->stream = reference_stream_new(&t->key, 0, lengths,
                                     G_N_ELEMENTS(lengths));
}

static void teardown(struct hostile *t)
{
    for (unsigned i = 0; i < KTLSNIC_STATS; i++) {
        total[i] += fake_stat(t->h.host, i);
    }
    reference_stream_free(t->stream);
    rx_host_close(&t->h);
}

/* ---- the host ---- */

static void fill_add(struct hostile *t, struct ktlsnic_cmd *cmd)
{
    struct ktlsnic_cmd_tls_add *add = &cmd->body.tls_rx_add.add;
    unsigned conn = pick(CONNS);

    add->version = t->key.version;
    add->cipher = t->key.cipher;
    add->tcp_seq = GUINT32_TO_LE(pick(8) ? 0 : pick(4000));
    add->rec_num = pick(8) ? 0 : GUINT64_TO_LE(UINT64_MAX - pick(4));
    memcpy(add->iv, t->key.iv, sizeof(add->iv));
    memcpy(add->key, t->key.key, sizeof(add->key));
    add->key[0] ^= !pick(8);
    cmd->body.tls_rx_add.tuple = tuple_of(conn);
    t->place[conn] = pick(4) ? 0 : t->place[conn];
}

static void fill_resync(struct hostile *t, struct ktlsnic_cmd *cmd)
{
    const uint64_t *request =
        t->h.host->trace_args[KTLSNIC_TRACE_TLS_RX_REQUEST];
    struct ktlsnic_cmd_tls_resync *body = &cmd->body.tls_resync;
    unsigned record = pick(60);

    if (pick(2)) {
        body->tls_ctx = GUINT32_TO_LE(request[0]);
        body->tcp_seq = GUINT32_TO_LE(request[2]);
        while (pick(8) && record < 60 &&
               reference_stream_start(t->stream, record) != request[2]) {
            record = (record + 1) % 60;
        }
    } else {
        body->tcp_seq = GUINT32_TO_LE(reference_stream_start(t->stream,
                                                             record));
    }
    body->rec_num = GUINT64_TO_LE(pick(8) ? record : UINT64_MAX - pick(3));
}

static void command(struct hostile *t)
{
    uint16_t op = pick(8) ? 4 + pick(4) : pick(9);
    struct ktlsnic_cmd cmd = { .op = GUINT16_TO_LE(op) };
    struct ktlsnic_cmd_cpl cpl;

    cmd.body.tls_ctx.tls_ctx = GUINT32_TO_LE(pick(18));
    if (op == KTLSNIC_CMD_TLS_RX_ADD) {
        fill_add(t, &cmd);
    } else if (op == KTLSNIC_CMD_TLS_RX_RESYNC) {
        fill_resync(t, &cmd);
    } else if (op == KTLSNIC_CMD_TLS_RX_DEL && pick(4)) {
        return;
    }
    if (!pick(64)) {
        cmd.body.bytes[pick(sizeof(cmd.body))] ^= 1 << pick(8);
    }
    fake_push(&t->cmd, &cmd);
    fake_ring_doorbell(&t->cmd);
    fake_settle(t->h.host);
    g_assert_true(fake_pop(&t->cmd_cq, &cpl));
    fake_ring_doorbell(&t->cmd_cq);
    g_assert_cmpuint(GUINT16_FROM_LE(cpl.status), <=, KTLSNIC_CMD_NO_RESYNC);
}

static void restart(struct hostile *t)
{
    ktlsnic_dev_reset(t->h.host->dev);
    fake_settle(t->h.host);
    open_rings(t);
}

/* ---- the wire ---- */

static void stream_bytes(const struct hostile *t, uint32_t at, uint8_t *data,
                         size_t len)
{
    const GByteArray *wire = t->stream->wire;

    for (size_t i = 0; i < len; i++) {
        data[i] = at + i < wire->len ? wire->data[at + i] : 0;
    }
}

/* Bytes in which headers are frequent. */
static void hostile_bytes(uint8_t *data, size_t len)
{
    reference_random(data, len);
    for (size_t i = pick(60); i + HEADER <= len; i += pick(60)) {
        uint8_t header[HEADER] = { 20 + pick(6), 3, 3, 0, OVERHEAD + pick(40) };

        while (i + HEADER <= len && pick(8)) {
            memcpy(data + i, header, HEADER);
            i += HEADER + header[4];
        }
    }
}

static struct frame make_segment(struct hostile *t)
{
    unsigned conn = pick(CONNS);
    struct ktlsnic_tls_tuple tuple = tuple_of(conn);
    struct frame_spec spec = {
        .version = tuple.ip_version,
        .proto = PROTO_TCP,
        .tcp_options = 4 * pick(11),
        .payload_len = pick(16) ? pick(400) : pick(8000),
        .padding = pick(8) ? 0 : pick(10),
    };
    uint32_t at = t->place[conn] + (pick(8) ? 0 : pick(1000) - 500);
    uint32_t seq = GUINT32_TO_BE(pick(64) ? at : (uint32_t)g_test_rand_int());
    size_t addr_len = spec.version == 4 ? 4 : 16;
    struct frame f = frame_make(&spec);
    uint8_t *addr = f.data + f.l3_off + (spec.version == 4 ? 12 : 8);

    memcpy(f.data, t->h.host->config.mac, 6);
    memcpy(addr, tuple.remote_addr, addr_len);
    memcpy(addr + addr_len, tuple.local_addr, addr_len);
    memcpy(f.data + f.l4_off, tuple.remote_port, 2);
    memcpy(f.data + f.l4_off + 2, tuple.local_port, 2);
    memcpy(f.data + f.l4_off + 4, &seq, 4);
    f.data[f.l4_off + 13] = pick(16) ? 0x10 : pick(256);
    if (pick(8)) {
        stream_bytes(t, at, f.data + f.payload_off, spec.payload_len);
    } else {
        hostile_bytes(f.data + f.payload_off, spec.payload_len);
    }
    if (pick(64)) {
        t->place[conn] = at + spec.payload_len;
    }
    if (!pick(32) && spec.payload_len) {
        f.data[f.payload_off + pick(spec.payload_len)] ^= 1 << pick(8);
    }
    frame_set_checksums(&f);
    if (!pick(32)) {                    /* broken on the way */
        f.data[pick(f.len)] ^= 1 << pick(8);
    }
    return f;
}

/* What must hold of each frame in memory, whatever the state of anything. */
static void check(const struct rx_received *r, const struct frame *f)
{
    unsigned tls = r->flags & TLS_FLAGS;
    bool decrypted = tls & KTLSNIC_RXF_TLS_DECRYPTED;

    g_assert_cmpuint(r->len, ==, f->len);
    g_assert_cmpmem(r->data, f->payload_off, f->data, f->payload_off);
    g_assert_cmpmem(r->data + f->ip_end, r->len - f->ip_end,
                    f->data + f->ip_end, f->len - f->ip_end);
    if (!decrypted) {
        g_assert_cmpmem(r->data, r->len, f->data, f->len);
        g_assert_cmpuint(r->first.tls_payload, ==, 0);
    }
    if (tls) {
        g_assert_true(tls & KTLSNIC_RXF_TLS);
        g_assert_true(r->flags & KTLSNIC_RXF_L4_OK);
        g_assert_cmpuint(f->ip_end, >, f->payload_off);
        g_assert_cmpuint(GUINT32_FROM_LE(r->first.tls_ctx), <, 16);
        g_assert_cmpuint(GUINT32_FROM_LE(r->first.tls_payload), <=,
                         f->ip_end - f->payload_off);
        g_assert_false(decrypted && (tls & KTLSNIC_RXF_TLS_FAILED));
    } else {
        g_assert_cmpuint(r->first.tls_ctx, ==, 0);
    }
    if (!(tls & KTLSNIC_RXF_TLS_RESYNC)) {
        g_assert_cmpuint(r->first.tls_seq, ==, 0);
    }
}

static void receive(struct hostile *t)
{
    static const uint32_t sizes[] = { 256, 512, 2048, 16384 };
    uint32_t size = sizes[pick(G_N_ELEMENTS(sizes))];
    struct frame f = make_segment(t);
    struct rx_received r;

    t->h.host->used = t->h.used;
    while (!rx_host_offer(&t->h, f.data, f.len)) {      /* it is for queue 0 */
        rx_host_give(&t->h, 0, size);
    }
    if (rx_host_take(&t->h, 0, &r)) {
        check(&r, &f);
    }
    frame_free(&f);
}

static void test_hostile(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct hostile t;

        setup(&t, round);
        for (unsigned i = 0; i < 20; i++) {
            command(&t);
        }
        for (unsigned i = 0; i < STEPS; i++) {
            if (pick(4)) {
                receive(&t);
            } else {
                command(&t);
            }
            if (!pick(1000)) {
                restart(&t);
            }
        }
        teardown(&t);
    }
    for (unsigned i = KTLSNIC_STAT_TLS_RX_ADDED;
         i <= KTLSNIC_STAT_TLS_RX_RESYNCS; i++) {
        g_test_message("statistic %u: %" G_GUINT64_FORMAT, i, total[i]);
        g_assert_cmpuint(total[i], >, 10);      /* it got there */
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/tls-rx/hostile", test_hostile);
    return g_test_run();
}
