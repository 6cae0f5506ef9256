/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "engine/cipher.h"
#include "engine/engine.h"
#include "reference.h"

#define FRAME_MAX (ENGINE_PAYLOAD_MAX + REFERENCE_OVERHEAD_MAX)

static const enum ktlsnic_tls_cipher gcm_ciphers[] = {
    KTLSNIC_CIPHER_AES_GCM_128, KTLSNIC_CIPHER_AES_GCM_256,
};

static struct engine *engine_for(const struct reference_key *key)
{
    struct engine_params params = {
        .version = key->version,
        .cipher = key->cipher,
    };
    struct engine *engine;

    memcpy(params.iv, key->iv, sizeof(params.iv));
    memcpy(params.key, key->key, sizeof(params.key));
    engine = engine_new(&params);
    g_assert_nonnull(engine);
    return engine;
}

/* ---- published vectors ---- */

/* D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix B:
 * the cases with 96-bit IVs; number as there. */
struct vector {
    unsigned number;
    enum ktlsnic_tls_cipher cipher;
    const char *key, *nonce, *aad, *plain, *sealed, *tag;
};

#define KEY_FE "feffe9928665731c6d6a8f9467308308"
#define ZERO16 "00000000000000000000000000000000"
#define AAD20  "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define PLAIN60 \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define SEALED60_128 \
    "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e" \
    "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
#define SEALED60_256 \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

static const struct vector vectors[] = {
    { 1, KTLSNIC_CIPHER_AES_GCM_128, ZERO16, "000000000000000000000000", "",
      "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
    { 2, KTLSNIC_CIPHER_AES_GCM_128, ZERO16, "000000000000000000000000", "",
      ZERO16, "0388dace60b6a392f328c2b971b2fe78",
      "ab6e47d42cec13bdf53a67b21257bddf" },
    { 3, KTLSNIC_CIPHER_AES_GCM_128, KEY_FE, "cafebabefacedbaddecaf888", "",
      PLAIN60 "1aafd255", SEALED60_128 "473f5985",
      "4d5c2af327cd64a62cf35abd2ba6fab4" },
    { 4, KTLSNIC_CIPHER_AES_GCM_128, KEY_FE, "cafebabefacedbaddecaf888", AAD20,
      PLAIN60, SEALED60_128, "5bc94fbc3221a5db94fae95ae7121a47" },
    { 13, KTLSNIC_CIPHER_AES_GCM_256, ZERO16 ZERO16,
      "000000000000000000000000", "", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },
    { 14, KTLSNIC_CIPHER_AES_GCM_256, ZERO16 ZERO16,
      "000000000000000000000000", "", ZERO16,
      "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
    { 15, KTLSNIC_CIPHER_AES_GCM_256, KEY_FE KEY_FE,
      "cafebabefacedbaddecaf888", "", PLAIN60 "1aafd255",
      SEALED60_256 "898015ad", "b094dac5d93471bdec1a502270e3cc6c" },
    { 16, KTLSNIC_CIPHER_AES_GCM_256, KEY_FE KEY_FE,
      "cafebabefacedbaddecaf888", AAD20, PLAIN60, SEALED60_256,
      "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static size_t from_hex(uint8_t *buf, const char *hex)
{
    size_t len = strlen(hex) / 2;

    for (size_t i = 0; i < len; i++) {
        buf[i] = g_ascii_xdigit_value(hex[2 * i]) << 4 |
                 g_ascii_xdigit_value(hex[2 * i + 1]);
    }
    return len;
}

/*
 * Their additional data has not the form of a TLS record's, so they go through
 * the row of the table, below the record layer.
 */
static void test_vectors(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(vectors); i++) {
        const struct vector *v = &vectors[i];
        const struct cipher *cipher = cipher_find(v->cipher);
        uint8_t key_bytes[32], nonce[12], aad[32], plain[64], sealed[64];
        uint8_t tag[16], out[64], out_tag[16];
        union cipher_key key;
        union cipher_state state;
        size_t len, aad_len;

        g_test_message("case %u", v->number);
        g_assert_cmpuint(from_hex(key_bytes, v->key), ==, cipher->key_len);
        from_hex(nonce, v->nonce);
        aad_len = from_hex(aad, v->aad);
        len = from_hex(plain, v->plain);
        g_assert_cmpuint(from_hex(sealed, v->sealed), ==, len);
        g_assert_cmpuint(from_hex(tag, v->tag), ==, cipher->tag_len);

        cipher->ops->set_key(&key, cipher, key_bytes);
        cipher->ops->start(&key, &state, nonce, aad, aad_len, len);
        cipher->ops->encrypt(&key, &state, out, plain, len);
        cipher->ops->tag(&key, &state, out_tag, cipher->tag_len);
        g_assert_cmpmem(out, len, sealed, len);
        g_assert_cmpmem(out_tag, 16, tag, 16);

        cipher->ops->start(&key, &state, nonce, aad, aad_len, len);
        cipher->ops->decrypt(&key, &state, out, sealed, len);
        cipher->ops->tag(&key, &state, out_tag, cipher->tag_len);
        g_assert_cmpmem(out, len, plain, len);
        g_assert_cmpmem(out_tag, 16, tag, 16);
    }
}

/* ---- against the second library ---- */

/* One record, and the pieces in which it goes through the engine. */
struct record {
    struct reference_key key;
    uint64_t rec_num;
    size_t payload_len, total;
    uint8_t plain[FRAME_MAX], wire[FRAME_MAX];
};

static void record_make(struct record *r, enum ktlsnic_tls_cipher cipher,
                        size_t payload_len)
{
    g_autofree uint8_t *payload = g_malloc(payload_len + 1);

    reference_key_random(&r->key, cipher);
    reference_random(&r->rec_num, sizeof(r->rec_num));
    reference_random(payload, payload_len);
    r->payload_len = payload_len;
    r->total = reference_record(&r->key, r->rec_num, 23, payload, payload_len,
                                r->plain, r->wire);
}

/* Cuts 0..payload_len at each of the sorted positions. */
static void record_check(const struct record *r, struct engine *engine,
                         const size_t *cuts, unsigned count, bool in_place)
{
    g_autofree uint8_t *buf = g_malloc(r->payload_len + 1);
    uint8_t tag[16];
    size_t pos, end;

    engine_record_start(engine, r->plain, r->rec_num);
    memcpy(buf, r->plain + 13, r->payload_len);
    pos = 0;
    for (unsigned i = 0; i <= count; i++, pos = end) {
        end = i < count ? cuts[i] : r->payload_len;
        engine_encrypt(engine, buf + pos,
                       in_place ? buf + pos : r->plain + 13 + pos, end - pos);
        /* every piece is complete at once */
        g_assert_cmpmem(buf, end, r->wire + 13, end);
    }
    engine_tag(engine, tag);
    g_assert_cmpmem(tag, 16, r->wire + 13 + r->payload_len, 16);

    engine_record_start(engine, r->wire, r->rec_num);
    pos = 0;
    for (unsigned i = 0; i <= count; i++, pos = end) {
        end = i < count ? cuts[i] : r->payload_len;
        engine_decrypt(engine, buf + pos,
                       in_place ? buf + pos : r->wire + 13 + pos, end - pos);
        g_assert_cmpmem(buf, end, r->plain + 13, end);
    }
    g_assert_true(engine_verify(engine, tag));
}

static void test_every_split(void)
{
    g_autofree struct record *r = g_new(struct record, 1);

    for (size_t c = 0; c < G_N_ELEMENTS(gcm_ciphers); c++) {
        for (size_t len = 0; len <= 67; len++) {
            struct engine *engine;
            size_t bytes[67];

            record_make(r, gcm_ciphers[c], len);
            engine = engine_for(&r->key);
            for (size_t i = 0; i <= len; i++) {
                for (size_t j = i; j <= len; j++) {
                    record_check(r, engine, (size_t[]) { i, j }, 2, false);
                }
            }
            for (size_t i = 0; i < len; i++) {
                bytes[i] = i;
            }
            record_check(r, engine, bytes, len, true);
            engine_free(engine);
        }
    }
}

static int compare_size(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return (x > y) - (x < y);
}

static void test_random_splits(void)
{
    g_autofree struct record *r = g_new(struct record, 1);
    unsigned splits = 0;

    for (unsigned n = 0; n < 4000; n++) {
        size_t cuts[16], len;
        unsigned count = g_test_rand_int_range(0, 17);
        struct engine *engine;

        len = n % 16 ? g_test_rand_int_range(0, 700)
                     : g_test_rand_int_range(0, ENGINE_PAYLOAD_MAX + 1);
        record_make(r, gcm_ciphers[n % 2], len);
        for (unsigned i = 0; i < count; i++) {
            cuts[i] = g_test_rand_int_range(0, len + 1);
        }
        qsort(cuts, count, sizeof(cuts[0]), compare_size);
        engine = engine_for(&r->key);
        record_check(r, engine, cuts, count, n % 3 == 0);
        engine_free(engine);
        splits += count;
    }
    g_test_message("%u splits", splits);
    g_assert_cmpuint(splits, >, 20000);
}

/* ---- one engine, many records ---- */

/* Records follow each other in one engine, some of them given up half-way. */
static void test_abandon(void)
{
    g_autofree struct record *r = g_new(struct record, 1);
    uint8_t junk[333];

    for (unsigned n = 0; n < 200; n++) {
        struct engine *engine;
        size_t used = g_test_rand_int_range(0, sizeof(junk));

        record_make(r, gcm_ciphers[n % 2], sizeof(junk));
        engine = engine_for(&r->key);
        engine_record_start(engine, r->plain, g_test_rand_int());
        engine_encrypt(engine, junk, r->plain + 13, used);
        record_check(r, engine, NULL, 0, false);
        engine_free(engine);
    }
}

static bool opens(struct engine *engine, const uint8_t *wire, uint64_t rec_num,
                  size_t payload_len)
{
    uint8_t out[64];

    engine_record_start(engine, wire, rec_num);
    engine_decrypt(engine, out, wire + 13, payload_len);
    return engine_verify(engine, wire + 13 + payload_len);
}

/* Any single bit that changes on the way is found. */
static void test_forged(void)
{
    g_autofree struct record *r = g_new(struct record, 1);

    for (size_t c = 0; c < G_N_ELEMENTS(gcm_ciphers); c++) {
        struct engine *engine;

        record_make(r, gcm_ciphers[c], 37);
        engine = engine_for(&r->key);
        for (size_t bit = 0; bit < 8 * r->total; bit++) {
            size_t byte = bit / 8;

            if (byte >= 1 && byte <= 4) {
                continue;           /* version, length: the parser's affair */
            }
            r->wire[byte] ^= 1 << bit % 8;
            g_assert_false(opens(engine, r->wire, r->rec_num, 37));
            r->wire[byte] ^= 1 << bit % 8;
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            g_assert_false(opens(engine, r->wire, r->rec_num ^ 1ULL << bit,
                                 37));
        }
        g_assert_true(opens(engine, r->wire, r->rec_num, 37));
        engine_free(engine);
    }
}

/* ---- headers and parameters ---- */

static void test_header(void)
{
    struct reference_key key;
    struct engine *engine;
    const struct engine_layout *layout;

    reference_key_random(&key, KTLSNIC_CIPHER_AES_GCM_128);
    engine = engine_for(&key);
    layout = engine_layout(engine);
    g_assert_cmpuint(layout->prefix_len, ==, 13);
    g_assert_cmpuint(layout->tag_len, ==, 16);

    for (unsigned length = 0; length <= 0xffff; length++) {
        uint8_t header[5] = { 23, 3, 3, length >> 8, length };
        size_t payload_len = 12345;
        bool valid = engine_parse_header(engine, header, &payload_len);

        g_assert_cmpint(valid, ==, length >= 24 && length <= 16384 + 24);
        g_assert_cmpuint(payload_len, ==, valid ? length - 24 : 12345);
    }
    for (unsigned version = 0; version <= 0xffff; version++) {
        uint8_t header[5] = { version, version >> 8, version, 0, 100 };
        size_t payload_len;

        g_assert_cmpint(engine_parse_header(engine, header, &payload_len), ==,
                        version == 0x0303);
    }
    engine_free(engine);
}

static void test_supported(void)
{
    for (unsigned version = 0; version < 5; version++) {
        for (unsigned cipher = 0; cipher < 300; cipher++) {
            bool expected = version == KTLSNIC_TLS_1_2 &&
                            (cipher == KTLSNIC_CIPHER_AES_GCM_128 ||
                             cipher == KTLSNIC_CIPHER_AES_GCM_256);
            struct engine_params params = {
                .version = version, .cipher = cipher,
            };
            struct engine *engine = engine_new(&params);

            g_assert_cmpint(engine_supported(version, cipher), ==, expected);
            g_assert_cmpint(engine != NULL, ==, expected);
            engine_free(engine);
        }
    }
    g_assert_false(engine_supported(UINT_MAX, 0));
    g_assert_false(engine_supported(0, UINT_MAX));
}

/* ---- wiping ---- */

static const uint8_t *wipe_secret;
static bool wipe_seen;

/*
 * Stands in for the C library's explicit_bzero(): it sees what the model wipes.
 * That the secret is inside what is wiped shows both that it was there and that
 * it goes. (Under a name of its own, because the compiler takes the library's
 * promise that the buffer is not read.)
 */
void wiped(void *buf, size_t len) __asm__("explicit_bzero");

void wiped(void *buf, size_t len)
{
    volatile uint8_t *p = buf;

    if (wipe_secret && memmem(buf, len, wipe_secret, 16)) {
        wipe_seen = true;
    }
    for (size_t i = 0; i < len; i++) {
        p[i] = 0;
    }
}

static void test_wipe(void)
{
    for (size_t c = 0; c < G_N_ELEMENTS(gcm_ciphers); c++) {
        struct reference_key key;
        struct engine *engine;

        reference_key_random(&key, gcm_ciphers[c]);
        engine = engine_for(&key);
        /* the first round key of AES is the key */
        wipe_secret = key.key;
        wipe_seen = false;
        engine_free(engine);
        g_assert_true(wipe_seen);
        wipe_secret = NULL;
    }
    engine_free(NULL);
}

/* ---- speed: with -m perf ---- */

static void speed(const char *what, enum ktlsnic_tls_cipher cipher,
                  size_t piece, size_t offset)
{
    g_autofree struct record *r = g_new(struct record, 1);
    struct engine *engine;
    uint8_t tag[16];
    uint64_t bytes = 0;
    double seconds;

    record_make(r, cipher, ENGINE_PAYLOAD_MAX);
    engine = engine_for(&r->key);
    g_test_timer_start();
    do {
        for (unsigned i = 0; i < 2000; i++) {
            size_t pos = 0;
            size_t take = offset;

            engine_record_start(engine, r->plain, r->rec_num);
            while (pos < ENGINE_PAYLOAD_MAX) {
                take = MIN(take, ENGINE_PAYLOAD_MAX - pos);
                engine_encrypt(engine, r->wire + pos, r->wire + pos, take);
                pos += take;
                take = piece;
            }
            engine_tag(engine, tag);
            bytes += ENGINE_PAYLOAD_MAX;
        }
        seconds = g_test_timer_elapsed();
    } while (seconds < 1);
    g_test_maximized_result(bytes / seconds / 1e9, "%s %5zu-byte pieces: "
                            "%.2f GB/s", what, piece, bytes / seconds / 1e9);
    engine_free(engine);
}

static void test_speed(void)
{
    static const size_t pieces[] = { 100, 1440, 1448, 8948, 16384 };

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        speed("AES-128-GCM", KTLSNIC_CIPHER_AES_GCM_128, pieces[i],
              pieces[i] - (pieces[i] < ENGINE_PAYLOAD_MAX ? 13 : 0));
        speed("AES-256-GCM", KTLSNIC_CIPHER_AES_GCM_256, pieces[i],
              pieces[i] - (pieces[i] < ENGINE_PAYLOAD_MAX ? 13 : 0));
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/vectors", test_vectors);
    g_test_add_func("/engine/every-split", test_every_split);
    g_test_add_func("/engine/random-splits", test_random_splits);
    g_test_add_func("/engine/abandon", test_abandon);
    g_test_add_func("/engine/forged", test_forged);
    g_test_add_func("/engine/header", test_header);
    g_test_add_func("/engine/supported", test_supported);
    g_test_add_func("/engine/wipe", test_wipe);
    if (g_test_perf()) {
        g_test_add_func("/engine/speed", test_speed);
    }
    return g_test_run();
}
