// SPDX-License-Identifier: GPL-2.0-only
/* How a record looks: header, nonce, additional data. */

#include <linux/string.h>
#include <linux/unaligned.h>

#include "record.h"

/**
 * ktls_format_init() - how records of this version and cipher look
 * @format: filled in
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher: the cipher
 */
void ktls_format_init(struct ktls_format *format, u16 version,
		      const struct ktls_cipher *cipher)
{
	bool tls13 = version == TLS_1_3_VERSION;

	format->cipher = cipher;
	format->version = version;
	format->explicit_iv = !tls13 && cipher->explicit_iv ? KTLS_EXPLICIT_IV_SIZE : 0;
	format->prepend = TLS_HEADER_SIZE + format->explicit_iv;
	format->tail = tls13;
	format->aad = tls13 ? TLS_HEADER_SIZE : TLS_AAD_SPACE_SIZE;
	format->overhead = format->prepend + format->tail + TLS_TAG_SIZE;
}

/**
 * ktls_format_prot_info() - say the same in the words of <net/tls.h>
 * @format: how records look
 * @prot: filled in, for drivers and others that read it
 */
void ktls_format_prot_info(const struct ktls_format *format,
			   struct tls_prot_info *prot)
{
	prot->version = format->version;
	prot->cipher_type = format->cipher->type;
	prot->prepend_size = format->prepend;
	prot->tag_size = TLS_TAG_SIZE;
	prot->overhead_size = format->overhead;
	prot->iv_size = format->cipher->iv;
	prot->salt_size = format->cipher->salt;
	prot->rec_seq_size = TLS_MAX_REC_SEQ_SIZE;
	prot->aad_size = format->aad;
	prot->tail_size = format->tail;
}

/**
 * ktls_number_init() - begin at the record that a key was given for
 * @number: set
 * @format: how records look
 * @info: key, IV and number, from user space
 */
void ktls_number_init(struct ktls_number *number,
		      const struct ktls_format *format,
		      struct tls_crypto_info *info)
{
	const struct ktls_cipher *cipher = format->cipher;

	memcpy(number->nonce, ktls_info_salt(cipher, info), cipher->salt);
	memcpy(number->nonce + cipher->salt, ktls_info_iv(cipher, info), cipher->iv);
	number->seq = get_unaligned_be64(ktls_info_seq(cipher, info));
	number->explicit_iv = 0;
	if (format->explicit_iv)
		number->explicit_iv = get_unaligned_be64(ktls_info_iv(cipher, info));
	number->used_up = false;
}

/**
 * ktls_number_advance() - go on to the next record
 * @number: of a record that is done
 */
void ktls_number_advance(struct ktls_number *number)
{
	number->explicit_iv++;
	if (++number->seq == 0)
		number->used_up = true;
}

/**
 * ktls_number_store() - write number and IV where user space expects them
 * @number: where a direction stands
 * @format: how records look
 * @info: gets them
 */
void ktls_number_store(const struct ktls_number *number,
		       const struct ktls_format *format,
		       struct tls_crypto_info *info)
{
	put_unaligned_be64(number->seq, ktls_info_seq(format->cipher, info));
	if (format->explicit_iv)
		put_unaligned_be64(number->explicit_iv,
				   ktls_info_iv(format->cipher, info));
}

static void put_header(u8 *out, u8 type, unsigned int length)
{
	out[0] = type;
	put_unaligned_be16(TLS_1_2_VERSION, out + 1);
	put_unaligned_be16(length, out + 3);
}

/* TLS 1.3 hides the type of a record and calls each application data. */
static u8 outer_type(const struct ktls_format *format, u8 type)
{
	return format->version == TLS_1_3_VERSION ? TLS_RECORD_TYPE_DATA : type;
}

/**
 * ktls_record_header() - write what comes before the payload
 * @format: how records look
 * @number: of the record
 * @type: its content type
 * @payload: bytes of payload
 * @out: @format->prepend bytes
 */
void ktls_record_header(const struct ktls_format *format,
			const struct ktls_number *number, u8 type,
			unsigned int payload, u8 *out)
{
	put_header(out, outer_type(format, type),
		   payload + format->overhead - TLS_HEADER_SIZE);
	if (format->explicit_iv)
		put_unaligned_be64(number->explicit_iv, out + TLS_HEADER_SIZE);
}

/**
 * ktls_record_aad() - write a record's additional data
 * @format: how records look
 * @seq: its number
 * @type: its content type
 * @payload: bytes of payload
 * @aad: @format->aad bytes
 *
 * In TLS 1.3 that is the header as it is on the wire, in 1.2 it is the number and
 * a header with the payload's length.
 */
void ktls_record_aad(const struct ktls_format *format, u64 seq, u8 type,
		     unsigned int payload, u8 *aad)
{
	if (format->version == TLS_1_3_VERSION) {
		put_header(aad, TLS_RECORD_TYPE_DATA,
			   payload + format->tail + TLS_TAG_SIZE);
		return;
	}
	put_unaligned_be64(seq, aad);
	put_header(aad + sizeof(seq), type, payload);
}

/**
 * ktls_record_iv() - the IV as the crypto API wants it
 * @format: how records look
 * @nonce: salt and IV that came with the key
 * @seq: the record's number
 * @explicit_iv: the IV in the record, where the format has one
 * @iv: %KTLS_AEAD_IV_SIZE bytes
 */
void ktls_record_iv(const struct ktls_format *format, const u8 *nonce, u64 seq,
		    const u8 *explicit_iv, u8 *iv)
{
	const struct ktls_cipher *cipher = format->cipher;

	memset(iv, 0, KTLS_AEAD_IV_SIZE);
	if (cipher->ccm)
		*iv++ = 2;	/* the length of a message is counted in 3 bytes */
	memcpy(iv, nonce, KTLS_NONCE_SIZE);
	if (format->explicit_iv)
		memcpy(iv + cipher->salt, explicit_iv, format->explicit_iv);
	else
		put_unaligned_be64(get_unaligned_be64(iv + 4) ^ seq, iv + 4);
}

/**
 * ktls_record_length() - the length of a record, from its header
 * @format: how records look
 * @header: %TLS_HEADER_SIZE bytes
 *
 * Return: all bytes of the record, header included, or what is wrong with it.
 */
int ktls_record_length(const struct ktls_format *format, const u8 *header)
{
	unsigned int body = get_unaligned_be16(header + 3);
	unsigned int least = format->explicit_iv + format->tail + TLS_TAG_SIZE;

	if (body > TLS_MAX_PAYLOAD_SIZE + least)
		return -EMSGSIZE;
	if (body < least)
		return -EBADMSG;
	if (get_unaligned_be16(header + 1) != TLS_1_2_VERSION)
		return -EINVAL;
	return TLS_HEADER_SIZE + body;
}
