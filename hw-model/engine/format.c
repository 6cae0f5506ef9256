/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <linux/types.h>
#include <glib.h>

#include "engine/format.h"
#include "engine/tls_record.h"
#include "ktlsnic_hw.h"

/* TLS 1.2 with AES: the implicit part of the nonce. */
#define SALT_LEN        4
#define EXPLICIT_LEN    (CIPHER_NONCE_LEN - SALT_LEN)

static void put_be64(uint8_t *p, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(p, &value, sizeof(value));
}

/* RFC 5288 3, RFC 6655 3 */
static void explicit_nonce(uint8_t nonce[CIPHER_NONCE_LEN],
                           const uint8_t iv[CIPHER_NONCE_LEN],
                           const uint8_t *prefix,
                           uint64_t rec_num G_GNUC_UNUSED)
{
    memcpy(nonce, iv, SALT_LEN);
    memcpy(nonce + SALT_LEN, prefix + ENGINE_HEADER_LEN, EXPLICIT_LEN);
}

/* RFC 8446 5.3, RFC 7905 2 */
static void counted_nonce(uint8_t nonce[CIPHER_NONCE_LEN],
                          const uint8_t iv[CIPHER_NONCE_LEN],
                          const uint8_t *prefix G_GNUC_UNUSED,
                          uint64_t rec_num)
{
    uint8_t number[CIPHER_NONCE_LEN] = { 0 };

    put_be64(number + CIPHER_NONCE_LEN - sizeof(rec_num), rec_num);
    for (size_t i = 0; i < CIPHER_NONCE_LEN; i++) {
        nonce[i] = iv[i] ^ number[i];
    }
}

/* Record number, type, version, payload length: RFC 5246 6.2.3.3 */
static size_t tls12_aad(uint8_t aad[FORMAT_AAD_MAX], const uint8_t *prefix,
                        uint64_t rec_num, size_t payload_len)
{
    put_be64(aad, rec_num);
    memcpy(aad + 8, prefix, 3);
    aad[11] = payload_len >> 8;
    aad[12] = payload_len;
    return 13;
}

/* The header as it stands: RFC 8446 5.2 */
static size_t tls13_aad(uint8_t aad[FORMAT_AAD_MAX], const uint8_t *prefix,
                        uint64_t rec_num G_GNUC_UNUSED,
                        size_t payload_len G_GNUC_UNUSED)
{
    memcpy(aad, prefix, ENGINE_HEADER_LEN);
    return ENGINE_HEADER_LEN;
}

/* change_cipher_spec to heartbeat */
#define TLS12_SHAPE \
    .payload_max = ENGINE_TLS12_PAYLOAD_MAX, \
    .type_first = 20, \
    .type_last = 24, \
    .aad = tls12_aad

static const struct format tls12_aes = {
    TLS12_SHAPE,
    .explicit_nonce_len = EXPLICIT_LEN,
    .nonce = explicit_nonce,
};

static const struct format tls12_chacha = {
    TLS12_SHAPE,
    .nonce = counted_nonce,
};

/* Whatever is protected calls itself application_data: RFC 8446 5.2 */
static const struct format tls13 = {
    .payload_min = 1,
    .payload_max = ENGINE_TLS13_PAYLOAD_MAX,
    .type_first = 23,
    .type_last = 23,
    .inner_type = true,
    .nonce = counted_nonce,
    .aad = tls13_aad,
};

static const struct format *const formats[][KTLSNIC_CIPHERS] = {
    [KTLSNIC_TLS_1_2] = {
        [KTLSNIC_CIPHER_AES_GCM_128] = &tls12_aes,
        [KTLSNIC_CIPHER_AES_GCM_256] = &tls12_aes,
        [KTLSNIC_CIPHER_AES_CCM_128] = &tls12_aes,
        [KTLSNIC_CIPHER_CHACHA20_POLY1305] = &tls12_chacha,
    },
    [KTLSNIC_TLS_1_3] = {
        [KTLSNIC_CIPHER_AES_GCM_128] = &tls13,
        [KTLSNIC_CIPHER_AES_GCM_256] = &tls13,
        [KTLSNIC_CIPHER_AES_CCM_128] = &tls13,
        [KTLSNIC_CIPHER_CHACHA20_POLY1305] = &tls13,
    },
};

const struct format *format_find(unsigned version, unsigned cipher)
{
    if (version >= G_N_ELEMENTS(formats) ||
        cipher >= G_N_ELEMENTS(formats[0])) {
        return NULL;
    }
    return formats[version][cipher];
}
