// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving on an offloaded connection: the life of RX contexts, and what is
 * made of packets that met one. The device marks packets whose payload it has
 * decrypted; the core checks that all packets of a record are marked, and
 * decrypts in software what is not.
 */

#include <linux/bitmap.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/inet_sock.h>

#include "ktlsnic_tls_rx.h"

/* No more than this, whatever the device says. */
#define KTLSNIC_TLS_RX_MAX		BIT(20)

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

static int ktlsnic_tls_rx_program(struct ktlsnic_nic *nic,
				  const struct ktlsnic_tls_rx *rx,
				  const struct tls_crypto_info *info,
				  u32 tcp_seq)
{
	struct ktlsnic_tls_keys keys;
	int err;

	ktlsnic_tls_keys_fill(&keys, info);
	err = ktlsnic_tls_hw_rx_add(nic, rx->ctx, &keys, tcp_seq, &rx->flow);
	memzero_explicit(&keys, sizeof(keys));
	return err;
}

/* Puts a new connection into the device and into the books. Packets may meet the
 * context before the device's answer is here, so they have to find it.
 */
static int ktlsnic_tls_rx_install(struct ktlsnic_tls_rx *rx,
				  const struct tls_crypto_info *info)
{
	struct ktlsnic_tls_rx_half *half = rx->half;
	int err;

	lockdep_assert_held(&half->lock);
	rx->ctx = find_first_zero_bit(half->ids, half->max);
	if (rx->ctx >= half->max) {
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_NO_SPACE);
		return -ENOSPC;
	}
	rcu_assign_pointer(half->slots[rx->ctx], rx);
	err = ktlsnic_tls_rx_program(half->nic, rx, info, rx->start_seq);
	if (err) {
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_ADD_FAILED);
		if (err == -ETIMEDOUT || err == -EEXIST) {
			__set_bit(rx->ctx, half->ids);
			set_bit(rx->ctx, half->stale);
		}
		RCU_INIT_POINTER(half->slots[rx->ctx], NULL);
		return err;
	}
	__set_bit(rx->ctx, half->ids);
	list_add_tail(&rx->list, &half->list);
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
	ktlsnic_tls_rx_resync_init(rx);
	return rx;
}

/**
 * ktlsnic_tls_add_rx() - tls_dev_add for receiving
 * @nic: the device
 * @sk: the socket, locked
 * @info: version, cipher, keys
 * @tcp_seq: TCP sequence of the first record
 *
 * Return: 0 or a negative errno; then the connection goes on in software.
 */
int ktlsnic_tls_add_rx(struct ktlsnic_nic *nic, struct sock *sk,
		       const struct tls_crypto_info *info, u32 tcp_seq)
{
	struct ktlsnic_tls_rx_half *half = nic->tls->rx;
	struct ktlsnic_tls_rx *rx;
	int err;

	if (!half || !ktlsnic_tls_cipher_rx_supported(nic, info)) {
		if (half)
			ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_UNSUPPORTED);
		return -EOPNOTSUPP;
	}
	rx = ktlsnic_tls_rx_alloc(half, sk, tcp_seq);
	if (!rx)
		return -ENOMEM;
	err = -EAFNOSUPPORT;
	if (ktlsnic_tls_rx_flow_fill(&rx->flow, sk)) {
		mutex_lock(&half->lock);
		rx->key_id = ktlsnic_tls_key_id(info);
		err = ktlsnic_tls_rx_install(rx, info);
		mutex_unlock(&half->lock);
	}
	if (err) {
		ktlsnic_tls_rx_resync_stop(rx);
		ktlsnic_tls_rx_put(rx);
		return err;
	}
	if (half->type == TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC)
		tls_offload_ctx_rx(rx->tls_ctx)->resync_async = &rx->async;
	tls_offload_rx_resync_set_type(sk, half->type);
	ktlsnic_tls_rx_state(rx->tls_ctx)->rx = rx;
	return 0;
}

/* Takes a connection out of the device and the table; drops the table's reference. */
static void ktlsnic_tls_rx_remove(struct ktlsnic_tls_rx_half *half,
				  struct ktlsnic_tls_rx *rx)
{
	int err;

	lockdep_assert_held(&half->lock);
	list_del(&rx->list);
	err = ktlsnic_tls_hw_rx_del(half->nic, rx->ctx);
	/* -ENETDOWN: a reset deletes them all */
	if (!err || err == -ENETDOWN || err == -ENOENT)
		__clear_bit(rx->ctx, half->ids);
	else
		set_bit(rx->ctx, half->stale);
	RCU_INIT_POINTER(half->slots[rx->ctx], NULL);
	/* a dead context may never have come back */
	if (err && err != -ENETDOWN && !(err == -ENOENT && rx->dead))
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_DEL_FAILED);
	ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_DEL);
	ktlsnic_tls_rx_put(rx);
}

/**
 * ktlsnic_tls_del_rx() - tls_dev_del for receiving
 * @nic: the device
 * @tls_ctx: the connection
 *
 * Called in close(), or under RTNL after ndo_stop.
 */
void ktlsnic_tls_del_rx(struct ktlsnic_nic *nic, struct tls_context *tls_ctx)
{
	struct ktlsnic_tls_rx *rx = ktlsnic_tls_rx_state(tls_ctx)->rx;
	struct ktlsnic_tls_rx_half *half = rx->half;

	ktlsnic_tls_rx_state(tls_ctx)->rx = NULL;
	ktlsnic_tls_rx_resync_stop(rx);
	mutex_lock(&half->lock);
	ktlsnic_tls_rx_remove(half, rx);
	mutex_unlock(&half->lock);
}

/**
 * ktlsnic_tls_rx_forget() - delete what the core has forgotten
 * @nic: the device, whose interface has gone down, so that the core has deleted
 *	 every connection that it knows of; under RTNL
 *
 * As ktlsnic_tls_tx_forget(): tls_device_down() looks for rx_conf.
 */
void ktlsnic_tls_rx_forget(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls_rx_half *half = nic->tls->rx;
	struct ktlsnic_tls_rx *rx, *next;

	if (!half)
		return;
	mutex_lock(&half->lock);
	list_for_each_entry_safe(rx, next, &half->list, list) {
		ktlsnic_tls_rx_resync_stop(rx);
		ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_ORPHANS);
		ktlsnic_tls_rx_remove(half, rx);
	}
	mutex_unlock(&half->lock);
}

static void ktlsnic_tls_rx_resynced(void *arg, int err, u32 value)
{
	struct ktlsnic_tls_rx_half *half = arg;

	ktlsnic_tls_rx_count(half, err ? KTLSNIC_TLS_RX_RESYNC_RES_SKIP :
				   KTLSNIC_TLS_RX_RESYNC_RES_OK);
}

/**
 * ktlsnic_tls_resync_rx() - tls_dev_resync for receiving
 * @nic: the device
 * @tls_ctx: the connection
 * @seq: where a record begins
 * @rcd_sn: its number, big-endian
 *
 * The core calls this with its own lock on the socket, in softirq too. A place
 * that has gone by is for the device to refuse: only it knows how far it is.
 *
 * Return: 0 or a negative errno, which the core ignores.
 */
int ktlsnic_tls_resync_rx(struct ktlsnic_nic *nic, struct tls_context *tls_ctx,
			  u32 seq, const u8 *rcd_sn)
{
	struct ktlsnic_tls_rx *rx = ktlsnic_tls_rx_state(tls_ctx)->rx;
	int err;

	/* Here the core names a record by the last byte of its header. */
	if (rx->half->type == TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ)
		seq -= TLS_HEADER_SIZE - 1;
	err = ktlsnic_tls_hw_rx_resync(nic, rx->ctx, seq,
				       get_unaligned_be64(rcd_sn),
				       ktlsnic_tls_rx_resynced, rx->half);
	if (err)
		ktlsnic_tls_rx_resynced(rx->half, err, 0);
	return err;
}

/*
 * Where to put a context after a reset. If nothing has come since the offload
 * began it belongs there. Otherwise nobody but the device knew the place, so it
 * is put where it is lost for sure: as far back as TCP can not reach, for bytes
 * that came to its place would be taken for a record header.
 */
static u32 ktlsnic_tls_rx_place(const struct ktlsnic_tls_rx *rx)
{
	u32 next = READ_ONCE(tcp_sk(rx->sk)->rcv_nxt);

	return next == rx->start_seq ? next : next - KTLSNIC_TLS_RX_WINDOW;
}

/* Puts one context back. A core that is changing keys may have another one than the
 * context.
 */
static int ktlsnic_tls_rx_program_again(const struct ktlsnic_tls_rx *rx)
{
	const struct tls_crypto_info *info = &rx->tls_ctx->crypto_recv.info;

	if (ktlsnic_tls_key_id(info) != rx->key_id)
		return -ESTALE;
	return ktlsnic_tls_rx_program(rx->half->nic, rx, info,
				      ktlsnic_tls_rx_place(rx));
}

/**
 * ktlsnic_tls_rx_restore() - put all contexts into the device again
 * @nic: a device that was reset, with its queues closed
 *
 * They have lost their place and look for it as after a loss. What comes in the
 * meantime is decrypted in software, and so is everything of a connection whose
 * context does not come back.
 */
void ktlsnic_tls_rx_restore(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls_rx_half *half = nic->tls->rx;
	struct ktlsnic_tls_rx *rx;
	int err;

	if (!half)
		return;
	mutex_lock(&half->lock);
	bitmap_andnot(half->ids, half->ids, half->stale, half->max);
	bitmap_zero(half->stale, half->max);
	list_for_each_entry(rx, &half->list, list) {
		err = ktlsnic_tls_rx_program_again(rx);
		/* one that came after the device's start exists already */
		rx->dead = err && err != -EEXIST;
		if (!err)
			ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_RESTORED);
		else if (rx->dead)
			ktlsnic_tls_rx_count(half, KTLSNIC_TLS_RX_GIVEN_UP);
	}
	mutex_unlock(&half->lock);
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
 * @nic: the device
 * @queue: the RX queue, in its NAPI
 * @skb: the packet, with its network header at its beginning
 * @mark: what the device says of it
 *
 * Return: false if the packet must be dropped: it was decrypted by a context
 * that the device should not have, so that its connection runs in software.
 */
bool ktlsnic_tls_rx(struct ktlsnic_nic *nic, unsigned int queue,
		    struct sk_buff *skb, const struct ktlsnic_tls_rx_mark *mark)
{
	struct ktlsnic_tls_rx_half *half = nic->tls->rx;
	struct ktlsnic_tls_rx *rx;
	bool good = true;

	if (!half)
		return !mark->decrypted;
	ktlsnic_tls_rx_count_packet(&half->queues[queue], mark);
	if (mark->ctx >= half->max || test_bit(mark->ctx, half->stale)) {
		ktlsnic_tls_rx_count_error(&half->queues[queue]);
		return !mark->decrypted;
	}
	if (mark->resync) {
		rcu_read_lock();
		rx = rcu_dereference(half->slots[mark->ctx]);
		if (rx)
			good = ktlsnic_tls_rx_request(rx, skb, mark->seq);
		rcu_read_unlock();
	}
	if (!good)
		ktlsnic_tls_rx_count_error(&half->queues[queue]);
	if (mark->decrypted) {
		ktlsnic_skb_set_decrypted(skb);
		/* The sum is over what was on the wire; the device has looked. */
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	return true;
}

/**
 * ktlsnic_tls_rx_max() - RX contexts that can be in use at a time
 * @nic: the device
 *
 * Return: how many; 0 without RX offload.
 */
u32 ktlsnic_tls_rx_max(struct ktlsnic_nic *nic)
{
	return nic->tls && nic->tls->rx ? nic->tls->rx->max : 0;
}

/**
 * ktlsnic_tls_rx_live() - RX contexts in use
 * @nic: the device
 *
 * Return: how many.
 */
u32 ktlsnic_tls_rx_live(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls_rx_half *half;
	u32 live;

	if (!ktlsnic_tls_rx_max(nic))
		return 0;
	half = nic->tls->rx;
	mutex_lock(&half->lock);
	live = bitmap_weight(half->ids, half->max);
	mutex_unlock(&half->lock);
	return live;
}

static void ktlsnic_tls_rx_half_free(struct ktlsnic_tls_rx_half *half)
{
	bitmap_free(half->stale);
	bitmap_free(half->ids);
	kvfree(half->slots);
	kfree(half->queues);
	kfree(half);
}

/**
 * ktlsnic_tls_rx_init() - offer to decrypt what the device can
 * @nic: the device, with &ktlsnic_nic.tls
 *
 * Return: 0, also without RX offload in the device, or -ENOMEM.
 */
int ktlsnic_tls_rx_init(struct ktlsnic_nic *nic)
{
	u32 max = min_t(u32, ktlsnic_tls_hw_rx_contexts(nic),
			KTLSNIC_TLS_RX_MAX);
	struct ktlsnic_tls_rx_half *half;
	unsigned int i;

	if (!max || !ktlsnic_tls_ciphers_rx_any(nic))
		return 0;
	half = kzalloc(sizeof(*half), GFP_KERNEL);
	if (!half)
		return -ENOMEM;
	half->ids = bitmap_zalloc(max, GFP_KERNEL);
	half->stale = bitmap_zalloc(max, GFP_KERNEL);
	half->slots = kvcalloc(max, sizeof(*half->slots), GFP_KERNEL);
	half->queues = kcalloc(nic->max_queues, sizeof(*half->queues),
			       GFP_KERNEL);
	if (!half->ids || !half->stale || !half->slots || !half->queues) {
		ktlsnic_tls_rx_half_free(half);
		return -ENOMEM;
	}
	for (i = 0; i < nic->max_queues; i++)
		u64_stats_init(&half->queues[i].syncp);
	mutex_init(&half->lock);
	INIT_LIST_HEAD(&half->list);
	half->nic = nic;
	half->max = max;
	half->type = ktlsnic_tls_hw_rx_sync_type(nic);
	nic->tls->rx = half;
	nic->netdev->hw_features |= NETIF_F_HW_TLS_RX;
	return 0;
}

/**
 * ktlsnic_tls_rx_cleanup() - undo ktlsnic_tls_rx_init()
 * @nic: the device, after its interface was unregistered
 */
void ktlsnic_tls_rx_cleanup(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls_rx_half *half = nic->tls->rx;

	if (!half)
		return;
	WARN_ON(!list_empty(&half->list));
	rcu_barrier();
	ktlsnic_rcu_tasks_barrier();
	nic->tls->rx = NULL;
	ktlsnic_tls_rx_half_free(half);
}
