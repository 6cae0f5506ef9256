/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "flow/flow_rx.h"
#include "flow/flow_search.h"
#include "flow/record.h"
#include "flow/tcp_seq.h"

/* Piece in which payload that goes nowhere is decrypted: of any size. */
#define OBSERVE_PIECE 2048

/*
 * As much as a TCP window can hold. When that many bytes have come by since the
 * context last moved, the stream will not come back to it: what comes to its
 * place after 2^32 bytes is something else.
 */
#define UNMOVED_MAX (1u << 30)

struct flow_rx {
    struct engine *engine;
    bool stopped;           /* by a KeyUpdate: all else is 0 */
    bool lost;              /* no place known; next_seq is only a lower bound */
    uint32_t next_seq;      /* expected TCP sequence */
    struct record rec;      /* the place there */
    uint8_t tag[ENGINE_TAG_LEN];    /* as it came, up to that place */
    uint64_t unmoved;       /* bytes seen since next_seq moved */
    struct flow_search search;
};

bool flow_rx_supported(unsigned version, unsigned cipher)
{
    return engine_supported(version, cipher);
}

struct flow_rx *flow_rx_new(const struct flow_params *params,
                            enum ktlsnic_tls_rx_mode mode)
{
    struct engine *engine = engine_new(&params->keys);
    struct flow_rx *flow;

    if (!engine) {
        return NULL;
    }
    flow = g_new0(struct flow_rx, 1);
    flow->engine = engine;
    flow->next_seq = params->tcp_seq;
    record_init(&flow->rec, engine, params->rec_num);
    flow_search_init(&flow->search, engine, mode);
    return flow;
}

void flow_rx_free(struct flow_rx *flow)
{
    if (!flow) {
        return;
    }
    engine_free(flow->engine);
    explicit_bzero(flow, sizeof(*flow));
    g_free(flow);
}

/* ---- in a record ---- */

/* At the end of the prefix the cipher is told of the record. */
static void start_payload(struct flow_rx *flow)
{
    struct record *rec = &flow->rec;

    if (!rec->broken && rec->pos == rec->layout->prefix_len) {
        engine_record_start(flow->engine, rec->prefix, rec->num);
    }
}

static bool take_prefix(struct flow_rx *flow, const uint8_t *data, size_t len,
                        size_t *take)
{
    if (!record_take_prefix(&flow->rec, data, len, take)) {
        return false;
    }
    start_payload(flow);
    return true;
}

/* dst may be NULL: then only the state moves. */
static size_t take_payload(struct flow_rx *flow, uint8_t *dst,
                           const uint8_t *src, size_t len)
{
    size_t take = MIN(len, record_payload_end(&flow->rec) - flow->rec.pos);

    if (dst) {
        engine_decrypt(flow->engine, dst, src, take);
    } else {
        uint8_t nowhere[OBSERVE_PIECE];

        take = MIN(take, sizeof(nowhere));
        engine_decrypt(flow->engine, nowhere, src, take);
    }
    flow->rec.pos += take;
    return take;
}

/* The tag is collected, for it may come in pieces. */
static bool take_tag(struct flow_rx *flow, const uint8_t *data, size_t len,
                     size_t *take, struct flow_rx_result *result)
{
    size_t from = flow->rec.pos - record_payload_end(&flow->rec);

    *take = record_pass(&flow->rec, len);
    memcpy(flow->tag + from, data, *take);
    if (flow->rec.pos != 0) {
        return true;
    }
    if (!engine_verify(flow->engine, flow->tag)) {
        result->auth_failed = true;
        return false;
    }
    result->records++;
    result->key_update = engine_is_key_update(flow->engine);
    return true;
}

/*
 * Moves the context over len bytes of the stream at src; what becomes of them
 * goes to dst, or nowhere if that is NULL. Returns false at a bad header, a
 * wrong tag, or a byte after a KeyUpdate.
 */
static bool advance(struct flow_rx *flow, uint8_t *dst, const uint8_t *src,
                    size_t len, struct flow_rx_result *result)
{
    size_t done = 0, take;

    while (done < len) {
        uint8_t *to = dst ? dst + done : NULL;
        const uint8_t *from = src + done;

        if (result->key_update) {
            return false;
        }
        if (!flow->rec.broken && record_has_prefix(&flow->rec) &&
            flow->rec.pos < record_payload_end(&flow->rec)) {
            take = take_payload(flow, to, from, len - done);
            result->payload += take;
            done += take;
            continue;
        }
        if (flow->rec.broken) {
            take = record_pass(&flow->rec, len - done);
        } else if (!record_has_prefix(&flow->rec)) {
            if (!take_prefix(flow, from, len - done, &take)) {
                result->bad_header = true;
                return false;
            }
        } else if (!take_tag(flow, from, len - done, &take, result)) {
            return false;
        }
        if (to) {
            memcpy(to, from, take);
        }
        done += take;
    }
    return true;
}

/* ---- the place in the stream ---- */

static void set_place(struct flow_rx *flow, uint32_t seq,
                      const struct record *rec, uint64_t num)
{
    flow->lost = false;
    flow->next_seq = seq;
    flow->rec = *rec;
    flow->rec.num = num;
    flow->unmoved = 0;
    flow_search_stop(&flow->search);
}

/*
 * Goes on where the search is, in record num. What has been seen of a prefix is
 * good; payload that went by has not been through the cipher.
 */
static void join_search(struct flow_rx *flow, uint64_t num)
{
    struct record rec = flow->search.rec;

    rec.broken |= rec.pos > rec.layout->prefix_len;
    set_place(flow, flow->search.next, &rec, num);
    start_payload(flow);
}

/* Where the next header begins, and the number of its record; if known. */
static bool next_header(const struct flow_rx *flow, uint32_t *seq,
                        uint64_t *num)
{
    const struct record *rec = &flow->rec;

    *seq = flow->next_seq;
    *num = rec->num;
    if (!record_has_header(rec)) {
        return rec->pos == 0 && !rec->exhausted;
    }
    *seq += record_end(rec) - rec->pos;
    return !__builtin_add_overflow(*num, 1, num);
}

/*
 * If the context has come as far as the search, there is nothing to search for.
 * If the chain that is followed begins just where the context
 * knows a header to be, the gap between them is closed: the context goes on at
 * the chain's end, without a word from the host.
 */
static void meet_search(struct flow_rx *flow)
{
    struct flow_search *search = &flow->search;
    uint32_t seq;
    uint64_t num;

    if (!search->active) {
        return;
    }
    if (tcp_seq_ahead(flow->next_seq, search->next) >= 0) {
        flow_search_stop(search);
        return;
    }
    if (!flow->lost && search->following && next_header(flow, &seq, &num) &&
        seq == search->first &&
        !__builtin_add_overflow(num, search->rec.num, &num)) {
        join_search(flow, num);
    }
}

/* ---- segments ---- */

/*
 * A segment that begins at or before the place and ends after it. It can be
 * delivered decrypted if all of it is new and belongs to records of which no
 * byte is missing before it; otherwise the context learns from it what it can.
 * Whether headers and tags are good shows on the way.
 */
static void process(struct flow_rx *flow, uint32_t seq, const uint8_t *src,
                    uint8_t *dst, size_t len, struct flow_rx_result *result)
{
    size_t old = flow->next_seq - seq;
    bool whole = !old && !flow->rec.broken;
    bool good = advance(flow, whole ? dst : NULL, src + old, len - old, result);

    result->decrypted = good && whole;
    if (!result->decrypted) {
        result->payload = 0;
    }
    flow->lost = !good;
    flow->next_seq = seq + len;
    flow->unmoved = 0;
}

/* Whether the context can use a segment that begins at seq. */
static bool reach(struct flow_rx *flow, uint32_t seq)
{
    int32_t gap = tcp_seq_ahead(seq, flow->next_seq);

    if (flow->lost) {
        return false;
    }
    if (gap > 0) {
        if (!record_leap(&flow->rec, gap)) {
            return false;
        }
        flow->next_seq = seq;
    }
    return true;
}

static void search(struct flow_rx *flow, uint32_t seq, const uint8_t *data,
                   size_t len, struct flow_rx_result *result)
{
    int32_t old = tcp_seq_ahead(flow->next_seq, seq);
    struct flow_search_result found;

    if (old > 0) {
        seq += old;
        data += old;
        len -= old;
    }
    flow_search_segment(&flow->search, seq, data, len, &found);
    result->false_headers = found.false_headers;
    result->resync_request = found.request;
    result->resync_seq = found.seq;
}

/*
 * The key is of no more use, nor is the place. What is left has lost nothing and
 * searches nothing, so that the host cannot help it.
 */
static void stop(struct flow_rx *flow)
{
    engine_free(flow->engine);
    memset(flow, 0, sizeof(*flow));
    flow->stopped = true;
}

void flow_rx_segment(struct flow_rx *flow, uint32_t seq, const uint8_t *src,
                     uint8_t *dst, size_t len, struct flow_rx_result *result)
{
    memset(result, 0, sizeof(*result));
    if (len == 0 || flow->stopped) {
        return;
    }
    if (flow->unmoved > UNMOVED_MAX) {
        flow->lost = true;
        flow->next_seq = seq;
        flow->unmoved = 0;
    }
    flow->unmoved += len;
    if (tcp_seq_ahead(seq + len, flow->next_seq) <= 0) {
        return;
    }
    if (reach(flow, seq)) {
        process(flow, seq, src, dst, len, result);
    } else {
        search(flow, seq, src, len, result);
    }
    if (result->key_update) {
        stop(flow);
        return;
    }
    meet_search(flow);
    result->resync_request &= flow->search.active;
}

/* ---- the host's help ---- */

/*
 * A hint says where the next record begins. It is of no use while the context
 * keeps up with the stream by itself, or if bytes after it went by already.
 */
static bool take_hint(struct flow_rx *flow, uint32_t seq, uint64_t num)
{
    bool ahead = flow->search.active;
    struct record rec;

    if (!flow->lost && !ahead) {
        return false;
    }
    if (tcp_seq_ahead(seq, ahead ? flow->search.next : flow->next_seq) < 0) {
        return false;
    }
    record_init(&rec, flow->engine, num);
    set_place(flow, seq, &rec, num);
    return true;
}

bool flow_rx_confirm(struct flow_rx *flow, uint32_t seq, uint64_t rec_num)
{
    uint64_t count, num;

    if (flow->search.mode == KTLSNIC_TLS_RX_HINT) {
        return take_hint(flow, seq, rec_num);
    }
    if (!flow_search_knows(&flow->search, seq, &count) ||
        __builtin_add_overflow(rec_num, count, &num)) {
        return false;
    }
    join_search(flow, num);
    return true;
}

bool flow_rx_tracked(const struct flow_rx *flow, uint32_t *seq)
{
    return flow_search_named(&flow->search, seq);
}
