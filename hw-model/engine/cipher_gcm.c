/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "engine/cipher.h"

static void gcm_ops_set_key(union cipher_key *key, const struct cipher *cipher,
                            const uint8_t *bytes)
{
    struct cipher_aes *block = &key->gcm.block;

    cipher_aes_set_key(block, cipher, bytes);
    gcm_set_key(&key->gcm.hash, &block->schedule, block->aes->encrypt);
}

static void gcm_ops_start(const union cipher_key *key,
                          union cipher_state *state,
                          const struct cipher_start *record)
{
    gcm_set_iv(&state->gcm, &key->gcm.hash, CIPHER_NONCE_LEN, record->nonce);
    gcm_update(&state->gcm, &key->gcm.hash, record->aad_len, record->aad);
}

static void gcm_ops_encrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    const struct cipher_aes *block = &key->gcm.block;

    gcm_encrypt(&state->gcm, &key->gcm.hash, &block->schedule,
                block->aes->encrypt, len, dst, src);
}

static void gcm_ops_decrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    const struct cipher_aes *block = &key->gcm.block;

    gcm_decrypt(&state->gcm, &key->gcm.hash, &block->schedule,
                block->aes->encrypt, len, dst, src);
}

static void gcm_ops_tag(const union cipher_key *key, union cipher_state *state,
                        uint8_t *tag, size_t tag_len)
{
    const struct cipher_aes *block = &key->gcm.block;

    gcm_digest(&state->gcm, &key->gcm.hash, &block->schedule,
               block->aes->encrypt, tag_len, tag);
}

const struct cipher_ops cipher_gcm_ops = {
    .set_key = gcm_ops_set_key,
    .start = gcm_ops_start,
    .encrypt = gcm_ops_encrypt,
    .decrypt = gcm_ops_decrypt,
    .tag = gcm_ops_tag,
};
