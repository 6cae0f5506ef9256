/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTLS_CIPHER_H
#define KTLS_CIPHER_H

#include <linux/types.h>
#include <net/tls.h>

/**
 * struct ktls_cipher - what sets one cipher apart from the others
 * @alg: its name in the crypto API
 * @type: TLS_CIPHER_... of the user's interface
 * @key: length of the key
 * @salt: length of the part of the nonce that is never sent
 * @iv: length of the rest of the nonce
 * @explicit_iv: TLS 1.2 sends @iv with each record
 * @ccm: the crypto API wants a byte before the nonce, and counts in 16 bytes
 * @tls13: there is a suite of TLS 1.3 with it
 * @offloadable: a device may be asked whether it can do it
 * @limit: full records that a key is good for, 0 for more than there are numbers
 * @info_size: size of the struct that brings its keys from user space
 * @key_offset: where the key is in that struct
 * @salt_offset: the salt
 * @iv_offset: the IV
 * @seq_offset: the record number
 */
struct ktls_cipher {
	const char *alg;
	u16 type;
	u8 key;
	u8 salt;
	u8 iv;
	bool explicit_iv;
	bool ccm;
	bool tls13;
	bool offloadable;
	u32 limit;
	u8 info_size;
	u8 key_offset;
	u8 salt_offset;
	u8 iv_offset;
	u8 seq_offset;
};

/* The cipher of this TLS_CIPHER_ number, or NULL. */
const struct ktls_cipher *ktls_cipher_find(u16 type);

static inline u8 *ktls_info_key(const struct ktls_cipher *cipher,
				struct tls_crypto_info *info)
{
	return (u8 *)info + cipher->key_offset;
}

static inline u8 *ktls_info_salt(const struct ktls_cipher *cipher,
				 struct tls_crypto_info *info)
{
	return (u8 *)info + cipher->salt_offset;
}

static inline u8 *ktls_info_iv(const struct ktls_cipher *cipher,
			       struct tls_crypto_info *info)
{
	return (u8 *)info + cipher->iv_offset;
}

static inline u8 *ktls_info_seq(const struct ktls_cipher *cipher,
				struct tls_crypto_info *info)
{
	return (u8 *)info + cipher->seq_offset;
}

#endif
