/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "engine/engine.h"
#include "flow/flow_tx.h"

/* Piece in which a replayed prefix goes through the cipher: of any size. */
#define REPLAY_PIECE 2048

struct flow_tx {
    struct engine *engine;
    const struct engine_layout *layout;
    bool lost;                  /* position unknown until a resync */
    bool exhausted;             /* rec_num has used its last value */
    uint32_t next_seq;          /* expected TCP sequence */
    uint64_t rec_num;           /* current record */
    size_t pos;                 /* bytes of it that went by */
    size_t payload_len;         /* valid once its header went by */
    uint8_t prefix[ENGINE_PREFIX_MAX];
    uint8_t tag[ENGINE_TAG_MAX];    /* valid once its payload went by */
};

bool flow_tx_supported(unsigned version, unsigned cipher)
{
    return engine_supported(version, cipher);
}

struct flow_tx *flow_tx_new(const struct flow_tx_params *params)
{
    struct engine_params engine_params = {
        .version = params->version,
        .cipher = params->cipher,
    };
    struct engine *engine;
    struct flow_tx *flow;

    memcpy(engine_params.iv, params->iv, sizeof(engine_params.iv));
    memcpy(engine_params.key, params->key, sizeof(engine_params.key));
    engine = engine_new(&engine_params);
    explicit_bzero(&engine_params, sizeof(engine_params));
    if (!engine) {
        return NULL;
    }

    flow = g_new0(struct flow_tx, 1);
    flow->engine = engine;
    flow->layout = engine_layout(engine);
    flow->next_seq = params->tcp_seq;
    flow->rec_num = params->rec_num;
    return flow;
}

void flow_tx_free(struct flow_tx *flow)
{
    if (!flow) {
        return;
    }
    engine_free(flow->engine);
    explicit_bzero(flow, sizeof(*flow));
    g_free(flow);
}

static size_t payload_end(const struct flow_tx *flow)
{
    return flow->layout->prefix_len + flow->payload_len;
}

static size_t record_end(const struct flow_tx *flow)
{
    return payload_end(flow) + flow->layout->tag_len;
}

/* Behind the payload the tag is made, before its place comes by. */
static void finish_payload(struct flow_tx *flow)
{
    if (flow->pos == payload_end(flow)) {
        engine_tag(flow->engine, flow->tag);
    }
}

/*
 * The prefix is collected, for it may come in pieces. The header is judged as
 * soon as it is whole: behind a bad one nothing can be trusted, the length of
 * the explicit nonce included. Returns how many bytes were taken, 0 if what
 * stands here is not a header.
 */
static size_t take_prefix(struct flow_tx *flow, const uint8_t *data, size_t len)
{
    size_t end = flow->pos < ENGINE_HEADER_LEN ? ENGINE_HEADER_LEN
                                               : flow->layout->prefix_len;
    size_t take = MIN(len, end - flow->pos);

    if (flow->exhausted) {
        return 0;
    }
    memcpy(flow->prefix + flow->pos, data, take);
    flow->pos += take;
    if (flow->pos == ENGINE_HEADER_LEN &&
        !engine_parse_header(flow->engine, flow->prefix, &flow->payload_len)) {
        return 0;
    }
    if (flow->pos == flow->layout->prefix_len) {
        engine_record_start(flow->engine, flow->prefix, flow->rec_num);
        finish_payload(flow);
    }
    return take;
}

/* dst may be src, or NULL: then only the state moves. */
static size_t take_payload(struct flow_tx *flow, uint8_t *dst,
                           const uint8_t *src, size_t len)
{
    size_t take = MIN(len, payload_end(flow) - flow->pos);

    if (dst) {
        engine_encrypt(flow->engine, dst, src, take);
    } else {
        uint8_t nowhere[REPLAY_PIECE];

        take = MIN(take, sizeof(nowhere));
        engine_encrypt(flow->engine, nowhere, src, take);
    }
    flow->pos += take;
    finish_payload(flow);
    return take;
}

static void next_record(struct flow_tx *flow)
{
    flow->pos = 0;
    flow->rec_num++;
    flow->exhausted = flow->rec_num == 0;
}

static size_t take_tag(struct flow_tx *flow, uint8_t *dst, size_t len)
{
    size_t take = MIN(len, record_end(flow) - flow->pos);

    if (dst) {
        memcpy(dst, flow->tag + (flow->pos - payload_end(flow)), take);
    }
    flow->pos += take;
    return take;
}

/*
 * Moves the context over len bytes of the stream at src, writing what becomes
 * of them to dst: src itself, or NULL for nowhere. Returns false at a place
 * where a header must stand and does not.
 */
static bool advance(struct flow_tx *flow, uint8_t *dst, const uint8_t *src,
                    size_t len, unsigned *records)
{
    size_t done = 0;

    *records = 0;
    while (done < len) {
        uint8_t *out = dst ? dst + done : NULL;
        size_t take;

        if (flow->pos < flow->layout->prefix_len) {
            take = take_prefix(flow, src + done, len - done);
            if (!take) {
                return false;
            }
        } else if (flow->pos < payload_end(flow)) {
            take = take_payload(flow, out, src + done, len - done);
        } else {
            take = take_tag(flow, out, len - done);
            if (flow->pos == record_end(flow)) {
                next_record(flow);
                ++*records;
            }
        }
        done += take;
    }
    flow->next_seq += len;
    return true;
}

enum flow_tx_result flow_tx_encrypt(struct flow_tx *flow, uint32_t seq,
                                    uint8_t *data, size_t len,
                                    unsigned *records)
{
    *records = 0;
    if (len == 0) {
        return FLOW_TX_OK;
    }
    if (flow->lost || seq != flow->next_seq) {
        return FLOW_TX_BAD_SEQ;
    }
    if (!advance(flow, data, data, len, records)) {
        *records = 0;
        flow->lost = true;
        return FLOW_TX_BAD_RECORD;
    }
    return FLOW_TX_OK;
}

enum flow_tx_result flow_tx_resync(struct flow_tx *flow, uint32_t seq,
                                   uint64_t rec_num, const uint8_t *prefix,
                                   size_t len)
{
    unsigned records;

    flow->next_seq = seq;
    flow->rec_num = rec_num;
    flow->exhausted = false;
    flow->pos = 0;
    flow->lost = !advance(flow, NULL, prefix, len, &records) || records;
    return flow->lost ? FLOW_TX_BAD_RECORD : FLOW_TX_OK;
}
