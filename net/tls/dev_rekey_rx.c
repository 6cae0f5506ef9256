// SPDX-License-Identifier: GPL-2.0-only
/*
 * KeyUpdate of a receiver with a device. The device loses its key with the KeyUpdate,
 * or with the new key if none was read, but may have met records of the new key
 * before: what it made of them with the old one is undone. It gets the new key with
 * the first record that it cannot have met.
 */

#include <crypto/aead.h>
#include <net/tcp.h>

#include "dev.h"
#include "dev_rekey_rx.h"
#include "dev_resync.h"
#include "stat.h"
#include "sw_rx.h"
#include "trace.h"

/**
 * ktls_dev_rekey_read() - a KeyUpdate was read, or there is a new key without one
 * @sk: the socket, locked
 *
 * When this returns, all packets that met the device with its old key are the
 * socket's.
 */
void ktls_dev_rekey_read(struct sock *sk)
{
	if (ktls_dev_del(ktls_ctx(sk), TLS_OFFLOAD_CTX_DIR_RX))
		synchronize_net();
}

/* Where the stream ends that TCP has received, out of order too. */
static u32 received_end(struct sock *sk)
{
	const struct tcp_sock *tp = tcp_sk(sk);
	u32 end = tp->rcv_nxt;

	if (!RB_EMPTY_ROOT(&tp->out_of_order_queue) &&
	    after(TCP_SKB_CB(tp->ooo_last_skb)->end_seq, end))
		end = TCP_SKB_CB(tp->ooo_last_skb)->end_seq;
	return end;
}

/* Where the record begins that is read next. */
static u32 next_record(struct sock *sk)
{
	const struct ktls_strp *strp = &ktls_rx(ktls_ctx(sk))->strp;

	return tcp_sk(sk)->copied_seq - (strp->copying ? strp->copied : 0);
}

/* The old key is of no use any more. */
static void drop_old(struct sock *sk, struct ktls_rx *rx)
{
	crypto_free_aead(rx->old.aead);
	memzero_explicit(&rx->old, sizeof(rx->old));
	ktls_stat_dec(sock_net(sk), KTLS_STAT_CURR_RX_REKEY);
}

/* Go on from @seq to where a record begins of which nothing has come. */
static u32 place_to_come(struct ktls_context *ctx, u32 seq, struct ktls_number *number)
{
	u8 header[TLS_HEADER_SIZE];
	struct sk_buff *at = NULL;
	int len;

	while (ktls_strp_peek(&ktls_rx(ctx)->strp, &at, seq, header)) {
		len = ktls_record_length(&ctx->format, header);
		if (len < 0)
			break;
		seq += len;
		ktls_number_advance(number);
	}
	return seq;
}

/*
 * The device gets the new key, or software goes on with it. A record with @number
 * begins at @seq; the device need not look for one if it gets one that is to come.
 */
static void finish(struct sock *sk, struct ktls_context *ctx, u32 seq,
		   struct ktls_number number)
{
	bool had = ctx->base.rx_conf == TLS_HW;
	int err;

	drop_old(sk, ktls_rx(ctx));
	ktls_dev_resync_forget(ktls_rx(ctx));
	seq = place_to_come(ctx, seq, &number);
	err = ktls_dev_add(sk, ctx, TLS_OFFLOAD_CTX_DIR_RX, seq, &number);
	ktls_dev_rekey_end(sk, ctx, TLS_OFFLOAD_CTX_DIR_RX, had, seq, number.seq, err);
}

/* What the device would have taken the record for that is read next. */
static u64 old_number(const struct ktls_rx *rx)
{
	return rx->old.number.seq + (rx->number.seq - rx->old.since);
}

/**
 * ktls_dev_rekey_rx() - the next record has another key
 * @sk: the socket, locked
 * @ctx: its context, with the key
 * @aead: with the key
 *
 * If a new key waits for the device already, the device never had that one.
 */
void ktls_dev_rekey_rx(struct sock *sk, struct ktls_context *ctx,
		       struct crypto_aead *aead)
{
	struct ktls_rx *rx = ktls_rx(ctx);
	struct ktls_number number = rx->number;
	struct crypto_aead *last;
	u32 next;

	ktls_dev_rekey_read(sk);
	next = next_record(sk);
	if (rx->old.aead) {
		rx->old.number.seq = old_number(rx);
		crypto_free_aead(ktls_rx_new_key(sk, ctx, aead));
		ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_REKEY_OK);
	} else {
		last = ktls_rx_new_key(sk, ctx, aead);
		rx->old.aead = last;
		rx->old.number = number;
		rx->old.end = received_end(sk);
		ktls_stat_inc(sock_net(sk), KTLS_STAT_CURR_RX_REKEY);
	}
	memzero_explicit(&number, sizeof(number));
	rx->old.since = rx->number.seq;
	trace_tls_device_rekey_start(sk, TLS_OFFLOAD_CTX_DIR_RX, next,
				     rx->old.end - next);
	if (!before(next, rx->old.end))
		finish(sk, ctx, next, rx->number);
}

/**
 * ktls_dev_rekey_met() - a record of the new key, while the old one is there
 * @sk: the socket, locked
 * @src: the record
 * @marked: the device has decrypted a part of it
 * @number: set to what the device took the record for
 *
 * The first record that it cannot have met ends this.
 *
 * Return: false if the record is as it was on the wire.
 */
bool ktls_dev_rekey_met(struct sock *sk, const struct ktls_source *src, bool marked,
			struct ktls_number *number)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rx *rx = ktls_rx(ctx);
	u32 end = src->seq + src->len;

	if (marked) {
		*number = rx->old.number;
		number->seq = old_number(rx);
		/* later than thought */
		if (after(end, rx->old.end))
			rx->old.end = end;
		trace_tls_device_rekey_reencrypt(sk, src->seq, rx->number.seq,
						 number->seq, src->len);
		return true;
	}
	if (!before(src->seq, rx->old.end)) {
		struct ktls_number next = rx->number;

		ktls_number_advance(&next);
		finish(sk, ctx, end, next);
	}
	return false;
}

/**
 * ktls_dev_rekey_release_rx() - the socket closes
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_dev_rekey_release_rx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_rx *rx = ktls_rx(ctx);

	if (!rx || !rx->old.aead)
		return;
	drop_old(sk, rx);
	ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_REKEY_ABORTED);
}
