/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device/dev_private.h"
#include "device/tls_ctx.h"

void tls_table_init(struct tls_table *table, unsigned size,
                    const uint32_t wanted[KTLSNIC_TLS_VERSIONS],
                    bool (*supported)(unsigned version, unsigned cipher))
{
    table->size = size;
    for (unsigned v = 0; v < KTLSNIC_TLS_VERSIONS; v++) {
        for (unsigned c = 0; c < KTLSNIC_CIPHERS; c++) {
            if (size && wanted[v] & 1u << c && supported(v, c)) {
                table->ciphers[v] |= 1u << c;
            }
        }
    }
}

/* The part of a key field that a short key leaves must be zero. */
static bool key_end_is_zero(const struct ktlsnic_cmd_tls_add *body)
{
    uint8_t any = 0;

    for (size_t i = engine_key_len(body->cipher); i < sizeof(body->key);
         i++) {
        any |= body->key[i];
    }
    return !any;
}

enum ktlsnic_cmd_status tls_table_check(const struct tls_table *table,
                                        const struct ktlsnic_cmd_tls_add *body,
                                        struct flow_params *params)
{
    if (GUINT32_FROM_LE(body->tls_ctx) >= table->size || body->reserved ||
        body->reserved2 || body->reserved3) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    if (body->version >= KTLSNIC_TLS_VERSIONS ||
        body->cipher >= KTLSNIC_CIPHERS ||
        !(table->ciphers[body->version] & 1u << body->cipher)) {
        return KTLSNIC_CMD_UNSUPPORTED;
    }
    if (!key_end_is_zero(body)) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    params->keys.version = body->version;
    params->keys.cipher = body->cipher;
    params->tcp_seq = GUINT32_FROM_LE(body->tcp_seq);
    params->rec_num = GUINT64_FROM_LE(body->rec_num);
    memcpy(params->keys.iv, body->iv, sizeof(params->keys.iv));
    memcpy(params->keys.key, body->key, sizeof(params->keys.key));
    return KTLSNIC_CMD_OK;
}

void tls_table_count(struct ktlsnic_dev *dev, struct tls_table *table,
                     int change)
{
    bool before = dev_tls_live(dev), after;

    table->live += change;
    after = dev_tls_live(dev);
    if (before != after && dev->ops.tls_live) {
        dev->ops.tls_live(dev->opaque, after);
    }
}
