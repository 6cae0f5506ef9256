/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The record engine: streaming authenticated encryption of TLS records
 * (SPEC.md 9.4). It takes the payload of a record in pieces of any length and
 * gives every piece back at once, transformed; it buffers at most one cipher
 * block. It knows records, but no TCP and no packets.
 *
 * The order for each record is: engine_record_start(), then engine_encrypt()
 * any number of times and engine_tag(), or engine_decrypt() any number of times
 * and engine_verify(). A record may be abandoned at any point by starting the
 * next one.
 */
#ifndef ENGINE_H
#define ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "engine/tls_record.h"
#include "ktlsnic_hw.h"

struct engine;

struct engine_params {
    enum ktlsnic_tls_version version;
    enum ktlsnic_tls_cipher cipher;
    uint8_t iv[KTLSNIC_TLS_IV_SIZE];    /* salt, then IV (SPEC.md 11.2) */
    uint8_t key[KTLSNIC_TLS_KEY_MAX];   /* from byte 0 */
};

/*
 * A record on the wire is prefix, payload, tag; of TLS 1.3 what is encrypted, the
 * content type and padding included, is payload. Lengths in bytes.
 */
struct engine_layout {
    size_t prefix_len;      /* header and explicit nonce, if there is one */
    size_t tag_len;
    size_t payload_min;
    size_t payload_max;
    uint8_t type_first;     /* content types that stand in headers */
    uint8_t type_last;
};

/* Whether the pair is implemented. Any values may be asked. */
bool engine_supported(unsigned version, unsigned cipher);

/* Bytes of a cipher's key, 0 for a cipher that there is not. */
size_t engine_key_len(unsigned cipher);

/* Returns NULL if the pair is not supported. The parameters are copied. */
struct engine *engine_new(const struct engine_params *params);

/* Wipes keys and cipher state. Accepts NULL. */
void engine_free(struct engine *engine);

const struct engine_layout *engine_layout(const struct engine *engine);

/*
 * Whether header can begin a record: version 0x0303 and a length that version
 * and cipher allow; any content type. If so *payload_len is the payload's length
 * in bytes.
 */
bool engine_parse_header(const struct engine *engine,
                         const uint8_t header[ENGINE_HEADER_LEN],
                         size_t *payload_len);

/*
 * Begins record number rec_num. prefix holds prefix_len bytes, whose header
 * engine_parse_header() accepted.
 */
void engine_record_start(struct engine *engine, const uint8_t *prefix,
                         uint64_t rec_num);

/*
 * Transform the next len bytes of the record's payload; dst may be src, but not
 * overlap it otherwise. All calls for a record together may give at most the
 * payload length of its header.
 */
void engine_encrypt(struct engine *engine, uint8_t *dst, const uint8_t *src,
                    size_t len);
void engine_decrypt(struct engine *engine, uint8_t *dst, const uint8_t *src,
                    size_t len);

/* Writes the tag (tag_len bytes) of the payload that was encrypted. */
void engine_tag(struct engine *engine, uint8_t *tag);

/* Whether tag (tag_len bytes) is that of the payload that was decrypted; takes
 * the same time wherever they differ. */
bool engine_verify(struct engine *engine, const uint8_t *tag);

/*
 * Whether the record that was decrypted is a KeyUpdate: then the next one has
 * another key. TLS 1.2 has none.
 */
bool engine_is_key_update(const struct engine *engine);

#endif
