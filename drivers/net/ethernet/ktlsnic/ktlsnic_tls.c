// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS offload: what the device offers to the core of kTLS, and the life of
 * contexts. A context lives from tls_dev_add to tls_dev_del and survives
 * everything that the core is not told of, see ktlsnic_tls_restore().
 */

#include <linux/bitmap.h>
#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ktlsnic_tls_priv.h"

/* For units of a context that is to be deleted: a device that takes longer hangs. */
#define KTLSNIC_TLS_IDLE_TIMEOUT	(5 * HZ)

/* No more than this, whatever the device says. */
#define KTLSNIC_TLS_TX_MAX		BIT(20)

static struct ktlsnic_tls_tx_state *
ktlsnic_tls_tx_state(struct tls_context *tls_ctx)
{
	BUILD_BUG_ON(sizeof(struct ktlsnic_tls_tx_state) >
		     TLS_DRIVER_STATE_SIZE_TX);
	return __tls_driver_ctx(tls_ctx, TLS_OFFLOAD_CTX_DIR_TX);
}

static int ktlsnic_tls_tx_program(struct ktlsnic_nic *nic,
				  const struct ktlsnic_tls_tx *tx,
				  const struct tls_crypto_info *info,
				  u32 tcp_seq)
{
	struct ktlsnic_tls_keys keys;
	int err;

	ktlsnic_tls_keys_fill(&keys, info);
	err = ktlsnic_tls_hw_tx_add(nic, tx->ctx, &keys, tcp_seq);
	memzero_explicit(&keys, sizeof(keys));
	return err;
}

/* Puts a new connection into the device and into the books. */
static int ktlsnic_tls_tx_install(struct ktlsnic_nic *nic,
				  struct ktlsnic_tls_tx *tx,
				  const struct tls_crypto_info *info,
				  u32 tcp_seq)
{
	struct ktlsnic_tls *tls = nic->tls;
	int err;

	lockdep_assert_held(&tls->lock);
	tx->ctx = find_first_zero_bit(tls->tx_ids, tls->tx_max);
	if (tx->ctx >= tls->tx_max) {
		ktlsnic_tls_count(tls, KTLSNIC_TLS_NO_SPACE);
		return -ENOSPC;
	}
	err = ktlsnic_tls_tx_program(nic, tx, info, tcp_seq);
	if (err) {
		ktlsnic_tls_count(tls, KTLSNIC_TLS_ADD_FAILED);
		if (err == -ETIMEDOUT || err == -EEXIST) {
			__set_bit(tx->ctx, tls->tx_ids);
			__set_bit(tx->ctx, tls->tx_stale);
		}
		return err;
	}
	__set_bit(tx->ctx, tls->tx_ids);
	tx->epoch = tls->epoch;
	list_add_tail(&tx->list, &tls->tx_list);
	ktlsnic_tls_count(tls, KTLSNIC_TLS_CTX);
	return 0;
}

static int ktlsnic_tls_add_tx(struct ktlsnic_nic *nic, struct sock *sk,
			      const struct tls_crypto_info *info, u32 tcp_seq)
{
	struct tls_context *tls_ctx = tls_get_ctx(sk);
	struct ktlsnic_tls *tls = nic->tls;
	struct ktlsnic_tls_tx *tx;
	int err;

	if (!ktlsnic_tls_cipher_supported(nic, info)) {
		ktlsnic_tls_count(tls, KTLSNIC_TLS_UNSUPPORTED);
		return -EOPNOTSUPP;
	}
	tx = kzalloc(sizeof(*tx), GFP_KERNEL);
	if (!tx)
		return -ENOMEM;
	refcount_set(&tx->refs, 1);
	spin_lock_init(&tx->lock);
	tx->tls = tls;
	tx->tls_ctx = tls_ctx;
	tx->first_num = ktlsnic_tls_first_num(info);
	tx->key_id = ktlsnic_tls_key_id(info);
	tx->next_seq = tcp_seq;

	mutex_lock(&tls->lock);
	err = ktlsnic_tls_tx_install(nic, tx, info, tcp_seq);
	mutex_unlock(&tls->lock);
	if (err) {
		kfree(tx);
		return err;
	}
	/* a packet that finds it must find all of it */
	smp_store_release(&ktlsnic_tls_tx_state(tls_ctx)->tx, tx);
	return 0;
}

/* Called with the socket locked; the connection goes on in software whatever
 * error this returns.
 */
static int ktlsnic_tls_add(struct net_device *netdev, struct sock *sk,
			   enum tls_offload_ctx_dir direction,
			   struct tls_crypto_info *crypto_info, u32 tcp_seq)
{
	if (direction == TLS_OFFLOAD_CTX_DIR_RX)
		return ktlsnic_tls_add_rx(netdev_priv(netdev), sk, crypto_info,
					  tcp_seq);
	return ktlsnic_tls_add_tx(netdev_priv(netdev), sk, crypto_info,
				  tcp_seq);
}

/* Nothing more is posted for a connection. Returns whether that was so before, since
 * its context was lost.
 */
static bool ktlsnic_tls_tx_kill(struct ktlsnic_tls_tx *tx)
{
	bool was_dead;

	spin_lock_bh(&tx->lock);
	was_dead = tx->dead;
	tx->dead = true;
	spin_unlock_bh(&tx->lock);
	return was_dead;
}

/* Takes a connection out of the device and the table; drops the core's reference. */
static void ktlsnic_tls_tx_remove(struct ktlsnic_tls *tls,
				  struct ktlsnic_tls_tx *tx, bool idle,
				  bool was_dead)
{
	int err;

	lockdep_assert_held(&tls->lock);
	list_del(&tx->list);
	err = ktlsnic_tls_hw_tx_del(tls->nic, tx->ctx);
	/* -ENETDOWN: a reset deletes them all */
	if (idle && (!err || err == -ENETDOWN || err == -ENOENT))
		__clear_bit(tx->ctx, tls->tx_ids);
	else
		__set_bit(tx->ctx, tls->tx_stale);
	/* a dead context may never have come back */
	if (err && err != -ENETDOWN && !(err == -ENOENT && was_dead))
		ktlsnic_tls_count(tls, KTLSNIC_TLS_DEL_FAILED);
	ktlsnic_tls_count(tls, KTLSNIC_TLS_DEL);
	ktlsnic_tls_tx_put(tx);
}

/* Called from a workqueue when the socket is gone, under RTNL after ndo_stop, or on
 * a live socket that gets another key.
 */
static void ktlsnic_tls_del(struct net_device *netdev,
			    struct tls_context *tls_ctx,
			    enum tls_offload_ctx_dir direction)
{
	struct ktlsnic_nic *nic = netdev_priv(netdev);
	struct ktlsnic_tls *tls = nic->tls;
	struct ktlsnic_tls_tx *tx;
	bool was_dead, idle;

	if (direction == TLS_OFFLOAD_CTX_DIR_RX) {
		ktlsnic_tls_del_rx(nic, tls_ctx);
		return;
	}
	tx = ktlsnic_tls_tx_state(tls_ctx)->tx;
	WRITE_ONCE(ktlsnic_tls_tx_state(tls_ctx)->tx, NULL);
	was_dead = ktlsnic_tls_tx_kill(tx);
	/* The device would encrypt a unit that is in a ring with whatever has the
	 * context's place next.
	 */
	idle = wait_event_timeout(tls->tx_idle, refcount_read(&tx->refs) == 1,
				  KTLSNIC_TLS_IDLE_TIMEOUT);

	mutex_lock(&tls->lock);
	ktlsnic_tls_tx_remove(tls, tx, idle, was_dead);
	mutex_unlock(&tls->lock);
}

/* The core has deleted every connection that it knows of. What is left it forgot:
 * tls_device_down() looks for tx_conf, which setsockopt() writes when it has let go
 * of the lock between them. The connection runs in software, and neither it nor its
 * socket, of which nothing is known any more, may be touched.
 */
static void ktlsnic_tls_tx_forget(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_tx *tx, *next;
	bool was_dead;

	mutex_lock(&tls->lock);
	list_for_each_entry_safe(tx, next, &tls->tx_list, list) {
		was_dead = ktlsnic_tls_tx_kill(tx);
		ktlsnic_tls_count(tls, KTLSNIC_TLS_ORPHANS);
		ktlsnic_tls_tx_remove(tls, tx, refcount_read(&tx->refs) == 1,
				      was_dead);
	}
	mutex_unlock(&tls->lock);
}

static int ktlsnic_tls_event(struct notifier_block *nb, unsigned long event,
			     void *info)
{
	struct ktlsnic_tls *tls = container_of(nb, struct ktlsnic_tls, down);

	if (event == NETDEV_DOWN &&
	    netdev_notifier_info_to_dev(info) == tls->nic->netdev) {
		ktlsnic_tls_tx_forget(tls);
		ktlsnic_tls_rx_forget(tls->nic);
	}
	return NOTIFY_DONE;
}

/* The answer to tls_offload_tx_resync_request(); called with the socket locked,
 * before the record that begins at @seq is sent. An error leaves the request
 * pending: the core comes again with the next record.
 */
static int ktlsnic_tls_resync(struct net_device *netdev, struct sock *sk,
			      u32 seq, u8 *rcd_sn,
			      enum tls_offload_ctx_dir direction)
{
	if (direction == TLS_OFFLOAD_CTX_DIR_RX)
		return ktlsnic_tls_resync_rx(netdev_priv(netdev),
					     tls_get_ctx(sk), seq, rcd_sn);
	return ktlsnic_tls_tx_resync(netdev_priv(netdev), tls_get_ctx(sk), seq,
				     get_unaligned_be64(rcd_sn));
}

static const struct tlsdev_ops ktlsnic_tlsdev_ops = {
	.tls_dev_add	= ktlsnic_tls_add,
	.tls_dev_del	= ktlsnic_tls_del,
	.tls_dev_resync	= ktlsnic_tls_resync,
};

static const struct ktlsnic_tls_ops ktlsnic_tls_ops = {
	.tx_put		= ktlsnic_tls_tx_put,
	.tx_failed	= ktlsnic_tls_tx_failed,
	.tx_encrypted	= ktlsnic_tls_tx_encrypted,
	.rx		= ktlsnic_tls_rx,
};

/**
 * ktlsnic_tls_queues_closed() - what was posted may not have been sent
 * @nic: the device
 *
 * Each connection's next packet moves its context to where it belongs.
 */
void ktlsnic_tls_queues_closed(struct ktlsnic_nic *nic)
{
	if (nic->tls)
		WRITE_ONCE(nic->tls->epoch, nic->tls->epoch + 1);
}

static void ktlsnic_tls_tx_restore(struct ktlsnic_nic *nic,
				   struct ktlsnic_tls_tx *tx)
{
	const struct tls_crypto_info *info = &tx->tls_ctx->crypto_send.info;
	int err = -ESTALE;

	/* The place does not matter, for the epoch has changed. A context that
	 * came between the device's start and this call exists already. A core
	 * that is changing keys may have another one than the context.
	 */
	if (ktlsnic_tls_key_id(info) == tx->key_id)
		err = ktlsnic_tls_tx_program(nic, tx, info,
					     READ_ONCE(tx->next_seq));
	spin_lock_bh(&tx->lock);
	tx->dead = err && err != -EEXIST;
	spin_unlock_bh(&tx->lock);
	if (!err)
		ktlsnic_tls_count(nic->tls, KTLSNIC_TLS_RESTORED);
	else if (tx->dead)
		ktlsnic_tls_count(nic->tls, KTLSNIC_TLS_GIVEN_UP);
}

/**
 * ktlsnic_tls_restore() - put all contexts into the device again
 * @nic: a device that was reset, with its queues closed
 *
 * The core does not know of resets and goes on sending plaintext. Keys come
 * from the core's own copy; the driver has none. A connection whose context
 * cannot be put back is encrypted in software from then on.
 */
void ktlsnic_tls_restore(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls *tls = nic->tls;
	struct ktlsnic_tls_tx *tx;

	if (!tls)
		return;
	mutex_lock(&tls->lock);
	bitmap_andnot(tls->tx_ids, tls->tx_ids, tls->tx_stale, tls->tx_max);
	bitmap_zero(tls->tx_stale, tls->tx_max);
	WRITE_ONCE(tls->epoch, tls->epoch + 1);
	list_for_each_entry(tx, &tls->tx_list, list)
		ktlsnic_tls_tx_restore(nic, tx);
	mutex_unlock(&tls->lock);
	ktlsnic_tls_rx_restore(nic);
}

/**
 * ktlsnic_tls_tx_max() - TX contexts that can be in use at a time
 * @nic: the device
 *
 * Return: how many; 0 without TX offload.
 */
u32 ktlsnic_tls_tx_max(struct ktlsnic_nic *nic)
{
	return nic->tls ? nic->tls->tx_max : 0;
}

/**
 * ktlsnic_tls_tx_live() - TX contexts in use
 * @nic: the device
 *
 * Return: how many.
 */
u32 ktlsnic_tls_tx_live(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls *tls = nic->tls;
	u32 live;

	if (!tls)
		return 0;
	mutex_lock(&tls->lock);
	live = bitmap_weight(tls->tx_ids, tls->tx_max);
	mutex_unlock(&tls->lock);
	return live;
}

static void ktlsnic_tls_free(struct ktlsnic_tls *tls)
{
	bitmap_free(tls->tx_stale);
	bitmap_free(tls->tx_ids);
	kfree(tls->queues);
	kfree(tls);
}

/**
 * ktlsnic_tls_init() - offer what the device can do
 * @nic: the device, before its interface is registered
 *
 * Return: 0, also without TLS in the device, or a negative errno.
 */
int ktlsnic_tls_init(struct ktlsnic_nic *nic)
{
	u32 max = min_t(u32, ktlsnic_tls_hw_tx_contexts(nic),
			KTLSNIC_TLS_TX_MAX);
	struct ktlsnic_tls *tls;
	unsigned int i;
	int err;

	if (!ktlsnic_tls_ciphers_any(nic))
		max = 0;
	if (!max && !ktlsnic_tls_hw_rx_contexts(nic))
		return 0;
	tls = kzalloc(sizeof(*tls), GFP_KERNEL);
	if (!tls)
		return -ENOMEM;
	tls->tx_ids = bitmap_zalloc(max, GFP_KERNEL);
	tls->tx_stale = bitmap_zalloc(max, GFP_KERNEL);
	tls->queues = kcalloc(nic->max_queues, sizeof(*tls->queues),
			      GFP_KERNEL);
	if (!tls->tx_ids || !tls->tx_stale || !tls->queues) {
		ktlsnic_tls_free(tls);
		return -ENOMEM;
	}
	for (i = 0; i < nic->max_queues; i++) {
		u64_stats_init(&tls->queues[i].syncp);
		u64_stats_init(&tls->queues[i].cpl_syncp);
	}
	mutex_init(&tls->lock);
	init_waitqueue_head(&tls->tx_idle);
	INIT_LIST_HEAD(&tls->tx_list);
	tls->tx_max = max;
	tls->can_replay = ktlsnic_tls_hw_tx_can_replay(nic);
	tls->nic = nic;
	nic->tls = tls;
	err = ktlsnic_tls_rx_init(nic);
	if (err)
		goto free_tls;
	tls->down.notifier_call = ktlsnic_tls_event;
	tls->down.priority = -1;	/* after the core's */
	err = register_netdevice_notifier(&tls->down);
	if (err)
		goto cleanup_rx;

	nic->tls_ops = &ktlsnic_tls_ops;
	/* ktlsnic_tls_from_elsewhere() looks at an skb's route */
	netif_keep_dst(nic->netdev);
	nic->netdev->tlsdev_ops = &ktlsnic_tlsdev_ops;
	if (max)
		nic->netdev->hw_features |= NETIF_F_HW_TLS_TX;
	return 0;

cleanup_rx:
	ktlsnic_tls_rx_cleanup(nic);
free_tls:
	nic->tls = NULL;
	ktlsnic_tls_free(tls);
	return err;
}

/**
 * ktlsnic_tls_cleanup() - undo ktlsnic_tls_init()
 * @nic: the device, after its interface was unregistered
 */
void ktlsnic_tls_cleanup(struct ktlsnic_nic *nic)
{
	struct ktlsnic_tls *tls = nic->tls;

	if (!tls)
		return;
	unregister_netdevice_notifier(&tls->down);
	WARN_ON(!list_empty(&tls->tx_list));
	ktlsnic_tls_rx_cleanup(nic);
	nic->tls_ops = NULL;
	nic->tls = NULL;
	ktlsnic_tls_free(tls);
}
