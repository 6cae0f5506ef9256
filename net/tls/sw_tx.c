// SPDX-License-Identifier: GPL-2.0-only
/* Sending, where software encrypts. */

#include <linux/slab.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "cryptor.h"
#include "limit.h"
#include "sw_rec.h"
#include "sw_tx.h"

#define BATCH_BYTES	SZ_64K		/* TCP gets so much in a call */
#define DIRECT_BYTES	1024		/* less is copied more quickly than pinned */
#define RETRY_JIFFIES	msecs_to_jiffies(10)

/* TCP has all of a record. */
static void on_taken(struct sock *sk, struct ktls_unit *unit)
{
	ktls_rec_free(container_of(unit, struct ktls_rec, unit));
}

static void set_open(struct ktls_context *ctx, struct ktls_rec *rec)
{
	ktls_tx(ctx)->open = rec;
	ctx->base.pending_open_record_frags = rec && rec->len;
}

/* The cipher is done with a record, later than at once; in any context. */
static void on_encrypted(struct ktls_rec *rec, int err)
{
	struct sock *sk = rec->sk;
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));

	ktls_rec_drop_plain(rec);
	if (err) {
		WRITE_ONCE(tx->async_err, err);
		ktls_abort(sk, err);
	} else {
		ktls_unit_set_ready(&rec->unit);
	}
	if (atomic_dec_and_test(&tx->pending))
		complete(&tx->idle);
}

/* Wait until the cipher has nothing of ours any more. */
static int wait_idle(struct ktls_tx *tx)
{
	if (!atomic_dec_and_test(&tx->pending))
		wait_for_completion(&tx->idle);
	reinit_completion(&tx->idle);
	atomic_inc(&tx->pending);
	return tx->async_err;
}

/* What may be left behind is sent by the work, when TCP has room. */
static int push(struct sock *sk, struct ktls_tx *tx, int flags)
{
	int err;

	flags &= MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE | MSG_EOR;
	if (flags & MSG_MORE)
		flags &= ~MSG_EOR;
	err = ktls_push(sk, &tx->push, flags);
	/* Who has put his own callback in place of ours does not tell of room. */
	if (err == -EAGAIN && sk->sk_write_space != ktls_write_space)
		schedule_delayed_work(&tx->work, RETRY_JIFFIES);
	else if (err && err != -EAGAIN && err != -EINTR && err != -ERESTARTSYS)
		ktls_abort(sk, err);
	return err;
}

/* No payload is added any more to the open record: encrypt it and queue it. */
static int close_record(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_tx *tx = ktls_tx(ctx);
	struct ktls_rec *rec = tx->open;
	int err = -EBADMSG;

	set_open(ctx, NULL);
	if (!ktls_number_left(&tx->number)) {
		push(sk, tx, MSG_DONTWAIT);	/* those before can still go */
		goto abort;
	}

	ktls_push_add(&tx->push, &rec->unit);
	atomic_inc(&tx->pending);
	err = ktls_rec_encrypt(rec, tx->aead, &tx->number, on_encrypted);
	if (err == -EINPROGRESS || err == -EBUSY) {
		tx->async = true;
		ktls_record_passed(sk, &tx->number, TLS_OFFLOAD_CTX_DIR_TX);
		return err == -EBUSY ? wait_idle(tx) : 0;
	}
	atomic_dec(&tx->pending);
	if (!err) {
		ktls_rec_drop_plain(rec);
		ktls_unit_set_ready(&rec->unit);
		ktls_record_passed(sk, &tx->number, TLS_OFFLOAD_CTX_DIR_TX);
		return 0;
	}
	list_del(&rec->unit.list);
abort:
	ktls_rec_free(rec);
	ktls_abort(sk, err);
	return err;
}

static void sw_write_space(struct sock *sk)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));

	if (ktls_push_ready(&tx->push))
		mod_delayed_work(system_wq, &tx->work, 0);
}

/* Close what is open, and let TCP have all. */
static int sw_flush(struct sock *sk, int flags)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));
	int err = 0;

	if (tx->open && tx->open->len)
		err = close_record(sk);
	if (!err)
		err = wait_idle(tx);
	return err ?: push(sk, tx, flags);
}

/*
 * The record that is open, or a new one; NULL without memory. A message that failed
 * may have left one without payload: it gets its type from the one that brings some.
 */
static struct ktls_rec *open_record(struct sock *sk, u8 type)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rec *rec = ktls_tx(ctx)->open;

	if (!rec) {
		rec = ktls_rec_alloc(sk, ktls_tx(ctx)->aead);
		set_open(ctx, rec);
	}
	if (rec && !rec->len)
		rec->type = type;
	return rec;
}

/*
 * Add payload to the open record; close it if it is full or the message ends.
 *
 * Return: bytes added or an error.
 */
static int add(struct sock *sk, struct msghdr *msg, u8 type)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	bool more = msg->msg_flags & MSG_MORE;
	struct ktls_rec *rec = open_record(sk, type);
	unsigned int room, take;
	bool direct;
	int added, err;

	if (!rec)
		return -ENOMEM;
	room = ctx->max_payload - rec->len;
	take = min_t(size_t, msg_data_left(msg), room);
	direct = (take == room || !more) && take >= DIRECT_BYTES &&
		 user_backed_iter(&msg->msg_iter) &&
		 !ktls_tx(ctx)->async;
	added = ktls_rec_add(rec, msg, take, direct);
	if (added < 0)
		return added;
	set_open(ctx, rec);
	if (added == room)
		rec->full = true;
	if (!rec->full && more)
		return added;
	err = close_record(sk);
	if (!err && direct && ktls_tx(ctx)->async)
		err = wait_idle(ktls_tx(ctx));	/* it reads the user's memory */
	return err ?: added;
}

/* Is it time that TCP gets what is ready? */
static bool batch_is_full(struct sock *sk, const struct ktls_push *push)
{
	unsigned int bytes = ktls_push_bytes(push);

	return bytes && (bytes >= BATCH_BYTES || (int)bytes >= sk_stream_wspace(sk));
}

/* TCP gets a batch. If the cipher still has its first record, that has to come back. */
static int push_batch(struct sock *sk, struct ktls_tx *tx, int flags)
{
	int err = 0;

	if (!ktls_push_ready(&tx->push))
		err = wait_idle(tx);
	return err ?: push(sk, tx, flags | MSG_MORE);
}

/* Wait for memory, or room in the send buffer. */
static int wait_for_room(struct sock *sk, struct ktls_tx *tx, int flags, long *timeo)
{
	int err = 0;

	if (!ktls_push_empty(&tx->push))
		err = push(sk, tx, flags);
	if (err || sk_stream_memory_free(sk))
		return err;
	set_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
	return sk_stream_wait_memory(sk, timeo);
}

static int sw_send(struct sock *sk, struct msghdr *msg, u8 type)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));
	long timeo = sock_sndtimeo(sk, msg->msg_flags & MSG_DONTWAIT);
	int flags = msg->msg_flags;
	ssize_t copied = 0;
	int err = 0;

	while (!err && msg_data_left(msg)) {
		if (sk->sk_err)
			err = -sk->sk_err;
		else if (batch_is_full(sk, &tx->push))
			err = push_batch(sk, tx, flags);
		else if (!sk_stream_memory_free(sk))
			err = wait_for_room(sk, tx, flags, &timeo);
		else
			err = add(sk, msg, type);
		if (err == -ENOMEM) {
			err = sk_stream_wait_memory(sk, &timeo);
		} else if (err > 0) {
			copied += err;
			err = 0;
		}
	}
	if (tx->async && wait_idle(tx)) {
		copied = 0;
		err = tx->async_err;
	} else if (!ktls_push_empty(&tx->push)) {
		int left = push(sk, tx, flags);

		err = err ?: left;
	}
	return copied ?: err;
}

/*
 * TCP is to have all that was written, without waiting for the other end: for this
 * once its send buffer has no limit.
 */
static void sw_release(struct sock *sk)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));
	struct ktls_unit *unit, *next;

	if (!sk->sk_err && !(sk->sk_shutdown & SEND_SHUTDOWN)) {
		WRITE_ONCE(sk->sk_sndbuf, INT_MAX / 2);
		sw_flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	wait_idle(tx);
	if (tx->open)
		ktls_rec_free(tx->open);
	list_for_each_entry_safe(unit, next, &tx->push.units, list)
		ktls_rec_free(container_of(unit, struct ktls_rec, unit));
	INIT_LIST_HEAD(&tx->push.units);
	tx->open = NULL;
}

static void sw_free(struct ktls_tx *tx)
{
	crypto_free_aead(tx->aead);
	kfree_sensitive(tx);
}

static void sw_push(struct sock *sk)
{
	push(sk, ktls_tx(ktls_ctx(sk)), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static const struct ktls_tx_ops sw_ops = {
	.send = sw_send,
	.flush = sw_flush,
	.push = sw_push,
	.write_space = sw_write_space,
	.release = sw_release,
	.free = sw_free,
};

static void push_work(struct work_struct *work)
{
	struct ktls_tx *tx = container_of(to_delayed_work(work), struct ktls_tx, work);
	struct tls_context *base = &tx->ctx->base;

	if (!mutex_trylock(&base->tx_lock)) {
		schedule_delayed_work(&tx->work, RETRY_JIFFIES);
		return;
	}
	lock_sock(base->sk);
	tx->ops->push(base->sk);
	release_sock(base->sk);
	mutex_unlock(&base->tx_lock);
}

/**
 * ktls_sw_tx_init() - a sender of this context, whoever will encrypt first
 * @tx: the sender, zeroed
 * @ctx: the context
 */
void ktls_sw_tx_init(struct ktls_tx *tx, struct ktls_context *ctx)
{
	tx->ctx = ctx;
	INIT_DELAYED_WORK(&tx->work, push_work);
}

/**
 * ktls_sw_tx_stop() - the socket closes: no work runs any more
 * @tx: the sender, whoever encrypts; the socket is not locked
 */
void ktls_sw_tx_stop(struct ktls_tx *tx)
{
	disable_delayed_work_sync(&tx->work);
}

/**
 * ktls_sw_tx_create() - make what a socket needs for sending
 * @sk: the socket, locked
 * @ctx: its context
 * @info: the key
 *
 * Return: 0 or an error.
 */
int ktls_sw_tx_create(struct sock *sk, struct ktls_context *ctx,
		      struct tls_crypto_info *info)
{
	struct crypto_aead *aead;
	struct ktls_tx *tx;

	tx = kzalloc(sizeof(*tx), GFP_KERNEL);
	if (!tx)
		return -ENOMEM;
	aead = ktls_aead_alloc(&ctx->format, info);
	if (IS_ERR(aead)) {
		kfree(tx);
		return PTR_ERR(aead);
	}
	ktls_sw_tx_init(tx, ctx);
	ktls_number_init(&tx->number, &ctx->format, info);
	ktls_sw_tx_start(tx, aead);
	ctx->base.priv_ctx_tx = tx;
	return 0;
}

/**
 * ktls_sw_tx_start() - software encrypts from the next record on
 * @tx: the sender, with that record's number; nothing of it waits for TCP
 * @aead: with the key
 */
void ktls_sw_tx_start(struct ktls_tx *tx, struct crypto_aead *aead)
{
	tx->aead = aead;
	tx->ops = &sw_ops;
	tx->open = NULL;
	tx->async = false;
	ktls_push_init(&tx->push, on_taken);
	atomic_set(&tx->pending, 1);
	init_completion(&tx->idle);
}

/**
 * ktls_sw_tx_drain() - software is done, if TCP takes what it has
 * @sk: the socket; tx_lock is held and it is locked
 *
 * Return: 0: nothing of software's is left but the key. -EAGAIN: TCP has no room, and
 * software goes on. Another error has ended the connection.
 */
int ktls_sw_tx_drain(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_tx *tx = ktls_tx(ctx);
	int err;

	err = sw_flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (err)
		return err;
	if (tx->open)
		ktls_rec_free(tx->open);
	set_open(ctx, NULL);
	return 0;
}

/**
 * ktls_sw_tx_new_key() - go on with another key
 * @sk: the socket; tx_lock is held and it is locked
 *
 * Once encrypted, records may wait for TCP under any key.
 *
 * Return: 0, or an error: then the old key stays.
 */
int ktls_sw_tx_new_key(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct tls_crypto_info *info = &ctx->base.crypto_send.info;
	struct ktls_tx *tx = ktls_tx(ctx);
	struct crypto_aead *aead;
	int err;

	aead = ktls_aead_alloc(&ctx->format, info);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	err = sw_flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (err && err != -EAGAIN) {
		crypto_free_aead(aead);
		return err;
	}
	crypto_free_aead(tx->aead);
	tx->aead = aead;
	ktls_number_init(&tx->number, &ctx->format, info);
	return 0;
}
