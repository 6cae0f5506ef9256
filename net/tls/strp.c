// SPDX-License-Identifier: GPL-2.0-only
/* Finds records in what TCP has received. */

#include <linux/gfp.h>
#include <net/tcp.h>

#include "strp.h"

static struct workqueue_struct *ktls_strp_wq;

/**
 * ktls_source_next() - go on to the next part of a record
 * @src: where its bytes are
 * @seg: the part before, zeroed for the first; set to the next
 *
 * Packets on TCP's queue may repeat bytes of the one before.
 *
 * Return: false if there is none.
 */
bool ktls_source_next(const struct ktls_source *src, struct ktls_segment *seg)
{
	struct sk_buff *skb = seg->skb;
	u32 offset = src->offset;

	seg->before += seg->len;
	if (seg->before >= src->len)
		return false;
	if (!skb)
		skb = src->first;
	else
		skb = skb->next;
	if (seg->skb) {
		offset = 0;
		if (src->queued)
			offset = src->seq + seg->before - TCP_SKB_CB(skb)->seq;
		while (offset >= skb->len) {
			skb = skb->next;
			offset = src->queued ? src->seq + seg->before -
					       TCP_SKB_CB(skb)->seq : 0;
		}
	}
	seg->skb = skb;
	seg->offset = offset;
	seg->len = min(skb->len - offset, src->len - seg->before);
	return true;
}

/**
 * ktls_source_part() - go on to the next part of a stretch of a record
 * @src: where the record's bytes are
 * @begin: where the stretch begins in the record
 * @end: and where it ends
 * @seg: the part before, zeroed for the first; set to the next
 *
 * Return: false if there is none.
 */
bool ktls_source_part(const struct ktls_source *src, u32 begin, u32 end,
		      struct ktls_segment *seg)
{
	u32 skip;

	do {
		if (seg->before + seg->len >= end || !ktls_source_next(src, seg))
			return false;
	} while (seg->before + seg->len <= begin);
	skip = begin - min(begin, seg->before);
	seg->offset += skip;
	seg->before += skip;
	seg->len = min(seg->len - skip, end - seg->before);
	return true;
}

/**
 * ktls_source_copy() - copy bytes out of a record
 * @src: where they are
 * @at: how far behind the beginning of the record
 * @to: where they go
 * @len: how many; the record has them
 *
 * Return: 0 or an error.
 */
int ktls_source_copy(const struct ktls_source *src, u32 at, void *to, u32 len)
{
	struct ktls_segment seg = {};
	u32 end = at + len;

	while (ktls_source_part(src, at, end, &seg)) {
		if (skb_copy_bits(seg.skb, seg.offset, to, seg.len))
			return -EFAULT;
		to += seg.len;
		len -= seg.len;
	}
	return len ? -EFAULT : 0;
}

static void forget(struct ktls_strp *strp)
{
	WRITE_ONCE(strp->ready, false);
	strp->len = 0;
}

static void stop_copying(struct ktls_strp *strp)
{
	__skb_queue_purge(&strp->copy);
	strp->copying = false;
	strp->copied = 0;
}

/* An skb for what is copied out, with no bytes yet. */
static struct sk_buff *add_copy(struct ktls_strp *strp, const struct sk_buff *from)
{
	struct sk_buff *skb = alloc_skb(0, strp->sk->sk_allocation);

	if (skb) {
		skb_copy_decrypted(skb, from);
		__skb_queue_tail(&strp->copy, skb);
	}
	return skb;
}

/* The last page of an skb, if it has room, else one more; NULL without memory. */
static skb_frag_t *room_in(struct ktls_strp *strp, struct sk_buff *skb)
{
	struct skb_shared_info *shinfo = skb_shinfo(skb);
	struct page *page;

	if (shinfo->nr_frags) {
		skb_frag_t *last = &shinfo->frags[shinfo->nr_frags - 1];

		if (skb_frag_size(last) < PAGE_SIZE)
			return last;
	}
	page = alloc_page(strp->sk->sk_allocation);
	if (!page)
		return NULL;
	skb_fill_page_desc(skb, shinfo->nr_frags, page, 0, 0);
	skb->truesize += PAGE_SIZE;
	return &shinfo->frags[shinfo->nr_frags - 1];
}

/* Bytes that a device has decrypted and others are kept in different skbs. */
static int copy_in(struct ktls_strp *strp, struct sk_buff *from, u32 offset, u32 len)
{
	struct sk_buff *skb = skb_peek_tail(&strp->copy);

	if (!skb || skb_cmp_decrypted(skb, from))
		skb = add_copy(strp, from);
	while (skb && len) {
		skb_frag_t *frag = room_in(strp, skb);
		u32 part;

		if (!frag)
			break;
		part = min_t(u32, len, PAGE_SIZE - skb_frag_size(frag));
		if (skb_copy_bits(from, offset, skb_frag_address(frag) +
				  skb_frag_size(frag), part))
			return -EFAULT;
		skb_frag_size_add(frag, part);
		skb->len += part;
		skb->data_len += part;
		strp->copied += part;
		offset += part;
		len -= part;
	}
	return len ? -ENOMEM : 0;
}

/* A header has come, on TCP's queue or copied: how long is the record? */
static int parse_header(struct ktls_strp *strp, const struct ktls_source *src)
{
	u8 header[TLS_HEADER_SIZE];
	int len;

	len = ktls_source_copy(src, 0, header, sizeof(header));
	if (len)
		return len;
	len = strp->ops->header(strp->sk, header, strp->start);
	if (len < 0)
		return len;
	strp->len = len;
	strp->type = header[0];
	return 0;
}

static void copied_source(struct ktls_strp *strp, struct ktls_source *src)
{
	src->first = skb_peek(&strp->copy);
	src->queued = false;
	src->seq = strp->start;
	src->offset = 0;
	src->len = strp->copied;
}

/* For tcp_read_sock(): take what belongs to the record. */
static int take(read_descriptor_t *desc, struct sk_buff *skb, unsigned int offset,
		size_t len)
{
	struct ktls_strp *strp = desc->arg.data;
	u32 before = strp->copied;
	struct ktls_source src;
	u32 want;

	want = (strp->len ?: TLS_HEADER_SIZE) - before;
	if (!want || desc->error)
		return 0;
	desc->error = copy_in(strp, skb, offset, min_t(size_t, len, want));
	if (!desc->error && !strp->len && strp->copied == TLS_HEADER_SIZE) {
		copied_source(strp, &src);
		desc->error = parse_header(strp, &src);
	}
	return strp->copied - before;
}

static int copy_more(struct ktls_strp *strp)
{
	read_descriptor_t desc = {
		.arg.data = strp,
		.count = 1,		/* go on as long as take() takes something */
	};

	tcp_read_sock(strp->sk, &desc, take);
	if (strp->len && strp->copied == strp->len)
		WRITE_ONCE(strp->ready, true);
	return desc.error;
}

/*
 * The rest of a record is not here. If TCP has no room for more it never will be,
 * unless what is here is taken away.
 */
static void wait_for_more(struct ktls_strp *strp)
{
	strp->copying = tcp_epollin_ready(strp->sk, INT_MAX);
}

static bool queued_source(struct ktls_strp *strp, struct ktls_source *src, u32 len)
{
	src->queued = true;
	src->seq = tcp_sk(strp->sk)->copied_seq;
	src->len = len;
	src->first = tcp_recv_skb(strp->sk, src->seq, &src->offset);
	return src->first;
}

/**
 * ktls_strp_peek() - look at a header further on
 * @strp: the parser; the caller owns the socket
 * @at: the packet in which the header before it begins, NULL for the first; set to its own
 * @seq: where it begins, on TCP's queue
 * @header: %TLS_HEADER_SIZE bytes
 *
 * Return: false if it is not here whole.
 */
bool ktls_strp_peek(struct ktls_strp *strp, struct sk_buff **at, u32 seq, u8 *header)
{
	struct ktls_source src = {
		.queued = true,
		.seq = seq,
		.len = TLS_HEADER_SIZE,
	};
	struct sock *sk = strp->sk;
	struct sk_buff *skb = *at ?: skb_peek(&sk->sk_receive_queue);

	if (after(seq + TLS_HEADER_SIZE, tcp_sk(sk)->copied_seq + tcp_inq(sk)))
		return false;
	skb_queue_walk_from(&sk->sk_receive_queue, skb) {
		src.offset = seq - TCP_SKB_CB(skb)->seq;
		if (src.offset < skb->len) {
			src.first = skb;
			*at = skb;
			return !ktls_source_copy(&src, 0, header, TLS_HEADER_SIZE);
		}
	}
	return false;
}

/* On TCP's queue; or the record has to be copied from now on. */
static int look(struct ktls_strp *strp)
{
	u32 seq = tcp_sk(strp->sk)->copied_seq;
	int inq = tcp_inq(strp->sk);
	struct ktls_source src;
	int err;

	if (inq < 1)
		return 0;
	if (!strp->len || strp->start != seq) {
		strp->len = 0;
		strp->start = seq;
		if (inq < TLS_HEADER_SIZE) {
			wait_for_more(strp);
			return 0;
		}
		if (!queued_source(strp, &src, TLS_HEADER_SIZE))
			return 0;
		err = parse_header(strp, &src);
		if (err)
			return err;
	}
	if (inq < strp->len)
		wait_for_more(strp);
	else
		WRITE_ONCE(strp->ready, true);
	return 0;
}

static void check(struct ktls_strp *strp, bool may_copy)
{
	int err = 0;

	if (strp->stopped || strp->ready)
		return;
	if (!strp->copying)
		err = look(strp);
	if (!err && strp->copying)
		err = may_copy ? copy_more(strp) : -EAGAIN;
	if (err == -ENOMEM || err == -EAGAIN) {
		queue_work(ktls_strp_wq, &strp->work);
	} else if (err < 0) {
		strp->stopped = true;
		strp->ops->broken(strp->sk, err);
	}
}

/**
 * ktls_strp_check() - has the next record come?
 * @strp: the parser; the caller owns the socket
 */
void ktls_strp_check(struct ktls_strp *strp)
{
	check(strp, true);
}

/**
 * ktls_strp_data_ready() - TCP has received something
 * @strp: the parser; the caller has the socket locked in softirq context, or owns it
 *	and works off its backlog
 *
 * As long as the backlog is not worked off TCP counts it as memory in use. If bytes
 * were copied out meanwhile, TCP would tell the sender of a window that is too small,
 * perhaps of none, and have no reason to tell of a larger one later: the sender would
 * sit waiting for its timer.
 */
void ktls_strp_data_ready(struct ktls_strp *strp)
{
	check(strp, !sock_owned_by_user_nocheck(strp->sk));
}

/**
 * ktls_strp_source() - where the record is that is ready
 * @strp: the parser; the caller owns the socket
 * @src: set
 *
 * Return: false if it is gone: somebody has read from TCP itself.
 */
bool ktls_strp_source(struct ktls_strp *strp, struct ktls_source *src)
{
	if (strp->copying) {
		copied_source(strp, src);
		return true;
	}
	if (strp->start == tcp_sk(strp->sk)->copied_seq &&
	    tcp_inq(strp->sk) >= (int)strp->len &&
	    queued_source(strp, src, strp->len))
		return true;
	forget(strp);
	return false;
}

/**
 * ktls_strp_done() - the record has been read; look for the next
 * @strp: the parser; the caller owns the socket
 */
void ktls_strp_done(struct ktls_strp *strp)
{
	if (strp->copying)
		stop_copying(strp);
	else
		tcp_read_done(strp->sk, strp->len);
	forget(strp);
	ktls_strp_check(strp);
}

/* Once more, where one can wait for memory, and with no backlog. */
static void try_again(struct work_struct *work)
{
	struct ktls_strp *strp = container_of(work, struct ktls_strp, work);

	lock_sock(strp->sk);
	ktls_strp_check(strp);
	if (strp->ready)
		strp->ops->found(strp->sk);
	release_sock(strp->sk);
}

/**
 * ktls_strp_init() - make a parser; it does nothing before it is told to check
 * @strp: the parser
 * @sk: its socket
 * @ops: whom it works for
 */
void ktls_strp_init(struct ktls_strp *strp, struct sock *sk,
		    const struct ktls_strp_ops *ops)
{
	memset(strp, 0, sizeof(*strp));
	strp->sk = sk;
	strp->ops = ops;
	__skb_queue_head_init(&strp->copy);
	INIT_WORK(&strp->work, try_again);
}

/**
 * ktls_strp_stop() - find no more records
 * @strp: the parser; the caller owns the socket
 */
void ktls_strp_stop(struct ktls_strp *strp)
{
	strp->stopped = true;
}

/**
 * ktls_strp_free() - free what a stopped parser has; the socket is not locked
 * @strp: the parser
 */
void ktls_strp_free(struct ktls_strp *strp)
{
	cancel_work_sync(&strp->work);
	stop_copying(strp);
}

/**
 * ktls_strp_module_init() - what all parsers share
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_strp_module_init(void)
{
	ktls_strp_wq = alloc_workqueue("tls-strp", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	return ktls_strp_wq ? 0 : -ENOMEM;
}

/**
 * ktls_strp_module_exit() - free it
 */
void ktls_strp_module_exit(void)
{
	destroy_workqueue(ktls_strp_wq);
}
