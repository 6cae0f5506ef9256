// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending with a device that encrypts: records get header and room for a tag, and
 * go into TCP as cleartext, marked as such.
 */

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <net/tcp.h>

#include "cryptor.h"
#include "dev.h"
#include "dev_records.h"
#include "dev_resync.h"
#include "limit.h"
#include "sw_tx.h"

/* Fragments that payload may take: what comes after it may need one more. */
#define PAYLOAD_FRAGS		(MAX_SKB_FRAGS - 1)

/* sk_page_frag_refill() finds room for that much in one piece. */
#define REFILL			32

/* So long a part of a packet waits for more. */
#define HOLD_JIFFIES		msecs_to_jiffies(20)

static_assert(KTLS_PREPEND_MAX <= REFILL);

/* A page that has each content type at its offset, for when there is no memory. */
static struct page *all_types;

static struct ktls_dev_record *open_record(const struct ktls_tx *tx)
{
	struct tls_record_info *info = tx->dev.open_record;

	return info ? ktls_dev_record(info) : NULL;
}

static void set_open(struct ktls_context *ctx, struct ktls_dev_record *record)
{
	ktls_tx(ctx)->dev.open_record = record ? &record->info : NULL;
	ctx->base.pending_open_record_frags = record;
}

/* Payload that a record has room for. */
static unsigned int room(const struct ktls_context *ctx,
			 const struct ktls_dev_record *record)
{
	if (record->info.num_frags >= PAYLOAD_FRAGS)
		return 0;
	return ctx->format.prepend + ctx->max_payload - record->info.len;
}

static bool has_payload(const struct ktls_context *ctx,
			const struct ktls_dev_record *record)
{
	return record && record->info.len > ctx->format.prepend;
}

/* A record that has its header's place, but no header yet. */
static int start_record(struct sock *sk, struct ktls_context *ctx, u8 type)
{
	struct page_frag *pfrag = sk_page_frag(sk);
	unsigned int prepend = ctx->format.prepend;
	struct ktls_dev_record *record;

	if (ktls_tx(ctx)->number.used_up) {
		ktls_abort(sk, -EBADMSG);
		return -EBADMSG;
	}
	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOMEM;
	record = ktls_dev_record_alloc(sk->sk_allocation);
	if (!record)
		return -ENOMEM;
	record->type = type;
	ktls_dev_record_append(record, pfrag->page, pfrag->offset, prepend);
	pfrag->offset += prepend;
	set_open(ctx, record);
	return 0;
}

/*
 * What comes after the payload: in TLS 1.3 the content type, and the tag's place. What
 * is there does not matter: the device writes the tag.
 */
static void append_tail(struct sock *sk, const struct ktls_format *format,
			struct ktls_dev_record *record)
{
	unsigned int len = format->tail + TLS_TAG_SIZE;
	struct page_frag *pfrag = sk_page_frag(sk);

	if (!skb_page_frag_refill(len, pfrag, sk->sk_allocation)) {
		ktls_dev_record_append(record, all_types, record->type, len);
		return;
	}
	*((u8 *)page_address(pfrag->page) + pfrag->offset) = record->type;
	ktls_dev_record_append(record, pfrag->page, pfrag->offset, len);
	pfrag->offset += len;
}

/*
 * A device that has lost its place learns it with a record that is the very next
 * for TCP. Nothing from before may be in one packet with it.
 */
static void resync(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);

	if (test_bit(TLS_TX_SYNC_SCHED, &ctx->base.flags) &&
	    ktls_push_empty(&tx->push))
		ktls_dev_resync_tx(sk, tcp_sk(sk)->write_seq, tx->number.seq);
}

/* The open record gets no more payload, and is next for TCP. */
static void close_record(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);
	struct ktls_dev_record *record = open_record(tx);
	struct tls_record_info *info = &record->info;

	append_tail(sk, &ctx->format, record);
	ktls_record_header(&ctx->format, &tx->number, record->type,
			   ktls_payload(&ctx->format, info->len),
			   skb_frag_address(&info->frags[0]));
	record->number = tx->number.seq;
	record->unit.frags = info->frags;
	record->unit.nr_frags = info->num_frags;
	record->unit.len = info->len;
	ktls_unit_set_ready(&record->unit);
	info->end_seq = tcp_sk(sk)->write_seq + ktls_push_bytes(&tx->push) + info->len;

	resync(sk, ctx);
	ktls_dev_records_add(tx, record);
	ktls_push_add(&tx->push, &record->unit);
	ktls_record_passed(sk, &tx->number, TLS_OFFLOAD_CTX_DIR_TX);
	set_open(ctx, NULL);
}

/*
 * The next of the caller's pages. What splice() brings is a list of pages as it is, and what
 * is made for iterators of any kind costs more than all else that is done for a page.
 */
static ssize_t next_page(struct iov_iter *from, unsigned int len, struct page **page,
			 size_t *offset)
{
	size_t at, left = iov_iter_is_bvec(from) ? iov_iter_single_seg_count(from) : 0;

	if (!left)
		return iov_iter_extract_pages(from, &page, len, 1, 0, offset);
	at = from->bvec->bv_offset + from->iov_offset;
	*page = from->bvec->bv_page + (at >> PAGE_SHIFT);
	*offset = offset_in_page(at);
	len = min3((size_t)len, left, PAGE_SIZE - *offset);
	iov_iter_advance(from, len);
	return len;
}

/* Pages of the caller's, as they are: what is in them when they leave is what is sent. */
static int append_pages(const struct ktls_context *ctx, struct ktls_dev_record *record,
			struct iov_iter *from)
{
	unsigned int len;

	while ((len = min_t(size_t, room(ctx, record), iov_iter_count(from)))) {
		struct page *page;
		size_t offset;
		ssize_t got;

		got = next_page(from, len, &page, &offset);
		if (got <= 0)
			return got ?: -EIO;
		if (WARN_ON_ONCE(!sendpage_ok(page))) {
			iov_iter_revert(from, got);
			return -EIO;
		}
		ktls_dev_record_append(record, page, offset, got);
	}
	return 0;
}

/* As TCP copies: past the cache only where it has been told to (ethtool's tx-nocache-copy). */
static bool copy_in(const struct sock *sk, void *to, unsigned int len,
		    struct iov_iter *from)
{
	if (sk->sk_route_caps & NETIF_F_NOCACHE_COPY)
		return copy_from_iter_full_nocache(to, len, from);
	return copy_from_iter_full(to, len, from);
}

static int append_copy(struct sock *sk, struct ktls_dev_record *record,
		       struct iov_iter *from, unsigned int len)
{
	struct page_frag *pfrag = sk_page_frag(sk);

	if (!sk_page_frag_refill(sk, pfrag))
		return -ENOMEM;
	len = min(len, pfrag->size - pfrag->offset);
	if (!copy_in(sk, page_address(pfrag->page) + pfrag->offset, len, from))
		return -EFAULT;
	ktls_dev_record_append(record, pfrag->page, pfrag->offset, len);
	pfrag->offset += len;
	return 0;
}

/* Take some more of a message into a record; it may be full then. */
static int take_some(struct sock *sk, struct ktls_context *ctx, struct msghdr *msg,
		     u8 type)
{
	struct ktls_dev_record *record;
	unsigned int len;
	int err;

	if (!open_record(ktls_tx(ctx))) {
		err = start_record(sk, ctx, type);
		if (err)
			return err;
	}
	record = open_record(ktls_tx(ctx));
	if ((msg->msg_flags & MSG_SPLICE_PAGES) && ctx->base.zerocopy_sendfile)
		return append_pages(ctx, record, &msg->msg_iter);
	len = min_t(size_t, room(ctx, record), msg_data_left(msg));
	return len ? append_copy(sk, record, &msg->msg_iter, len) : 0;
}

/* Flags of a message that TCP is to see too. */
static int push_flags(const struct msghdr *msg)
{
	return msg->msg_flags & (MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR);
}

/* TCP gets what is ready, in the middle of a message. */
static int push_part(struct sock *sk, struct ktls_tx *tx, const struct msghdr *msg)
{
	return ktls_push(sk, &tx->push, push_flags(msg) & ~(MSG_MORE | MSG_EOR));
}

/*
 * May what does not fill a packet wait for the pages that splice() brings next? Not if the
 * device is out of step: it is told its place when nothing waits for TCP.
 */
static bool may_hold(const struct ktls_context *ctx, const struct msghdr *msg)
{
	return ctx->base.zerocopy_sendfile && msg->msg_flags & MSG_SPLICE_PAGES &&
	       msg->msg_flags & MSG_MORE && !test_bit(TLS_TX_SYNC_SCHED, &ctx->base.flags);
}

/* TCP gets what is ready, or what fills packets: then the work gives it the rest. */
static int push(struct sock *sk, struct ktls_tx *tx, int flags, bool hold)
{
	int err;

	if (!hold)
		return ktls_push(sk, &tx->push, flags);
	err = ktls_push_packets(sk, &tx->push, flags);
	if (!ktls_push_empty(&tx->push))
		schedule_delayed_work(&tx->work, HOLD_JIFFIES);
	return err;
}

/* The send buffer has room, or gets it; what waits for it is sent first. */
static int wait_for_room(struct sock *sk, struct ktls_tx *tx, const struct msghdr *msg,
			 long *timeo)
{
	int err = push_part(sk, tx, msg);

	return err ?: sk_stream_wait_memory(sk, timeo);
}

/* Records from a message, until it is at its end or something is wrong. */
static int take(struct sock *sk, struct ktls_context *ctx, struct msghdr *msg, u8 type)
{
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	struct ktls_tx *tx = ktls_tx(ctx);
	int err;

	do {
		bool starts = !open_record(tx);

		if (starts && (int)ktls_push_bytes(&tx->push) >= sk_stream_wspace(sk))
			err = push_part(sk, tx, msg);
		else
			err = 0;
		if (!err && starts && !sk_stream_memory_free(sk))
			err = sk_stream_wait_memory(sk, &timeo);
		if (!err)
			err = take_some(sk, ctx, msg, type);
		if (err == -ENOMEM)
			err = wait_for_room(sk, tx, msg, &timeo);
		if (err)
			return err;
		if (open_record(tx) && !room(ctx, open_record(tx)))
			close_record(sk, ctx);
	} while (msg_data_left(msg));
	return 0;
}

/*
 * A message ends, or breaks off: does its last record wait for more? A record of
 * another type than data is sent whole or not at all.
 */
static void end_message(struct sock *sk, struct ktls_context *ctx, u8 type, bool more,
			int err)
{
	struct ktls_dev_record *record = open_record(ktls_tx(ctx));

	if (!record)
		return;
	if (err && (type != TLS_RECORD_TYPE_DATA || !has_payload(ctx, record))) {
		set_open(ctx, NULL);
		ktls_dev_record_free(record);
	} else if (!more) {
		close_record(sk, ctx);
	}
}

static int dev_flush(struct sock *sk, int flags)
{
	struct ktls_context *ctx = ktls_ctx(sk);

	if (open_record(ktls_tx(ctx)))
		close_record(sk, ctx);
	return ktls_push(sk, &ktls_tx(ctx)->push, flags);
}

static int dev_send(struct sock *sk, struct msghdr *msg, u8 type)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_tx *tx = ktls_tx(ctx);
	size_t size = msg_data_left(msg);
	bool hold = may_hold(ctx, msg);
	int err, late;

	if (open_record(tx) && open_record(tx)->type != type)
		close_record(sk, ctx);
	err = push(sk, tx, push_flags(msg) & ~MSG_EOR, hold);
	if (err)
		return err;

	err = take(sk, ctx, msg, type);
	end_message(sk, ctx, type, msg->msg_flags & MSG_MORE, err);
	late = push(sk, tx, push_flags(msg), hold && !err);
	if (err && type != TLS_RECORD_TYPE_DATA)
		return err;
	return (size - msg_data_left(msg)) ?: err ?: late;
}

static void dev_push(struct sock *sk)
{
	ktls_push(sk, &ktls_tx(ktls_ctx(sk))->push, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* TCP has room for what waits. */
static void dev_write_space(struct sock *sk)
{
	gfp_t allocation = sk->sk_allocation;

	sk->sk_allocation = GFP_ATOMIC;
	dev_push(sk);
	sk->sk_allocation = allocation;
}

/* What was written is sent, if the send buffer must grow for it. */
static void dev_release(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_tx *tx = ktls_tx(ctx);

	if (!sk->sk_err && !(sk->sk_shutdown & SEND_SHUTDOWN)) {
		WRITE_ONCE(sk->sk_sndbuf, INT_MAX / 2);
		dev_flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	ktls_dev_record_free(open_record(tx));
	set_open(ctx, NULL);
	ktls_dev_records_drop_queued(tx);
}

static const struct ktls_tx_ops dev_tx_ops = {
	.send = dev_send,
	.flush = dev_flush,
	.push = dev_push,
	.write_space = dev_write_space,
	.release = dev_release,
};

/**
 * ktls_dev_tx_start() - the device encrypts from the next record on
 * @sk: the socket, locked
 * @tx: its sender, with that record's number; nothing of it waits for TCP
 *
 * No packet may have both what was sent before and what the device encrypts.
 *
 * Return: 0 or -ENOMEM; then nothing has changed.
 */
int ktls_dev_tx_start(struct sock *sk, struct ktls_tx *tx)
{
	int err = ktls_dev_records_begin(tx, tcp_sk(sk)->write_seq);

	if (err)
		return err;
	tcp_write_collapse_fence(sk);
	tx->ops = &dev_tx_ops;
	memcpy(tx->dev_nonce, tx->number.nonce, sizeof(tx->dev_nonce));
	ktls_push_init(&tx->push, ktls_dev_records_taken);
	tx->push.flags = MSG_SENDPAGE_DECRYPTED;
	return 0;
}

static struct ktls_tx *alloc_tx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = kzalloc(sizeof(*tx), GFP_KERNEL);
	struct crypto_aead *aead;
	int err;

	if (!tx)
		return ERR_PTR(-ENOMEM);
	ktls_sw_tx_init(tx, ctx);
	tx->dev.ctx = &ctx->base;
	ktls_number_init(&tx->number, &ctx->format, &ctx->base.crypto_send.info);
	ktls_dev_records_init(tx);

	aead = ktls_aead_alloc_sync(&ctx->format, &ctx->base.crypto_send.info);
	err = PTR_ERR_OR_ZERO(aead);
	if (err)
		goto err_tx;
	tx->dev.aead_send = aead;
	err = ktls_dev_tx_start(sk, tx);
	if (err)
		goto err_aead;
	return tx;

err_aead:
	crypto_free_aead(aead);
err_tx:
	kfree_sensitive(tx);
	return ERR_PTR(err);
}

/**
 * ktls_dev_set_tx() - let a device encrypt what a socket sends
 * @sk: the socket, locked
 * @ctx: its context, with the key
 *
 * Return: 0, or the reason why software has to do it.
 */
int ktls_dev_set_tx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx;
	int err;

	if (!ktls_dev_offers(sk, ctx, TLS_OFFLOAD_CTX_DIR_TX))
		return -EOPNOTSUPP;
	tx = alloc_tx(sk, ctx);
	if (IS_ERR(tx))
		return PTR_ERR(tx);
	ctx->base.priv_ctx_tx = tx;
	clean_acked_data_enable(KTLS_CLEAN_ACKED(sk), ktls_dev_records_acked);
	err = ktls_dev_add(sk, ctx, TLS_OFFLOAD_CTX_DIR_TX, tcp_sk(sk)->write_seq,
			   &tx->number);
	if (err) {
		clean_acked_data_disable(KTLS_CLEAN_ACKED(sk));
		ctx->base.priv_ctx_tx = NULL;
		ktls_dev_free_tx(tx);
		return err;
	}
	return 0;
}

/**
 * ktls_dev_tx_init() - get ready for senders with a device
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_dev_tx_init(void)
{
	unsigned int type;
	u8 *at;
	int err;

	err = ktls_dev_records_setup();
	if (err)
		return err;
	all_types = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!all_types) {
		ktls_dev_records_cleanup();
		return -ENOMEM;
	}
	at = page_address(all_types);
	for (type = 0; type <= U8_MAX; type++)
		at[type] = type;
	return 0;
}

/**
 * ktls_dev_tx_exit() - the opposite of ktls_dev_tx_init(); no socket is left
 */
void ktls_dev_tx_exit(void)
{
	put_page(all_types);
	ktls_dev_records_cleanup();
}
