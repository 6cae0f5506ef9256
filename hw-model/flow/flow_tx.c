/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "engine/engine.h"
#include "flow/flow_tx.h"
#include "flow/record.h"

/* Piece in which a replayed prefix goes through the cipher: of any size. */
#define REPLAY_PIECE 2048

struct flow_tx {
    struct engine *engine;
    bool lost;                  /* position unknown until a resync */
    uint32_t next_seq;          /* expected TCP sequence */
    struct record rec;          /* the place there */
    uint8_t tag[ENGINE_TAG_LEN];    /* valid once the payload went by */
};

bool flow_tx_supported(unsigned version, unsigned cipher)
{
    return engine_supported(version, cipher);
}

struct flow_tx *flow_tx_new(const struct flow_params *params)
{
    struct engine *engine = engine_new(&params->keys);
    struct flow_tx *flow;

    if (!engine) {
        return NULL;
    }
    flow = g_new0(struct flow_tx, 1);
    flow->engine = engine;
    flow->next_seq = params->tcp_seq;
    record_init(&flow->rec, engine, params->rec_num);
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

/* After the payload the tag is made, before its place comes by. */
static void finish_payload(struct flow_tx *flow)
{
    if (flow->rec.pos == record_payload_end(&flow->rec)) {
        engine_tag(flow->engine, flow->tag);
    }
}

/* Returns how many bytes were taken, 0 if what stands here is not a header. */
static size_t take_prefix(struct flow_tx *flow, const uint8_t *data, size_t len)
{
    size_t take;

    if (!record_take_prefix(&flow->rec, data, len, &take)) {
        return 0;
    }
    if (record_has_prefix(&flow->rec)) {
        engine_record_start(flow->engine, flow->rec.prefix, flow->rec.num);
        finish_payload(flow);
    }
    return take;
}

/* dst may be src, or NULL: then only the state moves. */
static size_t take_payload(struct flow_tx *flow, uint8_t *dst,
                           const uint8_t *src, size_t len)
{
    size_t take = MIN(len, record_payload_end(&flow->rec) - flow->rec.pos);

    if (dst) {
        engine_encrypt(flow->engine, dst, src, take);
    } else {
        uint8_t nowhere[REPLAY_PIECE];

        take = MIN(take, sizeof(nowhere));
        engine_encrypt(flow->engine, nowhere, src, take);
    }
    flow->rec.pos += take;
    finish_payload(flow);
    return take;
}

static size_t take_tag(struct flow_tx *flow, uint8_t *dst, size_t len)
{
    size_t from = flow->rec.pos - record_payload_end(&flow->rec);
    size_t take = record_pass(&flow->rec, len);

    if (dst) {
        memcpy(dst, flow->tag + from, take);
    }
    return take;
}

/*
 * Moves the context over len bytes of the stream at src, writing what becomes
 * of them to dst: src itself, or NULL for nowhere. Returns false at a place
 * where a header must stand and does not.
 */
static bool advance(struct flow_tx *flow, uint8_t *dst, const uint8_t *src,
                    size_t len, struct flow_tx_done *done)
{
    size_t at = 0;

    *done = (struct flow_tx_done) { 0 };
    while (at < len) {
        uint8_t *out = dst ? dst + at : NULL;
        size_t take;

        if (!record_has_prefix(&flow->rec)) {
            take = take_prefix(flow, src + at, len - at);
            if (!take) {
                return false;
            }
        } else if (flow->rec.pos < record_payload_end(&flow->rec)) {
            take = take_payload(flow, out, src + at, len - at);
            done->payload += take;
        } else {
            take = take_tag(flow, out, len - at);
            done->records += flow->rec.pos == 0;
        }
        at += take;
    }
    flow->next_seq += len;
    return true;
}

enum flow_tx_result flow_tx_encrypt(struct flow_tx *flow, uint32_t seq,
                                    uint8_t *data, size_t len,
                                    struct flow_tx_done *done)
{
    *done = (struct flow_tx_done) { 0 };
    if (len == 0) {
        return FLOW_TX_OK;
    }
    if (flow->lost || seq != flow->next_seq) {
        return FLOW_TX_BAD_SEQ;
    }
    if (!advance(flow, data, data, len, done)) {
        *done = (struct flow_tx_done) { 0 };
        flow->lost = true;
        return FLOW_TX_BAD_RECORD;
    }
    return FLOW_TX_OK;
}

enum flow_tx_result flow_tx_resync(struct flow_tx *flow, uint32_t seq,
                                   uint64_t rec_num, const uint8_t *prefix,
                                   size_t len)
{
    struct flow_tx_done done;

    flow->next_seq = seq;
    record_init(&flow->rec, flow->engine, rec_num);
    flow->lost = !advance(flow, NULL, prefix, len, &done) ||
                 done.records;
    return flow->lost ? FLOW_TX_BAD_RECORD : FLOW_TX_OK;
}
