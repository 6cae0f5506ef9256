/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TX context table (SPEC 4 and 11.2). */

#include <string.h>

#include "device/dev_private.h"

static const uint8_t key_len[KTLSNIC_CIPHERS] = {
    [KTLSNIC_CIPHER_AES_GCM_128] = 16,
    [KTLSNIC_CIPHER_AES_GCM_256] = 32,
    [KTLSNIC_CIPHER_AES_CCM_128] = 16,
    [KTLSNIC_CIPHER_CHACHA20_POLY1305] = 32,
};

uint32_t tls_ctx_ciphers(const struct ktlsnic_dev *dev, unsigned version)
{
    uint32_t offered = 0;

    if (!dev->config.tls_tx_contexts || version >= KTLSNIC_TLS_VERSIONS) {
        return 0;
    }
    for (unsigned c = 0; c < KTLSNIC_CIPHERS; c++) {
        if (flow_tx_supported(version, c)) {
            offered |= 1u << c;
        }
    }
    return offered & dev->config.tls_tx_ciphers[version];
}

struct flow_tx *tls_ctx_get(struct ktlsnic_dev *dev, uint32_t ctx)
{
    return ctx < dev->config.tls_tx_contexts ? dev->tls_tx[ctx] : NULL;
}

static void tls_ctx_set_live(struct ktlsnic_dev *dev, unsigned live)
{
    bool changed = !dev->tls_tx_live != !live;

    dev->tls_tx_live = live;
    if (changed && dev->ops.tls_live) {
        dev->ops.tls_live(dev->opaque, live);
    }
}

/* The part of a key field that a short key leaves must be zero. */
static bool key_end_is_zero(const struct ktlsnic_cmd_tls_add *body)
{
    uint8_t any = 0;

    for (size_t i = key_len[body->cipher]; i < sizeof(body->key); i++) {
        any |= body->key[i];
    }
    return !any;
}

enum ktlsnic_cmd_status tls_ctx_add(struct ktlsnic_dev *dev,
                                    const struct ktlsnic_cmd_tls_add *body)
{
    uint32_t ctx = GUINT32_FROM_LE(body->tls_ctx);
    struct flow_tx_params params;

    if (ctx >= dev->config.tls_tx_contexts || body->reserved ||
        body->reserved2 || body->reserved3) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (body->cipher >= KTLSNIC_CIPHERS ||
        !(tls_ctx_ciphers(dev, body->version) & 1u << body->cipher)) {
        return KTLSNIC_CMD_UNSUPPORTED;
    }
    if (!key_end_is_zero(body)) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (dev->tls_tx[ctx]) {
        return KTLSNIC_CMD_IN_USE;
    }
    params.version = body->version;
    params.cipher = body->cipher;
    params.tcp_seq = GUINT32_FROM_LE(body->tcp_seq);
    params.rec_num = GUINT64_FROM_LE(body->rec_num);
    memcpy(params.iv, body->iv, sizeof(params.iv));
    memcpy(params.key, body->key, sizeof(params.key));
    dev->tls_tx[ctx] = flow_tx_new(&params);
    explicit_bzero(&params, sizeof(params));
    if (!dev->tls_tx[ctx]) {
        return KTLSNIC_CMD_UNSUPPORTED;
    }
    tls_ctx_set_live(dev, dev->tls_tx_live + 1);
    dev_count(dev, KTLSNIC_STAT_TLS_TX_ADDED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_ADD, ctx,
              body->version << 8 | body->cipher,
              GUINT32_FROM_LE(body->tcp_seq));
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status tls_ctx_del(struct ktlsnic_dev *dev, uint32_t ctx)
{
    if (ctx >= dev->config.tls_tx_contexts) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (!dev->tls_tx[ctx]) {
        return KTLSNIC_CMD_NO_CONTEXT;
    }
    flow_tx_free(dev->tls_tx[ctx]);
    dev->tls_tx[ctx] = NULL;
    dev_count(dev, KTLSNIC_STAT_TLS_TX_DELETED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_DEL, ctx, 0, 0);
    tls_ctx_set_live(dev, dev->tls_tx_live - 1);
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status
tls_ctx_resync(struct ktlsnic_dev *dev,
               const struct ktlsnic_cmd_tls_resync *body)
{
    uint32_t ctx = GUINT32_FROM_LE(body->tls_ctx);
    uint32_t seq = GUINT32_FROM_LE(body->tcp_seq);

    if (ctx >= dev->config.tls_tx_contexts) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (!dev->tls_tx[ctx]) {
        return KTLSNIC_CMD_NO_CONTEXT;
    }
    flow_tx_resync(dev->tls_tx[ctx], seq, GUINT64_FROM_LE(body->rec_num),
                   NULL, 0);
    dev_count(dev, KTLSNIC_STAT_TLS_TX_RESYNCS, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_TX_RESYNC, ctx, seq, 0);
    return KTLSNIC_CMD_OK;
}

void tls_ctx_del_all(struct ktlsnic_dev *dev)
{
    for (uint32_t i = 0; i < dev->config.tls_tx_contexts && dev->tls_tx_live;
         i++) {
        if (dev->tls_tx[i]) {
            tls_ctx_del(dev, i);
        }
    }
}
