/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "device/dev_private.h"
#include "device/tls_rx.h"
#include "flow/flow_rx.h"


struct tls_rx_ctx {
    uint32_t index;                     /* in the table */
    struct ktlsnic_tls_tuple tuple;     /* the key of dev->tls_rx_tuples */
    struct flow_rx *flow;
};

static guint tuple_hash(gconstpointer key)
{
    uint32_t words[sizeof(struct ktlsnic_tls_tuple) / sizeof(uint32_t)];
    uint32_t hash = 0;

    memcpy(words, key, sizeof(words));
    for (unsigned i = 0; i < G_N_ELEMENTS(words); i++) {
        hash = (hash ^ words[i]) * 0x9e3779b1;
        hash ^= hash >> 15;
    }
    return hash;
}

static gboolean tuple_equal(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct ktlsnic_tls_tuple)) == 0;
}

static void ctx_free(gpointer data)
{
    struct tls_rx_ctx *ctx = data;

    flow_rx_free(ctx->flow);
    g_free(ctx);
}

void tls_rx_init(struct ktlsnic_dev *dev)
{
    const struct ktlsnic_config *config = &dev->config;

    tls_table_init(&dev->tls_rx, config->tls_rx_contexts,
                   config->tls_rx_ciphers, flow_rx_supported);
    dev->tls_rx_ctx = g_new0(struct tls_rx_ctx *, config->tls_rx_contexts);
    dev->tls_rx_tuples = g_hash_table_new_full(tuple_hash, tuple_equal, NULL,
                                               ctx_free);
}

void tls_rx_free(struct ktlsnic_dev *dev)
{
    tls_rx_del_all(dev);
    g_hash_table_destroy(dev->tls_rx_tuples);
    g_free(dev->tls_rx_ctx);
}

/* ---- commands ---- */

/* OK if the context is there. */
static enum ktlsnic_cmd_status find(const struct ktlsnic_dev *dev,
                                    uint32_t index, struct tls_rx_ctx **ctx)
{
    if (index >= dev->tls_rx.size) {
        return KTLSNIC_CMD_BAD_PARAM;
    }
    *ctx = dev->tls_rx_ctx[index];
    return *ctx ? KTLSNIC_CMD_OK : KTLSNIC_CMD_NO_CONTEXT;
}

static bool tuple_ok(const struct ktlsnic_tls_tuple *tuple)
{
    uint8_t any = tuple->reserved[0] | tuple->reserved[1] | tuple->reserved[2];

    if (tuple->ip_version == 4) {
        for (size_t i = PACKET_IPV4_ALEN; i < sizeof(tuple->remote_addr); i++) {
            any |= tuple->remote_addr[i] | tuple->local_addr[i];
        }
    } else if (tuple->ip_version != 6) {
        return false;
    }
    return !any;
}

static void insert(struct ktlsnic_dev *dev, uint32_t index,
                   const struct ktlsnic_tls_tuple *tuple,
                   const struct flow_params *params)
{
    struct tls_rx_ctx *ctx = g_new0(struct tls_rx_ctx, 1);

    ctx->index = index;
    ctx->tuple = *tuple;
    ctx->flow = flow_rx_new(params, dev->config.tls_rx_mode);
    dev->tls_rx_ctx[index] = ctx;
    g_hash_table_insert(dev->tls_rx_tuples, &ctx->tuple, ctx);
}

enum ktlsnic_cmd_status tls_rx_add(struct ktlsnic_dev *dev,
                                   const struct ktlsnic_cmd_tls_rx_add *body)
{
    const struct ktlsnic_cmd_tls_add *add = &body->add;
    uint32_t index = GUINT32_FROM_LE(add->tls_ctx);
    enum ktlsnic_cmd_status status = KTLSNIC_CMD_BAD_PARAM;
    struct flow_params params = { 0 };

    if (tuple_ok(&body->tuple)) {
        status = tls_table_check(&dev->tls_rx, add, &params);
    }
    if (status == KTLSNIC_CMD_OK) {
        if (dev->tls_rx_ctx[index] ||
            g_hash_table_contains(dev->tls_rx_tuples, &body->tuple)) {
            status = KTLSNIC_CMD_IN_USE;
        } else {
            insert(dev, index, &body->tuple, &params);
        }
    }
    explicit_bzero(&params, sizeof(params));
    if (status != KTLSNIC_CMD_OK) {
        return status;
    }
    tls_table_count(dev, &dev->tls_rx, 1);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_ADDED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_RX_ADD, index,
              add->version << 8 | add->cipher, GUINT32_FROM_LE(add->tcp_seq));
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status tls_rx_del(struct ktlsnic_dev *dev, uint32_t index)
{
    struct tls_rx_ctx *ctx;
    enum ktlsnic_cmd_status status = find(dev, index, &ctx);

    if (status != KTLSNIC_CMD_OK) {
        return status;
    }
    dev->tls_rx_ctx[index] = NULL;
    g_hash_table_remove(dev->tls_rx_tuples, &ctx->tuple);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_DELETED, 1);
    dev_trace(dev, KTLSNIC_TRACE_TLS_RX_DEL, index, 0, 0);
    tls_table_count(dev, &dev->tls_rx, -1);
    return KTLSNIC_CMD_OK;
}

void tls_rx_del_all(struct ktlsnic_dev *dev)
{
    for (uint32_t i = 0; i < dev->tls_rx.size && dev->tls_rx.live; i++) {
        if (dev->tls_rx_ctx[i]) {
            tls_rx_del(dev, i);
        }
    }
}

enum ktlsnic_cmd_status
tls_rx_resync(struct ktlsnic_dev *dev,
              const struct ktlsnic_cmd_tls_resync *body)
{
    uint32_t seq = GUINT32_FROM_LE(body->tcp_seq);
    uint64_t rec_num = GUINT64_FROM_LE(body->rec_num);
    struct tls_rx_ctx *ctx;
    enum ktlsnic_cmd_status status = find(dev, GUINT32_FROM_LE(body->tls_ctx),
                                          &ctx);

    if (status != KTLSNIC_CMD_OK) {
        return status;
    }
    dev_trace(dev, KTLSNIC_TRACE_TLS_RX_RESYNC, ctx->index, seq, rec_num);
    if (!flow_rx_confirm(ctx->flow, seq, rec_num)) {
        return KTLSNIC_CMD_NO_RESYNC;
    }
    dev_count(dev, KTLSNIC_STAT_TLS_RX_RESYNCS, 1);
    return KTLSNIC_CMD_OK;
}

enum ktlsnic_cmd_status tls_rx_query(struct ktlsnic_dev *dev, uint32_t index,
                                     uint32_t *seq)
{
    struct tls_rx_ctx *ctx;
    enum ktlsnic_cmd_status status = find(dev, index, &ctx);

    if (status == KTLSNIC_CMD_OK && !flow_rx_tracked(ctx->flow, seq)) {
        status = KTLSNIC_CMD_NO_RESYNC;
    }
    if (status == KTLSNIC_CMD_OK) {
        dev_trace(dev, KTLSNIC_TRACE_TLS_RX_QUERY, index, *seq, 0);
    }
    return status;
}

/* ---- frames ---- */

static void tuple_of_frame(const uint8_t *frame, const struct packet_info *info,
                           struct ktlsnic_tls_tuple *tuple)
{
    size_t addr_len;
    const uint8_t *addr = packet_addrs(frame, info, &addr_len);
    const uint8_t *tcp = frame + info->l4_off;

    memset(tuple, 0, sizeof(*tuple));
    tuple->ip_version = info->ip_version;
    memcpy(tuple->remote_port, tcp, sizeof(tuple->remote_port));
    memcpy(tuple->local_port, tcp + sizeof(tuple->remote_port),
           sizeof(tuple->local_port));
    memcpy(tuple->remote_addr, addr, addr_len);
    memcpy(tuple->local_addr, addr + addr_len, addr_len);
}

/*
 * The same addresses and ports may occur after a tag, or on another interface
 * above this port, which has an address of its own: those are other
 * connections. What is in a segment with SYN or RST is not of the stream.
 */
struct tls_rx_ctx *tls_rx_match(struct ktlsnic_dev *dev, const uint8_t *frame,
                                const struct packet_info *info)
{
    struct ktlsnic_tls_tuple tuple;

    if (!dev->tls_rx.live || info->l4_proto != PACKET_PROTO_TCP ||
        !info->payload_len || info->l3_off != PACKET_ETH_HLEN ||
        packet_tcp_flags(frame, info) & (PACKET_TCP_SYN | PACKET_TCP_RST) ||
        memcmp(frame, dev->state.mac, KTLSNIC_MAC_LEN) != 0) {
        return NULL;
    }
    tuple_of_frame(frame, info, &tuple);
    return g_hash_table_lookup(dev->tls_rx_tuples, &tuple);
}

static void count_segment(struct ktlsnic_dev *dev,
                          const struct packet_info *info,
                          const struct flow_rx_result *flow)
{
    dev_count(dev, KTLSNIC_STAT_TLS_RX_SEEN_PACKETS, 1);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_SEEN_BYTES, info->payload_len);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_RECORDS, flow->records);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_AUTH_FAILED, flow->auth_failed);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_BAD_HEADERS, flow->bad_header);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_FALSE_HEADERS, flow->false_headers);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_REQUESTS, flow->resync_request);
    dev_count(dev, KTLSNIC_STAT_TLS_RX_KEY_UPDATES, flow->key_update);
}

void tls_rx_segment(struct ktlsnic_dev *dev, struct tls_rx_ctx *ctx,
                    const uint8_t *frame, const struct packet_info *info,
                    uint8_t *out, struct tls_rx_result *result)
{
    uint32_t seq = packet_tcp_seq(frame, info);
    struct flow_rx_result flow;

    flow_rx_segment(ctx->flow, seq, frame + info->payload_off, out,
                    info->payload_len, &flow);
    count_segment(dev, info, &flow);
    result->ctx = ctx->index;
    result->payload = flow.payload;
    result->flags = KTLSNIC_RXF_TLS;
    if (flow.decrypted) {
        result->flags |= KTLSNIC_RXF_TLS_DECRYPTED;
    }
    if (flow.auth_failed || flow.bad_header) {
        result->flags |= KTLSNIC_RXF_TLS_FAILED;
        dev_trace(dev, KTLSNIC_TRACE_TLS_RX_FAILED, ctx->index, seq,
                  flow.auth_failed);
    }
    if (flow.key_update) {
        dev_trace(dev, KTLSNIC_TRACE_TLS_RX_KEY_UPDATE, ctx->index, seq, 0);
    }
    if (flow.resync_request) {
        result->flags |= KTLSNIC_RXF_TLS_RESYNC;
        result->resync_seq = flow.resync_seq;
        dev_trace(dev, KTLSNIC_TRACE_TLS_RX_REQUEST, ctx->index, seq,
                  flow.resync_seq);
    }
}
