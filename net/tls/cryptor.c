// SPDX-License-Identifier: GPL-2.0-only
/* Ciphers with keys; records as lists of pieces of memory. */

#include <linux/err.h>

#include "cryptor.h"

#define MAX_DEPTH	8	/* of packets in packets */

static struct crypto_aead *alloc(const struct ktls_format *format,
				 struct tls_crypto_info *info, u32 without)
{
	const struct ktls_cipher *cipher = format->cipher;
	struct crypto_aead *aead;
	int err;

	aead = crypto_alloc_aead(cipher->alg, 0, without);
	if (IS_ERR(aead))
		return aead;
	err = crypto_aead_setkey(aead, ktls_info_key(cipher, info), cipher->key);
	if (!err)
		err = crypto_aead_setauthsize(aead, TLS_TAG_SIZE);
	if (err) {
		crypto_free_aead(aead);
		return ERR_PTR(err);
	}
	return aead;
}

/**
 * ktls_aead_alloc() - a cipher with its key
 * @format: how records look
 * @info: with the key
 *
 * Return: the cipher or an error.
 */
struct crypto_aead *ktls_aead_alloc(const struct ktls_format *format,
				    struct tls_crypto_info *info)
{
	return alloc(format, info, 0);
}

/**
 * ktls_aead_alloc_sync() - a cipher that always answers at once, with its key
 * @format: how records look
 * @info: with the key
 *
 * Return: the cipher or an error.
 */
struct crypto_aead *ktls_aead_alloc_sync(const struct ktls_format *format,
					 struct tls_crypto_info *info)
{
	return alloc(format, info, CRYPTO_ALG_ASYNC);
}

/* Pieces of memory that @len bytes of a packet are in. */
static int count_pieces(const struct sk_buff *skb, u32 offset, u32 len,
			unsigned int depth)
{
	u32 start = skb_headlen(skb);
	u32 end = offset + len;
	struct sk_buff *inner;
	int pieces = offset < start;
	int i, more;

	if (depth > MAX_DEPTH)
		return -EMSGSIZE;
	for (i = 0; i < skb_shinfo(skb)->nr_frags && start < end; i++) {
		u32 next = start + skb_frag_size(&skb_shinfo(skb)->frags[i]);

		pieces += next > offset;
		start = next;
	}
	skb_walk_frags(skb, inner) {
		u32 next = start + inner->len;

		if (start >= end)
			break;
		if (next > offset) {
			u32 from = max(offset, start);

			more = count_pieces(inner, from - start,
					    min(end, next) - from, depth + 1);
			if (more < 0)
				return more;
			pieces += more;
		}
		start = next;
	}
	return pieces;
}

/**
 * ktls_source_count() - pieces of memory that a record is in
 * @src: where it is
 * @skip: without so many bytes at its beginning
 *
 * Return: how many, or an error.
 */
int ktls_source_count(const struct ktls_source *src, u32 skip)
{
	struct ktls_segment seg = {};
	int pieces = 0;

	while (ktls_source_part(src, skip, src->len, &seg)) {
		int more = count_pieces(seg.skb, seg.offset, seg.len, 0);

		if (more < 0)
			return more;
		pieces += more;
	}
	return pieces;
}

/**
 * ktls_source_map() - list these pieces
 * @src: where the record is
 * @skip: without so many bytes at its beginning
 * @sg: the list, initialized
 * @entries: how many it has, as ktls_source_count() said
 *
 * Return: 0 or an error.
 */
int ktls_source_map(const struct ktls_source *src, u32 skip, struct scatterlist *sg,
		    unsigned int entries)
{
	struct scatterlist *last = sg + entries - 1;
	struct ktls_segment seg = {};

	while (ktls_source_part(src, skip, src->len, &seg)) {
		int used = skb_to_sgvec_nomark(seg.skb, sg, seg.offset, seg.len);

		if (used < 0)
			return used;
		sg += used;
	}
	sg_mark_end(last);
	return 0;
}
