/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The device as a whole: life, entry points, and what happens when a callback
 * leads back into them.
 */

#include <string.h>

#include "device/dev_private.h"
#include "flow/flow_rx.h"
#include "flow/flow_tx.h"

static void dev_reset_now(struct ktlsnic_dev *dev)
{
    dev->reset_pending = false;
    dev->ring_failures = 0;
    tls_tx_del_all(dev);
    tls_rx_del_all(dev);
    ring_reset_all(dev);
    cmd_reset(dev);
    irq_reset(dev);
    regs_reset(dev);
    dev->wake_at = 0;
    dev->state.events_lost = 0;
    memset(dev->state.tls_tx_payload, 0, sizeof(dev->state.tls_tx_payload));
    if (dev->config.fault) {
        dev->config.fault->stuck_tx = 0;
    }
    tx_reset(dev);
    dev_trace(dev, KTLSNIC_TRACE_RESET, 0, 0, 0);
    host_rx_kick(dev);
}

static void dev_free_now(struct ktlsnic_dev *dev)
{
    /* The host may be half gone: nothing is told to it any more. */
    dev->ops.trace = NULL;
    dev->ops.tls_live = NULL;
    tls_tx_free(dev);
    tls_rx_free(dev);
    tx_free(dev);
    g_free(dev->rx_frame);
    g_free(dev);
}

/* Asks for a run when the next thing is due: an interrupt or a command. The
 * host has one time for both. */
static void dev_wake_when_due(struct ktlsnic_dev *dev)
{
    int64_t when = MIN(dev->irq_wake_at, dev->cmd_wake_at);

    if (when != NEVER && when != dev->wake_at && dev_alive(dev)) {
        dev->wake_at = when;
        dev->ops.wake(dev->opaque, when);
    }
}

/* Ends an outermost call: does what came in meanwhile. False: dev is gone. */
static bool dev_leave(struct ktlsnic_dev *dev)
{
    if (dev_alive(dev)) {
        event_post_ring_failures(dev);
    }
    irq_flush(dev);
    dev_wake_when_due(dev);
    dev->busy = false;
    if (dev->free_pending) {
        dev_free_now(dev);
        return false;
    }
    if (dev->reset_pending) {
        dev_reset_now(dev);
    }
    return true;
}

bool ktlsnic_dev_tls_tx_supported(unsigned version, unsigned cipher)
{
    return flow_tx_supported(version, cipher);
}

bool ktlsnic_dev_tls_rx_supported(unsigned version, unsigned cipher)
{
    return flow_rx_supported(version, cipher);
}

static bool config_ok(const struct ktlsnic_config *config)
{
    return config->queues >= 1 && config->queues <= KTLSNIC_MAX_QUEUES &&
           config->tls_tx_contexts <= KTLSNIC_TLS_CONTEXTS_MAX &&
           config->tls_rx_contexts <= KTLSNIC_TLS_CONTEXTS_MAX &&
           config->tls_rx_mode <= KTLSNIC_TLS_RX_ASYNC &&
           config->cmd_latency <= KTLSNIC_CMD_LATENCY_MAX;
}

struct ktlsnic_dev *ktlsnic_dev_new(const struct ktlsnic_config *config,
                                    const struct ktlsnic_host_ops *ops,
                                    void *opaque)
{
    struct ktlsnic_dev *dev;

    if (!config_ok(config)) {
        return NULL;
    }
    dev = g_new0(struct ktlsnic_dev, 1);
    dev->config = *config;
    dev->ops = *ops;
    dev->opaque = opaque;
    tls_tx_init(dev);
    tls_rx_init(dev);
    dev->rx_frame = g_malloc(KTLSNIC_MAX_FRAME);
    tx_init(dev);
    ring_init_all(dev);
    cmd_reset(dev);
    irq_reset(dev);
    regs_reset(dev);
    return dev;
}

void ktlsnic_dev_free(struct ktlsnic_dev *dev)
{
    if (!dev) {
        return;
    }
    if (dev->busy) {
        dev->free_pending = true;
        return;
    }
    dev_free_now(dev);
}

void ktlsnic_dev_reset(struct ktlsnic_dev *dev)
{
    if (dev->busy) {
        dev->reset_pending = true;
        return;
    }
    dev_reset_now(dev);
}

uint32_t ktlsnic_dev_read(struct ktlsnic_dev *dev, uint64_t offset)
{
    if (offset % sizeof(uint32_t) || offset >= KTLSNIC_BAR_REGS_SIZE) {
        return 0;
    }
    return regs_read(dev, offset);
}

void ktlsnic_dev_write(struct ktlsnic_dev *dev, uint64_t offset, uint32_t value)
{
    if (offset % sizeof(uint32_t) || offset >= KTLSNIC_BAR_REGS_SIZE) {
        return;
    }
    if (dev->busy) {
        dev_trace(dev, KTLSNIC_TRACE_NESTED_WRITE, offset, value, 0);
        return;
    }
    dev->busy = true;
    regs_write(dev, offset, value);
    dev_leave(dev);
}

void ktlsnic_dev_run(struct ktlsnic_dev *dev)
{
    bool more;

    dev->wake_asked = false;
    if (dev->busy) {
        host_wake(dev);
        return;
    }
    dev->busy = true;
    dev->wake_at = 0;
    more = cmd_run(dev);
    more |= tx_run(dev);
    if (!dev_leave(dev)) {
        return;
    }
    if (more) {
        host_wake(dev);
    }
    if (dev->rx_retry) {
        dev->rx_retry = false;
        dev->ops.rx_ready(dev->opaque);
    }
}

enum ktlsnic_rx_verdict ktlsnic_dev_receive(struct ktlsnic_dev *dev,
                                            const uint8_t *frame, size_t len)
{
    enum ktlsnic_rx_verdict verdict;
    bool nested = dev->busy;

    /* A frame may answer the one that is being sent; anything else that leads
     * here comes from inside an access to memory. */
    if (dev->receiving || (nested && !dev->sending) || !dev_alive(dev)) {
        dev->rx_retry = true;
        host_wake(dev);
        return KTLSNIC_RX_WAIT;
    }
    dev->busy = true;
    dev->receiving = true;
    verdict = rx_receive(dev, frame, len);
    dev->receiving = false;
    if (!nested) {
        dev_leave(dev);
    }
    return verdict;
}

void ktlsnic_dev_tx_ready(struct ktlsnic_dev *dev)
{
    dev->wire_busy = false;
    host_wake(dev);
}

void ktlsnic_dev_set_link(struct ktlsnic_dev *dev, bool up)
{
    bool nested = dev->busy;

    if (dev->state.link_up == up) {
        return;
    }
    dev->busy = true;
    dev->state.link_up = up;
    dev_trace(dev, KTLSNIC_TRACE_LINK, up, 0, 0);
    event_post(dev, KTLSNIC_EVENT_LINK, 0, up);
    host_rx_kick(dev);
    if (!up) {
        /* Nobody pauses a wire that is not there. */
        ktlsnic_dev_tx_ready(dev);
    }
    if (!nested) {
        dev_leave(dev);
    }
}

bool ktlsnic_dev_set_cmd_latency(struct ktlsnic_dev *dev, uint32_t usecs)
{
    if (usecs > KTLSNIC_CMD_LATENCY_MAX) {
        return false;
    }
    dev->config.cmd_latency = usecs;
    return true;
}

unsigned ktlsnic_dev_tls_live(const struct ktlsnic_dev *dev)
{
    return dev_tls_live(dev);
}

struct ktlsnic_state *ktlsnic_dev_state(struct ktlsnic_dev *dev)
{
    return &dev->state;
}

/* What is in use must be something that this device has. */
static bool restored_is_there(const struct ktlsnic_dev *dev)
{
    const struct ktlsnic_state *s = &dev->state;
    unsigned queues = dev->config.queues;

    for (unsigned i = KTLSNIC_RID_QUEUES + 4 * queues; i < KTLSNIC_RINGS; i++) {
        if (s->ring[i].ctrl_enable || s->ring[i].enabled) {
            return false;
        }
    }
    for (unsigned i = KTLSNIC_QUEUE_VECTOR(queues); i < KTLSNIC_MAX_VECTORS;
         i++) {
        if (s->vector[i].armed) {
            return false;
        }
    }
    return true;
}

bool ktlsnic_dev_restored(struct ktlsnic_dev *dev)
{
    struct ktlsnic_state *s = &dev->state;
    int64_t now = dev->ops.now(dev->opaque);

    if (!restored_is_there(dev)) {
        return false;
    }
    for (unsigned i = 0; i < KTLSNIC_RINGS; i++) {
        ring_forget(&dev->ring[i]);
        if (!ring_valid(&dev->ring[i])) {
            return false;
        }
    }
    for (unsigned i = 0; i < KTLSNIC_MAX_VECTORS; i++) {
        s->vector[i].last = MIN(s->vector[i].last, now);
        dev_irq_note(dev, i);
    }
    s->rx_max_frame = MIN(s->rx_max_frame, KTLSNIC_MAX_FRAME);
    regs_update_filter(dev);
    regs_update_rss(dev);
    host_wake(dev);
    return true;
}
