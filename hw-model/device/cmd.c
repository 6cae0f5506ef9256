/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Commands (SPEC 11). */

#include <string.h>

#include "device/dev_private.h"

#define COMMANDS_PER_RUN 32

/* Whether the body is zero behind its first len bytes. */
static bool body_end_is_zero(const struct ktlsnic_cmd *cmd, size_t len)
{
    uint8_t any = 0;

    for (size_t i = len; i < sizeof(cmd->body.bytes); i++) {
        any |= cmd->body.bytes[i];
    }
    return !any;
}

static enum ktlsnic_cmd_status cmd_execute(struct ktlsnic_dev *dev,
                                           const struct ktlsnic_cmd *cmd)
{
    static const uint8_t body_len[] = {
        [KTLSNIC_CMD_NOP] = 0,
        [KTLSNIC_CMD_TLS_TX_ADD] = sizeof(struct ktlsnic_cmd_tls_add),
        [KTLSNIC_CMD_TLS_TX_DEL] = sizeof(struct ktlsnic_cmd_tls_ctx),
    };
    uint16_t op = GUINT16_FROM_LE(cmd->op);

    if (op >= G_N_ELEMENTS(body_len)) {
        return KTLSNIC_CMD_BAD_OP;
    }
    if (cmd->reserved || !body_end_is_zero(cmd, body_len[op])) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    switch (op) {
    case KTLSNIC_CMD_TLS_TX_ADD:
        return tls_ctx_add(dev, &cmd->body.tls_add);
    case KTLSNIC_CMD_TLS_TX_DEL:
        return tls_ctx_del(dev, GUINT32_FROM_LE(cmd->body.tls_ctx.tls_ctx));
    default:
        return KTLSNIC_CMD_OK;
    }
}

/* One command; its copy here may hold a key and goes with the function. */
static void cmd_do_one(struct ktlsnic_dev *dev, struct ring *ring)
{
    struct ktlsnic_cmd cmd;
    struct ktlsnic_cmd_cpl cpl = { 0 };
    enum ktlsnic_cmd_status status;

    if (ring_fetch(dev, ring, 0, 1, &cmd)) {
        status = cmd_execute(dev, &cmd);
        cpl.tag = cmd.tag;
        cpl.status = GUINT16_TO_LE(status);
        cpl.index = GUINT32_TO_LE(ring_advance(ring, 1));
        dev_trace(dev, KTLSNIC_TRACE_COMMAND, GUINT16_FROM_LE(cmd.op),
                  GUINT16_FROM_LE(cmd.tag), status);
        ring_post(dev, ring->cq, &cpl);
    }
    explicit_bzero(&cmd, sizeof(cmd));
}

bool cmd_run(struct ktlsnic_dev *dev)
{
    struct ring *ring = ring_cmd(dev);
    unsigned left = COMMANDS_PER_RUN;

    while (dev_alive(dev) && ring_pending(ring) && ring_room(ring->cq)) {
        if (!left--) {
            return true;
        }
        cmd_do_one(dev, ring);
    }
    return false;
}
