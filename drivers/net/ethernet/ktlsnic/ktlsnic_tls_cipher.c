// SPDX-License-Identifier: GPL-2.0-only
/* What kTLS calls a cipher, and what the device calls it. */

#include <linux/siphash.h>
#include <linux/string.h>
#include <uapi/linux/tls.h>

#include "ktlsnic_tls_priv.h"

/**
 * struct ktlsnic_tls_cipher_desc - where kTLS keeps what a cipher needs
 * @type: TLS_CIPHER_*
 * @hw: enum ktlsnic_tls_cipher
 * @key_off: offset of the key in the cipher's struct tls12_crypto_info_*
 * @key_len: its length
 * @salt_off: offset of the salt
 * @salt_len: its length
 * @iv_off: offset of the IV
 * @iv_len: its length
 * @rec_seq_off: offset of the record number, 8 bytes, big-endian
 * @rx: the core gets records right of which the device decrypted only a part:
 *	it does so for AES-GCM in all kernels, and spoils those of ciphers
 *	without an explicit nonce
 */
struct ktlsnic_tls_cipher_desc {
	u16 type;
	u8 hw;
	u8 key_off;
	u8 key_len;
	u8 salt_off;
	u8 salt_len;
	u8 iv_off;
	u8 iv_len;
	u8 rec_seq_off;
	bool rx;
};

#define KTLSNIC_TLS_CIPHER(NAME, name, hw_id, rx_ok) {			\
	.type		= TLS_CIPHER_##NAME,				\
	.hw		= hw_id,					\
	.key_off	= offsetof(struct tls12_crypto_info_##name, key), \
	.key_len	= TLS_CIPHER_##NAME##_KEY_SIZE,			\
	.salt_off	= offsetof(struct tls12_crypto_info_##name, salt), \
	.salt_len	= TLS_CIPHER_##NAME##_SALT_SIZE,		\
	.iv_off		= offsetof(struct tls12_crypto_info_##name, iv), \
	.iv_len		= TLS_CIPHER_##NAME##_IV_SIZE,			\
	.rec_seq_off	= offsetof(struct tls12_crypto_info_##name, rec_seq), \
	.rx		= rx_ok,					\
}

/* The one place to add a cipher to. */
static const struct ktlsnic_tls_cipher_desc ktlsnic_tls_ciphers[] = {
	KTLSNIC_TLS_CIPHER(AES_GCM_128, aes_gcm_128,
			   KTLSNIC_CIPHER_AES_GCM_128, true),
	KTLSNIC_TLS_CIPHER(AES_GCM_256, aes_gcm_256,
			   KTLSNIC_CIPHER_AES_GCM_256, true),
	KTLSNIC_TLS_CIPHER(AES_CCM_128, aes_ccm_128,
			   KTLSNIC_CIPHER_AES_CCM_128, false),
	KTLSNIC_TLS_CIPHER(CHACHA20_POLY1305, chacha20_poly1305,
			   KTLSNIC_CIPHER_CHACHA20_POLY1305, false),
};

static const struct {
	u16 version;
	u8 hw;
} ktlsnic_tls_versions[] = {
	{ TLS_1_2_VERSION, KTLSNIC_TLS_1_2 },
	{ TLS_1_3_VERSION, KTLSNIC_TLS_1_3 },
};

static const struct ktlsnic_tls_cipher_desc *ktlsnic_tls_cipher_find(u16 type)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_tls_ciphers); i++)
		if (ktlsnic_tls_ciphers[i].type == type)
			return &ktlsnic_tls_ciphers[i];
	return NULL;
}

static int ktlsnic_tls_version_find(u16 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_tls_versions); i++)
		if (ktlsnic_tls_versions[i].version == version)
			return ktlsnic_tls_versions[i].hw;
	return -1;
}

/**
 * ktlsnic_tls_cipher_supported() - can the device send this?
 * @nic: the device
 * @info: version and cipher
 *
 * Return: true if both driver and device know the pair.
 */
bool ktlsnic_tls_cipher_supported(struct ktlsnic_nic *nic,
				  const struct tls_crypto_info *info)
{
	const struct ktlsnic_tls_cipher_desc *desc;
	int version;

	desc = ktlsnic_tls_cipher_find(info->cipher_type);
	version = ktlsnic_tls_version_find(info->version);
	return desc && version >= 0 &&
	       ktlsnic_tls_hw_tx_supports(nic, version, desc->hw);
}

/**
 * ktlsnic_tls_ciphers_any() - can the device send anything at all?
 * @nic: the device
 *
 * Return: true if there is a pair of version and cipher that both know.
 */
bool ktlsnic_tls_ciphers_any(struct ktlsnic_nic *nic)
{
	unsigned int v, c;

	for (v = 0; v < ARRAY_SIZE(ktlsnic_tls_versions); v++)
		for (c = 0; c < ARRAY_SIZE(ktlsnic_tls_ciphers); c++)
			if (ktlsnic_tls_hw_tx_supports(nic,
						       ktlsnic_tls_versions[v].hw,
						       ktlsnic_tls_ciphers[c].hw))
				return true;
	return false;
}

/**
 * ktlsnic_tls_cipher_rx_supported() - can the device receive this?
 * @nic: the device
 * @info: version and cipher
 *
 * The core asks this of the driver, whatever version and cipher it has.
 *
 * Return: true if core, driver and device know the pair.
 */
bool ktlsnic_tls_cipher_rx_supported(struct ktlsnic_nic *nic,
				     const struct tls_crypto_info *info)
{
	const struct ktlsnic_tls_cipher_desc *desc;
	int version;

	desc = ktlsnic_tls_cipher_find(info->cipher_type);
	version = ktlsnic_tls_version_find(info->version);
	return desc && desc->rx && version >= 0 &&
	       ktlsnic_tls_hw_rx_supports(nic, version, desc->hw);
}

/**
 * ktlsnic_tls_ciphers_rx_any() - can the device receive anything at all?
 * @nic: the device
 *
 * Return: true if there is a pair of version and cipher that all know.
 */
bool ktlsnic_tls_ciphers_rx_any(struct ktlsnic_nic *nic)
{
	unsigned int v, c;

	for (v = 0; v < ARRAY_SIZE(ktlsnic_tls_versions); v++)
		for (c = 0; c < ARRAY_SIZE(ktlsnic_tls_ciphers); c++)
			if (ktlsnic_tls_ciphers[c].rx &&
			    ktlsnic_tls_hw_rx_supports(nic,
						       ktlsnic_tls_versions[v].hw,
						       ktlsnic_tls_ciphers[c].hw))
				return true;
	return false;
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
	keys->version = ktlsnic_tls_version_find(info->version);
	keys->cipher = desc->hw;
	memcpy(keys->key, bytes + desc->key_off, desc->key_len);
	memcpy(keys->iv, bytes + desc->salt_off, desc->salt_len);
	memcpy(keys->iv + desc->salt_len, bytes + desc->iv_off, desc->iv_len);
	keys->rec_num = get_unaligned_be64(bytes + desc->rec_seq_off);
}
