/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "engine/cipher.h"

static void ccm_ops_set_key(union cipher_key *key, const struct cipher *cipher,
                            const uint8_t *bytes)
{
    cipher_aes_set_key(&key->ccm, cipher, bytes);
}

/* All lengths go into the first block that is authenticated: RFC 3610 2.2 */
static void ccm_ops_start(const union cipher_key *key,
                          union cipher_state *state,
                          const struct cipher_start *record)
{
    const struct cipher_aes *block = &key->ccm;

    ccm_set_nonce(&state->ccm, &block->schedule, block->aes->encrypt,
                  CIPHER_NONCE_LEN, record->nonce, record->aad_len,
                  record->payload_len, record->tag_len);
    ccm_update(&state->ccm, &block->schedule, block->aes->encrypt,
               record->aad_len, record->aad);
}

static void ccm_ops_encrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    ccm_encrypt(&state->ccm, &key->ccm.schedule, key->ccm.aes->encrypt, len,
                dst, src);
}

static void ccm_ops_decrypt(const union cipher_key *key,
                            union cipher_state *state,
                            uint8_t *dst, const uint8_t *src, size_t len)
{
    ccm_decrypt(&state->ccm, &key->ccm.schedule, key->ccm.aes->encrypt, len,
                dst, src);
}

static void ccm_ops_tag(const union cipher_key *key, union cipher_state *state,
                        uint8_t *tag, size_t tag_len)
{
    ccm_digest(&state->ccm, &key->ccm.schedule, key->ccm.aes->encrypt, tag_len,
               tag);
}

const struct cipher_ops cipher_ccm_ops = {
    .set_key = ccm_ops_set_key,
    .start = ccm_ops_start,
    .encrypt = ccm_ops_encrypt,
    .decrypt = ccm_ops_decrypt,
    .tag = ccm_ops_tag,
};
