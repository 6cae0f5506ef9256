/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "rx_fixture.h"

#define TAG     REFERENCE_TAG

void rx_restart(struct rx *rx)
{
    struct flow_params params = {
        .keys.version = rx->key.version,
        .keys.cipher = rx->key.cipher,
        .tcp_seq = rx->seq,
        .rec_num = rx->stream->rec_num,
    };

    memcpy(params.keys.iv, rx->key.iv, sizeof(params.keys.iv));
    memcpy(params.keys.key, rx->key.key, sizeof(params.keys.key));
    flow_rx_free(rx->flow);
    rx->flow = flow_rx_new(&params, rx->mode);
    g_assert_nonnull(rx->flow);
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
               rx_start(rx, i + 1) - TAG - start);
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

/* Each of the ciphers is a stream cipher under a tag that has to be made anew. */
void rx_plant(struct rx *rx, unsigned record, size_t offset,
              const uint8_t *bytes, size_t len)
{
    uint8_t *header = rx->stream->wire->data + rx_start(rx, record);
    uint8_t *wire = header + rx->prefix;
    uint8_t *clear = rx->clear + rx_start(rx, record) + rx->prefix;
    size_t payload_len = rx_start(rx, record + 1) - rx_start(rx, record)
                         - rx->prefix - TAG;

    g_assert_cmpuint(offset + len, <=, payload_len);
    for (size_t i = 0; i < len; i++) {
        clear[offset + i] ^= wire[offset + i] ^ bytes[i];
    }
    reference_seal(&rx->key, rx->stream->rec_num + record, header, clear,
                   payload_len, wire);
    memcpy(clear + payload_len, wire + payload_len, TAG);
    g_assert_cmpmem(wire + offset, len, bytes, len);
}
