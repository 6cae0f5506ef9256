/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>
#include <nettle/memops.h>

#include "engine/cipher.h"
#include "engine/content.h"
#include "engine/engine.h"
#include "engine/format.h"

struct engine {
    const struct cipher *cipher;
    const struct format *format;
    struct engine_layout layout;
    uint8_t iv[CIPHER_NONCE_LEN];
    union cipher_key key;
    union cipher_state state;           /* up to the last whole block */
    uint8_t partial[CIPHER_BLOCK_MAX];  /* input after it */
    size_t partial_len;
    struct content content;             /* TLS 1.3, decryption */
};

typedef void cipher_op(const union cipher_key *key, union cipher_state *state,
                       uint8_t *dst, const uint8_t *src, size_t len);

bool engine_supported(unsigned version, unsigned cipher)
{
    return format_find(version, cipher) && cipher_find(cipher);
}

size_t engine_key_len(unsigned cipher)
{
    const struct cipher *row = cipher_find(cipher);

    return row ? row->key_len : 0;
}

static void set_layout(struct engine_layout *layout,
                       const struct format *format, const struct cipher *cipher)
{
    layout->prefix_len = ENGINE_HEADER_LEN + format->explicit_nonce_len;
    layout->tag_len = cipher->tag_len;
    layout->payload_min = format->payload_min;
    layout->payload_max = format->payload_max;
    layout->type_first = format->type_first;
    layout->type_last = format->type_last;
}

struct engine *engine_new(const struct engine_params *params)
{
    struct engine *engine;

    if (!engine_supported(params->version, params->cipher)) {
        return NULL;
    }

    engine = g_new0(struct engine, 1);
    engine->cipher = cipher_find(params->cipher);
    engine->format = format_find(params->version, params->cipher);
    set_layout(&engine->layout, engine->format, engine->cipher);
    memcpy(engine->iv, params->iv, sizeof(engine->iv));
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
    size_t around = layout->prefix_len - ENGINE_HEADER_LEN + layout->tag_len;

    if (header[1] != 3 || header[2] != 3 ||
        length < around + layout->payload_min ||
        length > around + layout->payload_max) {
        return false;
    }
    *payload_len = length - around;
    return true;
}

void engine_record_start(struct engine *engine, const uint8_t *prefix,
                         uint64_t rec_num)
{
    uint8_t nonce[CIPHER_NONCE_LEN], aad[FORMAT_AAD_MAX];
    struct cipher_start record = {
        .nonce = nonce,
        .aad = aad,
        .tag_len = engine->layout.tag_len,
    };
    bool valid = engine_parse_header(engine, prefix, &record.payload_len);

    g_assert(valid);
    engine->format->nonce(nonce, engine->iv, prefix, rec_num);
    record.aad_len = engine->format->aad(aad, prefix, rec_num,
                                         record.payload_len);
    engine->cipher->ops->start(&engine->key, &engine->state, &record);
    engine->partial_len = 0;
    content_start(&engine->content);
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
        explicit_bzero(&ahead, sizeof(ahead));
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
    if (engine->format->inner_type) {
        content_take(&engine->content, dst, len);
    }
}

void engine_tag(struct engine *engine, uint8_t *tag)
{
    finish(engine, engine->cipher->ops->encrypt);
    engine->cipher->ops->tag(&engine->key, &engine->state, tag,
                             engine->layout.tag_len);
}

bool engine_verify(struct engine *engine, const uint8_t *tag)
{
    uint8_t expected[ENGINE_TAG_LEN];

    finish(engine, engine->cipher->ops->decrypt);
    engine->cipher->ops->tag(&engine->key, &engine->state, expected,
                             engine->layout.tag_len);
    return memeql_sec(expected, tag, engine->layout.tag_len);
}

bool engine_is_key_update(const struct engine *engine)
{
    return content_is_key_update(&engine->content);
}
