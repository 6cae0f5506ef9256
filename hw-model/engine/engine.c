/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>
#include <nettle/memops.h>

#include "engine/cipher.h"
#include "engine/engine.h"

/* TLS 1.2: record number, type, version, payload length (RFC 5246 6.2.3.3). */
#define AAD_LEN 13

struct engine {
    const struct cipher *cipher;
    struct engine_layout layout;
    uint8_t salt[CIPHER_NONCE_LEN];
    union cipher_key key;
    union cipher_state state;           /* up to the last whole block */
    uint8_t partial[CIPHER_BLOCK_MAX];  /* input after it */
    size_t partial_len;
};

typedef void cipher_op(const union cipher_key *key, union cipher_state *state,
                       uint8_t *dst, const uint8_t *src, size_t len);

bool engine_supported(unsigned version, unsigned cipher)
{
    return version == KTLSNIC_TLS_1_2 && cipher_find(cipher);
}

static void set_layout(struct engine_layout *layout,
                       const struct cipher *cipher)
{
    size_t overhead = cipher->explicit_nonce_len + cipher->tag_len;

    layout->prefix_len = ENGINE_HEADER_LEN + cipher->explicit_nonce_len;
    layout->tag_len = cipher->tag_len;
    layout->length_min = overhead;
    layout->length_max = ENGINE_PAYLOAD_MAX + overhead;
}

struct engine *engine_new(const struct engine_params *params)
{
    struct engine *engine;

    if (!engine_supported(params->version, params->cipher)) {
        return NULL;
    }

    engine = g_new0(struct engine, 1);
    engine->cipher = cipher_find(params->cipher);
    set_layout(&engine->layout, engine->cipher);
    memcpy(engine->salt, params->iv, engine->cipher->salt_len);
    engine->cipher->ops->set_key(&engine->key, engine->cipher, params->key);
    return engine;
}

void engine_free(struct engine *engine)
{
    if (!engine) {
        return;
    }
    explicit_bzero(engine, sizeof(*engine));
    g_free(engine);
}

const struct engine_layout *engine_layout(const struct engine *engine)
{
    return &engine->layout;
}

bool engine_parse_header(const struct engine *engine,
                         const uint8_t header[ENGINE_HEADER_LEN],
                         size_t *payload_len)
{
    const struct engine_layout *layout = &engine->layout;
    size_t length = header[3] << 8 | header[4];

    if (header[1] != 3 || header[2] != 3 ||
        length < layout->length_min || length > layout->length_max) {
        return false;
    }
    *payload_len = length - layout->length_min;
    return true;
}

static void put_be16(uint8_t *p, uint16_t value)
{
    p[0] = value >> 8;
    p[1] = value;
}

static void put_be64(uint8_t *p, uint64_t value)
{
    value = GUINT64_TO_BE(value);
    memcpy(p, &value, sizeof(value));
}

void engine_record_start(struct engine *engine, const uint8_t *prefix,
                         uint64_t rec_num)
{
    const struct cipher *cipher = engine->cipher;
    uint8_t nonce[CIPHER_NONCE_LEN], aad[AAD_LEN];
    size_t payload_len;
    bool valid = engine_parse_header(engine, prefix, &payload_len);

    g_assert(valid);
    memcpy(nonce, engine->salt, cipher->salt_len);
    memcpy(nonce + cipher->salt_len, prefix + ENGINE_HEADER_LEN,
           cipher->explicit_nonce_len);

    put_be64(aad, rec_num);
    memcpy(aad + 8, prefix, 3);
    put_be16(aad + 11, payload_len);

    cipher->ops->start(&engine->key, &engine->state, nonce, aad, sizeof(aad),
                       payload_len);
    engine->partial_len = 0;
}

/*
 * Transforms bytes of a block that is not complete without them. The ciphers
 * take a short block only at the end of a record, so as long as the block has a
 * gap, all of it goes through a copy of the state; when it is full, it moves
 * the state itself. Returns how many bytes were taken.
 */
static size_t transform_in_block(struct engine *engine, cipher_op *op,
                                 uint8_t *dst, const uint8_t *src, size_t len)
{
    size_t block_len = engine->cipher->block_len;
    size_t before = engine->partial_len;
    size_t take = MIN(len, block_len - before);
    uint8_t out[CIPHER_BLOCK_MAX];

    memcpy(engine->partial + before, src, take);
    if (before + take == block_len) {
        op(&engine->key, &engine->state, out, engine->partial, block_len);
        engine->partial_len = 0;
    } else {
        union cipher_state ahead = engine->state;

        op(&engine->key, &ahead, out, engine->partial, before + take);
        engine->partial_len = before + take;
    }
    memcpy(dst, out + before, take);
    return take;
}

static void transform(struct engine *engine, cipher_op *op,
                      uint8_t *dst, const uint8_t *src, size_t len)
{
    size_t block_len = engine->cipher->block_len;
    size_t done = 0, whole;

    if (engine->partial_len && len) {
        done = transform_in_block(engine, op, dst, src, len);
    }
    whole = (len - done) / block_len * block_len;
    if (whole) {
        op(&engine->key, &engine->state, dst + done, src + done, whole);
        done += whole;
    }
    if (done < len) {
        transform_in_block(engine, op, dst + done, src + done, len - done);
    }
}

/* Moves the state past a last short block, whose output is already out. */
static void finish(struct engine *engine, cipher_op *op)
{
    uint8_t out[CIPHER_BLOCK_MAX];

    if (engine->partial_len) {
        op(&engine->key, &engine->state, out, engine->partial,
           engine->partial_len);
        engine->partial_len = 0;
    }
}

void engine_encrypt(struct engine *engine, uint8_t *dst, const uint8_t *src,
                    size_t len)
{
    transform(engine, engine->cipher->ops->encrypt, dst, src, len);
}

void engine_decrypt(struct engine *engine, uint8_t *dst, const uint8_t *src,
                    size_t len)
{
    transform(engine, engine->cipher->ops->decrypt, dst, src, len);
}

void engine_tag(struct engine *engine, uint8_t *tag)
{
    finish(engine, engine->cipher->ops->encrypt);
    engine->cipher->ops->tag(&engine->key, &engine->state, tag,
                             engine->layout.tag_len);
}

bool engine_verify(struct engine *engine, const uint8_t *tag)
{
    uint8_t expected[ENGINE_TAG_MAX];

    finish(engine, engine->cipher->ops->decrypt);
    engine->cipher->ops->tag(&engine->key, &engine->state, expected,
                             engine->layout.tag_len);
    return memeql_sec(expected, tag, engine->layout.tag_len);
}
