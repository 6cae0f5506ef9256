/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of ciphers behind the engine. A row says how the records of a
 * cipher look and which operations transform them; nothing else in the engine
 * knows one cipher from another.
 */
#ifndef ENGINE_CIPHER_H
#define ENGINE_CIPHER_H

#include <stddef.h>
#include <stdint.h>
#include <nettle/aes.h>
#include <nettle/gcm.h>
#include <nettle/nettle-meta.h>

#define CIPHER_NONCE_LEN    12
#define CIPHER_BLOCK_MAX    16

struct cipher;

/* What lives as long as the connection. */
union cipher_key {
    struct {
        struct gcm_key hash;
        const struct nettle_cipher *aes;
        union {
            struct aes128_ctx aes128;
            struct aes256_ctx aes256;
        } schedule;
    } gcm;
};

/*
 * What changes from block to block. It can be copied, and the copy goes its own
 * way: that is how the engine looks ahead into a block it has not all of yet.
 */
union cipher_state {
    struct gcm_ctx gcm;
};

/*
 * encrypt and decrypt take whole blocks, and a shorter last piece once, after
 * which only tag may follow. payload_len is for modes that put it in front of
 * everything (CCM).
 */
struct cipher_ops {
    void (*set_key)(union cipher_key *key, const struct cipher *cipher,
                    const uint8_t *bytes);
    void (*start)(const union cipher_key *key, union cipher_state *state,
                  const uint8_t nonce[CIPHER_NONCE_LEN],
                  const uint8_t *aad, size_t aad_len, size_t payload_len);
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
    size_t salt_len;                /* TLS 1.2: implicit part of the nonce */
    size_t explicit_nonce_len;      /* TLS 1.2: the part in the record */
    size_t tag_len;
    size_t block_len;               /* at most CIPHER_BLOCK_MAX */
    const struct nettle_cipher *block_cipher;
    const struct cipher_ops *ops;
};

extern const struct cipher_ops cipher_gcm_ops;

/* The row of an enum ktlsnic_tls_cipher, or NULL. */
const struct cipher *cipher_find(unsigned cipher);

#endif
