// SPDX-License-Identifier: GPL-2.0-only
/* From a record that has come to its cleartext. */

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "cryptor.h"
#include "decrypt.h"
#include "limit.h"
#include "stat.h"

#define PIN_PAGES	16	/* of the reader's at a time */
#define SMALL_CLEAR	SKB_WITH_OVERHEAD(SZ_2K)
#define KEEP_PIECES	64	/* memory for no more is kept: 16 KB come in about 30 */

/**
 * struct ktls_decryption - all that one takes; kept for the next record
 * @room: elements of @sg
 * @payload: bytes of payload, padding included
 * @iv: for the crypto API
 * @aad: likewise
 * @tail: where the content type goes if the payload goes to the reader's pages
 * @pinned: how many pages those are
 * @out: where the cleartext goes
 * @in: where the ciphertext is
 * @req: the request, in the same piece of memory
 * @sg: memory for @in and @out
 */
struct ktls_decryption {
	unsigned int room;
	u32 payload;
	u8 iv[KTLS_AEAD_IV_SIZE];
	u8 aad[TLS_AAD_SPACE_SIZE];
	u8 tail;
	unsigned int pinned;
	struct scatterlist *out;
	struct scatterlist *in;
	struct aead_request *req;
	struct scatterlist sg[];
};

/* An skb with that much room for cleartext: linear if that takes less than a page. */
static struct sk_buff *alloc_clear(struct sock *sk, u32 len)
{
	u32 linear = len <= SMALL_CLEAR ? len : 0;
	struct sk_buff *skb;
	int err;

	skb = alloc_skb_with_frags(linear, len - linear, PAGE_ALLOC_COSTLY_ORDER, &err,
				   sk->sk_allocation);
	if (skb) {
		skb_put(skb, linear);
		skb->len = len;
		skb->data_len = len - linear;
	}
	return skb;
}

/* Memory for a decryption with so many pieces, or more. */
static struct ktls_decryption *alloc_decryption(struct sock *sk, struct crypto_aead *aead,
						unsigned int pieces)
{
	size_t begin = sizeof(struct aead_request) + crypto_aead_reqsize(aead);
	struct ktls_decryption *d;
	size_t size;
	void *mem;

	begin = ALIGN(begin, __alignof__(*d));
	size = kmalloc_size_roundup(size_add(begin, struct_size(d, sg, pieces)));
	mem = kmalloc(size, sk->sk_allocation);
	if (!mem)
		return NULL;
	d = mem + begin;
	d->req = mem;
	d->room = (size - begin - sizeof(*d)) / sizeof(*d->sg);
	d->pinned = 0;
	return d;
}

/**
 * ktls_decryption_free() - free what is kept for the next record
 * @rx: a receiving half; its cipher changes or it goes
 *
 * The last IV is there, and may be in the cipher's own part of the request.
 */
void ktls_decryption_free(struct ktls_rx *rx)
{
	if (rx->decryption)
		kfree_sensitive(rx->decryption->req);
	rx->decryption = NULL;
}

/*
 * What is kept, if so many pieces have room there, else new memory; the first piece of each
 * is the AAD.
 */
static struct ktls_decryption *get_decryption(struct sock *sk, unsigned int n_in,
					      unsigned int n_out)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	struct ktls_decryption *d = rx->decryption;

	if (!d || d->room < n_in + n_out) {
		d = alloc_decryption(sk, rx->aead, n_in + n_out);
		if (!d)
			return NULL;
		ktls_decryption_free(rx);
		rx->decryption = d;
	}
	d->in = d->sg;
	d->out = d->sg + n_in;
	sg_init_table(d->in, n_in);
	sg_init_table(d->out, n_out);
	return d;
}

/* It is done. What many small packets take is too much to keep. */
static void put_decryption(struct ktls_rx *rx, struct ktls_decryption *d)
{
	while (d->pinned)
		put_page(sg_page(&d->out[d->pinned--]));
	if (d->room > KEEP_PIECES)
		ktls_decryption_free(rx);
}

/* Let the payload go to the reader's pages; -EFAULT if it cannot. */
static int pin(struct ktls_decryption *d, struct iov_iter *to)
{
	struct page *pages[PIN_PAGES];
	u32 left = d->payload;
	ssize_t got;
	size_t start;
	int i;

	while (left) {
		got = iov_iter_get_pages2(to, pages, left, PIN_PAGES, &start);
		if (got <= 0)
			goto fault;
		left -= got;
		for (i = 0; got; i++) {
			u32 part = min_t(size_t, got, PAGE_SIZE - start);

			sg_set_page(&d->out[++d->pinned], pages[i], part, start);
			got -= part;
			start = 0;
		}
	}
	return 0;
fault:
	iov_iter_revert(to, d->payload - left);
	return -EFAULT;
}

/* Fill in nonce, additional data and the pieces of the ciphertext. */
static int prepare(struct ktls_decryption *d, const struct ktls_context *ctx,
		   const struct ktls_source *src, unsigned int n_in)
{
	const struct ktls_format *format = &ctx->format;
	struct ktls_rx *rx = ktls_rx(ctx);
	u8 explicit_iv[KTLS_EXPLICIT_IV_SIZE];
	int err;

	err = ktls_source_copy(src, TLS_HEADER_SIZE, explicit_iv, format->explicit_iv);
	if (err)
		return err;
	ktls_record_iv(format, rx->number.nonce, rx->number.seq, explicit_iv, d->iv);
	ktls_record_aad(format, rx->number.seq, rx->strp.type, d->payload, d->aad);
	sg_set_buf(&d->in[0], d->aad, format->aad);
	sg_set_buf(&d->out[0], d->aad, format->aad);
	return ktls_source_map(src, format->prepend, &d->in[1], n_in - 1);
}

static int run(struct ktls_decryption *d, const struct ktls_context *ctx)
{
	DECLARE_CRYPTO_WAIT(wait);

	aead_request_set_tfm(d->req, ktls_rx(ctx)->aead);
	aead_request_set_ad(d->req, ctx->format.aad);
	aead_request_set_crypt(d->req, d->in, d->out,
			       d->payload + ctx->format.tail + TLS_TAG_SIZE, d->iv);
	aead_request_set_callback(d->req, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  crypto_req_done, &wait);
	return crypto_wait_req(crypto_aead_decrypt(d->req), &wait);
}

/* To the reader's pages; @tail is set to the content type inside. */
static int decrypt_direct(struct sock *sk, const struct ktls_source *src,
			  struct iov_iter *to, u8 *tail)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	u32 payload = ktls_payload(&ctx->format, src->len);
	struct ktls_decryption *d;
	int n_in, n_out, err;

	n_in = ktls_source_count(src, ctx->format.prepend);
	if (n_in < 0)
		return n_in;
	n_in++;
	n_out = iov_iter_npages_cap(to, INT_MAX, payload) + 2;
	d = get_decryption(sk, n_in, n_out);
	if (!d)
		return -ENOMEM;
	d->payload = payload;
	err = prepare(d, ctx, src, n_in);
	if (!err)
		err = pin(d, to);
	if (err)
		goto out;
	sg_set_buf(&d->out[d->pinned + 1], &d->tail, sizeof(d->tail));
	sg_mark_end(&d->out[d->pinned + 1]);
	err = run(d, ctx);
	if (err)
		iov_iter_revert(to, payload);
	*tail = d->tail;
out:
	put_decryption(ktls_rx(ctx), d);
	return err;
}

/* To an skb of its own. */
static int decrypt_to_skb(struct sock *sk, const struct ktls_source *src,
			  struct sk_buff *skb)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	int n_in, n_out, err;
	struct ktls_decryption *d;

	n_in = ktls_source_count(src, ctx->format.prepend);
	if (n_in < 0)
		return n_in;
	n_in++;
	n_out = skb_shinfo(skb)->nr_frags + 2;
	d = get_decryption(sk, n_in, n_out);
	if (!d)
		return -ENOMEM;
	d->payload = ktls_payload(&ctx->format, src->len);
	err = prepare(d, ctx, src, n_in);
	if (!err && skb->len)
		err = skb_to_sgvec(skb, &d->out[1], 0, skb->len);
	if (err >= 0)
		err = run(d, ctx);
	put_decryption(ktls_rx(ctx), d);
	return err;
}

/* The device has decrypted the record where it is: copy it to the skb. */
static int copy_to_skb(const struct ktls_source *src, u32 prepend, struct sk_buff *skb)
{
	u32 done = skb_headlen(skb);
	int err, i;

	err = ktls_source_copy(src, prepend, skb->data, done);
	for (i = 0; !err && i < skb_shinfo(skb)->nr_frags; i++) {
		skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		err = ktls_source_copy(src, prepend + done, skb_frag_address(frag),
				       skb_frag_size(frag));
		done += skb_frag_size(frag);
	}
	return err;
}

/* The same, a stretch of the record to the reader. */
static int copy_to_reader(const struct ktls_source *src, u32 begin, u32 end,
			  struct iov_iter *to)
{
	struct ktls_segment seg = {};

	while (ktls_source_part(src, begin, end, &seg)) {
		if (skb_copy_datagram_iter(seg.skb, seg.offset, to, seg.len)) {
			iov_iter_revert(to, seg.before - begin);
			return -EFAULT;
		}
	}
	return 0;
}

/* The same bytes of a packet once more, if they lie in its pages and @skb has room for them. */
static bool refer_to(struct sk_buff *skb, const struct sk_buff *from, u32 offset, u32 len)
{
	u32 begin = skb_headlen(from);
	const struct sk_buff *more;
	int i;

	if (offset < begin)
		return false;
	for (i = 0; len && i < skb_shinfo(from)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(from)->frags[i];
		u32 end = begin + skb_frag_size(frag);

		if (offset < end) {
			u32 part = min(end - offset, len);
			int at = skb_shinfo(skb)->nr_frags;

			if (at == MAX_SKB_FRAGS)
				return false;
			get_page(skb_frag_page(frag));
			skb_add_rx_frag(skb, at, skb_frag_page(frag),
					skb_frag_off(frag) + offset - begin, part, part);
			offset += part;
			len -= part;
		}
		begin = end;
	}
	skb_walk_frags(from, more) {
		u32 end = begin + more->len;
		u32 part = min(end - min(offset, end), len);

		if (part && !refer_to(skb, more, offset - begin, part))
			return false;
		offset += part;
		len -= part;
		begin = end;
	}
	return !len;
}

/*
 * The device has decrypted the record where it is: an skb that refers to it there. NULL if
 * there is no memory, or it lies in too many places.
 */
static struct sk_buff *refer_to_clear(struct sock *sk, const struct ktls_source *src,
				      u32 begin, u32 end)
{
	struct sk_buff *skb = alloc_skb(0, sk->sk_allocation);
	struct ktls_segment seg = {};

	while (skb && ktls_source_part(src, begin, end, &seg)) {
		if (!refer_to(skb, seg.skb, seg.offset, seg.len)) {
			kfree_skb(skb);
			return NULL;
		}
	}
	return skb;
}

/* TLS 1.3: the content type is the last byte that is not padding. */
static int find_type(struct sk_buff *skb, struct ktls_clear *clear)
{
	u32 at = skb->len;
	u8 byte;

	do {
		if (!at)
			return -EBADMSG;
		if (skb_copy_bits(skb, --at, &byte, 1))
			return -EFAULT;
	} while (!byte);
	clear->type = byte;
	clear->len = at;
	return 0;
}

/* Cleartext to an skb with memory of its own. */
static int fill_skb(struct sock *sk, const struct ktls_source *src, bool clear, u32 len,
		    struct sk_buff **result)
{
	struct sk_buff *skb = alloc_clear(sk, len);
	int err;

	if (!skb)
		return -ENOMEM;
	if (clear)
		err = copy_to_skb(src, ktls_ctx(sk)->format.prepend, skb);
	else
		err = decrypt_to_skb(sk, src, skb);
	if (err)
		kfree_skb(skb);
	else
		*result = skb;
	return err;
}

/* Cleartext to an skb, by software or, if @clear, from where the device put it. */
static int to_skb(struct sock *sk, const struct ktls_source *src, bool clear,
		  struct sk_buff **result)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	const struct ktls_format *format = &ctx->format;
	u32 len = ktls_payload(format, src->len) + format->tail;
	struct sk_buff *skb = NULL;
	int err = 0;

	if (clear)
		skb = refer_to_clear(sk, src, format->prepend, format->prepend + len);
	if (!skb)
		err = fill_skb(sk, src, clear, len, &skb);
	if (err)
		return err;
	ktls_clear(skb)->offset = 0;
	ktls_clear(skb)->len = len;
	ktls_clear(skb)->type = ktls_rx(ctx)->strp.type;
	if (format->tail)
		err = find_type(skb, ktls_clear(skb));
	if (err)
		kfree_skb(skb);
	else
		*result = skb;
	return err;
}

/* Cleartext straight to the reader; 0 if it turned out that this is not possible. */
static int to_reader(struct sock *sk, const struct ktls_source *src, bool clear,
		     struct iov_iter *to)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	const struct ktls_format *format = &ctx->format;
	u32 payload = ktls_payload(format, src->len);
	u8 tail = TLS_RECORD_TYPE_DATA;
	int err;

	if (clear && format->tail) {
		err = ktls_source_copy(src, format->prepend + payload, &tail, 1);
		if (err || tail != TLS_RECORD_TYPE_DATA)
			return err;
	}
	err = clear ? copy_to_reader(src, format->prepend, format->prepend + payload, to) :
		      decrypt_direct(sk, src, to, &tail);
	if (err == -EFAULT)
		return 0;
	if (err)
		return err;
	if (!format->tail || tail == TLS_RECORD_TYPE_DATA)
		return 1;

	iov_iter_revert(to, payload);
	if (!tail)
		ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_NO_PAD_VIOLATION);
	ktls_stat_inc(sock_net(sk), KTLS_STAT_DECRYPT_RETRY);
	return 0;
}

/**
 * ktls_decrypt() - decrypt the record that is ready
 * @sk: the socket, locked
 * @to: where the reader wants it, if the payload may go there straight, else NULL; what
 *	is not cleartext yet and may have padding does not
 * @direct: says what did
 * @skb: set to an skb with the cleartext, or to NULL if it went to the reader
 *
 * The record is done when all went well: the parser has gone on to the next.
 *
 * Return: 0 or an error. But for -ENOMEM and -EAGAIN it ends the connection.
 */
int ktls_decrypt(struct sock *sk, struct iov_iter *to, struct ktls_clear *direct,
		 struct sk_buff **skb)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rx *rx = ktls_rx(ctx);
	struct ktls_source src;
	int clear = 0;
	int err;

	*skb = NULL;
	if (!ktls_strp_source(&rx->strp, &src))
		return -EAGAIN;
	if (rx->number.used_up)
		return -EBADMSG;
	if (rx->device)
		clear = rx->device->decrypted(sk, &src);
	if (clear < 0)
		return clear;

	if (!clear && !rx->zero_copy)
		to = NULL;
	err = to ? to_reader(sk, &src, clear, to) : 0;
	if (err > 0) {
		direct->len = ktls_payload(&ctx->format, src.len);
		direct->type = TLS_RECORD_TYPE_DATA;
		err = 0;
	} else if (!err) {
		err = to_skb(sk, &src, clear, skb);
	}
	if (err == -EBADMSG)
		ktls_stat_inc(sock_net(sk), KTLS_STAT_DECRYPT_ERROR);
	if (err)
		return err;
	ktls_record_passed(sk, &rx->number, TLS_OFFLOAD_CTX_DIR_RX);
	ktls_strp_done(&rx->strp);
	return 0;
}
