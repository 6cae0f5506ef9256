// SPDX-License-Identifier: GPL-2.0-only
/* The ciphers that kTLS knows. */

#include <linux/build_bug.h>
#include <linux/stddef.h>

#include "cipher.h"

#define AES_GCM_LIMIT	23726566	/* 2^24.5 */

/* Sizes and places come from the struct that the user fills. */
#define KTLS_CIPHER(_type, _info, _alg, ...) {				\
	.alg = (_alg),							\
	.type = (_type),						\
	.key = sizeof_field(_info, key),				\
	.salt = sizeof_field(_info, salt),				\
	.iv = sizeof_field(_info, iv),					\
	.info_size = sizeof(_info),					\
	.key_offset = offsetof(_info, key),				\
	.salt_offset = offsetof(_info, salt),				\
	.iv_offset = offsetof(_info, iv),				\
	.seq_offset = offsetof(_info, rec_seq),				\
	__VA_ARGS__							\
}

static const struct ktls_cipher ciphers[] = {
	KTLS_CIPHER(TLS_CIPHER_AES_GCM_128, struct tls12_crypto_info_aes_gcm_128,
		    "gcm(aes)", .explicit_iv = true, .tls13 = true,
		    .offloadable = true, .limit = AES_GCM_LIMIT),
	KTLS_CIPHER(TLS_CIPHER_AES_GCM_256, struct tls12_crypto_info_aes_gcm_256,
		    "gcm(aes)", .explicit_iv = true, .tls13 = true,
		    .offloadable = true, .limit = AES_GCM_LIMIT),
	KTLS_CIPHER(TLS_CIPHER_AES_CCM_128, struct tls12_crypto_info_aes_ccm_128,
		    "ccm(aes)", .explicit_iv = true, .tls13 = true, .ccm = true,
		    .offloadable = true),
	KTLS_CIPHER(TLS_CIPHER_CHACHA20_POLY1305, struct tls12_crypto_info_chacha20_poly1305,
		    "rfc7539(chacha20,poly1305)", .tls13 = true,
		    .offloadable = true),
	KTLS_CIPHER(TLS_CIPHER_SM4_GCM, struct tls12_crypto_info_sm4_gcm,
		    "gcm(sm4)", .explicit_iv = true, .tls13 = true),
	KTLS_CIPHER(TLS_CIPHER_SM4_CCM, struct tls12_crypto_info_sm4_ccm,
		    "ccm(sm4)", .explicit_iv = true, .tls13 = true, .ccm = true),
	KTLS_CIPHER(TLS_CIPHER_ARIA_GCM_128, struct tls12_crypto_info_aria_gcm_128,
		    "gcm(aria)", .explicit_iv = true),
	KTLS_CIPHER(TLS_CIPHER_ARIA_GCM_256, struct tls12_crypto_info_aria_gcm_256,
		    "gcm(aria)", .explicit_iv = true),
};

const struct ktls_cipher *ktls_cipher_find(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ciphers); i++)
		if (ciphers[i].type == type)
			return &ciphers[i];
	return NULL;
}
