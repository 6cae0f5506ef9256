/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "fake_host.h"

#define SETTLE_RUNS_MAX 100000

static uint8_t *mapped(struct fake_host *host, uint64_t addr, size_t len)
{
    if (!host->bus_master || addr < FAKE_MEM_BASE ||
        addr - FAKE_MEM_BASE > FAKE_MEM_SIZE ||
        len > FAKE_MEM_SIZE - (addr - FAKE_MEM_BASE)) {
        return NULL;
    }
    return host->mem + (addr - FAKE_MEM_BASE);
}

static bool host_dma_read(void *opaque, uint64_t addr, void *buf, size_t len)
{
    const uint8_t *at = mapped(opaque, addr, len);

    if (at) {
        memcpy(buf, at, len);
    }
    return at;
}

static bool host_dma_write(void *opaque, uint64_t addr, const void *buf,
                           size_t len)
{
    struct fake_host *host = opaque;
    uint8_t *at = mapped(host, addr, len);

    if (host->in_dma) {
        host->in_dma(host, addr, len);
    }
    if (at) {
        memcpy(at, buf, len);
    }
    return at;
}

static void host_interrupt(void *opaque, unsigned vector)
{
    struct fake_host *host = opaque;

    g_assert_cmpuint(vector, <=, host->config.queues);
    host->interrupts[vector]++;
}

static bool host_send(void *opaque, unsigned queue, const uint8_t *frame,
                      size_t len)
{
    struct fake_host *host = opaque;
    GByteArray *copy = g_byte_array_sized_new(len);

    g_assert_cmpuint(len, >=, 60);
    g_assert_cmpuint(len, <=, KTLSNIC_MAX_FRAME + 4);
    g_byte_array_append(copy, frame, len);
    g_ptr_array_add(host->sent, copy);
    host->sent_queue = queue;
    if (host->in_send) {
        host->in_send(host);
    }
    return !host->wire_busy;
}

static int64_t host_now(void *opaque)
{
    return ((struct fake_host *)opaque)->now;
}

static void host_wake(void *opaque, int64_t when)
{
    struct fake_host *host = opaque;

    if (when) {
        host->wake_at = when;
    } else {
        host->wake_now = true;
    }
}

static void host_rx_ready(void *opaque)
{
    struct fake_host *host = opaque;

    host->rx_ready++;
    if (host->in_rx_ready) {
        host->in_rx_ready(host);
    }
}

static void host_tls_live(void *opaque, bool live)
{
    struct fake_host *host = opaque;

    g_assert_cmpuint(live, !=, host->tls_live);     /* told when it changes */
    host->tls_live = live;
}

static void host_trace(void *opaque, enum ktlsnic_trace what,
                       uint64_t a, uint64_t b, uint64_t c)
{
    struct fake_host *host = opaque;

    host->traced[what]++;
    host->trace_args[what][0] = a;
    host->trace_args[what][1] = b;
    host->trace_args[what][2] = c;
}

static const struct ktlsnic_host_ops host_ops = {
    .dma_read = host_dma_read,
    .dma_write = host_dma_write,
    .interrupt = host_interrupt,
    .send = host_send,
    .now = host_now,
    .wake = host_wake,
    .rx_ready = host_rx_ready,
    .tls_live = host_tls_live,
    .trace = host_trace,
};

static void free_frame(gpointer frame)
{
    g_byte_array_unref(frame);
}

const struct ktlsnic_config fake_usual_config = {
    .queues = 4,
    .tls_tx_contexts = 16,
    .tls_tx_ciphers = { 0xf, 0xf },
    .tls_tx_replay = true,
    .tls_rx_contexts = 16,
    .tls_rx_ciphers = { 0xf, 0xf },
    .tls_rx_mode = KTLSNIC_TLS_RX_ASYNC,
    .link_speed = 25000,
    .mac = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 },
};

struct fake_host *fake_host_new(const struct ktlsnic_config *config)
{
    struct fake_host *host = g_new0(struct fake_host, 1);

    host->config = config ? *config : fake_usual_config;
    host->mem = g_malloc0(FAKE_MEM_SIZE);
    host->bus_master = true;
    host->sent = g_ptr_array_new_with_free_func(free_frame);
    host->now = 1000000;
    host->dev = ktlsnic_dev_new(&host->config, &host_ops, host);
    g_assert_nonnull(host->dev);
    ktlsnic_dev_set_link(host->dev, true);
    return host;
}

void fake_host_free(struct fake_host *host)
{
    ktlsnic_dev_free(host->dev);
    g_ptr_array_unref(host->sent);
    g_free(host->mem);
    g_free(host);
}

uint64_t fake_alloc(struct fake_host *host, uint32_t size)
{
    uint32_t at = host->used;

    g_assert_cmpuint(size, <=, FAKE_MEM_SIZE - at);
    host->used = at + (size + 63) / 64 * 64;
    memset(host->mem + at, 0, size);
    return FAKE_MEM_BASE + at;
}

void *fake_ptr(struct fake_host *host, uint64_t addr)
{
    return host->mem + (addr - FAKE_MEM_BASE);
}

uint64_t fake_copy(struct fake_host *host, const void *data, uint32_t size)
{
    uint64_t addr = fake_alloc(host, size);

    memcpy(fake_ptr(host, addr), data, size);
    return addr;
}

uint32_t fake_read(struct fake_host *host, uint32_t reg)
{
    return ktlsnic_dev_read(host->dev, reg);
}

void fake_write(struct fake_host *host, uint32_t reg, uint32_t value)
{
    ktlsnic_dev_write(host->dev, reg, value);
}

uint64_t fake_stat(struct fake_host *host, enum ktlsnic_stat stat)
{
    uint64_t low = fake_read(host, KTLSNIC_REG_STAT_LO(stat));

    return low | (uint64_t)fake_read(host, KTLSNIC_REG_STAT_HI(stat)) << 32;
}

void fake_settle(struct fake_host *host)
{
    unsigned runs = 0;

    while (host->wake_now) {
        g_assert_cmpuint(runs++, <, SETTLE_RUNS_MAX);
        host->wake_now = false;
        ktlsnic_dev_run(host->dev);
    }
}

void fake_sleep(struct fake_host *host, int64_t ns)
{
    int64_t end = host->now + ns;

    while (host->wake_at && host->wake_at <= end) {
        host->now = MAX(host->now, host->wake_at);
        host->wake_at = 0;
        ktlsnic_dev_run(host->dev);
        fake_settle(host);
    }
    host->now = end;
}

struct fake_ring fake_ring_open(struct fake_host *host, uint32_t reg,
                                unsigned log2, unsigned entry_size)
{
    struct fake_ring ring = {
        .host = host,
        .reg = reg,
        .base = fake_alloc(host, entry_size << log2),
        .log2 = log2,
        .entry_size = entry_size,
    };

    fake_write(host, reg + KTLSNIC_RING_BASE_LO, ring.base);
    fake_write(host, reg + KTLSNIC_RING_BASE_HI, ring.base >> 32);
    fake_write(host, reg + KTLSNIC_RING_LOG2, log2);
    fake_write(host, reg + KTLSNIC_RING_CTRL, KTLSNIC_RING_CTRL_ENABLE);
    g_assert_cmphex(fake_ring_status(&ring), ==, KTLSNIC_RING_STATUS_ENABLED);
    return ring;
}

struct fake_queue fake_queue_open(struct fake_host *host, unsigned queue,
                                  unsigned log2)
{
    struct fake_queue q = { .tls_payload = 0 };

    q.tx_cq = fake_ring_open(host, KTLSNIC_RING_TX_CQ(queue), log2,
                             sizeof(struct ktlsnic_tx_cpl));
    q.tx = fake_ring_open(host, KTLSNIC_RING_TX(queue), log2,
                          sizeof(struct ktlsnic_tx_desc));
    q.rx_cq = fake_ring_open(host, KTLSNIC_RING_RX_CQ(queue), log2,
                             sizeof(struct ktlsnic_rx_cpl));
    q.rx = fake_ring_open(host, KTLSNIC_RING_RX(queue), log2,
                          sizeof(struct ktlsnic_rx_desc));
    return q;
}

uint32_t fake_ring_status(struct fake_ring *ring)
{
    return fake_read(ring->host, ring->reg + KTLSNIC_RING_STATUS);
}

void fake_ring_jump(struct fake_ring *ring, enum ktlsnic_ring_id id,
                    uint32_t index)
{
    struct ktlsnic_state *state = ktlsnic_dev_state(ring->host->dev);
    struct ktlsnic_ring_state *s = &state->ring[id];

    g_assert_cmphex(s->base, ==, ring->base);
    s->index = index;
    s->doorbell = index;
    ring->index = index;
    g_assert_true(ktlsnic_dev_restored(ring->host->dev));
}

void *fake_entry(struct fake_ring *ring, uint32_t index)
{
    uint32_t slot = index & ((1u << ring->log2) - 1);

    return fake_ptr(ring->host, ring->base + slot * ring->entry_size);
}

void fake_push(struct fake_ring *ring, const void *entry)
{
    memcpy(fake_entry(ring, ring->index++), entry, ring->entry_size);
}

void fake_ring_doorbell(struct fake_ring *ring)
{
    fake_write(ring->host, ring->reg + KTLSNIC_RING_DOORBELL, ring->index);
}

bool fake_pop(struct fake_ring *ring, void *entry)
{
    const uint8_t *slot = fake_entry(ring, ring->index);
    bool phase = !(ring->index >> ring->log2 & 1);

    if ((slot[ring->entry_size - 2] & KTLSNIC_CPL_PHASE) != phase) {
        return false;
    }
    memcpy(entry, slot, ring->entry_size);
    ring->index++;
    return true;
}

const GByteArray *fake_last_sent(struct fake_host *host)
{
    g_assert_cmpuint(host->sent->len, >, 0);
    return g_ptr_array_index(host->sent, host->sent->len - 1);
}
