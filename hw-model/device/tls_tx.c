/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TX context table (SPEC 11.2). */

#include <string.h>

#include "device/dev_private.h"

void tls_tx_init(struct ktlsnic_dev *dev)
{
    const struct ktlsnic_config *config = &dev->config;

    tls_table_init(&dev->tls_tx, config->tls_tx_contexts,
                   config->tls_tx_ciphers, flow_tx_supported);
    dev->tls_tx_flow = g_new0(struct flow_tx *, config->tls_tx_contexts);
}

struct flow_tx *tls_tx_get(struct ktlsnic_dev *dev, uint32_t ctx)
{
    return ctx < dev->tls_tx.size ? dev->tls_tx_flow[ctx] : NULL;
}

enum ktlsnic_cmd_status tls_tx_add(struct ktlsnic_dev *dev,
                                   const struct ktlsnic_cmd_tls_add *body)
{
    uint32_t ctx = GUINT32_FROM_LE(body->tls_ctx);
    struct flow_params params;
    enum ktlsnic_cmd_status status = tls_table_check(&dev->tls_tx, body,
                                                     &params);

    if (status == KTLSNIC_CMD_OK) {
        if (dev->tls_tx_flow[ctx]) {
            status = KTLSNIC_CMD_IN_USE;
        } else {
            dev->tls_tx_flow[ctx] = flow_tx_new(&params);
        }
    }
    explicit_bzero(&params, sizeof(params));
    if (status != KTLSNIC_CMD_OK) {
        return status;
    }
    tls_table_count(dev, &dev->tls_tx, 1);
    dev_count(dev, KTLSNIC_STAT_TLS_TX_ADDED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_ADD, ctx,
              body->version << 8 | body->cipher,
              GUINT32_FROM_LE(body->tcp_seq));
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status tls_tx_del(struct ktlsnic_dev *dev, uint32_t ctx)
{
    if (ctx >= dev->tls_tx.size) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (!dev->tls_tx_flow[ctx]) {
        return KTLSNIC_CMD_NO_CONTEXT;
    }
    flow_tx_free(dev->tls_tx_flow[ctx]);
    dev->tls_tx_flow[ctx] = NULL;
    dev_count(dev, KTLSNIC_STAT_TLS_TX_DELETED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_DEL, ctx, 0, 0);
    tls_table_count(dev, &dev->tls_tx, -1);
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status
tls_tx_resync(struct ktlsnic_dev *dev,
              const struct ktlsnic_cmd_tls_resync *body)
{
    uint32_t ctx = GUINT32_FROM_LE(body->tls_ctx);
    uint32_t seq = GUINT32_FROM_LE(body->tcp_seq);

    if (ctx >= dev->tls_tx.size) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (!dev->tls_tx_flow[ctx]) {
        return KTLSNIC_CMD_NO_CONTEXT;
    }
    flow_tx_resync(dev->tls_tx_flow[ctx], seq, GUINT64_FROM_LE(body->rec_num),
                   NULL, 0);
    dev_count(dev, KTLSNIC_STAT_TLS_TX_RESYNCS, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_RESYNC, ctx, seq, 0);
    return KTLSNIC_CMD_OK;
}

void tls_tx_del_all(struct ktlsnic_dev *dev)
{
    for (uint32_t i = 0; i < dev->tls_tx.size && dev->tls_tx.live; i++) {
        if (dev->tls_tx_flow[i]) {
            tls_tx_del(dev, i);
        }
    }
}

void tls_tx_free(struct ktlsnic_dev *dev)
{
    tls_tx_del_all(dev);
    g_free(dev->tls_tx_flow);
}
