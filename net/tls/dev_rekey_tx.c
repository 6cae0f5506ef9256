// SPDX-License-Identifier: GPL-2.0-only
/*
 * KeyUpdate of a sender with a device. What the device was given with the old key may
 * have to be sent again, so it keeps that key until all of it is acknowledged;
 * meanwhile software encrypts with the new key. The next message after that brings
 * the new key to the device.
 */

#include <crypto/aead.h>
#include <linux/file.h>
#include <net/tcp.h>

#include "cryptor.h"
#include "dev.h"
#include "dev_records.h"
#include "dev_rekey_tx.h"
#include "stat.h"
#include "sw_tx.h"
#include "trace.h"

/*
 * The records of the old key are gone, so that nobody encrypts with it; who began
 * to look for one is done after a grace period, and so are drivers that were given
 * a packet with one.
 */
static void replace_fallback(struct ktls_tx *tx, struct crypto_aead *aead)
{
	struct crypto_aead *old = tx->dev.aead_send;

	WRITE_ONCE(tx->dev.aead_send, aead);
	synchronize_net();
	crypto_free_aead(old);
}

/* Nothing of software's is left but its key. */
static int give_to_device(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);
	int err;

	ktls_dev_del(ctx, TLS_OFFLOAD_CTX_DIR_TX);
	clear_bit_unlock(TLS_TX_SYNC_SCHED, &ctx->base.flags);
	err = ktls_dev_tx_start(sk, tx);
	if (err)
		return err;
	return ktls_dev_add(sk, ctx, TLS_OFFLOAD_CTX_DIR_TX, tcp_sk(sk)->write_seq,
			    &tx->number);
}

/* No key waits any more. */
static void stop_waiting(struct sock *sk, struct ktls_tx *tx)
{
	tx->resume = NULL;
	ktls_stat_dec(sock_net(sk), KTLS_STAT_CURR_TX_REKEY);
}

/* Called before each message while a key waits for the device. */
static void resume(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	bool had = ctx->base.tx_conf == TLS_HW;
	struct ktls_tx *tx = ktls_tx(ctx);
	struct crypto_aead *aead, *sw = tx->aead;
	int err;

	if (before(tcp_sk(sk)->snd_una, tx->boundary))
		return;
	aead = ktls_aead_alloc_sync(&ctx->format, &ctx->base.crypto_send.info);
	if (IS_ERR(aead)) {
		trace_tls_device_complete_rekey_retry(sk, PTR_ERR(aead));
		return;
	}
	err = ktls_sw_tx_drain(sk);
	if (err) {
		trace_tls_device_complete_rekey_retry(sk, err);
		crypto_free_aead(aead);
		return;
	}
	replace_fallback(tx, aead);
	err = give_to_device(sk, ctx);
	if (err) {
		tcp_write_collapse_fence(sk);
		ktls_sw_tx_start(tx, sw);
	} else {
		tx->aead = NULL;
		crypto_free_aead(sw);
	}
	stop_waiting(sk, tx);
	ktls_dev_rekey_end(sk, ctx, TLS_OFFLOAD_CTX_DIR_TX, had, tcp_sk(sk)->write_seq,
			   tx->number.seq, err);
}

/* Does whoever sets the key wait for room? */
static int wait_flag(const struct sock *sk)
{
	const struct socket *sock = sk->sk_socket;

	return sock && sock->file && (sock->file->f_flags & O_NONBLOCK) ?
	       MSG_DONTWAIT : 0;
}

/* Software takes over from the device, which has all its records in TCP. */
static int leave_device(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);
	struct crypto_aead *aead;
	int err;

	aead = ktls_aead_alloc(&ctx->format, &ctx->base.crypto_send.info);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	err = tx->ops->flush(sk, wait_flag(sk) | MSG_NOSIGNAL);
	if (err) {
		crypto_free_aead(aead);
		return err;
	}
	tcp_write_collapse_fence(sk);
	ktls_number_init(&tx->number, &ctx->format, &ctx->base.crypto_send.info);
	ktls_sw_tx_start(tx, aead);
	return 0;
}

/**
 * ktls_dev_rekey_tx() - send with another key from the next record on
 * @sk: the socket; tx_lock is held and it is locked
 * @ctx: its context, with the key
 *
 * If one waits for the device already, the device never had that. One that was
 * refused before is asked again.
 *
 * Return: 0, or an error: then the old key stays. -EAGAIN: TCP has no room for what
 * was written, and the caller does not wait.
 */
int ktls_dev_rekey_tx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);
	int err;

	/* Software has a key of its own while one waits, and after one was refused. */
	err = tx->aead ? ktls_sw_tx_new_key(sk) : leave_device(sk, ctx);
	if (err)
		return err;
	if (tx->resume) {
		ktls_stat_inc(sock_net(sk), KTLS_STAT_TX_REKEY_OK);
	} else {
		tx->boundary = tcp_sk(sk)->write_seq;
		tx->resume = resume;
		ktls_stat_inc(sock_net(sk), KTLS_STAT_CURR_TX_REKEY);
	}
	trace_tls_device_rekey_start(sk, TLS_OFFLOAD_CTX_DIR_TX, tx->boundary,
				     tx->boundary - tcp_sk(sk)->snd_una);
	resume(sk);
	return 0;
}

/**
 * ktls_dev_rekey_release_tx() - the socket closes
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_dev_rekey_release_tx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_tx *tx = ktls_tx(ctx);

	if (!tx || !tx->resume)
		return;
	stop_waiting(sk, tx);
	ktls_stat_inc(sock_net(sk), KTLS_STAT_TX_REKEY_ABORTED);
}
