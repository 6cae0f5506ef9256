/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "engine/cipher.h"

static void chacha_ops_set_key(union cipher_key *key,
                               const struct cipher *cipher,
                               const uint8_t *bytes)
{
    memcpy(key->chacha, bytes, cipher->key_len);
}

static void chacha_ops_start(const union cipher_key *key,
                             union cipher_state *state,
                             const struct cipher_start *record)
{
    chacha_poly1305_set_key(&state->chacha, key->chacha);
    chacha_poly1305_set_nonce(&state->chacha, record->nonce);
    chacha_poly1305_update(&state->chacha, record->aad_len, record->aad);
}

static void chacha_ops_encrypt(const union cipher_key *key G_GNUC_UNUSED,
                               union cipher_state *state,
                               uint8_t *dst, const uint8_t *src, size_t len)
{
    chacha_poly1305_encrypt(&state->chacha, len, dst, src);
}

static void chacha_ops_decrypt(const union cipher_key *key G_GNUC_UNUSED,
                               union cipher_state *state,
                               uint8_t *dst, const uint8_t *src, size_t len)
{
    chacha_poly1305_decrypt(&state->chacha, len, dst, src);
}

static void chacha_ops_tag(const union cipher_key *key G_GNUC_UNUSED,
                           union cipher_state *state,
                           uint8_t *tag, size_t tag_len)
{
    chacha_poly1305_digest(&state->chacha, tag_len, tag);
}

const struct cipher_ops cipher_chacha_ops = {
    .set_key = chacha_ops_set_key,
    .start = chacha_ops_start,
    .encrypt = chacha_ops_encrypt,
    .decrypt = chacha_ops_decrypt,
    .tag = chacha_ops_tag,
};
