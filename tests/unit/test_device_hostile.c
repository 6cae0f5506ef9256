/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest and a wire that do anything. All that is asked is that the device
 * neither crashes nor runs for ever nor breaks what its host may rely on; the
 * sanitizers watch.
 */
#include <string.h>

#include "reference.h"
#include "tx_units.h"

#define ROUNDS      600
#define ACTIONS     300
#define RUNS_MAX    4000    /* until the device is idle, whatever it was told */

static uint32_t pick(uint32_t n)
{
    return (uint32_t)g_test_rand_int() % n;
}

/* Bus addresses that lead into memory, to its end, and elsewhere. */
static uint64_t any_addr(void)
{
    switch (pick(16)) {
    case 0:
        return FAKE_UNMAPPED - pick(4096);
    case 1:
        return UINT64_MAX - pick(4096);
    case 2:
        return (uint64_t)g_test_rand_int() << 32 | (uint32_t)g_test_rand_int();
    default:
        return FAKE_MEM_BASE + pick(FAKE_MEM_SIZE);
    }
}

/* Where to put an entry: mostly some slot of that ring. */
static uint8_t *any_slot(struct fake_host *h, uint32_t ring, uint32_t size)
{
    uint32_t base = fake_read(h, ring + KTLSNIC_RING_BASE_LO) - FAKE_MEM_BASE;
    uint32_t at = base + pick(256) * size;

    if (at > FAKE_MEM_SIZE - size || !pick(16)) {
        at = pick(FAKE_MEM_SIZE - size);
    }
    return h->mem + at;
}

/* TCP frames in memory, for descriptors that lead somewhere. */
#define FRAMES 32
static struct {
    uint64_t addr;
    uint32_t len;
} frames[FRAMES];

static uint32_t any_value(void)
{
    switch (pick(4)) {
    case 0:
        return pick(4);
    case 1:
        return 1u << pick(32);
    case 2:
        return pick(8192);
    default:
        return g_test_rand_int();
    }
}

static uint32_t any_ring(void)
{
    static const uint32_t admin[] = {
        KTLSNIC_RING_CMD, KTLSNIC_RING_CMD_CQ, KTLSNIC_RING_EVENT,
    };

    return pick(4) ? KTLSNIC_QUEUE_PAGE(pick(5)) + 0x20 * pick(4)
                   : admin[pick(3)];
}

/* A descriptor that is nearly right, so that it gets far. */
static void write_desc(struct fake_host *h)
{
    unsigned frame = pick(FRAMES);
    struct ktlsnic_tx_desc desc = {
        .addr = GUINT64_TO_LE(pick(8) ? frames[frame].addr : any_addr()),
        .len = GUINT32_TO_LE(pick(16) ? frames[frame].len : any_value()),
        .type = pick(16) ? 1 : pick(5),
        .ndesc = pick(16) ? 1 : pick(70),
        .flags = GUINT16_TO_LE(pick(16) ? pick(64) : any_value()),
        .mss = GUINT16_TO_LE(pick(8) ? 500 : any_value()),
        .vlan_tci = GUINT16_TO_LE(any_value()),
        .l3_off = pick(16) ? 14 : pick(256),
        .l4_off = pick(16) ? 34 : pick(256),
        .tls_ctx = GUINT32_TO_LE(pick(20)),
    };

    desc.total_len = pick(16) ? desc.len : GUINT32_TO_LE(any_value());
    if (desc.type == KTLSNIC_TXD_BUFFER) {
        memset((uint8_t *)&desc + 13, 0, sizeof(desc) - 13);
    }
    memcpy(any_slot(h, KTLSNIC_RING_TX(pick(4)), sizeof(desc)), &desc,
           sizeof(desc));
}

static void write_resync(struct fake_host *h)
{
    struct ktlsnic_tx_resync desc = {
        .prefix_len = GUINT32_TO_LE(pick(4) ? 0 : pick(1000)),
        .type = KTLSNIC_TXD_TLS_RESYNC,
        .tls_ctx = GUINT32_TO_LE(pick(18)),
    };

    desc.ndesc = desc.prefix_len ? 2 : 1;
    memcpy(any_slot(h, KTLSNIC_RING_TX(pick(4)), sizeof(desc)), &desc,
           sizeof(desc));
}

static void write_buffer(struct fake_host *h)
{
    struct ktlsnic_rx_desc desc = {
        .addr = GUINT64_TO_LE(any_addr()),
        .len = GUINT32_TO_LE(pick(32) ? 256 + pick(4000) : any_value()),
        .reserved = !pick(64),
    };

    memcpy(any_slot(h, KTLSNIC_RING_RX(pick(4)), sizeof(desc)), &desc,
           sizeof(desc));
}

static void write_frame(struct fake_host *h)
{
    struct frame_spec spec = {
        .version = pick(8) ? 4 : 6,
        .proto = PROTO_TCP,
        .payload_len = 5 + pick(1500),
    };
    struct frame frame = frame_make(&spec);
    unsigned i = pick(FRAMES);

    if (pick(4)) {      /* a record, where a context may expect one */
        memcpy(frame.data + frame.l4_off + 4, (uint8_t [4]) { 0 }, 4);
        memcpy(frame.data + frame.payload_off, "\x17\x03\x03\x10", 4);
    }

    frames[i].addr = FAKE_MEM_BASE + pick(FAKE_MEM_SIZE - 4096);
    frames[i].len = frame.len;
    memcpy(fake_ptr(h, frames[i].addr), frame.data, frame.len);
    frame_free(&frame);
}

/* Connections that RX contexts are made for: number and version of IP. */
static struct ktlsnic_tls_tuple any_tuple(void)
{
    struct ktlsnic_tls_tuple tuple = {
        .ip_version = pick(2) ? 4 : 6,
        .remote_port = { 1, pick(4) },
        .local_port = { 0, 99 },
        .remote_addr = { 10, 0, 0, 1 },
        .local_addr = { 10, 0, 0, 2 },
    };

    return tuple;
}

static void fill_rx_add(struct ktlsnic_cmd_tls_rx_add *body)
{
    body->add.cipher = pick(16) ? pick(KTLSNIC_CIPHERS) : any_value();
    body->add.version = pick(KTLSNIC_TLS_VERSIONS);
    body->add.rec_num = pick(4) ? pick(5) : UINT64_MAX - pick(3);
    body->tuple = any_tuple();
    if (!pick(32)) {
        ((uint8_t *)body)[pick(sizeof(*body))] ^= 1 << pick(8);
    }
}

/* Mostly an answer to the last request. */
static void fill_rx_resync(struct fake_host *h,
                           struct ktlsnic_cmd_tls_resync *body)
{
    const uint64_t *request = h->trace_args[KTLSNIC_TRACE_TLS_RX_REQUEST];

    if (pick(4)) {
        body->tls_ctx = GUINT32_TO_LE(request[0]);
        body->tcp_seq = GUINT32_TO_LE(request[2]);
    } else {
        body->tcp_seq = GUINT32_TO_LE(any_value());
    }
    body->rec_num = GUINT64_TO_LE(pick(4) ? any_value() : UINT64_MAX);
}

static void write_command(struct fake_host *h)
{
    uint16_t op = pick(9);
    struct ktlsnic_cmd cmd = { .op = GUINT16_TO_LE(op) };

    cmd.body.tls_add.tls_ctx = GUINT32_TO_LE(pick(20));
    switch (op) {
    case KTLSNIC_CMD_TLS_TX_ADD:
        cmd.body.tls_add.cipher = pick(3);
        cmd.body.tls_add.tcp_seq = !pick(4);
        break;
    case KTLSNIC_CMD_TLS_RX_ADD:
        fill_rx_add(&cmd.body.tls_rx_add);
        break;
    case KTLSNIC_CMD_TLS_RX_RESYNC:
        fill_rx_resync(h, &cmd.body.tls_resync);
        break;
    }
    memcpy(any_slot(h, KTLSNIC_RING_CMD, sizeof(cmd)), &cmd, sizeof(cmd));
}

static void setup_ring(struct fake_host *h)
{
    uint32_t ring = any_ring();
    uint64_t base = any_addr() & ~(pick(8) ? 127ull : 0);

    fake_write(h, ring + KTLSNIC_RING_CTRL, 0);
    fake_write(h, ring + KTLSNIC_RING_BASE_LO, base);
    fake_write(h, ring + KTLSNIC_RING_BASE_HI, base >> 32);
    fake_write(h, ring + KTLSNIC_RING_LOG2,
               pick(16) ? 6 + pick(7) : any_value());
    fake_write(h, ring + KTLSNIC_RING_CTRL, 1);
}

/* Rings that would work, and the order to start them in. */
static struct fake_ring good_rings[4 * 4 + 2];

static void start_ring(struct fake_host *h, const struct fake_ring *ring)
{
    fake_write(h, ring->reg + KTLSNIC_RING_CTRL, 0);
    fake_write(h, ring->reg + KTLSNIC_RING_BASE_LO, ring->base);
    fake_write(h, ring->reg + KTLSNIC_RING_BASE_HI, 0);
    fake_write(h, ring->reg + KTLSNIC_RING_LOG2, ring->log2);
    fake_write(h, ring->reg + KTLSNIC_RING_CTRL, 1);
}

static void open_rings(struct fake_host *h)
{
    for (unsigned q = 0; q < 4; q++) {
        struct fake_queue queue = fake_queue_open(h, q, 6 + pick(3));

        good_rings[4 * q] = queue.tx_cq;        /* before the ring it serves */
        good_rings[4 * q + 1] = queue.tx;
        good_rings[4 * q + 2] = queue.rx_cq;
        good_rings[4 * q + 3] = queue.rx;
    }
    good_rings[16] = fake_ring_open(h, KTLSNIC_RING_CMD_CQ, 6, 16);
    good_rings[17] = fake_ring_open(h, KTLSNIC_RING_CMD, 6, 128);
}

/* Starts a ring that would work again, after its completion ring. */
static void restart_rings(struct fake_host *h)
{
    unsigned pair = pick(9);

    start_ring(h, &good_rings[2 * pair]);
    start_ring(h, &good_rings[2 * pair + 1]);
}

static void ring_doorbell(struct fake_host *h)
{
    uint32_t ring = any_ring();
    uint32_t doorbell = fake_read(h, ring + KTLSNIC_RING_DOORBELL);
    uint32_t index = fake_read(h, ring + KTLSNIC_RING_INDEX);

    fake_write(h, ring + KTLSNIC_RING_DOORBELL,
               pick(32) ? (pick(4) ? doorbell + pick(8) : index) : any_value());
}

/* A segment of one of the connections, full of what may be records. */
static struct frame make_segment(struct fake_host *h)
{
    static uint32_t place;
    struct ktlsnic_tls_tuple tuple = any_tuple();
    struct frame_spec spec = {
        .version = tuple.ip_version,
        .proto = pick(32) ? PROTO_TCP : PROTO_UDP,
        .tags = !pick(32),
        .payload_len = pick(400),
    };
    struct frame f = frame_make(&spec);
    size_t addr_len = spec.version == 4 ? 4 : 16;
    uint8_t *addr = f.data + f.l3_off + (spec.version == 4 ? 12 : 8);

    memcpy(f.data, ktlsnic_dev_state(h->dev)->mac, 6);
    memcpy(addr, tuple.remote_addr, addr_len);
    memcpy(addr + addr_len, tuple.local_addr, addr_len);
    memcpy(f.data + f.l4_off, tuple.remote_port, 2);
    memcpy(f.data + f.l4_off + 2, tuple.local_port, 2);
    if (spec.proto == PROTO_TCP) {
        uint32_t seq = GUINT32_TO_BE(pick(8) ? place : pick(5000));

        memcpy(f.data + f.l4_off + 4, &seq, 4);
        f.data[f.l4_off + 13] = pick(16) ? 0x10 : pick(256);
    }
    for (size_t i = f.payload_off; i + 5 <= f.len; i += 5 + 24 + pick(2) * 6) {
        memcpy(f.data + i, "\x17\x03\x03\x00\x18", 5);
    }
    place = pick(64) ? place + spec.payload_len : 0;
    frame_set_checksums(&f);
    return f;
}

static void offer_segment(struct fake_host *h)
{
    struct frame f = make_segment(h);

    if (!pick(16)) {
        f.data[pick(f.len)] ^= 1 << pick(8);
    }
    ktlsnic_dev_receive(h->dev, f.data, pick(32) ? f.len : pick(f.len));
    frame_free(&f);
}

static void offer_frame(struct fake_host *h)
{
    size_t len = 1 + (pick(8) ? pick(2000) : pick(70000));
    uint8_t *frame = g_malloc(len);

    reference_random(frame, MIN(len, 100));
    memset(frame + MIN(len, 100), 7, len - MIN(len, 100));
    if (pick(2) && len > 6) {
        memset(frame, 0xff, 6);
    }
    ktlsnic_dev_receive(h->dev, frame, len);
    g_free(frame);
}

static void write_something(struct fake_host *h)
{
    static void (*const writers[])(struct fake_host *h) = {
        write_command, write_frame, write_buffer, write_resync,
        write_desc, write_desc,
    };

    writers[pick(G_N_ELEMENTS(writers))](h);
}

static void do_something(struct fake_host *h)
{
    switch (pick(24)) {
    case 0:
        fake_write(h, pick(KTLSNIC_BAR_REGS_SIZE / 4) * 4, any_value());
        break;
    case 1:
        fake_write(h, KTLSNIC_REG_IVEC_ARM(pick(6)) + 4 * pick(2), any_value());
        break;
    case 2:
        fake_write(h, KTLSNIC_REG_RX_CTRL, pick(16));
        break;
    case 4:
        if (!pick(4)) {
            setup_ring(h);
        }
        break;
    case 5:
        fake_sleep(h, pick(1000000));
        break;
    case 6:
        ktlsnic_dev_set_link(h->dev, pick(8));
        break;
    case 7:
        h->bus_master = pick(16);
        h->wire_busy = !pick(16);
        ktlsnic_dev_tx_ready(h->dev);
        break;
    case 9:
        offer_frame(h);
        break;
    case 15:
    case 16:
        for (unsigned i = pick(8); i; i--) {
            offer_segment(h);
        }
        break;
    case 3:
    case 8:
    case 10:
    case 11:
        write_something(h);
        break;
    case 12:
        ktlsnic_dev_run(h->dev);
        break;
    case 13:
    case 14:
        restart_rings(h);
        break;
    default:
        ring_doorbell(h);
        break;
    }
    if (!pick(1000)) {
        ktlsnic_dev_reset(h->dev);
    }
}

/* What holds at any time: rings within their bounds, live contexts counted. */
static void assert_invariants(struct fake_host *h)
{
    g_assert_true(ktlsnic_dev_restored(h->dev));
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_TX_LIVE), <=, 16);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_TX_LIVE), ==,
                     fake_stat(h, KTLSNIC_STAT_TLS_TX_ADDED) -
                     fake_stat(h, KTLSNIC_STAT_TLS_TX_DELETED));
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_RX_LIVE), <=, 16);
    g_assert_cmpuint(fake_read(h, KTLSNIC_REG_TLS_RX_LIVE), ==,
                     fake_stat(h, KTLSNIC_STAT_TLS_RX_ADDED) -
                     fake_stat(h, KTLSNIC_STAT_TLS_RX_DELETED));
    g_assert_cmpuint(ktlsnic_dev_tls_live(h->dev), ==,
                     fake_read(h, KTLSNIC_REG_TLS_TX_LIVE) +
                     fake_read(h, KTLSNIC_REG_TLS_RX_LIVE));
    g_assert_cmpuint(h->tls_live, ==, ktlsnic_dev_tls_live(h->dev) > 0);
}

static void drain(struct fake_host *h)
{
    for (unsigned i = 0; h->wake_now; i++) {
        g_assert_cmpuint(i, <, RUNS_MAX);
        h->wake_now = false;
        ktlsnic_dev_run(h->dev);
    }
    g_ptr_array_set_size(h->sent, 0);
}

/* Fills memory with things that mean something, at random places. */
static void furnish(struct fake_host *h)
{
    for (unsigned i = 0; i < FRAMES * 4; i++) {
        write_frame(h);
    }
    for (unsigned i = 0; i < 2000; i++) {
        if (i % 8) {
            write_desc(h);
        } else {
            write_resync(h);
        }
        write_buffer(h);
    }
    for (unsigned i = 0; i < 500; i++) {
        write_command(h);
    }
}

static uint64_t total[KTLSNIC_STATS];

static void test_any_guest(void)
{
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct ktlsnic_config config = fake_usual_config;
        struct fake_host *h;

        config.tls_rx_mode = round % 3;
        config.cmd_latency = round % 2 * 100;
        h = fake_host_new(&config);
        open_rings(h);
        if (round % 4) {
            furnish(h);
        } else {
            reference_random(h->mem, 1 << 16);
        }
        for (unsigned i = 0; i < ACTIONS; i++) {
            do_something(h);
            if (i % 16 == 0) {
                drain(h);
            }
        }
        drain(h);
        assert_invariants(h);
        for (unsigned i = 0; i < KTLSNIC_STATS; i++) {
            total[i] += fake_stat(h, i);
        }
        fake_host_free(h);
    }
    for (unsigned i = 0; i < KTLSNIC_STATS; i++) {
        g_test_message("statistic %u: %" G_GUINT64_FORMAT, i, total[i]);
    }
    /* It got somewhere: the test is not of rings that never run. */
    g_assert_cmpuint(total[KTLSNIC_STAT_TX_PACKETS], >, 100);
    g_assert_cmpuint(total[KTLSNIC_STAT_TX_ERRORS], >, 100);
    g_assert_cmpuint(total[KTLSNIC_STAT_RX_PACKETS], >, 10);
    g_assert_cmpuint(total[KTLSNIC_STAT_TLS_TX_ADDED], >, 10);
    g_assert_cmpuint(total[KTLSNIC_STAT_TLS_RX_ADDED], >, 10);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/device/hostile/any-guest", test_any_guest);
    return g_test_run();
}
