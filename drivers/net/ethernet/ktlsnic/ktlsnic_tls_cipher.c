// SPDX-License-Identifier: GPL-2.0-only
/* Versions and ciphers: which of them can be offloaded, and where kTLS keeps keys. */

#include <linux/siphash.h>
#include <linux/string.h>
#include <uapi/linux/tls.h>

#include "ktlsnic_tls_compat.h"
#include "ktlsnic_tls_priv.h"

/**
 * struct ktlsnic_tls_cipher_desc - where kTLS keeps what a cipher needs
 * @type: TLS_CIPHER_*
 * @key_off: offset of the key in the cipher's struct tls12_crypto_info_*
 * @key_len: its length
 * @salt_off: offset of the salt
 * @salt_len: its length
 * @iv_off: offset of the IV
 * @iv_len: its length
 * @rec_seq_off: offset of the record number, 8 bytes, big-endian
 * @mixed: every core of kTLS makes whole records in TLS 1.2 of what the device
 *	decrypted a part of
 */
struct ktlsnic_tls_cipher_desc {
	u16 type;
	u8 key_off;
	u8 key_len;
	u8 salt_off;
	u8 salt_len;
	u8 iv_off;
	u8 iv_len;
	u8 rec_seq_off;
	bool mixed;
};

#define KTLSNIC_TLS_CIPHER(NAME, name, mixed_ok) {			\
	.type		= TLS_CIPHER_##NAME,				\
	.key_off	= offsetof(struct tls12_crypto_info_##name, key), \
	.key_len	= TLS_CIPHER_##NAME##_KEY_SIZE,			\
	.salt_off	= offsetof(struct tls12_crypto_info_##name, salt), \
	.salt_len	= TLS_CIPHER_##NAME##_SALT_SIZE,		\
	.iv_off		= offsetof(struct tls12_crypto_info_##name, iv), \
	.iv_len		= TLS_CIPHER_##NAME##_IV_SIZE,			\
	.rec_seq_off	= offsetof(struct tls12_crypto_info_##name, rec_seq), \
	.mixed		= mixed_ok,					\
}

/* The one place to add a cipher to. */
static const struct ktlsnic_tls_cipher_desc ktlsnic_tls_ciphers[] = {
	KTLSNIC_TLS_CIPHER(AES_GCM_128, aes_gcm_128, true),
	KTLSNIC_TLS_CIPHER(AES_GCM_256, aes_gcm_256, true),
	KTLSNIC_TLS_CIPHER(AES_CCM_128, aes_ccm_128, false),
	KTLSNIC_TLS_CIPHER(CHACHA20_POLY1305, chacha20_poly1305, false),
};

static const u16 ktlsnic_tls_versions[] = {
	TLS_1_2_VERSION, TLS_1_3_VERSION,
};

static const struct ktlsnic_tls_cipher_desc *ktlsnic_tls_cipher_find(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_tls_ciphers); i++)
		if (ktlsnic_tls_ciphers[i].type == type)
			return &ktlsnic_tls_ciphers[i];
	return NULL;
}

/* The bit of a pair in a set of them, or 0. */
static u32 ktlsnic_tls_cipher_bit(u16 version, u16 cipher)
{
	const struct ktlsnic_tls_cipher_desc *desc;
	unsigned int v;

	desc = ktlsnic_tls_cipher_find(cipher);
	for (v = 0; desc && v < ARRAY_SIZE(ktlsnic_tls_versions); v++)
		if (ktlsnic_tls_versions[v] == version)
			return BIT(v * ARRAY_SIZE(ktlsnic_tls_ciphers) +
				   (desc - ktlsnic_tls_ciphers));
	return 0;
}

/* A core that asks for TLS 1.3 copes with whatever the device decrypts. */
static bool ktlsnic_tls_core_copes(u16 version,
				   const struct ktlsnic_tls_cipher_desc *desc)
{
	return desc->mixed || version == TLS_1_3_VERSION ||
	       ktlsnic_core_mixes_records();
}

/**
 * ktlsnic_tls_ciphers_probe() - which pairs of version and cipher can be offloaded?
 * @nic: the device
 * @direction: sending or receiving
 *
 * The core asks the driver about whatever it has itself on receiving.
 *
 * Return: the set of those that core, driver and device know, for
 * ktlsnic_tls_cipher_supported().
 */
u32 ktlsnic_tls_ciphers_probe(struct ktlsnic_nic *nic,
			      enum tls_offload_ctx_dir direction)
{
	unsigned int v, c;
	u32 set = 0;

	for (v = 0; v < ARRAY_SIZE(ktlsnic_tls_versions); v++) {
		u16 version = ktlsnic_tls_versions[v];

		for (c = 0; c < ARRAY_SIZE(ktlsnic_tls_ciphers); c++) {
			u16 type = ktlsnic_tls_ciphers[c].type;

			if (direction == TLS_OFFLOAD_CTX_DIR_RX &&
			    !ktlsnic_tls_core_copes(version,
						    &ktlsnic_tls_ciphers[c]))
				continue;
			if (ktlsnic_tls_hw_supports(nic, direction, version,
						    type))
				set |= ktlsnic_tls_cipher_bit(version, type);
		}
	}
	return set;
}

/**
 * ktlsnic_tls_cipher_supported() - is a connection's pair one of these?
 * @set: what ktlsnic_tls_ciphers_probe() found
 * @info: version and cipher
 *
 * Return: true if it is.
 */
bool ktlsnic_tls_cipher_supported(u32 set, const struct tls_crypto_info *info)
{
	return set & ktlsnic_tls_cipher_bit(info->version, info->cipher_type);
}

/**
 * ktlsnic_tls_first_num() - the number of a connection's first record
 * @info: of a supported version and cipher
 *
 * Return: the number. The core's own copy of @info may get a later one.
 */
u64 ktlsnic_tls_first_num(const struct tls_crypto_info *info)
{
	const struct ktlsnic_tls_cipher_desc *desc;

	desc = ktlsnic_tls_cipher_find(info->cipher_type);
	return get_unaligned_be64((const u8 *)info + desc->rec_seq_off);
}

/**
 * ktlsnic_tls_key_id() - what tells a key from another, and nothing of the key
 * @info: of a supported version and cipher
 *
 * Return: a keyed hash, which differs from boot to boot.
 */
u64 ktlsnic_tls_key_id(const struct tls_crypto_info *info)
{
	static siphash_key_t secret __read_mostly;
	const struct ktlsnic_tls_cipher_desc *desc;

	desc = ktlsnic_tls_cipher_find(info->cipher_type);
	if (!desc)
		return 0;
	net_get_random_once(&secret, sizeof(secret));
	return siphash((const u8 *)info + desc->key_off, desc->key_len, &secret);
}

/**
 * ktlsnic_tls_keys_fill() - take a connection's keys for the device
 * @keys: filled in; the caller wipes it
 * @info: of a supported version and cipher
 */
void ktlsnic_tls_keys_fill(struct ktlsnic_tls_keys *keys,
			   const struct tls_crypto_info *info)
{
	const struct ktlsnic_tls_cipher_desc *desc;
	const u8 *bytes = (const u8 *)info;

	desc = ktlsnic_tls_cipher_find(info->cipher_type);
	memset(keys, 0, sizeof(*keys));
	keys->version = info->version;
	keys->cipher = info->cipher_type;
	memcpy(keys->key, bytes + desc->key_off, desc->key_len);
	memcpy(keys->iv, bytes + desc->salt_off, desc->salt_len);
	memcpy(keys->iv + desc->salt_len, bytes + desc->iv_off, desc->iv_len);
	keys->rec_num = get_unaligned_be64(bytes + desc->rec_seq_off);
}
