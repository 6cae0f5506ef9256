// SPDX-License-Identifier: GPL-2.0-only
/* One record that software encrypts: its pieces before and after. */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>

#include "sw_rec.h"

#define PAGES_AT_ONCE	8U
/* Bytes of a cipher's own part of a request: most need less. */
#define PRIVATE_USUAL	512

static struct kmem_cache *records;

/*
 * Each part of a record is set when it is used, and what is secret is wiped. With a
 * constructor no kernel clears it each time, as most do by default (init_on_alloc).
 */
static void construct(void *rec)
{
	memset(rec, 0, sizeof(struct ktls_rec) + PRIVATE_USUAL);
}

/* The AAD is before the pieces of the payload. */
static struct scatterlist *piece(struct ktls_rec *rec, unsigned int i)
{
	return &rec->in_sg[1 + i];
}

/* An entry of a list with more to come. */
static void set_entry(struct scatterlist *sg, struct page *page, unsigned int len,
		      unsigned int offset)
{
	sg_init_table(sg, 1);
	sg_unmark_end(sg);
	sg_set_page(sg, page, len, offset);
}

static void set_entry_buf(struct scatterlist *sg, const void *buf, unsigned int len)
{
	set_entry(sg, virt_to_page(buf), len, offset_in_page(buf));
}

/**
 * ktls_rec_alloc() - an empty record
 * @sk: the socket, locked
 * @aead: the cipher that will encrypt it
 *
 * Return: the record, or NULL. Its content type is not set.
 */
struct ktls_rec *ktls_rec_alloc(struct sock *sk, struct crypto_aead *aead)
{
	unsigned int private = crypto_aead_reqsize(aead);
	struct ktls_rec *rec;

	rec = private <= PRIVATE_USUAL ?
	      kmem_cache_alloc(records, sk->sk_allocation) :
	      kmalloc(sizeof(*rec) + private, sk->sk_allocation);
	if (!rec)
		return NULL;
	memset(&rec->unit, 0, sizeof(rec->unit));
	rec->unit.frags = rec->out;
	rec->private = private;
	rec->sk = sk;
	rec->full = false;
	rec->len = 0;
	rec->pieces = 0;
	rec->charged = 0;
	bitmap_zero(rec->foreign, KTLS_PLAIN_PIECES);
	return rec;
}

/**
 * ktls_rec_drop_plain() - let go of the pages that the payload came from
 * @rec: a record that is encrypted, or never will be
 */
void ktls_rec_drop_plain(struct ktls_rec *rec)
{
	unsigned int i;

	for_each_set_bit(i, rec->foreign, KTLS_PLAIN_PIECES)
		put_page(sg_page(piece(rec, i)));
	bitmap_zero(rec->foreign, KTLS_PLAIN_PIECES);
	rec->pieces = 0;
}

/**
 * ktls_rec_free() - free a record and its memory
 * @rec: nobody encrypts it, and TCP holds what it has taken
 *
 * The socket is locked.
 */
void ktls_rec_free(struct ktls_rec *rec)
{
	unsigned int i;

	ktls_rec_drop_plain(rec);
	for (i = 0; i < rec->unit.nr_frags; i++)
		put_page(skb_frag_page(&rec->out[i]));
	sk_mem_uncharge(rec->sk, rec->charged);
	/* the cipher's own part of the request may have the IV too */
	memzero_explicit(rec->iv, sizeof(rec->iv));
	memzero_explicit(rec->req.__ctx, rec->private);
	if (rec->private <= PRIVATE_USUAL)
		kmem_cache_free(records, rec);
	else
		kfree(rec);
}

/* Add memory to a record: at its end if that is where the socket's page goes on. */
static bool add_out(struct ktls_rec *rec, struct page_frag *from, unsigned int len)
{
	skb_frag_t *last = rec->out + rec->unit.nr_frags - 1;

	if (rec->unit.nr_frags && skb_frag_page(last) == from->page &&
	    skb_frag_off(last) + skb_frag_size(last) == from->offset) {
		skb_frag_size_add(last, len);
	} else {
		if (rec->unit.nr_frags == MAX_SKB_FRAGS)
			return false;
		get_page(from->page);
		skb_frag_fill_page_desc(last + 1, from->page, from->offset, len);
		rec->unit.nr_frags++;
	}
	from->offset += len;
	return true;
}

/*
 * Have memory for that much payload, and all that comes with it.
 *
 * Return: 0, -ENOMEM, or -ENOSPC if the record cannot have more pieces.
 */
static int reserve(struct ktls_rec *rec, unsigned int payload)
{
	unsigned int want = payload + ktls_ctx(rec->sk)->format.overhead;
	struct page_frag *from = sk_page_frag(rec->sk);

	while (rec->charged < want) {
		unsigned int part;

		if (!sk_page_frag_refill(rec->sk, from))
			return -ENOMEM;
		part = min(want - rec->charged, from->size - from->offset);
		if (!sk_wmem_schedule(rec->sk, part))
			return -ENOMEM;
		if (!add_out(rec, from, part))
			return -ENOSPC;
		sk_mem_charge(rec->sk, part);
		rec->charged += part;
		rec->unit.len = rec->charged;
	}
	return 0;
}

/* Note down where more of the payload is; false if there is no room for it. */
static bool add_plain(struct ktls_rec *rec, struct page *page, unsigned int offset,
		      unsigned int len, bool foreign)
{
	struct scatterlist *next = piece(rec, rec->pieces);
	struct scatterlist *last = next - 1;

	if (rec->pieces && !foreign && !test_bit(rec->pieces - 1, rec->foreign) &&
	    sg_page(last) == page && last->offset + last->length == offset) {
		last->length += len;
	} else {
		if (rec->pieces == KTLS_PLAIN_PIECES)
			return false;
		if (foreign)
			__set_bit(rec->pieces, rec->foreign);
		set_entry(next, page, len, offset);
		rec->pieces++;
	}
	rec->len += len;
	return true;
}

/*
 * Copy payload to where it will be encrypted in place.
 *
 * Return: 0 or -EFAULT. The record may be full before all is in it.
 */
static int add_copy(struct ktls_rec *rec, struct iov_iter *from, unsigned int len)
{
	unsigned int skip = ktls_ctx(rec->sk)->format.prepend + rec->len;
	unsigned int i;

	for (i = 0; i < rec->unit.nr_frags && len; i++) {
		const skb_frag_t *frag = &rec->out[i];
		unsigned int part;

		if (skip >= skb_frag_size(frag)) {
			skip -= skb_frag_size(frag);
			continue;
		}
		part = min(skb_frag_size(frag) - skip, len);
		if (!copy_from_iter_full(skb_frag_address(frag) + skip, part, from))
			return -EFAULT;
		if (!add_plain(rec, skb_frag_page(frag), skb_frag_off(frag) + skip,
			       part, false)) {
			iov_iter_revert(from, part);
			rec->full = true;
			break;
		}
		len -= part;
		skip = 0;
	}
	return 0;
}

/*
 * Get pages: of the user's memory, or those that the caller holds for the call.
 *
 * Return: bytes or an error.
 */
static ssize_t get_pages(struct iov_iter *from, struct page **pages,
			 unsigned int max, unsigned int len, bool splice,
			 size_t *offset)
{
	ssize_t got;

	if (!splice)
		return iov_iter_get_pages2(from, pages, len, max, offset);
	got = iov_iter_extract_pages(from, &pages, len, max, 0, offset);
	if (got > 0 && WARN_ON_ONCE(!sendpage_ok(pages[0]))) {
		iov_iter_revert(from, got);
		return -EIO;
	}
	return got;
}

/*
 * Let a record's payload be in such pages.
 *
 * Return: 0, or what kept it from taking all that the record has room for.
 */
static int take_pages(struct ktls_rec *rec, struct iov_iter *from,
		      unsigned int len, bool splice)
{
	struct page *pages[PAGES_AT_ONCE];

	while (len && rec->pieces < KTLS_PLAIN_PIECES) {
		unsigned int max = min(KTLS_PLAIN_PIECES - rec->pieces,
				       PAGES_AT_ONCE);
		size_t offset;
		ssize_t got;
		int i;

		got = get_pages(from, pages, max, len, splice, &offset);
		if (got <= 0)
			return got ?: -EIO;
		len -= got;
		for (i = 0; got; i++) {
			size_t part = min_t(size_t, got, PAGE_SIZE - offset);

			if (splice)
				get_page(pages[i]);
			add_plain(rec, pages[i], offset, part, true);
			got -= part;
			offset = 0;
		}
	}
	if (rec->pieces == KTLS_PLAIN_PIECES)
		rec->full = true;
	return 0;
}

/* Take payload away again, at the end. */
static void trim(struct ktls_rec *rec, unsigned int len)
{
	while (rec->len > len) {
		struct scatterlist *last = piece(rec, rec->pieces - 1);
		unsigned int part = min(last->length, rec->len - len);

		rec->len -= part;
		last->length -= part;
		if (last->length)
			break;
		if (__test_and_clear_bit(--rec->pieces, rec->foreign))
			put_page(sg_page(last));
	}
}

/* Pages that cannot be pinned may be readable all the same. */
static int add_all(struct ktls_rec *rec, struct msghdr *msg, unsigned int len,
		   bool direct)
{
	unsigned int before = rec->len;
	int err;

	if (msg->msg_flags & MSG_SPLICE_PAGES)
		return take_pages(rec, &msg->msg_iter, len, true);
	if (direct) {
		err = take_pages(rec, &msg->msg_iter, len, false);
		if (!err)
			return 0;
		len -= rec->len - before;
	}
	return add_copy(rec, &msg->msg_iter, len);
}

/**
 * ktls_rec_add() - add payload
 * @rec: the record
 * @msg: whose payload
 * @len: how much of it at most
 * @direct: the record is encrypted before the call ends: user memory need not be copied
 *
 * Return: bytes added: @len, or fewer if the record is full then. -ENOMEM: try again
 * when there is memory. Another error: there is something wrong with @msg, and
 * nothing of it was added.
 */
int ktls_rec_add(struct ktls_rec *rec, struct msghdr *msg, unsigned int len,
		 bool direct)
{
	unsigned int before = rec->len;
	int err;

	err = reserve(rec, rec->len + len);
	if (err == -ENOSPC) {
		unsigned int overhead = ktls_ctx(rec->sk)->format.overhead;

		rec->full = true;
		if (rec->charged <= rec->len + overhead)
			return 0;
		len = min(len, rec->charged - rec->len - overhead);
	} else if (err) {
		return err;
	}
	err = add_all(rec, msg, len, direct);
	if (err) {
		iov_iter_revert(&msg->msg_iter, rec->len - before);
		trim(rec, before);
		rec->full = false;
		return err;
	}
	return rec->len - before;
}

/* The cipher's input: additional data, payload, and in TLS 1.3 the content type. */
static void fill_in(struct ktls_rec *rec, const struct ktls_format *format)
{
	struct scatterlist *end = piece(rec, rec->pieces);

	set_entry_buf(&rec->in_sg[0], rec->aad, format->aad);
	if (format->tail)
		set_entry_buf(end++, &rec->type, sizeof(rec->type));
	sg_mark_end(end - 1);
}

/* Its output; memory that was reserved for more payload is left out. */
static void fill_out(struct ktls_rec *rec, const struct ktls_format *format)
{
	unsigned int left = rec->len + format->overhead;
	unsigned int skip = format->prepend;
	unsigned int i;

	rec->unit.len = left;
	set_entry_buf(&rec->out_sg[0], rec->aad, format->aad);
	for (i = 0; left; i++) {
		skb_frag_t *frag = &rec->out[i];
		unsigned int len = min(skb_frag_size(frag), left);

		skb_frag_size_set(frag, len);
		set_entry(&rec->out_sg[1 + i], skb_frag_page(frag), len - skip,
			  skb_frag_off(frag) + skip);
		skip = 0;
		left -= len;
	}
	sg_mark_end(&rec->out_sg[i]);
	while (rec->unit.nr_frags > i)
		put_page(skb_frag_page(&rec->out[--rec->unit.nr_frags]));
}

static void encrypted(void *data, int err)
{
	struct ktls_rec *rec = data;

	/* Off the backlog, another call comes when it is done. */
	if (err != -EINPROGRESS)
		rec->done(rec, err);
}

/**
 * ktls_rec_encrypt() - encrypt a record
 * @rec: the record; no payload is added any more
 * @aead: the cipher
 * @number: the record's number
 * @done: called if it does not end at once
 *
 * Return: 0, -EINPROGRESS or -EBUSY if @done is called, in any context, or an error.
 */
int ktls_rec_encrypt(struct ktls_rec *rec, struct crypto_aead *aead,
		     const struct ktls_number *number,
		     void (*done)(struct ktls_rec *rec, int err))
{
	const struct ktls_format *format = &ktls_ctx(rec->sk)->format;
	u8 *header = skb_frag_address(&rec->out[0]);

	ktls_record_header(format, number, rec->type, rec->len, header);
	ktls_record_aad(format, number->seq, rec->type, rec->len, rec->aad);
	ktls_record_iv(format, number->nonce, number->seq, header + TLS_HEADER_SIZE,
		       rec->iv);
	fill_in(rec, format);
	fill_out(rec, format);
	rec->done = done;
	aead_request_set_tfm(&rec->req, aead);
	aead_request_set_ad(&rec->req, format->aad);
	aead_request_set_crypt(&rec->req, rec->in_sg, rec->out_sg,
			       rec->len + format->tail, rec->iv);
	aead_request_set_callback(&rec->req, CRYPTO_TFM_REQ_MAY_BACKLOG, encrypted,
				  rec);
	return crypto_aead_encrypt(&rec->req);
}

/**
 * ktls_rec_setup() - get ready for records
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_rec_setup(void)
{
	records = kmem_cache_create("ktls_rec", sizeof(struct ktls_rec) + PRIVATE_USUAL,
				    __alignof__(struct ktls_rec), 0, construct);
	return records ? 0 : -ENOMEM;
}

/**
 * ktls_rec_cleanup() - the opposite of ktls_rec_setup(); no record is left
 */
void ktls_rec_cleanup(void)
{
	kmem_cache_destroy(records);
}
