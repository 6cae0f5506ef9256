// SPDX-License-Identifier: GPL-2.0-only
/* How a device that has lost its place in a stream is told where it is. */

#include <linux/unaligned.h>
#include <net/tcp.h>

#include "dev.h"
#include "dev_resync.h"
#include "stat.h"
#include "trace.h"

/**
 * tls_offload_tx_resync_request() - a driver has seen a gap in what is sent
 * @sk: the socket
 * @got_seq: sequence number of the packet that came
 * @exp_seq: of the one that should have come
 *
 * The answer comes with the next record; until then the driver must not ask again.
 */
void tls_offload_tx_resync_request(struct sock *sk, u32 got_seq, u32 exp_seq)
{
	trace_tls_device_tx_resync_req(sk, got_seq, exp_seq);
	WARN_ON(test_and_set_bit(TLS_TX_SYNC_SCHED, &tls_get_ctx(sk)->flags));
}

/**
 * ktls_dev_resync_tx() - answer to tls_offload_tx_resync_request()
 * @sk: the socket, locked
 * @seq: sequence number of the next record
 * @number: its number
 *
 * If the device does not take it, the next record is another chance.
 */
void ktls_dev_resync_tx(struct sock *sk, u32 seq, u64 number)
{
	tcp_write_collapse_fence(sk);
	trace_tls_device_tx_resync_send(sk, seq, number);
	if (!ktls_dev_resync(sk, seq, number))
		clear_bit_unlock(TLS_TX_SYNC_SCHED, &tls_get_ctx(sk)->flags);
}

/* A receiver's device learns that the record with this number is at this place. */
static void tell(struct sock *sk, u32 seq, u64 number)
{
	struct net_device *dev;
	u8 bytes[TLS_MAX_REC_SEQ_SIZE];

	put_unaligned_be64(number, bytes);
	trace_tls_device_rx_resync_send(sk, seq, number,
					ktls_rx(ktls_ctx(sk))->dev.resync_type);
	rcu_read_lock();
	dev = rcu_dereference(tls_get_ctx(sk)->netdev);
	if (dev)
		dev->tlsdev_ops->tls_dev_resync(dev, sk, seq, bytes,
						TLS_OFFLOAD_CTX_DIR_RX);
	rcu_read_unlock();
	ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_DEVICE_RESYNC);
}

/* The driver asks whether a header ends at the place that the device has found. */
static void answer_request(struct sock *sk, struct ktls_rx *rx, u32 seq, u64 number)
{
	s64 request = atomic64_read(&rx->dev.resync_req);
	u32 last = seq + TLS_HEADER_SIZE - 1;

	if ((u32)request && (u32)(request >> 32) == last &&
	    atomic64_try_cmpxchg(&rx->dev.resync_req, &request, 0))
		tell(sk, last, number);
}

/*
 * The driver will ask later where in a range of the stream a header is: keep in
 * mind which there are, and count the records since the first.
 */
static void note_header(struct tls_offload_resync_async *async, s64 request, u32 seq)
{
	u32 first = request >> 32;
	u32 last = first + (u16)(request >> 16);

	if (async->rcd_delta == U16_MAX) {
		WARN_ON_ONCE(1);
		tls_offload_rx_resync_async_request_cancel(async);
		return;
	}
	if (before(seq, first))
		return;
	if (!after(seq, last) && async->loglen < TLS_DEVICE_RESYNC_ASYNC_LOGMAX)
		async->log[async->loglen++] = seq;
	async->rcd_delta++;
}

/* The driver asks: was, or is, there a header at that place? */
static void answer_async(struct sock *sk, struct tls_offload_resync_async *async,
			 u32 seq, u64 number)
{
	s64 request = atomic64_read(&async->req);
	u32 asked = request >> 32;
	u16 since, i;

	if (!(u32)request)
		return;
	if (request & RESYNC_REQ_ASYNC) {
		note_header(async, request, seq);
		return;
	}
	for (i = 0; i < async->loglen && async->log[i] != asked; i++)
		;
	since = i < async->loglen ? async->rcd_delta - i : 0;
	async->loglen = 0;
	async->rcd_delta = 0;
	if ((since || asked == seq) &&
	    atomic64_try_cmpxchg(&async->req, &request, 0))
		tell(sk, asked, number - since);
}

/*
 * Not asked: the next record is named, if nothing of it has come yet; else it is
 * another's turn.
 */
static void give_hint(struct sock *sk, struct ktls_rx *rx, u32 seq, u32 len, u64 number)
{
	if (after(tcp_sk(sk)->rcv_nxt, seq + len)) {
		trace_tls_device_rx_resync_nh_delay(sk, tcp_sk(sk)->rcv_nxt - seq, len);
		return;
	}
	rx->dev.resync_nh_do_now = 0;
	tell(sk, seq + len, number + 1);
}

static void header(struct sock *sk, struct ktls_rx *rx, u32 seq, u32 len, u64 number)
{
	switch (rx->dev.resync_type) {
	case TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ:
		answer_request(sk, rx, seq, number);
		break;
	case TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT:
		if (rx->dev.resync_nh_do_now)
			give_hint(sk, rx, seq, len, number);
		break;
	case TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC:
		answer_async(sk, rx->dev.resync_async, seq, number);
		break;
	}
}

/**
 * ktls_dev_resync_header() - a record's header has come
 * @sk: the socket; locked, in process or softirq context
 * @seq: sequence number of its first byte
 * @len: of the record
 * @number: of the record
 *
 * What the driver has for its questions is its own, and is there until a grace
 * period after its device has gone down, or was told to forget the key.
 */
void ktls_dev_resync_header(struct sock *sk, u32 seq, u32 len, u64 number)
{
	struct ktls_context *ctx = ktls_ctx(sk);

	rcu_read_lock();
	if (!test_bit(TLS_RX_DEV_DEGRADED, &ctx->base.flags) && READ_ONCE(ctx->rx_added))
		header(sk, ktls_rx(ctx), seq, len, number);
	rcu_read_unlock();
}

/**
 * ktls_dev_resync_in_step() - the device has decrypted something
 * @rx: the receiver
 */
void ktls_dev_resync_in_step(struct ktls_rx *rx)
{
	rx->dev.resync_nh_reset = 1;
}

/**
 * ktls_dev_resync_forget() - what was asked and hinted was for another key
 * @rx: the receiver; no device has its key
 */
void ktls_dev_resync_forget(struct ktls_rx *rx)
{
	atomic64_set(&rx->dev.resync_req, 0);
	rx->dev.resync_nh_do_now = 0;
	ktls_dev_resync_in_step(rx);
}

/**
 * ktls_dev_resync_encrypted() - the device has decrypted nothing of a record
 * @sk: the socket, locked
 * @src: the record, the number of which is the receiver's
 *
 * If the driver never asks, the device gets hints, ever more seldom.
 */
void ktls_dev_resync_encrypted(struct sock *sk, const struct ktls_source *src)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rx *rx = ktls_rx(ctx);
	struct tls_offload_context_rx *dev = &rx->dev;

	if (test_bit(TLS_RX_DEV_DEGRADED, &ctx->base.flags) || !ctx->rx_added ||
	    dev->resync_type != TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT ||
	    dev->resync_nh_do_now)
		return;
	if (dev->resync_nh_reset) {
		dev->resync_nh_reset = 0;
		dev->resync_nh.decrypted_failed = 1;
		dev->resync_nh.decrypted_tgt = TLS_DEVICE_RESYNC_NH_START_IVAL;
		return;
	}
	if (++dev->resync_nh.decrypted_failed <= dev->resync_nh.decrypted_tgt)
		return;
	dev->resync_nh.decrypted_tgt += min_t(u32, dev->resync_nh.decrypted_tgt,
					      TLS_DEVICE_RESYNC_NH_MAX_IVAL);
	if (after(tcp_sk(sk)->rcv_nxt, src->seq + src->len)) {
		trace_tls_device_rx_resync_nh_schedule(sk);
		dev->resync_nh_do_now = 1;
	} else {
		tell(sk, src->seq + src->len, rx->number.seq + 1);
	}
}
