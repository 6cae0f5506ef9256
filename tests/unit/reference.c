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

const struct reference_suite reference_suites[REFERENCE_SUITES] = {
    { KTLSNIC_TLS_1_2, KTLSNIC_CIPHER_AES_GCM_128 },
    { KTLSNIC_TLS_1_2, KTLSNIC_CIPHER_AES_GCM_256 },
    { KTLSNIC_TLS_1_2, KTLSNIC_CIPHER_AES_CCM_128 },
    { KTLSNIC_TLS_1_2, KTLSNIC_CIPHER_CHACHA20_POLY1305 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_GCM_128 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_GCM_256 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_AES_CCM_128 },
    { KTLSNIC_TLS_1_3, KTLSNIC_CIPHER_CHACHA20_POLY1305 },
};

static const EVP_CIPHER *evp_cipher(const struct reference_key *key)
{
    switch (key->cipher) {
    case KTLSNIC_CIPHER_AES_GCM_128:
        return EVP_aes_128_gcm();
    case KTLSNIC_CIPHER_AES_GCM_256:
        return EVP_aes_256_gcm();
    case KTLSNIC_CIPHER_AES_CCM_128:
        return EVP_aes_128_ccm();
    case KTLSNIC_CIPHER_CHACHA20_POLY1305:
        return EVP_chacha20_poly1305();
    default:
        g_assert_not_reached();
    }
}

void reference_key_random(struct reference_key *key,
                          struct reference_suite suite)
{
    memset(key, 0, sizeof(*key));
    key->version = suite.version;
    key->cipher = suite.cipher;
    reference_random(key->iv, sizeof(key->iv));
    reference_random(key->key, EVP_CIPHER_get_key_length(evp_cipher(key)));
}

/* RFC 5288 3, RFC 6655 3: only AES in TLS 1.2 has part of the nonce there. */
static bool nonce_in_record(const struct reference_key *key)
{
    return key->version == KTLSNIC_TLS_1_2 &&
           key->cipher != KTLSNIC_CIPHER_CHACHA20_POLY1305;
}

size_t reference_prefix(const struct reference_key *key)
{
    return nonce_in_record(key) ? 5 + 8 : 5;
}

static void aead_seal(const struct reference_key *key, const uint8_t nonce[12],
                      const uint8_t *aad, int aad_len,
                      const uint8_t *src, int len, uint8_t *dst, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool ccm = key->cipher == KTLSNIC_CIPHER_AES_CCM_128;
    int n;

    g_assert_true(EVP_EncryptInit_ex(ctx, evp_cipher(key), NULL, NULL, NULL));
    g_assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_IVLEN, 12, NULL));
    if (ccm) {
        g_assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG,
                                          REFERENCE_TAG, NULL));
    }
    g_assert_true(EVP_EncryptInit_ex(ctx, NULL, NULL, key->key, nonce));
    if (ccm) {      /* it has to know the length before everything */
        g_assert_true(EVP_EncryptUpdate(ctx, NULL, &n, NULL, len));
    }
    g_assert_true(EVP_EncryptUpdate(ctx, NULL, &n, aad, aad_len));
    if (len || ccm) {
        g_assert_true(EVP_EncryptUpdate(ctx, dst, &n, src, len));
        g_assert_cmpint(n, ==, len);
    }
    g_assert_true(EVP_EncryptFinal_ex(ctx, tag, &n));
    g_assert_true(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG,
                                      REFERENCE_TAG, tag));
    EVP_CIPHER_CTX_free(ctx);
}

static void put_be(uint8_t *p, uint64_t value, int bytes)
{
    while (bytes--) {
        p[bytes] = value;
        value >>= 8;
    }
}

/*
 * The nonce: RFC 5288 3 and RFC 6655 3; RFC 7905 2 and RFC 8446 5.3. The
 * additional data: RFC 5246 6.2.3.3; RFC 8446 5.2.
 */
void reference_seal(const struct reference_key *key, uint64_t rec_num,
                    const uint8_t *prefix, const uint8_t *payload, size_t len,
                    uint8_t *dst)
{
    uint8_t nonce[12], aad[13];
    int aad_len = 5;

    if (nonce_in_record(key)) {
        memcpy(nonce, key->iv, 4);
        memcpy(nonce + 4, prefix + 5, 8);
    } else {
        memset(nonce, 0, 4);
        put_be(nonce + 4, rec_num, 8);
        for (int i = 0; i < 12; i++) {
            nonce[i] ^= key->iv[i];
        }
    }
    if (key->version == KTLSNIC_TLS_1_3) {
        memcpy(aad, prefix, 5);
    } else {
        put_be(aad, rec_num, 8);
        memcpy(aad + 8, prefix, 3);
        put_be(aad + 11, len, 2);
        aad_len = 13;
    }
    aead_seal(key, nonce, aad, aad_len, payload, len, dst, dst + len);
}

size_t reference_record(const struct reference_key *key, uint64_t rec_num,
                        uint8_t type, const uint8_t *data, size_t len,
                        uint8_t *plain, uint8_t *wire)
{
    size_t prefix = reference_prefix(key);
    bool inner_type = key->version == KTLSNIC_TLS_1_3;
    size_t payload_len = len + inner_type;

    plain[0] = inner_type ? 23 : type;
    plain[1] = 3;
    plain[2] = 3;
    put_be(plain + 3, prefix - 5 + payload_len + REFERENCE_TAG, 2);
    reference_random(plain + 5, prefix - 5);
    if (len) {
        memcpy(plain + prefix, data, len);
    }
    if (inner_type) {
        plain[prefix + len] = type;
    }
    reference_random(plain + prefix + payload_len, REFERENCE_TAG);

    memcpy(wire, plain, prefix);
    reference_seal(key, rec_num, plain, plain + prefix, payload_len,
                   wire + prefix);
    return prefix + payload_len + REFERENCE_TAG;
}

/* Any type, but of TLS 1.3 no handshake: it could be a KeyUpdate by chance. */
static uint8_t stream_type(const struct reference_key *key, unsigned i)
{
    uint8_t type = 20 + i % 5;

    return type == 22 && key->version == KTLSNIC_TLS_1_3 ? 23 : type;
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
        g_autofree uint8_t *data = g_malloc(lengths[i] + 1);

        g_array_append_val(stream->starts, start);
        reference_random(data, lengths[i]);
        g_byte_array_set_size(stream->plain,
                              start + lengths[i] + REFERENCE_OVERHEAD_MAX);
        g_byte_array_set_size(stream->wire, stream->plain->len);
        total = reference_record(key, rec_num + i, stream_type(key, i), data,
                                 lengths[i],
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
