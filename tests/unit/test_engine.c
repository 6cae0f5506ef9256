/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "engine/cipher.h"
#include "engine/engine.h"
#include "reference.h"

#define DATA_MAX    16384
#define FRAME_MAX   (DATA_MAX + REFERENCE_OVERHEAD_MAX)
#define TAG         REFERENCE_TAG

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

/*
 * AES-GCM: D. McGrew, J. Viega, "The Galois/Counter Mode of Operation", appendix
 * B, the cases with 96-bit IVs. AES-CCM: NIST SP 800-38C, C.3, whose tag is
 * short. ChaCha20-Poly1305: RFC 8439, 2.8.2. Number as there.
 */
struct vector {
    const char *number;
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
    { "1", KTLSNIC_CIPHER_AES_GCM_128, ZERO16, "000000000000000000000000", "",
      "", "", "58e2fccefa7e3061367f1d57a4e7455a" },
    { "2", KTLSNIC_CIPHER_AES_GCM_128, ZERO16, "000000000000000000000000", "",
      ZERO16, "0388dace60b6a392f328c2b971b2fe78",
      "ab6e47d42cec13bdf53a67b21257bddf" },
    { "3", KTLSNIC_CIPHER_AES_GCM_128, KEY_FE, "cafebabefacedbaddecaf888", "",
      PLAIN60 "1aafd255", SEALED60_128 "473f5985",
      "4d5c2af327cd64a62cf35abd2ba6fab4" },
    { "4", KTLSNIC_CIPHER_AES_GCM_128, KEY_FE, "cafebabefacedbaddecaf888", AAD20,
      PLAIN60, SEALED60_128, "5bc94fbc3221a5db94fae95ae7121a47" },
    { "13", KTLSNIC_CIPHER_AES_GCM_256, ZERO16 ZERO16,
      "000000000000000000000000", "", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },
    { "14", KTLSNIC_CIPHER_AES_GCM_256, ZERO16 ZERO16,
      "000000000000000000000000", "", ZERO16,
      "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
    { "15", KTLSNIC_CIPHER_AES_GCM_256, KEY_FE KEY_FE,
      "cafebabefacedbaddecaf888", "", PLAIN60 "1aafd255",
      SEALED60_256 "898015ad", "b094dac5d93471bdec1a502270e3cc6c" },
    { "16", KTLSNIC_CIPHER_AES_GCM_256, KEY_FE KEY_FE,
      "cafebabefacedbaddecaf888", AAD20, PLAIN60, SEALED60_256,
      "76fc6ece0f4e1768cddf8853bb2d551b" },
    { "C.3", KTLSNIC_CIPHER_AES_CCM_128, "404142434445464748494a4b4c4d4e4f",
      "101112131415161718191a1b", "000102030405060708090a0b0c0d0e0f10111213",
      "202122232425262728292a2b2c2d2e2f3031323334353637",
      "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa5", "484392fbc1b09951" },
    { "2.8.2", KTLSNIC_CIPHER_CHACHA20_POLY1305,
      "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
      "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
      "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
      "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
      "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
      "637265656e20776f756c642062652069742e",
      "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
      "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
      "3ff4def08e4b7a9de576d26586cec64b6116",
      "1ae10b594f09e26a7e902ecbd0600691" },
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
        uint8_t key_bytes[32], nonce[12], aad[32], plain[128], sealed[128];
        uint8_t tag[TAG], out[128], out_tag[TAG];
        struct cipher_start record = { .nonce = nonce, .aad = aad };
        union cipher_key key;
        union cipher_state state;
        size_t len;

        g_test_message("case %s", v->number);
        g_assert_cmpuint(from_hex(key_bytes, v->key), ==, cipher->key_len);
        from_hex(nonce, v->nonce);
        record.aad_len = from_hex(aad, v->aad);
        len = record.payload_len = from_hex(plain, v->plain);
        g_assert_cmpuint(from_hex(sealed, v->sealed), ==, len);
        record.tag_len = from_hex(tag, v->tag);

        cipher->ops->set_key(&key, cipher, key_bytes);
        cipher->ops->start(&key, &state, &record);
        cipher->ops->encrypt(&key, &state, out, plain, len);
        cipher->ops->tag(&key, &state, out_tag, record.tag_len);
        g_assert_cmpmem(out, len, sealed, len);
        g_assert_cmpmem(out_tag, record.tag_len, tag, record.tag_len);

        cipher->ops->start(&key, &state, &record);
        cipher->ops->decrypt(&key, &state, out, sealed, len);
        cipher->ops->tag(&key, &state, out_tag, record.tag_len);
        g_assert_cmpmem(out, len, plain, len);
        g_assert_cmpmem(out_tag, record.tag_len, tag, record.tag_len);
    }
}

/* RFC 8448, section 3: the client's records 0 and 1 of a TLS 1.3 connection. */
static void test_records(void)
{
    static const char *const plain[] = {
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "202122232425262728292a2b2c2d2e2f3031" "17",
        "0100" "15",
    };
    static const char *const wire[] = {
        "1703030043" "a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b"
        "9819a8a5b46b395bd54a9a20441e2b62974e1f5a6292a2977014bd1e3deae63a"
        "eebb21694915e4",
        "1703030013" "c9872760655666b74d7ff1153efd6db6d0b0e3",
    };
    struct reference_key key = {
        .version = KTLSNIC_TLS_1_3,
        .cipher = KTLSNIC_CIPHER_AES_GCM_128,
    };
    struct engine *engine;

    from_hex(key.key, "17422dda596ed5d9acd890e3c63f5051");
    from_hex(key.iv, "5b78923dee08579033e523d9");
    engine = engine_for(&key);
    for (unsigned i = 0; i < G_N_ELEMENTS(wire); i++) {
        uint8_t payload[64], record[128], out[64];
        size_t len = from_hex(payload, plain[i]), parsed;

        g_assert_cmpuint(from_hex(record, wire[i]), ==, 5 + len + TAG);
        g_assert_true(engine_parse_header(engine, record, &parsed));
        g_assert_cmpuint(parsed, ==, len);
        engine_record_start(engine, record, i);
        engine_decrypt(engine, out, record + 5, len);
        g_assert_cmpmem(out, len, payload, len);
        g_assert_true(engine_verify(engine, record + 5 + len));
    }
    engine_free(engine);
}

/* ---- against the second library ---- */

/* One record, and the pieces in which it goes through the engine. */
struct record {
    struct reference_key key;
    uint64_t rec_num;
    size_t prefix_len, payload_len, total;
    uint8_t plain[FRAME_MAX], wire[FRAME_MAX];
};

static void record_make(struct record *r, struct reference_suite suite,
                        size_t data_len)
{
    g_autofree uint8_t *data = g_malloc(data_len + 1);

    reference_key_random(&r->key, suite);
    reference_random(&r->rec_num, sizeof(r->rec_num));
    reference_random(data, data_len);
    r->total = reference_record(&r->key, r->rec_num, 23, data, data_len,
                                r->plain, r->wire);
    r->prefix_len = reference_prefix(&r->key);
    r->payload_len = r->total - r->prefix_len - TAG;
}

/* Cuts 0..payload_len at each of the sorted positions. */
static void record_check(const struct record *r, struct engine *engine,
                         const size_t *cuts, unsigned count, bool in_place)
{
    g_autofree uint8_t *buf = g_malloc(r->payload_len + 1);
    const uint8_t *plain = r->plain + r->prefix_len;
    const uint8_t *wire = r->wire + r->prefix_len;
    uint8_t tag[TAG];
    size_t pos, end;

    engine_record_start(engine, r->plain, r->rec_num);
    memcpy(buf, plain, r->payload_len);
    pos = 0;
    for (unsigned i = 0; i <= count; i++, pos = end) {
        end = i < count ? cuts[i] : r->payload_len;
        engine_encrypt(engine, buf + pos, in_place ? buf + pos : plain + pos,
                       end - pos);
        /* every piece is complete at once */
        g_assert_cmpmem(buf, end, wire, end);
    }
    engine_tag(engine, tag);
    g_assert_cmpmem(tag, TAG, wire + r->payload_len, TAG);

    engine_record_start(engine, r->wire, r->rec_num);
    pos = 0;
    for (unsigned i = 0; i <= count; i++, pos = end) {
        end = i < count ? cuts[i] : r->payload_len;
        engine_decrypt(engine, buf + pos, in_place ? buf + pos : wire + pos,
                       end - pos);
        g_assert_cmpmem(buf, end, plain, end);
    }
    g_assert_true(engine_verify(engine, tag));
}

/* Around one block of AES, and around one of ChaCha20. */
static void test_every_split(void)
{
    g_autofree struct record *r = g_new(struct record, 1);

    for (size_t s = 0; s < REFERENCE_SUITES; s++) {
        for (size_t data_len = 0; data_len <= 67; data_len++) {
            struct engine *engine;
            size_t bytes[68], len;

            record_make(r, reference_suites[s], data_len);
            len = r->payload_len;
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
                     : g_test_rand_int_range(0, DATA_MAX + 1);
        record_make(r, reference_suites[n % REFERENCE_SUITES], len);
        for (unsigned i = 0; i < count; i++) {
            cuts[i] = g_test_rand_int_range(0, r->payload_len + 1);
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

        record_make(r, reference_suites[n % REFERENCE_SUITES], sizeof(junk));
        engine = engine_for(&r->key);
        engine_record_start(engine, r->plain, g_test_rand_int());
        engine_encrypt(engine, junk, r->plain + r->prefix_len, used);
        record_check(r, engine, NULL, 0, false);
        engine_free(engine);
    }
}

static bool opens(struct engine *engine, const struct record *r,
                  uint64_t rec_num)
{
    const uint8_t *payload = r->wire + r->prefix_len;
    uint8_t out[64];

    engine_record_start(engine, r->wire, rec_num);
    engine_decrypt(engine, out, payload, r->payload_len);
    return engine_verify(engine, payload + r->payload_len);
}

/* Any single bit that changes on the way is found. */
static void test_forged(void)
{
    g_autofree struct record *r = g_new(struct record, 1);

    for (size_t s = 0; s < REFERENCE_SUITES; s++) {
        struct engine *engine;

        record_make(r, reference_suites[s], 37);
        engine = engine_for(&r->key);
        for (size_t bit = 0; bit < 8 * r->total; bit++) {
            size_t byte = bit / 8;

            if (byte >= 1 && byte <= 4) {
                continue;           /* version, length: the parser's affair */
            }
            r->wire[byte] ^= 1 << bit % 8;
            g_assert_false(opens(engine, r, r->rec_num));
            r->wire[byte] ^= 1 << bit % 8;
        }
        for (unsigned bit = 0; bit < 64; bit++) {
            g_assert_false(opens(engine, r, r->rec_num ^ 1ULL << bit));
        }
        g_assert_true(opens(engine, r, r->rec_num));
        engine_free(engine);
    }
}

/* ---- headers and parameters ---- */

/* Lengths that the RFCs allow; see engine/format.c. */
static void check_header(struct reference_suite suite, unsigned min,
                         unsigned max)
{
    struct reference_key key;
    struct engine *engine;
    const struct engine_layout *layout;

    reference_key_random(&key, suite);
    engine = engine_for(&key);
    layout = engine_layout(engine);
    g_assert_cmpuint(layout->prefix_len, ==, reference_prefix(&key));
    g_assert_cmpuint(layout->tag_len, ==, TAG);

    for (unsigned length = 0; length <= 0xffff; length++) {
        uint8_t header[5] = { 23, 3, 3, length >> 8, length };
        size_t payload_len = 12345;
        bool valid = engine_parse_header(engine, header, &payload_len);

        g_assert_cmpint(valid, ==, length >= min && length <= max);
        g_assert_cmpuint(payload_len, ==, !valid ? 12345 :
                         length - (layout->prefix_len - 5) - TAG);
    }
    for (unsigned version = 0; version <= 0xffff; version++) {
        uint8_t header[5] = { version, version >> 8, version, 0, 100 };
        size_t payload_len;

        g_assert_cmpint(engine_parse_header(engine, header, &payload_len), ==,
                        version == 0x0303);
    }
    engine_free(engine);
}

static void test_header(void)
{
    check_header(SUITE(1_2, AES_GCM_128), 24, 16384 + 24);
    check_header(SUITE(1_2, AES_GCM_256), 24, 16384 + 24);
    check_header(SUITE(1_2, AES_CCM_128), 24, 16384 + 24);
    check_header(SUITE(1_2, CHACHA20_POLY1305), 16, 16384 + 16);
    check_header(SUITE(1_3, AES_GCM_128), 17, 16384 + 256);
    check_header(SUITE(1_3, AES_GCM_256), 17, 16384 + 256);
    check_header(SUITE(1_3, AES_CCM_128), 17, 16384 + 256);
    check_header(SUITE(1_3, CHACHA20_POLY1305), 17, 16384 + 256);
}

static void test_supported(void)
{
    for (unsigned version = 0; version < 5; version++) {
        for (unsigned cipher = 0; cipher < 300; cipher++) {
            bool expected = version <= KTLSNIC_TLS_1_3 &&
                            cipher <= KTLSNIC_CIPHER_CHACHA20_POLY1305;
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
    for (size_t s = 0; s < REFERENCE_SUITES; s++) {
        struct reference_key key;
        struct engine *engine;

        reference_key_random(&key, reference_suites[s]);
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

/* The running state of ChaCha20 holds the key; so do copies of it. */
static void test_wipe_state(void)
{
    g_autofree struct record *r = g_new(struct record, 1);
    struct engine *engine;
    uint8_t out[3];

    record_make(r, SUITE(1_3, CHACHA20_POLY1305), 100);
    engine = engine_for(&r->key);
    engine_record_start(engine, r->plain, r->rec_num);
    wipe_secret = r->key.key;
    wipe_seen = false;
    engine_encrypt(engine, out, r->plain + r->prefix_len, sizeof(out));
    g_assert_true(wipe_seen);
    wipe_secret = NULL;
    engine_free(engine);
}

/* ---- speed: with -m perf ---- */

static void speed(const char *what, struct reference_suite suite,
                  size_t piece, size_t offset)
{
    g_autofree struct record *r = g_new(struct record, 1);
    struct engine *engine;
    uint8_t tag[TAG];
    uint64_t bytes = 0;
    double seconds;

    record_make(r, suite, DATA_MAX);
    engine = engine_for(&r->key);
    g_test_timer_start();
    do {
        for (unsigned i = 0; i < 2000; i++) {
            size_t pos = 0;
            size_t take = offset;

            engine_record_start(engine, r->plain, r->rec_num);
            while (pos < r->payload_len) {
                take = MIN(take, r->payload_len - pos);
                engine_encrypt(engine, r->wire + pos, r->wire + pos, take);
                pos += take;
                take = piece;
            }
            engine_tag(engine, tag);
            bytes += r->payload_len;
        }
        seconds = g_test_timer_elapsed();
    } while (seconds < 1);
    g_test_maximized_result(bytes / seconds / 1e9, "%s %5zu-byte pieces: "
                            "%.2f GB/s", what, piece, bytes / seconds / 1e9);
    engine_free(engine);
}

static void test_speed(void)
{
    static const char *const names[] = {
        "AES-128-GCM", "AES-256-GCM", "AES-128-CCM", "ChaCha20-Poly1305",
    };
    static const size_t pieces[] = { 100, 1440, 1448, 8948, 16384 };

    for (size_t i = 0; i < G_N_ELEMENTS(pieces); i++) {
        for (size_t c = 0; c < G_N_ELEMENTS(names); c++) {
            speed(names[c], reference_suites[c], pieces[i],
                  pieces[i] - (pieces[i] < DATA_MAX ? 13 : 0));
        }
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/engine/vectors", test_vectors);
    g_test_add_func("/engine/records", test_records);
    g_test_add_func("/engine/every-split", test_every_split);
    g_test_add_func("/engine/random-splits", test_random_splits);
    g_test_add_func("/engine/abandon", test_abandon);
    g_test_add_func("/engine/forged", test_forged);
    g_test_add_func("/engine/header", test_header);
    g_test_add_func("/engine/supported", test_supported);
    g_test_add_func("/engine/wipe", test_wipe);
    g_test_add_func("/engine/wipe-state", test_wipe_state);
    if (g_test_perf()) {
        g_test_add_func("/engine/speed", test_speed);
    }
    return g_test_run();
}
