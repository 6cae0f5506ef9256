/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <openssl/evp.h>

#include "reference.h"

void reference_random(void *buf, size_t len)
{
    uint8_t *p = buf;

    /* The generator of the test run: its seed is printed and can be given. */
    for (size_t i = 0; i < len; i++) {
        p[i] = g_test_rand_int();
    }
}

void reference_key_random(struct reference_key *key,
                          enum ktlsnic_tls_cipher cipher)
{
    memset(key, 0, sizeof(*key));
    key->version = KTLSNIC_TLS_1_2;
    key->cipher = cipher;
    reference_random(key->iv, sizeof(key->iv));
    reference_random(key->key,
                     cipher == KTLSNIC_CIPHER_AES_GCM_128 ? 16 : 32);
}

static void gcm_seal(const struct reference_key *key, const uint8_t nonce[12],
                     const uint8_t *aad, int aad_len,
                     const uint8_t *src, int len, uint8_t *dst, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const EVP_CIPHER *cipher = key->cipher == KTLSNIC_CIPHER_AES_GCM_128
                               ? EVP_aes_128_gcm() : EVP_aes_256_gcm();
    int n;

    g_assert_true(EVP_EncryptInit_ex(ctx, cipher, NULL, key->key, nonce));
    g_assert_true(EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len));
    if (len) {
        g_assert_true(EVP_EncryptUpdate(ctx, dst, &n, src, len));
        g_assert_cmpint(n, ==, len);
    }
    g_assert_true(EVP_EncryptFinal_ex(ctx, tag, &n));
    g_assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, tag));
    EVP_CIPHER_CTX_free(ctx);
}

static void put_be(uint8_t *p, uint64_t value, int bytes)
{
    while (bytes--) {
        p[bytes] = value;
        value >>= 8;
    }
}

/* RFC 5246 6.2.3.3 and RFC 5288 3. */
size_t reference_record(const struct reference_key *key, uint64_t rec_num,
                        uint8_t type, const uint8_t *payload, size_t len,
                        uint8_t *plain, uint8_t *wire)
{
    uint8_t nonce[12], aad[13];

    plain[0] = type;
    plain[1] = 3;
    plain[2] = 3;
    put_be(plain + 3, 8 + len + 16, 2);
    reference_random(plain + 5, 8);
    if (len) {
        memcpy(plain + 13, payload, len);
    }
    reference_random(plain + 13 + len, 16);

    memcpy(nonce, key->iv, 4);
    memcpy(nonce + 4, plain + 5, 8);
    put_be(aad, rec_num, 8);
    aad[8] = type;
    aad[9] = 3;
    aad[10] = 3;
    put_be(aad + 11, len, 2);

    memcpy(wire, plain, 13);
    gcm_seal(key, nonce, aad, sizeof(aad), plain + 13, len,
             wire + 13, wire + 13 + len);
    return 13 + len + 16;
}

struct reference_stream *reference_stream_new(const struct reference_key *key,
                                              uint64_t rec_num,
                                              const size_t *lengths,
                                              unsigned count)
{
    struct reference_stream *stream = g_new0(struct reference_stream, 1);

    stream->plain = g_byte_array_new();
    stream->wire = g_byte_array_new();
    stream->starts = g_array_new(false, false, sizeof(size_t));
    stream->rec_num = rec_num;

    for (unsigned i = 0; i < count; i++) {
        size_t start = stream->plain->len, total;
        g_autofree uint8_t *payload = g_malloc(lengths[i] + 1);

        g_array_append_val(stream->starts, start);
        reference_random(payload, lengths[i]);
        g_byte_array_set_size(stream->plain,
                              start + lengths[i] + REFERENCE_OVERHEAD_MAX);
        g_byte_array_set_size(stream->wire, stream->plain->len);
        total = reference_record(key, rec_num + i, 20 + i % 5,
                                 payload, lengths[i],
                                 stream->plain->data + start,
                                 stream->wire->data + start);
        g_byte_array_set_size(stream->plain, start + total);
        g_byte_array_set_size(stream->wire, start + total);
    }
    g_array_append_vals(stream->starts, &(size_t){ stream->plain->len }, 1);
    return stream;
}

void reference_stream_free(struct reference_stream *stream)
{
    g_byte_array_free(stream->plain, true);
    g_byte_array_free(stream->wire, true);
    g_array_free(stream->starts, true);
    g_free(stream);
}

size_t reference_stream_start(const struct reference_stream *stream, unsigned i)
{
    return g_array_index(stream->starts, size_t, i);
}
