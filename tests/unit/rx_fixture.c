/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "rx_fixture.h"

#define TAG     REFERENCE_TAG

static void new_flow(struct rx *rx, const struct reference_key *key,
                     unsigned record, uint64_t rec_num)
{
    struct flow_params params = {
        .keys.version = key->version,
        .keys.cipher = key->cipher,
        .tcp_seq = rx->seq + rx_start(rx, record),
        .rec_num = rec_num,
    };

    memcpy(params.keys.iv, key->iv, sizeof(params.keys.iv));
    memcpy(params.keys.key, key->key, sizeof(params.keys.key));
    flow_rx_free(rx->flow);
    rx->flow = flow_rx_new(&params, rx->mode);
    g_assert_nonnull(rx->flow);
}

void rx_restart(struct rx *rx)
{
    rx_restart_at(rx, 0);
}

void rx_restart_at(struct rx *rx, unsigned record)
{
    new_flow(rx, &rx->key, record, rx->stream->rec_num + record);
}

/* Whether ciphertext looks like a header somewhere by chance. */
static bool chance_header(const struct rx *rx)
{
    const uint8_t *wire = rx->stream->wire->data;

    for (size_t i = 0; i + 5 <= rx->len; i++) {
        size_t length = wire[i + 3] << 8 | wire[i + 4];

        if (wire[i] >= 20 && wire[i] <= 24 && wire[i + 1] == 3 &&
            wire[i + 2] == 3 && length >= 16 && length <= 16384 + 256 &&
            rx_start(rx, rx_record_at(rx, i)) != i) {
            return true;
        }
    }
    return false;
}

static size_t payload_len(const struct rx *rx, unsigned record)
{
    return rx_start(rx, record + 1) - rx_start(rx, record) - rx->prefix - TAG;
}

static void make_stream(struct rx *rx, uint64_t rec_num, const size_t *lengths,
                        unsigned count)
{
    rx->stream = reference_stream_new(&rx->key, rec_num, lengths, count);
    rx->len = rx->stream->wire->len;
}

void rx_setup(struct rx *rx, struct reference_suite suite,
              enum ktlsnic_tls_rx_mode mode, uint32_t seq, uint64_t rec_num,
              const size_t *lengths, unsigned count)
{
    memset(rx, 0, sizeof(*rx));
    rx->seq = seq;
    rx->mode = mode;
    reference_key_random(&rx->key, suite);
    rx->prefix = reference_prefix(&rx->key);
    make_stream(rx, rec_num, lengths, count);
    while (chance_header(rx)) {
        reference_stream_free(rx->stream);
        make_stream(rx, rec_num, lengths, count);
    }
    rx->clear = g_memdup2(rx->stream->wire->data, rx->len);
    for (unsigned i = 0; i < count; i++) {
        size_t start = rx_start(rx, i) + rx->prefix;

        memcpy(rx->clear + start, rx->stream->plain->data + start,
               payload_len(rx, i));
    }
    rx_restart(rx);
}

void rx_teardown(struct rx *rx)
{
    flow_rx_free(rx->flow);
    reference_stream_free(rx->stream);
    g_free(rx->clear);
}

size_t rx_start(const struct rx *rx, unsigned i)
{
    return reference_stream_start(rx->stream, i);
}

unsigned rx_record_at(const struct rx *rx, size_t pos)
{
    unsigned i = 0;

    g_assert_cmpuint(pos, <, rx->len);
    while (rx_start(rx, i + 1) <= pos) {
        i++;
    }
    return i;
}

unsigned rx_ends(const struct rx *rx, size_t from, size_t to)
{
    unsigned ends = 0;

    for (unsigned i = 1; i < rx->stream->starts->len; i++) {
        ends += rx_start(rx, i) > from && rx_start(rx, i) <= to;
    }
    return ends;
}

size_t rx_payload(const struct rx *rx, size_t from, size_t to)
{
    size_t sum = 0;

    for (unsigned i = 0; i + 1 < rx->stream->starts->len; i++) {
        size_t begin = MAX(from, rx_start(rx, i) + rx->prefix);
        size_t end = MIN(to, rx_start(rx, i + 1) - TAG);

        sum += end > begin ? end - begin : 0;
    }
    return sum;
}

void rx_segment(struct flow_rx *flow, uint32_t seq, uint8_t *data, size_t len,
                struct flow_rx_result *result)
{
    g_autofree uint8_t *dst = g_malloc(len + 1);

    memset(dst, 0xa5, len + 1);
    flow_rx_segment(flow, seq, data, dst, len, result);
    if (result->decrypted) {
        memcpy(data, dst, len);
    }
}

bool rx_send_bytes(struct rx *rx, size_t from, const uint8_t *bytes, size_t len)
{
    g_autofree uint8_t *data = g_memdup2(bytes, len);

    memset(&rx->result, 0xa5, sizeof(rx->result));
    rx_segment(rx->flow, rx->seq + from, data, len, &rx->result);
    if (!rx->result.decrypted) {
        g_assert_cmpmem(data, len, bytes, len);
        g_assert_cmpuint(rx->result.payload, ==, 0);
    }
    return rx->result.decrypted;
}

bool rx_send(struct rx *rx, size_t from, size_t to)
{
    size_t len = to - from;
    g_autofree uint8_t *data = g_memdup2(rx->stream->wire->data + from, len);
    const uint8_t *right;

    g_assert_cmpuint(from, <, to);
    g_assert_cmpuint(to, <=, rx->len);
    memset(&rx->result, 0xa5, sizeof(rx->result));
    rx_segment(rx->flow, rx->seq + from, data, len, &rx->result);
    right = rx->result.decrypted ? rx->clear : rx->stream->wire->data;
    g_assert_cmpmem(data, len, right + from, len);
    g_assert_cmpuint(rx->result.payload, ==,
                     rx->result.decrypted ? rx_payload(rx, from, to) : 0);
    g_assert_false(rx->result.decrypted && rx->result.auth_failed);
    g_assert_false(rx->result.decrypted && rx->result.bad_header);
    return rx->result.decrypted;
}

void rx_send_clear(struct rx *rx, size_t from, size_t to)
{
    g_assert_true(rx_send(rx, from, to));
    g_assert_cmpuint(rx->result.records, ==, rx_ends(rx, from, to));
    g_assert_false(rx->result.resync_request);
}

void rx_send_wire(struct rx *rx, size_t from, size_t to)
{
    g_assert_false(rx_send(rx, from, to));
}

void rx_send_all_clear(struct rx *rx, size_t from, size_t to, size_t piece_max)
{
    while (from < to) {
        size_t piece = g_test_rand_int_range(1, piece_max + 1);
        size_t end = MIN(to, from + piece);

        rx_send_clear(rx, from, end);
        from = end;
    }
}

void rx_send_forged(struct rx *rx, size_t from, size_t to, size_t at)
{
    g_autofree uint8_t *data = g_memdup2(rx->stream->wire->data + from,
                                         to - from);

    data[at - from] ^= 1 << g_test_rand_int_range(0, 8);
    g_assert_false(rx_send_bytes(rx, from, data, to - from));
}

/*
 * Writes a record's wire image. What is right for it: if the context's key is
 * another one, what that key makes of it, for each of the ciphers is a stream
 * cipher under a tag.
 */
static void seal(struct rx *rx, unsigned record,
                 const struct reference_key *key, uint64_t num,
                 const uint8_t *payload)
{
    size_t start = rx_start(rx, record), len = payload_len(rx, record);
    uint8_t *header = rx->stream->wire->data + start;
    uint8_t *wire = header + rx->prefix;
    uint8_t *clear = rx->clear + start + rx->prefix;
    g_autofree uint8_t *out = g_malloc(len + TAG);

    reference_seal(key, num, header, payload, len, wire);
    reference_seal(&rx->key, rx->stream->rec_num + record, header, wire, len,
                   out);
    memcpy(clear, out, len);
    memcpy(clear + len, wire + len, TAG);
}

void rx_set_payload(struct rx *rx, unsigned record, const uint8_t *payload,
                    size_t len)
{
    g_assert_cmpuint(len, ==, payload_len(rx, record));
    seal(rx, record, &rx->key, rx->stream->rec_num + record, payload);
}

void rx_set_content(struct rx *rx, unsigned record, uint8_t type,
                    const uint8_t *content, size_t len)
{
    g_autofree uint8_t *payload = g_malloc0(payload_len(rx, record));

    g_assert_cmpuint(rx->key.version, ==, KTLSNIC_TLS_1_3);
    g_assert_cmpuint(len, <, payload_len(rx, record));
    memcpy(payload, content, len);
    payload[len] = type;
    rx_set_payload(rx, record, payload, payload_len(rx, record));
}

void rx_key_update(struct rx *rx, unsigned record)
{
    static const uint8_t message[] = { 24, 0, 0, 1, 0 };

    rx_set_content(rx, record, 22, message, sizeof(message));
    reference_key_random(&rx->new_key,
                         (struct reference_suite) { rx->key.version,
                                                    rx->key.cipher });
    for (unsigned i = record + 1; i + 1 < rx->stream->starts->len; i++) {
        seal(rx, i, &rx->new_key, i - record - 1,
             rx->stream->plain->data + rx_start(rx, i) + rx->prefix);
    }
}

void rx_take_new_key(struct rx *rx, unsigned record)
{
    for (unsigned i = record + 1; i + 1 < rx->stream->starts->len; i++) {
        size_t start = rx_start(rx, i) + rx->prefix;

        memcpy(rx->clear + start, rx->stream->plain->data + start,
               payload_len(rx, i));
    }
    new_flow(rx, &rx->new_key, record + 1, 0);
}

/* Each of the ciphers is a stream cipher under a tag that has to be made anew. */
void rx_plant(struct rx *rx, unsigned record, size_t offset,
              const uint8_t *bytes, size_t len)
{
    size_t start = rx_start(rx, record) + rx->prefix;
    size_t whole = payload_len(rx, record);
    g_autofree uint8_t *payload = g_memdup2(rx->clear + start, whole);

    g_assert_cmpuint(offset + len, <=, whole);
    for (size_t i = 0; i < len; i++) {
        payload[offset + i] ^= rx->stream->wire->data[start + offset + i] ^
                               bytes[i];
    }
    rx_set_payload(rx, record, payload, whole);
    g_assert_cmpmem(rx->stream->wire->data + start + offset, len, bytes, len);
}
