/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <openssl/evp.h>

#include "rx_fixture.h"

#define PREFIX  13
#define TAG     16

const enum ktlsnic_tls_cipher rx_ciphers[2] = {
    KTLSNIC_CIPHER_AES_GCM_128, KTLSNIC_CIPHER_AES_GCM_256,
};

void rx_restart(struct rx *rx)
{
    struct flow_params params = {
        .version = rx->key.version,
        .cipher = rx->key.cipher,
        .tcp_seq = rx->seq,
        .rec_num = rx->stream->rec_num,
    };

    memcpy(params.iv, rx->key.iv, sizeof(params.iv));
    memcpy(params.key, rx->key.key, sizeof(params.key));
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
            wire[i + 2] == 3 && length >= 24 && length <= 16384 + 24 &&
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

void rx_setup(struct rx *rx, enum ktlsnic_tls_cipher cipher,
              enum ktlsnic_tls_rx_mode mode, uint32_t seq, uint64_t rec_num,
              const size_t *lengths, unsigned count)
{
    memset(rx, 0, sizeof(*rx));
    rx->seq = seq;
    rx->mode = mode;
    reference_key_random(&rx->key, cipher);
    make_stream(rx, rec_num, lengths, count);
    while (chance_header(rx)) {
        reference_stream_free(rx->stream);
        make_stream(rx, rec_num, lengths, count);
    }
    rx->clear = g_memdup2(rx->stream->wire->data, rx->len);
    for (unsigned i = 0; i < count; i++) {
        size_t start = rx_start(rx, i) + PREFIX;

        memcpy(rx->clear + start, rx->stream->plain->data + start, lengths[i]);
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
        size_t begin = MAX(from, rx_start(rx, i) + PREFIX);
        size_t end = MIN(to, rx_start(rx, i + 1) - TAG);

        sum += end > begin ? end - begin : 0;
    }
    return sum;
}

bool rx_send_bytes(struct rx *rx, size_t from, const uint8_t *bytes, size_t len)
{
    g_autofree uint8_t *data = g_memdup2(bytes, len);

    memset(&rx->result, 0xa5, sizeof(rx->result));
    flow_rx_segment(rx->flow, rx->seq + from, data, len, &rx->result);
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
    flow_rx_segment(rx->flow, rx->seq + from, data, len, &rx->result);
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

/* GCM is a stream cipher under a tag that has to be made anew. */
void rx_plant(struct rx *rx, unsigned record, size_t offset,
              const uint8_t *bytes, size_t len)
{
    uint8_t *wire = rx->stream->wire->data + rx_start(rx, record);
    uint8_t *clear = rx->clear + rx_start(rx, record);
    int payload_len = rx_start(rx, record + 1) - rx_start(rx, record)
                      - PREFIX - TAG;
    uint64_t num = GUINT64_TO_BE(rx->stream->rec_num + record);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = rx->key.cipher == KTLSNIC_CIPHER_AES_GCM_128
                               ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    uint8_t nonce[12], aad[13];
    int n;

    g_assert_cmpuint(offset + len, <=, payload_len);
    for (size_t i = 0; i < len; i++) {
        clear[PREFIX + offset + i] ^= wire[PREFIX + offset + i] ^ bytes[i];
    }
    memcpy(nonce, rx->key.iv, 4);
    memcpy(nonce + 4, wire + 5, 8);
    memcpy(aad, &num, 8);
    memcpy(aad + 8, wire, 3);
    aad[11] = payload_len >> 8;
    aad[12] = payload_len;
    g_assert_true(EVP_EncryptInit_ex(ctx, cipher, NULL, rx->key.key, nonce));
    g_assert_true(EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof(aad)));
    g_assert_true(EVP_EncryptUpdate(ctx, wire + PREFIX, &n, clear + PREFIX,
                                    payload_len));
    g_assert_true(EVP_EncryptFinal_ex(ctx, wire + PREFIX + payload_len, &n));
    g_assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG,
                                      wire + PREFIX + payload_len));
    memcpy(clear + PREFIX + payload_len, wire + PREFIX + payload_len, TAG);
    g_assert_cmpmem(wire + PREFIX + offset, len, bytes, len);
    EVP_CIPHER_CTX_free(ctx);
}
