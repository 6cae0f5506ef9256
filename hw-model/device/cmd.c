/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Commands (SPEC 11). As many as the completion ring has room for are under way
 * at a time: taken, which is when their time begins, and done when it is over.
 * A command stays in its ring until then: the device has no copy of its key,
 * and a ring that stops or a reset drops it before it has done anything.
 */

#include <string.h>

#include "device/dev_private.h"

#define COMMANDS_PER_RUN 32

/* Whether the body is zero after its first len bytes. */
static bool body_end_is_zero(const struct ktlsnic_cmd *cmd, size_t len)
{
    uint8_t any = 0;

    for (size_t i = len; i < sizeof(cmd->body.bytes); i++) {
        any |= cmd->body.bytes[i];
    }
    return !any;
}

/* Bytes of an op's body that mean something; -1: there is no such op. */
static int body_len(uint16_t op)
{
    switch (op) {
    case KTLSNIC_CMD_NOP:
        return 0;
    case KTLSNIC_CMD_TLS_TX_ADD:
        return sizeof(struct ktlsnic_cmd_tls_add);
    case KTLSNIC_CMD_TLS_RX_ADD:
        return sizeof(struct ktlsnic_cmd_tls_rx_add);
    case KTLSNIC_CMD_TLS_TX_DEL:
    case KTLSNIC_CMD_TLS_RX_DEL:
    case KTLSNIC_CMD_TLS_RX_QUERY:
        return sizeof(struct ktlsnic_cmd_tls_ctx);
    case KTLSNIC_CMD_TLS_TX_RESYNC:
    case KTLSNIC_CMD_TLS_RX_RESYNC:
        return sizeof(struct ktlsnic_cmd_tls_resync);
    default:
        return -1;
    }
}

static enum ktlsnic_cmd_status cmd_execute(struct ktlsnic_dev *dev,
                                           const struct ktlsnic_cmd *cmd,
                                           uint32_t *value)
{
    uint16_t op = GUINT16_FROM_LE(cmd->op);
    uint32_t ctx = GUINT32_FROM_LE(cmd->body.tls_ctx.tls_ctx);
    int len = body_len(op);

    if (len < 0) {
        return KTLSNIC_CMD_BAD_OP;
    }
    if (cmd->reserved || !body_end_is_zero(cmd, len)) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    switch (op) {
    case KTLSNIC_CMD_TLS_TX_ADD:
        return tls_tx_add(dev, &cmd->body.tls_add);
    case KTLSNIC_CMD_TLS_TX_DEL:
        return tls_tx_del(dev, ctx);
    case KTLSNIC_CMD_TLS_TX_RESYNC:
        return tls_tx_resync(dev, &cmd->body.tls_resync);
    case KTLSNIC_CMD_TLS_RX_ADD:
        return tls_rx_add(dev, &cmd->body.tls_rx_add);
    case KTLSNIC_CMD_TLS_RX_DEL:
        return tls_rx_del(dev, ctx);
    case KTLSNIC_CMD_TLS_RX_RESYNC:
        return tls_rx_resync(dev, &cmd->body.tls_resync);
    case KTLSNIC_CMD_TLS_RX_QUERY:
        return tls_rx_query(dev, ctx, value);
    default:
        return KTLSNIC_CMD_OK;
    }
}

/* Whether the host wants this command to fail, and how. */
static bool cmd_faulty(struct ktlsnic_dev *dev, const struct ktlsnic_cmd *cmd,
                       uint16_t *status)
{
    struct ktlsnic_fault *fault = dev->config.fault;

    if (!fault || !fault->count || GUINT16_FROM_LE(cmd->op) != fault->op) {
        return false;
    }
    fault->count--;
    *status = fault->status;
    dev_trace(dev, KTLSNIC_TRACE_FAULT, fault->op, GUINT16_FROM_LE(cmd->tag),
              fault->status);
    return true;
}

static void cmd_complete(struct ktlsnic_dev *dev, struct ring *ring,
                         const struct ktlsnic_cmd *cmd, uint16_t status,
                         uint32_t value)
{
    struct ktlsnic_cmd_cpl cpl = {
        .tag = cmd->tag,
        .status = GUINT16_TO_LE(status),
        .index = GUINT32_TO_LE(ring_advance(ring, 1)),
        .value = GUINT32_TO_LE(value),
    };

    dev_trace(dev, KTLSNIC_TRACE_COMMAND, GUINT16_FROM_LE(cmd->op),
              GUINT16_FROM_LE(cmd->tag), status);
    ring_post(dev, ring->cq, &cpl);
}

/* The first of those that are taken; its copy here may hold a key and goes with
 * the function. */
static void cmd_do_one(struct ktlsnic_dev *dev, struct ring *ring)
{
    struct ktlsnic_cmd cmd;
    uint16_t status;
    uint32_t value = 0;

    if (ring_fetch(dev, ring, 0, 1, &cmd)) {
        if (!cmd_faulty(dev, &cmd, &status)) {
            status = cmd_execute(dev, &cmd, &value);
        }
        dev->cmd_hangs = status == KTLSNIC_FAULT_HANG;
        if (!dev->cmd_hangs) {
            ring->taken--;
            cmd_complete(dev, ring, &cmd, status, value);
        }
    }
    explicit_bzero(&cmd, sizeof(cmd));
}

/* When the command so many after INDEX is to be done. */
static int64_t *cmd_due(struct ktlsnic_dev *dev, const struct ring *ring,
                        uint32_t skip)
{
    return &dev->cmd_due[(ring->state->index + skip) %
                         G_N_ELEMENTS(dev->cmd_due)];
}

static void cmd_take(struct ktlsnic_dev *dev, struct ring *ring, int64_t now)
{
    uint32_t first = ring->taken;
    uint32_t end = MIN(ring_pending(ring), ring_room(ring->cq));
    uint32_t latency = dev->config.cmd_latency;

    while (ring->taken < end) {
        *cmd_due(dev, ring, ring->taken++) =
            now + (int64_t)latency * NSEC_PER_USEC;
    }
    if (latency && ring->taken > first) {
        dev_trace(dev, KTLSNIC_TRACE_COMMANDS_DELAYED,
                  ring->state->index + first, ring->taken - first, latency);
    }
}

bool cmd_run(struct ktlsnic_dev *dev)
{
    struct ring *ring = ring_cmd(dev);
    unsigned left = COMMANDS_PER_RUN;
    int64_t now;

    dev->cmd_wake_at = NEVER;
    if (dev->cmd_hangs || !ring_pending(ring)) {
        return false;
    }
    now = dev->ops.now(dev->opaque);
    cmd_take(dev, ring, now);
    while (dev_alive(dev) && !dev->cmd_hangs && ring->taken) {
        int64_t due = *cmd_due(dev, ring, 0);

        if (due > now) {
            /* One behind it whose time is shorter waits for it. */
            dev->cmd_wake_at = due;
            return false;
        }
        if (!left--) {
            return true;
        }
        cmd_do_one(dev, ring);
    }
    return false;
}

void cmd_reset(struct ktlsnic_dev *dev)
{
    dev->cmd_hangs = false;
    dev->cmd_wake_at = NEVER;
}
