/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rings (SPEC 8). */

#include <string.h>

#include "device/dev_private.h"

struct ring *ring_cmd(struct ktlsnic_dev *dev)
{
    return &dev->ring[KTLSNIC_RID_CMD];
}

struct ring *ring_event(struct ktlsnic_dev *dev)
{
    return &dev->ring[KTLSNIC_RID_EVENT];
}

struct ring *ring_queue(struct ktlsnic_dev *dev, unsigned queue,
                        enum ring_queue_ring which)
{
    return &dev->ring[KTLSNIC_RID_QUEUES + 4 * queue + which];
}

static void ring_tie(struct ring *ring, struct ring *cq, unsigned vector)
{
    ring->cq = cq;
    cq->served = ring;
    cq->to_driver = true;
    cq->vector = vector;
}

static void ring_init_queue(struct ktlsnic_dev *dev, unsigned queue)
{
    struct ring *tx = ring_queue(dev, queue, RING_TX);
    struct ring *tx_cq = ring_queue(dev, queue, RING_TX_CQ);
    struct ring *rx = ring_queue(dev, queue, RING_RX);
    struct ring *rx_cq = ring_queue(dev, queue, RING_RX_CQ);

    tx->reg = KTLSNIC_RING_TX(queue);
    tx->entry_size = sizeof(struct ktlsnic_tx_desc);
    tx_cq->reg = KTLSNIC_RING_TX_CQ(queue);
    tx_cq->entry_size = sizeof(struct ktlsnic_tx_cpl);
    ring_tie(tx, tx_cq, KTLSNIC_QUEUE_VECTOR(queue));

    rx->reg = KTLSNIC_RING_RX(queue);
    rx->entry_size = sizeof(struct ktlsnic_rx_desc);
    rx_cq->reg = KTLSNIC_RING_RX_CQ(queue);
    rx_cq->entry_size = sizeof(struct ktlsnic_rx_cpl);
    ring_tie(rx, rx_cq, KTLSNIC_QUEUE_VECTOR(queue));
    rx->is_rx = rx_cq->is_rx = true;
}

void ring_init_all(struct ktlsnic_dev *dev)
{
    struct ring *cmd = ring_cmd(dev);
    struct ring *cmd_cq = &dev->ring[KTLSNIC_RID_CMD_CQ];
    struct ring *event = ring_event(dev);

    for (unsigned i = 0; i < KTLSNIC_RINGS; i++) {
        dev->ring[i].state = &dev->state.ring[i];
    }
    cmd->reg = KTLSNIC_RING_CMD;
    cmd->entry_size = sizeof(struct ktlsnic_cmd);
    cmd->secret = true;
    cmd_cq->reg = KTLSNIC_RING_CMD_CQ;
    cmd_cq->entry_size = sizeof(struct ktlsnic_cmd_cpl);
    ring_tie(cmd, cmd_cq, KTLSNIC_ADMIN_VECTOR);
    event->reg = KTLSNIC_RING_EVENT;
    event->entry_size = sizeof(struct ktlsnic_event);
    event->to_driver = true;
    event->vector = KTLSNIC_ADMIN_VECTOR;
    for (unsigned q = 0; q < KTLSNIC_MAX_QUEUES; q++) {
        ring_init_queue(dev, q);
    }
}

void ring_forget(struct ring *ring)
{
    ring->cache_count = 0;
    ring->begun = false;
    ring->taken = 0;
}

void ring_reset_all(struct ktlsnic_dev *dev)
{
    memset(dev->state.ring, 0, sizeof(dev->state.ring));
    for (unsigned i = 0; i < KTLSNIC_RINGS; i++) {
        ring_forget(&dev->ring[i]);
    }
}

static uint32_t ring_size(const struct ring *ring)
{
    return 1u << ring->state->log2;
}

static bool ring_setup_ok(const struct ring *ring)
{
    const struct ktlsnic_ring_state *s = ring->state;

    return s->base % KTLSNIC_RING_ALIGN == 0 &&
           s->log2 >= KTLSNIC_RING_LOG2_MIN &&
           s->log2 <= KTLSNIC_RING_LOG2_MAX &&
           (!ring->cq || ring->cq->state->enabled);
}

bool ring_valid(const struct ring *ring)
{
    const struct ktlsnic_ring_state *s = ring->state;
    uint32_t used = ring->to_driver ? s->index - s->doorbell
                                    : s->doorbell - s->index;

    return !s->enabled || (ring_setup_ok(ring) && used <= ring_size(ring));
}

/* Something changed for which the ring, or the one it serves, may wait. */
static void ring_kick(struct ktlsnic_dev *dev, struct ring *ring)
{
    struct ring *work = ring->served ? ring->served : ring;

    if (ring->is_rx) {
        host_rx_kick(dev);
    } else if (!work->to_driver && ring_pending(work)) {
        host_wake(dev);
    }
}

void ring_fail(struct ktlsnic_dev *dev, struct ring *ring,
               enum ktlsnic_ring_error error)
{
    ring->state->enabled = false;
    ring->state->error = error;
    ring_forget(ring);
    dev_trace(dev, KTLSNIC_TRACE_RING_ERROR, ring->reg, error,
              ring->state->index);
    g_assert(dev->ring_failures < KTLSNIC_RINGS);
    dev->ring_failed[dev->ring_failures++] = ring - dev->ring;
    if (ring->served && ring->served->state->enabled) {
        ring_fail(dev, ring->served, KTLSNIC_RING_BAD_SETUP);
    }
    ring_kick(dev, ring);
}

static void ring_enable(struct ktlsnic_dev *dev, struct ring *ring)
{
    if (!ring_setup_ok(ring)) {
        ring_fail(dev, ring, KTLSNIC_RING_BAD_SETUP);
        return;
    }
    ring->state->index = 0;
    ring->state->doorbell = 0;
    ring->state->enabled = true;
    dev_trace(dev, KTLSNIC_TRACE_RING_ENABLE, ring->reg, ring->state->base,
              ring->state->log2);
}

/* Nothing is under way when registers are written: the ring stops at once. */
static void ring_disable(struct ktlsnic_dev *dev, struct ring *ring)
{
    ring->state->enabled = false;
    ring->state->error = KTLSNIC_RING_OK;
    ring_forget(ring);
    dev_trace(dev, KTLSNIC_TRACE_RING_DISABLE, ring->reg, 0, 0);
    if (ring->served && ring->served->state->enabled) {
        ring_fail(dev, ring->served, KTLSNIC_RING_BAD_SETUP);
    }
    ring_kick(dev, ring);
}

static void ring_write_ctrl(struct ktlsnic_dev *dev, struct ring *ring,
                            bool enable)
{
    if (enable == ring->state->ctrl_enable) {
        return;
    }
    ring->state->ctrl_enable = enable;
    if (enable) {
        ring_enable(dev, ring);
    } else {
        ring_disable(dev, ring);
    }
}

static void ring_write_doorbell(struct ktlsnic_dev *dev, struct ring *ring,
                                uint32_t value)
{
    struct ktlsnic_ring_state *s = ring->state;
    uint32_t end;

    if (!s->enabled) {
        return;
    }
    /* It may move from where it is up to end, which lies ahead of it. */
    end = ring->to_driver ? s->index : s->index + ring_size(ring);
    if (value - s->doorbell > end - s->doorbell) {
        ring_fail(dev, ring, KTLSNIC_RING_BAD_DOORBELL);
        return;
    }
    s->doorbell = value;
    ring_kick(dev, ring);
}

struct ring *ring_at(struct ktlsnic_dev *dev, uint32_t offset)
{
    uint32_t block;

    if (offset >= KTLSNIC_RING_CMD &&
        offset < KTLSNIC_RING_EVENT + KTLSNIC_RING_REGS_SIZE) {
        block = (offset - KTLSNIC_RING_CMD) / KTLSNIC_RING_REGS_SIZE;
        return &dev->ring[KTLSNIC_RID_CMD + block];
    }
    if (offset >= KTLSNIC_QUEUE_PAGE(0) &&
        offset < KTLSNIC_QUEUE_PAGE(dev->config.queues)) {
        uint32_t page = KTLSNIC_QUEUE_PAGE(1) - KTLSNIC_QUEUE_PAGE(0);
        uint32_t queue = (offset - KTLSNIC_QUEUE_PAGE(0)) / page;

        block = offset % page / KTLSNIC_RING_REGS_SIZE;
        return block <= RING_RX_CQ ? ring_queue(dev, queue, block) : NULL;
    }
    return NULL;
}

uint32_t ring_read_reg(const struct ring *ring, uint32_t offset)
{
    const struct ktlsnic_ring_state *s = ring->state;

    switch (offset - ring->reg) {
    case KTLSNIC_RING_BASE_LO:
        return s->base;
    case KTLSNIC_RING_BASE_HI:
        return s->base >> 32;
    case KTLSNIC_RING_LOG2:
        return s->log2;
    case KTLSNIC_RING_CTRL:
        return s->ctrl_enable ? KTLSNIC_RING_CTRL_ENABLE : 0;
    case KTLSNIC_RING_STATUS:
        return (s->enabled ? KTLSNIC_RING_STATUS_ENABLED : 0) |
               (uint32_t)s->error << 8;
    case KTLSNIC_RING_DOORBELL:
        return s->doorbell;
    case KTLSNIC_RING_INDEX:
        return s->index;
    default:
        return 0;
    }
}

void ring_write_reg(struct ktlsnic_dev *dev, struct ring *ring,
                    uint32_t offset, uint32_t value)
{
    struct ktlsnic_ring_state *s = ring->state;
    uint32_t reg = offset - ring->reg;

    if (reg == KTLSNIC_RING_DOORBELL) {
        ring_write_doorbell(dev, ring, value);
    } else if (reg == KTLSNIC_RING_CTRL) {
        ring_write_ctrl(dev, ring, value & KTLSNIC_RING_CTRL_ENABLE);
    } else if (s->enabled) {
        return;
    } else if (reg == KTLSNIC_RING_BASE_LO) {
        s->base = (s->base & ~(uint64_t)UINT32_MAX) | value;
    } else if (reg == KTLSNIC_RING_BASE_HI) {
        s->base = (uint32_t)s->base | (uint64_t)value << 32;
    } else if (reg == KTLSNIC_RING_LOG2) {
        s->log2 = value;
    }
}

uint32_t ring_pending(const struct ring *ring)
{
    const struct ktlsnic_ring_state *s = ring->state;

    return s->enabled ? s->doorbell - s->index : 0;
}

uint32_t ring_room(const struct ring *ring)
{
    const struct ktlsnic_ring_state *s = ring->state;

    return s->enabled ? ring_size(ring) - (s->index - s->doorbell) : 0;
}

bool ring_has_news(const struct ring *ring)
{
    return ring->state->enabled && ring->state->index != ring->state->doorbell;
}

static uint64_t ring_entry_addr(const struct ring *ring, uint32_t index)
{
    uint64_t slot = index & (ring_size(ring) - 1);

    return ring->state->base + slot * ring->entry_size;
}

/* Reads count entries that do not wrap around the end of the ring. */
static bool ring_read_memory(struct ktlsnic_dev *dev, struct ring *ring,
                             uint32_t index, uint32_t count, void *out)
{
    if (host_dma_read(dev, ring_entry_addr(ring, index), out,
                     (size_t)count * ring->entry_size)) {
        return true;
    }
    ring_fail(dev, ring, KTLSNIC_RING_DMA_FAULT);
    return false;
}

/* Gets entries from index on, as many as one read can bring. */
static bool ring_fill_cache(struct ktlsnic_dev *dev, struct ring *ring,
                            uint32_t index)
{
    uint32_t to_end = ring_size(ring) - (index & (ring_size(ring) - 1));
    uint32_t count = ring->state->doorbell - index;

    count = MIN(MIN(count, to_end), RING_CACHE_SIZE / ring->entry_size);
    if (!ring_read_memory(dev, ring, index, count, ring->cache)) {
        return false;
    }
    ring->cache_first = index;
    ring->cache_count = count;
    return true;
}

bool ring_fetch(struct ktlsnic_dev *dev, struct ring *ring, uint32_t skip,
                uint32_t count, void *out)
{
    uint32_t index = ring->state->index + skip;
    uint8_t *to = out;

    while (count) {
        uint32_t n = 1;

        if (ring->secret) {
            if (!ring_read_memory(dev, ring, index, n, to)) {
                return false;
            }
        } else {
            uint32_t at = index - ring->cache_first;

            if (at >= ring->cache_count) {
                if (!ring_fill_cache(dev, ring, index)) {
                    return false;
                }
                at = 0;
            }
            n = MIN(count, ring->cache_count - at);
            memcpy(to, ring->cache + at * ring->entry_size,
                   n * ring->entry_size);
        }
        to += n * ring->entry_size;
        index += n;
        count -= n;
    }
    return true;
}

uint32_t ring_advance(struct ring *ring, uint32_t count)
{
    ring->state->index += count;
    return ring->state->index;
}

bool ring_post(struct ktlsnic_dev *dev, struct ring *ring, void *entry)
{
    struct ktlsnic_ring_state *s = ring->state;
    uint64_t addr = ring_entry_addr(ring, s->index);
    bool phase = !(s->index >> s->log2 & 1);
    uint8_t *bytes = entry;
    /* The word with the phase goes alone and last: then all else is there. */
    size_t last = ring->entry_size - sizeof(uint32_t);

    if (phase) {
        bytes[ring->entry_size - 2] |= KTLSNIC_CPL_PHASE;
    } else {
        bytes[ring->entry_size - 2] &= ~KTLSNIC_CPL_PHASE;
    }
    if (!host_dma_write(dev, addr, bytes, last) ||
        !host_dma_write(dev, addr + last, bytes + last, sizeof(uint32_t))) {
        ring_fail(dev, ring, KTLSNIC_RING_DMA_FAULT);
        return false;
    }
    s->index++;
    dev_irq_note(dev, ring->vector);
    return true;
}
