// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS offload: what the device offers to the core of kTLS, and the life of
 * contexts. A context lives from tls_dev_add to tls_dev_del and survives
 * everything that the core is not told of, see ktlsnic_tls_restore().
 */

#include <linux/netdevice.h>
#include <linux/notifier.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ktlsnic_tls_priv.h"

/* For units of a context that is to be deleted: a device that takes longer hangs. */
#define KTLSNIC_TLS_IDLE_TIMEOUT	(5 * HZ)

static struct ktlsnic_tls_tx_state *
ktlsnic_tls_tx_state(struct tls_context *tls_ctx)
{
	BUILD_BUG_ON(sizeof(struct ktlsnic_tls_tx_state) >
		     TLS_DRIVER_STATE_SIZE_TX);
	return __tls_driver_ctx(tls_ctx, TLS_OFFLOAD_CTX_DIR_TX);
}

/* Puts a new connection into the device and into the list. */
static int ktlsnic_tls_tx_install(struct ktlsnic_tls *tls,
				  struct ktlsnic_tls_tx *tx,
				  const struct tls_crypto_info *info)
{
	struct ktlsnic_tls_keys keys;
	int err;

	lockdep_assert_held_read(&tls->lock);
	ktlsnic_tls_keys_fill(&keys, info);
	err = ktlsnic_tls_hw_tx_add(tls->nic, &keys, tx->next_seq, tx,
				    &tx->ctx);
	memzero_explicit(&keys, sizeof(keys));
	if (err) {
		ktlsnic_tls_count(tls, err == -ENOSPC ?
				  KTLSNIC_TLS_NO_SPACE :
				  KTLSNIC_TLS_ADD_FAILED);
		return err;
	}
	tx->epoch = tls->epoch;
	spin_lock(&tls->list_lock);
	list_add_tail(&tx->list, &tls->tx_list);
	spin_unlock(&tls->list_lock);
	ktlsnic_tls_count(tls, KTLSNIC_TLS_CTX);
	return 0;
}

static int ktlsnic_tls_tx_add(struct ktlsnic_tls *tls, struct sock *sk,
			      const struct tls_crypto_info *info, u32 tcp_seq)
{
	struct tls_context *tls_ctx = tls_get_ctx(sk);
	struct ktlsnic_tls_tx *tx;
	int err;

	if (!ktlsnic_tls_cipher_supported(tls->tx_ciphers, info)) {
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
	tx->first = true;

	down_read(&tls->lock);
	err = ktlsnic_tls_tx_install(tls, tx, info);
	up_read(&tls->lock);
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
	struct ktlsnic_tls *tls = ktlsnic_tls_hw_tls(netdev);

	return direction == TLS_OFFLOAD_CTX_DIR_RX ?
	       ktlsnic_tls_rx_add(tls, sk, crypto_info, tcp_seq) :
	       ktlsnic_tls_tx_add(tls, sk, crypto_info, tcp_seq);
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

/* Takes a connection out of the device; drops the core's reference. @busy: a unit of
 * it is in a ring and will not be done.
 */
static void ktlsnic_tls_tx_remove(struct ktlsnic_tls_tx *tx, bool busy,
				  bool was_dead)
{
	struct ktlsnic_tls *tls = tx->tls;
	int err = ktlsnic_tls_hw_tx_del(tls->nic, tx->ctx, busy);

	/* a dead context may never have come back */
	if (err && err != -ENETDOWN && !(err == -ENOENT && was_dead))
		ktlsnic_tls_count(tls, KTLSNIC_TLS_DEL_FAILED);
	ktlsnic_tls_count(tls, KTLSNIC_TLS_DEL);
	ktlsnic_tls_tx_put(tx);
}

static void ktlsnic_tls_tx_del(struct ktlsnic_tls *tls,
			       struct tls_context *tls_ctx)
{
	struct ktlsnic_tls_tx *tx = ktlsnic_tls_tx_state(tls_ctx)->tx;
	bool was_dead, idle;

	WRITE_ONCE(ktlsnic_tls_tx_state(tls_ctx)->tx, NULL);
	was_dead = ktlsnic_tls_tx_kill(tx);
	/* The device would encrypt a unit that is in a ring with whatever has the
	 * context's place next.
	 */
	idle = wait_event_timeout(tls->tx_idle, refcount_read(&tx->refs) == 1,
				  KTLSNIC_TLS_IDLE_TIMEOUT);

	down_read(&tls->lock);
	spin_lock(&tls->list_lock);
	list_del(&tx->list);
	spin_unlock(&tls->list_lock);
	ktlsnic_tls_tx_remove(tx, !idle, was_dead);
	up_read(&tls->lock);
}

/* Called from a workqueue when the socket is gone, under RTNL after ndo_stop, or on
 * a live socket that gets another key.
 */
static void ktlsnic_tls_del(struct net_device *netdev,
			    struct tls_context *tls_ctx,
			    enum tls_offload_ctx_dir direction)
{
	struct ktlsnic_tls *tls = ktlsnic_tls_hw_tls(netdev);

	if (direction == TLS_OFFLOAD_CTX_DIR_RX)
		ktlsnic_tls_rx_del(tls, tls_ctx);
	else
		ktlsnic_tls_tx_del(tls, tls_ctx);
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

	down_write(&tls->lock);
	list_for_each_entry_safe(tx, next, &tls->tx_list, list) {
		was_dead = ktlsnic_tls_tx_kill(tx);
		ktlsnic_tls_count(tls, KTLSNIC_TLS_ORPHANS);
		list_del(&tx->list);
		ktlsnic_tls_tx_remove(tx, refcount_read(&tx->refs) > 1,
				      was_dead);
	}
	up_write(&tls->lock);
}

static int ktlsnic_tls_event(struct notifier_block *nb, unsigned long event,
			     void *info)
{
	struct ktlsnic_tls *tls = container_of(nb, struct ktlsnic_tls, down);

	if (event == NETDEV_DOWN &&
	    netdev_notifier_info_to_dev(info) == tls->netdev) {
		ktlsnic_tls_tx_forget(tls);
		ktlsnic_tls_rx_forget(tls);
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
	struct ktlsnic_tls *tls = ktlsnic_tls_hw_tls(netdev);
	u64 rec_num = get_unaligned_be64(rcd_sn);

	return direction == TLS_OFFLOAD_CTX_DIR_RX ?
	       ktlsnic_tls_rx_resync(tls, tls_get_ctx(sk), seq, rec_num) :
	       ktlsnic_tls_tx_resync(tls, tls_get_ctx(sk), seq, rec_num);
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
 * @tls: the TLS half
 *
 * Each connection's next packet moves its context to where it belongs. Called with
 * no queue open.
 */
void ktlsnic_tls_queues_closed(struct ktlsnic_tls *tls)
{
	if (tls)
		WRITE_ONCE(tls->epoch, tls->epoch + 1);
}

static void ktlsnic_tls_tx_restored(void *arg, int err, u32 value)
{
	struct ktlsnic_tls_tx *tx = arg;

	spin_lock(&tx->lock);
	tx->dead = err;
	spin_unlock(&tx->lock);
	ktlsnic_tls_count(tx->tls, err ? KTLSNIC_TLS_GIVEN_UP :
					 KTLSNIC_TLS_RESTORED);
}

/* The place does not matter, for the epoch has changed. A core that is changing keys
 * may have another one than the context.
 */
static int ktlsnic_tls_tx_restore(struct ktlsnic_tls_tx *tx)
{
	const struct tls_crypto_info *info = &tx->tls_ctx->crypto_send.info;
	struct ktlsnic_tls_keys keys;
	int err;

	if (ktlsnic_tls_key_id(info) != tx->key_id)
		return -ESTALE;
	tx->first = true;
	ktlsnic_tls_keys_fill(&keys, info);
	err = ktlsnic_tls_hw_tx_restore(tx->tls->nic, &keys,
					READ_ONCE(tx->next_seq), tx, &tx->ctx,
					ktlsnic_tls_tx_restored);
	memzero_explicit(&keys, sizeof(keys));
	return err;
}

/**
 * ktlsnic_tls_restore() - put all contexts into the device again
 * @tls: the TLS half of a device that was reset, with its queues closed
 *
 * The core does not know of resets and goes on sending plaintext. Keys come
 * from the core's own copy; the driver has none. A connection whose context
 * cannot be put back is encrypted in software from then on. Called under RTNL.
 */
void ktlsnic_tls_restore(struct ktlsnic_tls *tls)
{
	struct ktlsnic_tls_tx *tx;
	int err;

	if (!tls)
		return;
	down_write(&tls->lock);
	WRITE_ONCE(tls->epoch, tls->epoch + 1);
	list_for_each_entry(tx, &tls->tx_list, list) {
		err = ktlsnic_tls_tx_restore(tx);
		/* one that came after the device's start is there */
		if (err && err != -EEXIST) {
			local_bh_disable();
			ktlsnic_tls_tx_restored(tx, err, 0);
			local_bh_enable();
		}
	}
	ktlsnic_tls_rx_restore(tls);
	ktlsnic_tls_hw_restored(tls->nic);
	up_write(&tls->lock);
}

/* Memory of the TLS half, before anybody knows of it. */
static struct ktlsnic_tls *ktlsnic_tls_alloc(struct ktlsnic_nic *nic,
					     struct net_device *netdev,
					     unsigned int queues)
{
	struct ktlsnic_tls *tls;
	unsigned int i;

	tls = kzalloc(sizeof(*tls), GFP_KERNEL);
	if (!tls)
		return NULL;
	tls->queues = kcalloc(queues, sizeof(*tls->queues), GFP_KERNEL);
	if (!tls->queues) {
		kfree(tls);
		return NULL;
	}
	for (i = 0; i < queues; i++) {
		u64_stats_init(&tls->queues[i].syncp);
		u64_stats_init(&tls->queues[i].cpl_syncp);
	}
	init_rwsem(&tls->lock);
	spin_lock_init(&tls->list_lock);
	init_waitqueue_head(&tls->tx_idle);
	INIT_LIST_HEAD(&tls->tx_list);
	tls->nic = nic;
	tls->netdev = netdev;
	tls->num_queues = queues;
	return tls;
}

static void ktlsnic_tls_free(struct ktlsnic_tls *tls)
{
	kfree(tls->queues);
	kfree(tls);
}

/**
 * ktlsnic_tls_init() - offer what the device can do
 * @nic: the device
 * @netdev: its interface, not yet registered
 * @queues: queue pairs that there can be
 *
 * A device without TLS gets a TLS half as well, for packets that are another's.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_tls_init(struct ktlsnic_nic *nic, struct net_device *netdev,
		     unsigned int queues)
{
	struct ktlsnic_tls *tls;
	int err;

	tls = ktlsnic_tls_alloc(nic, netdev, queues);
	if (!tls)
		return -ENOMEM;
	tls->tx_ciphers = ktlsnic_tls_ciphers_probe(nic,
						    TLS_OFFLOAD_CTX_DIR_TX);
	tls->can_replay = ktlsnic_tls_hw_tx_can_replay(nic);
	err = ktlsnic_tls_rx_init(tls);
	if (err)
		goto free_tls;
	tls->down.notifier_call = ktlsnic_tls_event;
	tls->down.priority = -1;	/* after the core's */
	err = register_netdevice_notifier(&tls->down);
	if (err)
		goto cleanup_rx;

	err = ktlsnic_tls_hw_attach(nic, tls, &ktlsnic_tls_ops);
	if (err)
		goto unregister_notifier;
	/* ktlsnic_tls_from_elsewhere() looks at an skb's route */
	netif_keep_dst(netdev);
	if (ktlsnic_tls_tx_max(tls))
		netdev->hw_features |= NETIF_F_HW_TLS_TX;
	if (ktlsnic_tls_rx_max(tls))
		netdev->hw_features |= NETIF_F_HW_TLS_RX;
	if (netdev->hw_features & (NETIF_F_HW_TLS_TX | NETIF_F_HW_TLS_RX))
		netdev->tlsdev_ops = &ktlsnic_tlsdev_ops;
	return 0;

unregister_notifier:
	unregister_netdevice_notifier(&tls->down);
cleanup_rx:
	ktlsnic_tls_rx_cleanup(tls);
free_tls:
	ktlsnic_tls_free(tls);
	return err;
}

/**
 * ktlsnic_tls_cleanup() - undo ktlsnic_tls_init()
 * @tls: the TLS half, whose interface was unregistered; freed
 */
void ktlsnic_tls_cleanup(struct ktlsnic_tls *tls)
{
	if (!tls)
		return;
	unregister_netdevice_notifier(&tls->down);
	WARN_ON(!list_empty(&tls->tx_list));
	ktlsnic_tls_rx_cleanup(tls);
	ktlsnic_tls_hw_attach(tls->nic, NULL, NULL);
	ktlsnic_tls_free(tls);
}
