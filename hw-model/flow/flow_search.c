/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "flow/flow_search.h"
#include "flow/tcp_seq.h"

/* Two headers where they belong tell a record from chance. */
#define HEADERS_AGREE 2

/*
 * Anybody can send a segment from far ahead, and everything would be behind it.
 * When that much has come behind the search and nothing ahead of it, the stream
 * is there and not here.
 */
#define BEHIND_MAX (256 * 1024)

/*
 * A request may get lost, or come when the host is already past the header; so
 * another is made when that much has gone by without an answer, then twice as
 * much, and so on: the answer may have to wait until the host has read what was
 * in front of it.
 */
#define PATIENCE (256 * 1024)

void flow_search_init(struct flow_search *search, const struct engine *engine,
                      enum ktlsnic_tls_rx_mode mode)
{
    search->engine = engine;
    search->mode = mode;
    flow_search_stop(search);
}

static void scan_anew(struct flow_search *search)
{
    search->following = false;
    search->window_len = 0;
    search->name_count = 0;
}

void flow_search_stop(struct flow_search *search)
{
    search->active = false;
    scan_anew(search);
}

static void begin(struct flow_search *search, uint32_t seq)
{
    scan_anew(search);
    search->active = true;
    search->next = seq;
    search->behind = 0;
}

/*
 * Whether the window holds a header. What a header is the engine knows; the
 * type, of which it takes any, is one more help against chance as long as there
 * is nothing else to go by.
 */
static bool window_is_header(struct flow_search *search)
{
    const struct engine_layout *layout = engine_layout(search->engine);
    uint8_t header[ENGINE_HEADER_LEN];
    size_t take;

    if (search->window_len < ENGINE_HEADER_LEN) {
        return false;
    }
    header[0] = search->window >> 32;
    if (header[0] < layout->type_first || header[0] > layout->type_last) {
        return false;
    }
    header[1] = search->window >> 24;
    header[2] = search->window >> 16;
    header[3] = search->window >> 8;
    header[4] = search->window;
    record_init(&search->rec, search->engine, 0);
    return record_take_prefix(&search->rec, header, sizeof(header), &take);
}

static void push(struct flow_search *search, uint8_t byte)
{
    search->window = search->window << 8 | byte;
    if (search->window_len < ENGINE_HEADER_LEN) {
        search->window_len++;
    }
}

/* Returns how many bytes were looked at: all, or up to the end of a header. */
static size_t scan(struct flow_search *search, const uint8_t *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        push(search, data[i]);
        if (window_is_header(search)) {
            search->following = true;
            search->first = search->next + i + 1 - ENGINE_HEADER_LEN;
            return i + 1;
        }
    }
    return len;
}

/*
 * The chain led to something else than a header, so it was none from the start.
 * A true header may begin in the bytes that were taken for one.
 */
static void refute(struct flow_search *search)
{
    scan_anew(search);
    for (size_t i = 1; i < ENGINE_HEADER_LEN; i++) {
        push(search, search->rec.prefix[i]);
    }
}

static size_t follow(struct flow_search *search, const uint8_t *data,
                     size_t len, struct flow_search_result *result)
{
    size_t take;

    if (record_has_prefix(&search->rec)) {
        return record_pass(&search->rec, len);
    }
    if (!record_take_prefix(&search->rec, data, len, &take)) {
        refute(search);
        result->false_headers++;
    }
    return take;
}

/*
 * The header that a request may name now, if there is one (flow_rx_new()).
 */
static bool choose_name(const struct flow_search *search, uint32_t segment_seq,
                        uint32_t *seq, uint64_t *num)
{
    const struct record *rec = &search->rec;
    bool has_header = record_has_header(rec);

    if (!search->following || rec->num + has_header < HEADERS_AGREE) {
        return false;
    }
    *seq = search->next - rec->pos;
    *num = rec->num;
    if (search->mode == KTLSNIC_TLS_RX_SCAN && has_header) {
        *seq += record_end(rec);
        ++*num;
    }
    return search->mode == KTLSNIC_TLS_RX_SCAN ||
           tcp_seq_ahead(*seq, segment_seq) >= 0;
}

/*
 * A chain that is never confirmed may have been laid out by the peer to
 * mislead: after the last request it is given up.
 */
static void request(struct flow_search *search, uint32_t segment_seq,
                    struct flow_search_result *result)
{
    unsigned count = search->name_count;
    uint32_t seq;
    uint64_t num;

    if (count && search->unanswered < (size_t)PATIENCE << (count - 1)) {
        return;
    }
    if (count == FLOW_SEARCH_NAMES) {
        scan_anew(search);
        return;
    }
    if (choose_name(search, segment_seq, &seq, &num)) {
        search->names[count].seq = seq;
        search->names[count].num = num;
        search->name_count++;
        search->unanswered = 0;
        result->request = true;
        result->seq = seq;
    }
}

static void walk(struct flow_search *search, const uint8_t *data, size_t len,
                 struct flow_search_result *result)
{
    while (len) {
        size_t take = search->following ? follow(search, data, len, result)
                                        : scan(search, data, len);

        search->next += take;
        data += take;
        len -= take;
    }
}

/*
 * Puts the search where a segment begins, if it can. Returns how many of the
 * segment's bytes are not new to it.
 */
static size_t join(struct flow_search *search, uint32_t seq, size_t len)
{
    int32_t gap = tcp_seq_ahead(seq, search->next);

    if (!search->active) {
        begin(search, seq);
        return 0;
    }
    if (tcp_seq_ahead(seq + len, search->next) <= 0) {
        search->behind += len;
        if (search->behind <= BEHIND_MAX) {
            return len;
        }
        begin(search, seq);
        return 0;
    }
    search->behind = 0;
    if (gap <= 0) {
        return -gap;
    }
    if (!search->following || !record_leap(&search->rec, gap)) {
        scan_anew(search);
    }
    search->next = seq;
    return 0;
}

void flow_search_segment(struct flow_search *search, uint32_t seq,
                         const uint8_t *data, size_t len,
                         struct flow_search_result *result)
{
    size_t known = join(search, seq, len);

    *result = (struct flow_search_result) { 0 };
    if (known == len) {
        return;
    }
    if (search->mode == KTLSNIC_TLS_RX_HINT) {
        search->next = seq + len;
        return;
    }
    walk(search, data + known, len - known, result);
    search->unanswered += len - known;
    request(search, seq, result);
}

bool flow_search_knows(const struct flow_search *search, uint32_t seq,
                       uint64_t *count)
{
    const struct record *rec = &search->rec;

    for (unsigned i = 0; i < search->name_count; i++) {
        uint64_t num = search->names[i].num;

        if (search->names[i].seq == seq) {
            *count = rec->num - num;
            return rec->num > num ||
                   (rec->num == num && record_has_header(rec));
        }
    }
    return false;
}

bool flow_search_named(const struct flow_search *search, uint32_t *seq)
{
    if (!search->name_count) {
        return false;
    }
    *seq = search->names[search->name_count - 1].seq;
    return true;
}
