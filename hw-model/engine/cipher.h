/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of ciphers behind the engine. A row says which operations transform
 * a record; nothing else in the engine knows one cipher from another.
 */
#ifndef ENGINE_CIPHER_H
#define ENGINE_CIPHER_H

#include <stddef.h>
#include <stdint.h>
#include <nettle/aes.h>
#include <nettle/ccm.h>
#include <nettle/chacha-poly1305.h>
#include <nettle/gcm.h>
#include <nettle/nettle-meta.h>

#define CIPHER_NONCE_LEN    12
#define CIPHER_BLOCK_MAX    64

struct cipher;

/* AES with a key of either length. */
struct cipher_aes {
    const struct nettle_cipher *aes;
    union {
        struct aes128_ctx aes128;
        struct aes256_ctx aes256;
    } schedule;
};

/* What lives as long as the connection. */
union cipher_key {
    struct {
        struct cipher_aes block;
        struct gcm_key hash;
    } gcm;
    struct cipher_aes ccm;
    uint8_t chacha[CHACHA_POLY1305_KEY_SIZE];
};

/*
 * What changes from block to block; of ChaCha20 it holds the key. It can be
 * copied, and the copy goes its own way: that is how the engine looks ahead into
 * a block it has not all of yet.
 */
union cipher_state {
    struct gcm_ctx gcm;
    struct ccm_ctx ccm;
    struct chacha_poly1305_ctx chacha;
};

/* One record: what has to be known before its first byte of payload. */
struct cipher_start {
    const uint8_t *nonce;       /* CIPHER_NONCE_LEN bytes */
    const uint8_t *aad;
    size_t aad_len;
    size_t payload_len;
    size_t tag_len;
};

/*
 * encrypt and decrypt take whole blocks, and a shorter last piece once, after
 * which only tag may follow.
 */
struct cipher_ops {
    void (*set_key)(union cipher_key *key, const struct cipher *cipher,
                    const uint8_t *bytes);
    void (*start)(const union cipher_key *key, union cipher_state *state,
                  const struct cipher_start *record);
    void (*encrypt)(const union cipher_key *key, union cipher_state *state,
                    uint8_t *dst, const uint8_t *src, size_t len);
    void (*decrypt)(const union cipher_key *key, union cipher_state *state,
                    uint8_t *dst, const uint8_t *src, size_t len);
    void (*tag)(const union cipher_key *key, union cipher_state *state,
                uint8_t *tag, size_t tag_len);
};

/* Lengths in bytes. */
struct cipher {
    size_t key_len;
    size_t tag_len;
    size_t block_len;               /* at most CIPHER_BLOCK_MAX */
    const struct nettle_cipher *block_cipher;   /* of the modes of AES */
    const struct cipher_ops *ops;
};

extern const struct cipher_ops cipher_gcm_ops;
extern const struct cipher_ops cipher_ccm_ops;
extern const struct cipher_ops cipher_chacha_ops;

/* The row of an enum ktlsnic_tls_cipher, or NULL. */
const struct cipher *cipher_find(unsigned cipher);

/* Expands a key for the block cipher of a row. */
static inline void cipher_aes_set_key(struct cipher_aes *block,
                                      const struct cipher *cipher,
                                      const uint8_t *bytes)
{
    block->aes = cipher->block_cipher;
    block->aes->set_encrypt_key(&block->schedule, bytes);
}

#endif
