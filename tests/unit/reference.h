/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the model is compared with: TLS records made in one go by OpenSSL's
 * libcrypto, from the text of the RFCs and without a line of the model.
 */
#ifndef TESTS_UNIT_REFERENCE_H
#define TESTS_UNIT_REFERENCE_H

#include <glib.h>
#include <stdbool.h>
#include <stdint.h>
#include <linux/types.h>

#include "ktlsnic_hw.h"

#define REFERENCE_OVERHEAD_MAX (5 + 8 + 16)
#define REFERENCE_TAG           16

/* A version and a cipher, for instance SUITE(1_2, AES_GCM_128). */
struct reference_suite {
    enum ktlsnic_tls_version version;
    enum ktlsnic_tls_cipher cipher;
};

#define SUITE(v, c) \
    ((struct reference_suite) { KTLSNIC_TLS_##v, KTLSNIC_CIPHER_##c })
#define REFERENCE_SUITES    8

/* All that there are. */
extern const struct reference_suite reference_suites[REFERENCE_SUITES];

struct reference_key {
    enum ktlsnic_tls_version version;
    enum ktlsnic_tls_cipher cipher;
    uint8_t iv[KTLSNIC_TLS_IV_SIZE];
    uint8_t key[KTLSNIC_TLS_KEY_MAX];
};

/* A run of records: as the host frames them, and as they go on the wire. */
struct reference_stream {
    GByteArray *plain;
    GByteArray *wire;
    GArray *starts;         /* size_t: where each record begins, and the end */
    uint64_t rec_num;       /* of the first record */
};

void reference_random(void *buf, size_t len);

/* Random key and IV. The unused end of the key is zero. */
void reference_key_random(struct reference_key *key,
                          struct reference_suite suite);

/* Length of what is in front of the payload. */
size_t reference_prefix(const struct reference_key *key);

/*
 * Protects a payload, what TLS 1.3 encrypts beside the data included, under the
 * prefix in front of which it stands: ciphertext and tag go to dst.
 */
void reference_seal(const struct reference_key *key, uint64_t rec_num,
                    const uint8_t *prefix, const uint8_t *payload, size_t len,
                    uint8_t *dst);

/*
 * Makes one record of len bytes of data: its framed plaintext, whose tag
 * placeholder is random, and its wire image. TLS 1.3: type is the inner one.
 * Returns the length of each.
 */
size_t reference_record(const struct reference_key *key, uint64_t rec_num,
                        uint8_t type, const uint8_t *data, size_t len,
                        uint8_t *plain, uint8_t *wire);

/* count records with random data of the given lengths, none of them a KeyUpdate
 * of TLS 1.3. */
struct reference_stream *reference_stream_new(const struct reference_key *key,
                                              uint64_t rec_num,
                                              const size_t *lengths,
                                              unsigned count);
void reference_stream_free(struct reference_stream *stream);

/* Where record i of the stream begins; i = count gives its end. */
size_t reference_stream_start(const struct reference_stream *stream,
                              unsigned i);

#endif
