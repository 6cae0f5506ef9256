// SPDX-License-Identifier: GPL-2.0-only
/* Receiving: who reads, and what there is to read. */

#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <net/tcp.h>
#include <trace/events/sock.h>

#include "cryptor.h"
#include "decrypt.h"
#include "stat.h"
#include "sw_rx.h"

/* The parser has found a header. */
static int on_header(struct sock *sk, const u8 *header, u32 seq)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rx *rx = ktls_rx(ctx);
	int len = ktls_record_length(&ctx->format, header);

	if (len > 0 && rx->device)
		rx->device->header(sk, seq, len, rx->number.seq);
	return len;
}

static void on_found(struct sock *sk)
{
	ktls_rx(ktls_ctx(sk))->saved_data_ready(sk);
}

static const struct ktls_strp_ops strp_ops = {
	.header = on_header,
	.found = on_found,
	.broken = ktls_abort,
};

/* TCP has received something: a reader is woken if a record is here whole. */
static void on_data_ready(struct sock *sk)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	gfp_t allocation = sk->sk_allocation;

	trace_sk_data_ready(sk);
	sk->sk_allocation = GFP_ATOMIC;
	ktls_strp_data_ready(&rx->strp);
	sk->sk_allocation = allocation;
	if (rx->strp.ready)
		rx->saved_data_ready(sk);
}

/**
 * ktls_rx_update() - which records may go straight to the reader's pages
 * @ctx: the context; the version or the user's promise about padding has changed
 */
void ktls_rx_update(struct ktls_context *ctx)
{
	ktls_rx(ctx)->zero_copy = ctx->format.version != TLS_1_3_VERSION ||
				  ctx->base.rx_no_pad;
}

/**
 * ktls_rx_create() - make what a socket needs for receiving
 * @sk: the socket, locked
 * @ctx: its context
 * @info: the key
 *
 * Return: 0 or an error. Nothing is read before ktls_rx_start().
 */
int ktls_rx_create(struct sock *sk, struct ktls_context *ctx,
		   struct tls_crypto_info *info)
{
	struct crypto_aead *aead;
	struct ktls_rx *rx;

	rx = kzalloc(sizeof(*rx), GFP_KERNEL);
	if (!rx)
		return -ENOMEM;
	aead = ktls_aead_alloc(&ctx->format, info);
	if (IS_ERR(aead)) {
		kfree(rx);
		return PTR_ERR(aead);
	}
	rx->aead = aead;
	ktls_number_init(&rx->number, &ctx->format, info);
	ktls_strp_init(&rx->strp, sk, &strp_ops);
	__skb_queue_head_init(&rx->clear);
	init_waitqueue_head(&rx->readers);
	ctx->base.priv_ctx_rx = rx;
	ktls_rx_update(ctx);
	return 0;
}

/**
 * ktls_rx_start() - take over what TCP has received, and will receive
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_rx_start(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_rx *rx = ktls_rx(ctx);

	write_lock_bh(&sk->sk_callback_lock);
	rx->saved_data_ready = sk->sk_data_ready;
	sk->sk_data_ready = on_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);

	ktls_strp_check(&rx->strp);
	if (rx->strp.ready)
		rx->saved_data_ready(sk);
}

/**
 * ktls_rx_stop() - the socket closes: no callback comes any more
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_rx_stop(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_rx *rx = ktls_rx(ctx);

	ktls_strp_stop(&rx->strp);
	write_lock_bh(&sk->sk_callback_lock);
	if (sk->sk_data_ready == on_data_ready)
		sk->sk_data_ready = rx->saved_data_ready;
	write_unlock_bh(&sk->sk_callback_lock);
	__skb_queue_purge(&rx->clear);
}

/**
 * ktls_rx_drop() - free what it has, but not itself; the socket is not locked
 * @rx: stopped; the driver of a device may see it until the socket is gone
 */
void ktls_rx_drop(struct ktls_rx *rx)
{
	ktls_strp_free(&rx->strp);
	ktls_decryption_free(rx);
	crypto_free_aead(rx->aead);
}

/**
 * ktls_rx_free() - free it; the socket is not locked
 * @rx: stopped
 */
void ktls_rx_free(struct ktls_rx *rx)
{
	ktls_rx_drop(rx);
	kfree_sensitive(rx);
}

/**
 * ktls_rx_new_key() - go on with another key, after a KeyUpdate
 * @sk: the socket, locked
 * @ctx: its context
 * @aead: with the key, which is in the context already
 *
 * Return: what had the old key, for the caller to free.
 */
struct crypto_aead *ktls_rx_new_key(struct sock *sk, struct ktls_context *ctx,
				    struct crypto_aead *aead)
{
	struct ktls_rx *rx = ktls_rx(ctx);
	struct crypto_aead *old = rx->aead;

	ktls_decryption_free(rx);
	rx->aead = aead;
	ktls_number_init(&rx->number, &ctx->format, &ctx->base.crypto_recv.info);
	WRITE_ONCE(rx->key_update, false);
	rx->saved_data_ready(sk);	/* who polls has not been told of records */
	return old;
}

/**
 * ktls_rx_acquire() - become the one who reads
 * @sk: the socket, locked; may be unlocked meanwhile
 * @rx: its receiving half
 * @nonblock: do not wait
 *
 * Return: 0 or an error.
 */
int ktls_rx_acquire(struct sock *sk, struct ktls_rx *rx, bool nonblock)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	long timeo = sock_rcvtimeo(sk, nonblock);
	int err;

	while (rx->reader) {
		if (!timeo)
			return -EAGAIN;
		rx->contended = true;
		add_wait_queue(&rx->readers, &wait);
		err = sk_wait_event(sk, &timeo, !READ_ONCE(rx->reader), &wait);
		remove_wait_queue(&rx->readers, &wait);
		if (signal_pending(current))
			return sock_intr_errno(timeo);
		if (err < 0)
			return err;
	}
	WRITE_ONCE(rx->reader, true);
	return 0;
}

/**
 * ktls_rx_release() - let another one read
 * @rx: a socket's receiving half; the socket is locked
 */
void ktls_rx_release(struct ktls_rx *rx)
{
	WRITE_ONCE(rx->reader, false);
	if (!rx->contended)
		return;
	if (wq_has_sleeper(&rx->readers))
		wake_up(&rx->readers);
	else
		rx->contended = false;
}

/**
 * ktls_rx_lock() - lock the socket and become the one who reads
 * @sk: the socket
 * @rx: its receiving half
 * @nonblock: do not wait for another reader
 *
 * Return: 0 or an error.
 */
int ktls_rx_lock(struct sock *sk, struct ktls_rx *rx, bool nonblock)
{
	int err;

	lock_sock(sk);
	err = ktls_rx_acquire(sk, rx, nonblock);
	if (err)
		release_sock(sk);
	return err;
}

/**
 * ktls_rx_unlock() - the opposite of ktls_rx_lock()
 * @sk: the socket
 * @rx: its receiving half
 */
void ktls_rx_unlock(struct sock *sk, struct ktls_rx *rx)
{
	ktls_rx_release(rx);
	release_sock(sk);
}

/* What has become of the connection; 1 if one may wait. */
static int state_of(struct sock *sk, bool has_copied)
{
	if (sk->sk_err)		/* whoever has got bytes is told the next time */
		return has_copied ? -READ_ONCE(sk->sk_err) : sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN || sock_flag(sk, SOCK_DONE))
		return 0;
	return 1;
}

static int sleep(struct sock *sk, struct ktls_rx *rx, long *timeo)
{
	DEFINE_WAIT_FUNC(wait, woken_wake_function);
	int err;

	add_wait_queue(sk_sleep(sk), &wait);
	sk_set_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	err = sk_wait_event(sk, timeo, ktls_strp_ready(&rx->strp), &wait);
	sk_clear_bit(SOCKWQ_ASYNC_WAITDATA, sk);
	remove_wait_queue(sk_sleep(sk), &wait);
	if (signal_pending(current))
		return sock_intr_errno(*timeo);
	return err < 0 ? err : 0;
}

/**
 * ktls_rx_wait() - wait for the next record
 * @sk: the socket, locked, by its reader
 * @nonblock: do not wait
 * @has_copied: the reader has got bytes already
 *
 * The parser is asked here, not only when TCP says that there is data: others may
 * have put their own callback in place of ours.
 *
 * Return: 1 if there is one, 0 at the end of the stream, else an error.
 */
int ktls_rx_wait(struct sock *sk, bool nonblock, bool has_copied)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	long timeo = sock_rcvtimeo(sk, nonblock);
	int err;

	if (rx->key_update)
		return -EKEYEXPIRED;
	while (!rx->strp.ready) {
		if (sk->sk_err)
			return state_of(sk, has_copied);
		sk_flush_backlog(sk);
		ktls_strp_check(&rx->strp);
		if (rx->strp.ready)
			break;
		/* The backlog may have brought a reset: an error, not the end. */
		err = state_of(sk, has_copied);
		if (err <= 0)
			return err;
		if (!timeo)
			return -EAGAIN;
		err = sleep(sk, rx, &timeo);
		if (err)
			return err;
	}
	return 1;
}

/* A KeyUpdate says that the records behind it have another key. */
static void look_for_key_update(struct sock *sk, struct ktls_rx *rx,
				struct sk_buff *skb)
{
	const struct ktls_clear *clear = ktls_clear(skb);
	u8 handshake;

	if (ktls_ctx(sk)->format.version != TLS_1_3_VERSION ||
	    clear->type != TLS_RECORD_TYPE_HANDSHAKE || !clear->len ||
	    skb_copy_bits(skb, clear->offset, &handshake, 1) ||
	    handshake != TLS_HANDSHAKE_KEYUPDATE)
		return;
	WRITE_ONCE(rx->key_update, true);
	ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_REKEY_RECEIVED);
	if (rx->device)
		rx->device->key_update(sk);
}

/**
 * ktls_rx_decrypt() - decrypt the record that ktls_rx_wait() has found
 * @sk: the socket, locked, by its reader
 * @to: where the reader wants it if it may go there straight, else NULL
 * @direct: says what went there
 * @skb: set to its cleartext, which is then the last on the receiver's list, or to
 *	NULL if it went to the reader
 *
 * Return: 0 or an error. -EAGAIN: it is gone, wait again.
 */
int ktls_rx_decrypt(struct sock *sk, struct iov_iter *to, struct ktls_clear *direct,
		    struct sk_buff **skb)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	int err;

	err = ktls_decrypt(sk, to, direct, skb);
	if (err) {
		if (err != -EAGAIN && err != -ENOMEM)
			ktls_abort(sk, err);
		return err;
	}
	if (*skb) {
		__skb_queue_tail(&rx->clear, *skb);
		look_for_key_update(sk, rx, *skb);
	}
	return 0;
}
