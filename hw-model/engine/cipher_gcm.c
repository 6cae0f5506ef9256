/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "engine/cipher.h"

static void gcm_ops_set_key(union cipher_key *key, const struct cipher *cipher,
                            const uint8_t *bytes)
{
    key->gcm.aes = cipher->block_cipher;
    key->gcm.aes->set_encrypt_key(&key->gcm.schedule, bytes);
    gcm_set_key(&key->gcm.hash, &key->gcm.schedule, key->gcm.aes->encrypt);
}

static void gcm_ops_start(const union cipher_key *key,
                          union cipher_state *state,
                          const uint8_t nonce[CIPHER_NONCE_LEN],
                          const uint8_t *aad, size_t aad_len,
                          size_t payload_len G_GNUC_UNUSED)
{
    gcm_set_iv(&state->gcm, &key->gcm.hash, CIPHER_NONCE_LEN, nonce);
    gcm_update(&state->gcm, &key->gcm.hash, aad_len, aad);
}

static void gcm_ops_encrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    gcm_encrypt(&state->gcm, &key->gcm.hash, &key->gcm.schedule,
                key->gcm.aes->encrypt, len, dst, src);
}

static void gcm_ops_decrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    gcm_decrypt(&state->gcm, &key->gcm.hash, &key->gcm.schedule,
                key->gcm.aes->encrypt, len, dst, src);
}

static void gcm_ops_tag(const union cipher_key *key, union cipher_state *state,
                        uint8_t *tag, size_t tag_len)
{
    gcm_digest(&state->gcm, &key->gcm.hash, &key->gcm.schedule,
               key->gcm.aes->encrypt, tag_len, tag);
}

const struct cipher_ops cipher_gcm_ops = {
    .set_key = gcm_ops_set_key,
    .start = gcm_ops_start,
    .encrypt = gcm_ops_encrypt,
    .decrypt = gcm_ops_decrypt,
    .tag = gcm_ops_tag,
};
