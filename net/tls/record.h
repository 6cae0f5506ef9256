/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How a record looks, for each version and cipher: the one place that knows it,
 * for software, the device half and its fallback alike. Nothing here knows
 * sockets.
 */
#ifndef KTLS_RECORD_H
#define KTLS_RECORD_H

#include <linux/types.h>
#include <net/tls.h>
#include <net/tls_prot.h>

#include "cipher.h"

#define KTLS_NONCE_SIZE		12	/* of every cipher: salt and IV */
#define KTLS_AEAD_IV_SIZE	16	/* what the crypto API may want at most */
#define KTLS_EXPLICIT_IV_SIZE	8
#define KTLS_PREPEND_MAX	(TLS_HEADER_SIZE + KTLS_EXPLICIT_IV_SIZE)

/**
 * struct ktls_format - the shape of records
 * @cipher: with which they are encrypted
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @prepend: bytes before the payload: header, and explicit IV if there is one
 * @explicit_iv: bytes of that IV
 * @tail: bytes of encrypted content type behind the payload
 * @aad: bytes of additional data
 * @overhead: all bytes of a record that are not payload
 */
struct ktls_format {
	const struct ktls_cipher *cipher;
	u16 version;
	u8 prepend;
	u8 explicit_iv;
	u8 tail;
	u8 aad;
	u8 overhead;
};

/**
 * struct ktls_number - where one direction stands
 * @seq: number of the record that comes next
 * @explicit_iv: the IV that will be sent with it, where one is
 * @nonce: salt and IV as they came with the key
 * @used_up: all numbers are used; there is no next record
 */
struct ktls_number {
	u64 seq;
	u64 explicit_iv;
	u8 nonce[KTLS_NONCE_SIZE];
	bool used_up;
};

void ktls_format_init(struct ktls_format *format, u16 version,
		      const struct ktls_cipher *cipher);
void ktls_format_prot_info(const struct ktls_format *format,
			   struct tls_prot_info *prot);

void ktls_number_init(struct ktls_number *number,
		      const struct ktls_format *format,
		      struct tls_crypto_info *info);
void ktls_number_advance(struct ktls_number *number);
void ktls_number_store(const struct ktls_number *number,
		       const struct ktls_format *format,
		       struct tls_crypto_info *info);

void ktls_record_header(const struct ktls_format *format,
			const struct ktls_number *number, u8 type,
			unsigned int payload, u8 *out);
void ktls_record_aad(const struct ktls_format *format, u64 seq, u8 type,
		     unsigned int payload, u8 *aad);
void ktls_record_iv(const struct ktls_format *format, const u8 *nonce, u64 seq,
		    const u8 *explicit_iv, u8 *iv);
int ktls_record_length(const struct ktls_format *format, const u8 *header);

/*
 * Is there a number for one more record to send? Nothing is sent with the last one:
 * that is when the kernel's module ends a connection.
 */
static inline bool ktls_number_left(const struct ktls_number *number)
{
	return !number->used_up && number->seq != U64_MAX;
}

/* Bytes of payload in a record of this length, padding included. */
static inline unsigned int ktls_payload(const struct ktls_format *format,
					unsigned int length)
{
	return length - format->overhead;
}

#endif
