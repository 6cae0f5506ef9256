// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving on an offloaded connection: the life of RX contexts, and what is
 * made of packets that met one. The device marks packets whose payload it has
 * decrypted; the core checks that all packets of a record are marked, and
 * decrypts in software what is not.
 */

#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "ktlsnic_tls_rx.h"

/* As far as a TCP window reaches back. */
#define KTLSNIC_TLS_RX_WINDOW		BIT(30)

static struct ktlsnic_tls_rx_state *
ktlsnic_tls_rx_state(struct tls_context *tls_ctx)
{
	BUILD_BUG_ON(sizeof(struct ktlsnic_tls_rx_state) >
		     TLS_DRIVER_STATE_SIZE_RX);
	return __tls_driver_ctx(tls_ctx, TLS_OFFLOAD_CTX_DIR_RX);
}

static bool ktlsnic_tls_rx_flow_fill(struct ktlsnic_tls_flow *flow,
				     const struct sock *sk)
{
	const struct inet_sock *inet = inet_sk(sk);

	flow->remote_port = inet->inet_dport;
	flow->local_port = inet->inet_sport;
#if IS_ENABLED(CONFIG_IPV6)
	if (sk->sk_family == AF_INET6 &&
	    !ipv6_addr_v4mapped(&sk->sk_v6_daddr)) {
		flow->version = 6;
		flow->remote = sk->sk_v6_daddr;
		flow->local = sk->sk_v6_rcv_saddr;
		return true;
	}
#endif
	if (sk->sk_family != AF_INET && sk->sk_family != AF_INET6)
		return false;
	flow->version = 4;
	flow->remote.s6_addr32[0] = inet->inet_daddr;
	flow->local.s6_addr32[0] = inet->inet_rcv_saddr;
	return true;
}

/* Puts a new connection into the device and into the list. */
static int ktlsnic_tls_rx_install(struct ktlsnic_tls_rx *rx,
				  const struct tls_crypto_info *info)
{
	struct ktlsnic_tls_rx_half *half = rx->half;
	struct ktlsnic_tls *tls = half->tls;
	struct ktlsnic_tls_keys keys;
	int err;

	lockdep_assert_held_read(&tls->lock);
	/* a packet may meet the context before the device's answer is here */
	err = ktlsnic_tls_rx_flow_insert(rx);
	if (!err) {
		ktlsnic_tls_keys_fill(&keys, info);
		err = ktlsnic_tls_hw_rx_add(tls->nic, &keys, rx->start_seq,
					    &rx->flow, rx, &rx->ctx);
		memzero_explicit(&keys, sizeof(keys));
		if (err)
			ktlsnic_tls_rx_flow_remove(rx);
	}
	if (err) {
		ktlsnic_tls_rx_count(half, err == -ENOSPC ?
				     KTLSNIC_TLS_RX_NO_SPACE :
				     KTLSNIC_TLS_RX_ADD_FAILED);
		return err;
	}
	spin_lock(&tls->list_lock);
	list_add_tail(&rx->list, &half->list);
	spin_unlock(&tls->list_lock);
	ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_CTX);
	return 0;
}

static struct ktlsnic_tls_rx *
ktlsnic_tls_rx_alloc(struct ktlsnic_tls_rx_half *half, struct sock *sk,
		     u32 tcp_seq)
{
	struct ktlsnic_tls_rx *rx;

	rx = kzalloc(sizeof(*rx), GFP_KERNEL);
	if (!rx)
		return NULL;
	refcount_set(&rx->refs, 1);
	spin_lock_init(&rx->lock);
	rx->half = half;
	rx->tls_ctx = tls_get_ctx(sk);
	rx->sk = sk;
	rx->start_seq = tcp_seq;
	ktlsnic_tls_rx_request_init(rx);
	return rx;
}

/**
 * ktlsnic_tls_rx_add() - tls_dev_add for receiving
 * @tls: the device's TLS half
 * @sk: the socket, locked
 * @info: version, cipher, keys
 * @tcp_seq: TCP sequence of the first record
 *
 * Return: 0 or a negative errno; then the connection goes on in software.
 */
int ktlsnic_tls_rx_add(struct ktlsnic_tls *tls, struct sock *sk,
		       const struct tls_crypto_info *info, u32 tcp_seq)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;
	struct ktlsnic_tls_rx *rx;
	int err;

	if (!half)
		return -EOPNOTSUPP;
	if (!ktlsnic_tls_cipher_supported(half->ciphers, info)) {
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_UNSUPPORTED);
		return -EOPNOTSUPP;
	}
	rx = ktlsnic_tls_rx_alloc(half, sk, tcp_seq);
	if (!rx)
		return -ENOMEM;
	err = -EAFNOSUPPORT;
	if (ktlsnic_tls_rx_flow_fill(&rx->flow, sk)) {
		rx->key_id = ktlsnic_tls_key_id(info);
		down_read(&tls->lock);
		err = ktlsnic_tls_rx_install(rx, info);
		up_read(&tls->lock);
	}
	if (err) {
		ktlsnic_tls_rx_request_stop(rx);
		ktlsnic_tls_rx_put(rx);
		return err;
	}
	if (half->type == TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC)
		tls_offload_ctx_rx(rx->tls_ctx)->resync_async = &rx->async;
	tls_offload_rx_resync_set_type(sk, half->type);
	ktlsnic_tls_rx_state(rx->tls_ctx)->rx = rx;
	return 0;
}

/* Takes a connection out of the device; drops the core's reference. */
static void ktlsnic_tls_rx_remove(struct ktlsnic_tls_rx *rx)
{
	struct ktlsnic_tls_rx_half *half = rx->half;
	int err = ktlsnic_tls_hw_rx_del(half->tls->nic, rx->ctx);

	ktlsnic_tls_rx_flow_remove(rx);
	/* a dead context may never have come back */
	if (err && err != -ENETDOWN && !(err == -ENOENT && rx->dead))
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_DEL_FAILED);
	ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_DEL);
	rx->parsed = !netif_running(half->tls->netdev);
	ktlsnic_tls_rx_put(rx);
}

/**
 * ktlsnic_tls_rx_del() - tls_dev_del for receiving
 * @tls: the device's TLS half
 * @tls_ctx: the connection
 *
 * Called in close(), or under RTNL after ndo_stop.
 */
void ktlsnic_tls_rx_del(struct ktlsnic_tls *tls, struct tls_context *tls_ctx)
{
	struct ktlsnic_tls_rx *rx = ktlsnic_tls_rx_state(tls_ctx)->rx;

	ktlsnic_tls_rx_state(tls_ctx)->rx = NULL;
	ktlsnic_tls_rx_request_stop(rx);
	down_read(&tls->lock);
	spin_lock(&tls->list_lock);
	list_del(&rx->list);
	spin_unlock(&tls->list_lock);
	ktlsnic_tls_rx_remove(rx);
	up_read(&tls->lock);
}

/**
 * ktlsnic_tls_rx_forget() - delete what the core has forgotten
 * @tls: the TLS half of a device whose interface has gone down, so that the core
 *	 has deleted every connection that it knows of; under RTNL
 *
 * As ktlsnic_tls_tx_forget(): tls_device_down() looks for rx_conf.
 */
void ktlsnic_tls_rx_forget(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;
	struct ktlsnic_tls_rx *rx, *next;

	if (!half)
		return;
	down_write(&tls->lock);
	list_for_each_entry_safe(rx, next, &half->list, list) {
		ktlsnic_tls_rx_request_stop(rx);
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_ORPHANS);
		list_del(&rx->list);
		ktlsnic_tls_rx_remove(rx);
	}
	up_write(&tls->lock);
}

static void ktlsnic_tls_rx_resync_done(void *arg, int err, u32 value)
{
	struct ktlsnic_tls_rx_half *half = arg;

	ktlsnic_tls_rx_count(half, err ? KTLSNIC_TLS_RX_RESYNC_RES_SKIP :
				   KTLSNIC_TLS_RX_RESYNC_RES_OK);
}

/**
 * ktlsnic_tls_rx_resync() - tls_dev_resync for receiving
 * @tls: the device's TLS half
 * @tls_ctx: the connection
 * @seq: where a record begins
 * @rec_num: its number
 *
 * The core calls this with its own lock on the socket, in softirq too. A place
 * that has gone by is for the device to refuse: only it knows how far it is.
 *
 * Return: 0 or a negative errno, which the core ignores.
 */
int ktlsnic_tls_rx_resync(struct ktlsnic_tls *tls, struct tls_context *tls_ctx,
			  u32 seq, u64 rec_num)
{
	struct ktlsnic_tls_rx *rx = ktlsnic_tls_rx_state(tls_ctx)->rx;
	int err;

	/* Here the core names a record by the last byte of its header. */
	if (rx->half->type == TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ)
		seq -= TLS_HEADER_SIZE - 1;
	err = ktlsnic_tls_hw_rx_resync(tls->nic, ktlsnic_tls_rx_handle(rx), seq,
				       rec_num, ktlsnic_tls_rx_resync_done,
				       rx->half);
	if (err)
		ktlsnic_tls_rx_resync_done(rx->half, err, 0);
	return err;
}

/*
 * Where to put a context after a reset. If nothing has come since the offload
 * began it belongs there. Otherwise nobody but the device knew the place, so it
 * is put where it is lost for sure: farther back than a TCP window, for bytes
 * that came to its place would be taken for a record header.
 */
static u32 ktlsnic_tls_rx_place(const struct ktlsnic_tls_rx *rx)
{
	u32 next = READ_ONCE(tcp_sk(rx->sk)->rcv_nxt);

	return next == rx->start_seq ? next : next - KTLSNIC_TLS_RX_WINDOW;
}

static void ktlsnic_tls_rx_restored(void *arg, int err, u32 value)
{
	struct ktlsnic_tls_rx *rx = arg;

	rx->dead = err;
	ktlsnic_tls_rx_count(rx->half, err ? KTLSNIC_TLS_RX_GIVEN_UP :
					     KTLSNIC_TLS_RX_RESTORED);
}

/* A core that is changing keys may have another one than the context. */
static int ktlsnic_tls_rx_restore_one(struct ktlsnic_tls_rx *rx)
{
	const struct tls_crypto_info *info = &rx->tls_ctx->crypto_recv.info;
	struct ktlsnic_tls_keys keys;
	u64 ctx = rx->ctx;
	int err;

	if (ktlsnic_tls_key_id(info) != rx->key_id)
		return -ESTALE;
	ktlsnic_tls_keys_fill(&keys, info);
	err = ktlsnic_tls_hw_rx_restore(rx->half->tls->nic, &keys,
					ktlsnic_tls_rx_place(rx), &rx->flow,
					rx, &ctx, ktlsnic_tls_rx_restored);
	memzero_explicit(&keys, sizeof(keys));
	spin_lock_bh(&rx->lock);
	rx->ctx = ctx;
	spin_unlock_bh(&rx->lock);
	return err;
}

/**
 * ktlsnic_tls_rx_restore() - put all contexts into the device again
 * @tls: the TLS half of a device that was reset, with its queues closed; its lock
 *	 is held for writing
 *
 * They have lost their place and look for it as after a loss. What comes in the
 * meantime is decrypted in software, and so is everything of a connection whose
 * context does not come back. ktlsnic_tls_hw_restored() waits for them.
 */
void ktlsnic_tls_rx_restore(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;
	struct ktlsnic_tls_rx *rx;
	int err;

	lockdep_assert_held_write(&tls->lock);
	if (!half)
		return;
	list_for_each_entry(rx, &half->list, list) {
		err = ktlsnic_tls_rx_restore_one(rx);
		/* one that came after the device's start is there */
		if (err && err != -EEXIST)
			ktlsnic_tls_rx_restored(rx, err, 0);
	}
}

static void ktlsnic_tls_rx_count_packet(struct ktlsnic_tls_rx_queue *q,
					const struct ktlsnic_tls_rx_mark *mark)
{
	u64_stats_update_begin(&q->syncp);
	u64_stats_inc(&q->stats[KTLSNIC_TLS_RX_PACKETS]);
	if (mark->decrypted) {
		u64_stats_inc(&q->stats[KTLSNIC_TLS_RX_DECRYPTED_PACKETS]);
		u64_stats_add(&q->stats[KTLSNIC_TLS_RX_DECRYPTED_BYTES],
			      mark->payload);
	}
	if (mark->failed)
		u64_stats_inc(&q->stats[KTLSNIC_TLS_RX_ERR]);
	if (mark->resync)
		u64_stats_inc(&q->stats[KTLSNIC_TLS_RX_RESYNC_REQ_PKT]);
	u64_stats_update_end(&q->syncp);
}

static void ktlsnic_tls_rx_count_error(struct ktlsnic_tls_rx_queue *q)
{
	u64_stats_update_begin(&q->syncp);
	u64_stats_inc(&q->stats[KTLSNIC_TLS_RX_ERR]);
	u64_stats_update_end(&q->syncp);
}

/**
 * ktlsnic_tls_rx() - take in a packet that met a context
 * @tls: the device's TLS half
 * @queue: the RX queue, in its NAPI
 * @skb: the packet, with its network header at its beginning
 * @mark: what the device says of it
 *
 * Return: false if the packet must be dropped: it was decrypted by a context
 * that the device should not have, so that its connection runs in software.
 */
bool ktlsnic_tls_rx(struct ktlsnic_tls *tls, unsigned int queue,
		    struct sk_buff *skb, const struct ktlsnic_tls_rx_mark *mark)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;

	if (!half)
		return !mark->decrypted;
	ktlsnic_tls_rx_count_packet(&half->queues[queue], mark);
	if (mark->stale) {
		ktlsnic_tls_rx_count_error(&half->queues[queue]);
		return !mark->decrypted;
	}
	if (mark->resync && !ktlsnic_tls_rx_request(half, skb, mark))
		ktlsnic_tls_rx_count_error(&half->queues[queue]);
	if (mark->decrypted) {
		ktlsnic_skb_set_decrypted(skb);
		/* The sum is over what was on the wire; the device has looked. */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	return true;
}

static void ktlsnic_tls_rx_half_free(struct ktlsnic_tls_rx_half *half)
{
	kfree(half->queues);
	kfree(half);
}

/**
 * ktlsnic_tls_rx_init() - offer to decrypt what the device can
 * @tls: the TLS half
 *
 * Return: 0, also without RX offload in the device, or a negative errno.
 */
int ktlsnic_tls_rx_init(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_rx_half *half;
	unsigned int i;
	u32 ciphers;
	int err;

	ciphers = ktlsnic_tls_ciphers_probe(tls->nic, TLS_OFFLOAD_CTX_DIR_RX);
	if (!ciphers ||
	    !ktlsnic_tls_hw_contexts(tls->nic, TLS_OFFLOAD_CTX_DIR_RX))
		return 0;
	half = kzalloc(sizeof(*half), GFP_KERNEL);
	if (!half)
		return -ENOMEM;
	half->queues = kcalloc(tls->num_queues, sizeof(*half->queues),
			       GFP_KERNEL);
	if (!half->queues) {
		kfree(half);
		return -ENOMEM;
	}
	for (i = 0; i < tls->num_queues; i++)
		u64_stats_init(&half->queues[i].syncp);
	err = ktlsnic_tls_rx_flows_init(half);
	if (err) {
		ktlsnic_tls_rx_half_free(half);
		return err;
	}
	INIT_LIST_HEAD(&half->list);
	half->tls = tls;
	half->ciphers = ciphers;
	half->type = ktlsnic_tls_hw_rx_sync_type(tls->nic);
	tls->rx = half;
	return 0;
}

/**
 * ktlsnic_tls_rx_cleanup() - undo ktlsnic_tls_rx_init()
 * @tls: the TLS half, whose interface was unregistered
 */
void ktlsnic_tls_rx_cleanup(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_rx_half *half = tls->rx;

	if (!half)
		return;
	WARN_ON(!list_empty(&half->list));
	rcu_barrier();
	ktlsnic_rcu_tasks_barrier();
	tls->rx = NULL;
	rhashtable_destroy(&half->flows);
	ktlsnic_tls_rx_half_free(half);
}
