/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shapes of TLS records (SPEC.md 9.4). What stands around the payload, how
 * a nonce is made and which data is authenticated besides belong to the pair of
 * version and cipher: TLS 1.2 has two shapes, TLS 1.3 one for all ciphers.
 */
#ifndef ENGINE_FORMAT_H
#define ENGINE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/cipher.h"

#define FORMAT_AAD_MAX  13

/* Lengths in bytes. */
struct format {
    size_t explicit_nonce_len;  /* between header and payload */
    size_t payload_min;         /* TLS 1.3: the content type is in the payload */
    size_t payload_max;
    uint8_t type_first;         /* content types that a header can have */
    uint8_t type_last;
    bool inner_type;            /* the true one is in the payload */
    /* iv is salt and IV of the connection; prefix is header, explicit nonce */
    void (*nonce)(uint8_t nonce[CIPHER_NONCE_LEN],
                  const uint8_t iv[CIPHER_NONCE_LEN], const uint8_t *prefix,
                  uint64_t rec_num);
    /* Returns the length. */
    size_t (*aad)(uint8_t aad[FORMAT_AAD_MAX], const uint8_t *prefix,
                  uint64_t rec_num, size_t payload_len);
};

/*
 * The shape for an enum ktlsnic_tls_version and an enum ktlsnic_tls_cipher, or
 * NULL. Any values may be asked.
 */
const struct format *format_find(unsigned version, unsigned cipher);

#endif
