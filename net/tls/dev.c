// SPDX-License-Identifier: GPL-2.0-only
/*
 * How connections come to a device, and leave it: because the device goes down, or
 * because the socket is gone. A socket is gone only with its last packet, so that
 * each packet still finds its context.
 */

#include <crypto/aead.h>
#include <linux/netdevice.h>
#include <linux/rtnetlink.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/unaligned.h>
#include <net/dst.h>
#include <net/tcp.h>

#include "dev.h"
#include "dev_records.h"
#include "stat.h"
#include "trace.h"

/*
 * Whoever calls a driver that may sleep holds it for reading, the one who takes a
 * device's connections away for writing: they are then all in a known state.
 */
static DECLARE_RWSEM(device_sem);

/*
 * Memory reclaim may wait for data to be sent (swap or a file system over kTLS), and
 * the sender for device_sem: who holds it may not wait for reclaim, nor a driver.
 */
static unsigned int hold_devices(void)
{
	down_read(&device_sem);
	return memalloc_noio_save();
}

static void release_devices(unsigned int flags)
{
	memalloc_noio_restore(flags);
	up_read(&device_sem);
}

/* All offloaded connections, and those that a device has lost. */
static LIST_HEAD(contexts);
static DEFINE_SPINLOCK(contexts_lock);	/* of the list and of each ctx->base.sk */
static atomic_t nr_contexts;
static DECLARE_WAIT_QUEUE_HEAD(all_gone);

static struct workqueue_struct *destroy_wq;

/* All that a device has of a connection; nobody else can call the driver for it. */
static void leave_device(struct ktls_context *ctx, struct net_device *dev)
{
	const struct tlsdev_ops *ops = dev->tlsdev_ops;

	if (ctx->tx_added)
		ops->tls_dev_del(dev, &ctx->base, TLS_OFFLOAD_CTX_DIR_TX);
	if (ctx->rx_added)
		ops->tls_dev_del(dev, &ctx->base, TLS_OFFLOAD_CTX_DIR_RX);
	ctx->tx_added = false;
	ctx->rx_added = false;
	netdev_put(dev, &ctx->dev_tracker);
}

/**
 * ktls_dev_free_tx() - free what the device half has for sending
 * @tx: no socket has it any more
 */
void ktls_dev_free_tx(struct ktls_tx *tx)
{
	ktls_dev_records_free(tx);
	crypto_free_aead(tx->dev.aead_send);
	crypto_free_aead(tx->aead);
	kfree_sensitive(tx);
}

/* The socket is gone. */
static void destroy(struct work_struct *work)
{
	struct ktls_context *ctx = container_of(work, struct ktls_context, destroy);
	struct net_device *dev;
	unsigned int noio;

	noio = hold_devices();
	dev = rcu_dereference_protected(ctx->base.netdev,
					lockdep_is_held(&device_sem));
	spin_lock_irq(&contexts_lock);
	list_del(&ctx->base.list);
	spin_unlock_irq(&contexts_lock);
	if (dev)
		leave_device(ctx, dev);
	release_devices(noio);

	if (ctx->tx_kept)
		ktls_dev_free_tx(ktls_tx(ctx));
	if (ctx->rx_kept)
		kfree_sensitive(ktls_rx(ctx));
	ktls_context_free(ctx);
	if (atomic_dec_and_test(&nr_contexts))
		wake_up(&all_gone);
}

/**
 * tls_device_sk_destruct() - the socket of an offloaded connection goes
 * @sk: the socket; no packet has it any more. In any context.
 */
void tls_device_sk_destruct(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	unsigned long flags;

	ctx->base.sk_destruct(sk);
	if (ctx->tx_kept)
		clean_acked_data_disable(KTLS_CLEAN_ACKED(sk));
	spin_lock_irqsave(&contexts_lock, flags);
	ctx->base.sk = NULL;
	spin_unlock_irqrestore(&contexts_lock, flags);
	queue_work(destroy_wq, &ctx->destroy);
}

/* Drivers that do not look at the version would take TLS 1.3 for 1.2. */
static bool knows_version(const struct net_device *dev, u16 version)
{
	static const char * const tls12_only[] = { "cxgb4", "nfp" };

	return version == TLS_1_2_VERSION || !dev->dev.parent ||
	       match_string(tls12_only, ARRAY_SIZE(tls12_only),
			    dev_driver_string(dev->dev.parent)) < 0;
}

/*
 * The device that a socket's packets leave through, with a reference, if it can do
 * what is asked of it.
 */
static struct net_device *find_device(struct sock *sk, const struct ktls_context *ctx,
				      enum tls_offload_ctx_dir direction,
				      netdevice_tracker *tracker)
{
	netdev_features_t feature = direction == TLS_OFFLOAD_CTX_DIR_TX ?
				    NETIF_F_HW_TLS_TX : NETIF_F_HW_TLS_RX;
	struct net_device *dev = NULL;
	struct dst_entry *dst;

	if (!ctx->format.cipher->offloadable)
		return NULL;
	rcu_read_lock();
	dst = __sk_dst_get(sk);
	if (dst)
		dev = netdev_sk_get_lowest_dev(ktls_dst_dev(dst), sk);
	if (dev && (!(dev->features & feature) ||
		    !knows_version(dev, ctx->format.version)))
		dev = NULL;
	netdev_hold(dev, tracker, GFP_ATOMIC);
	rcu_read_unlock();
	return dev;
}

/**
 * ktls_dev_offers() - is it worth asking a device?
 * @sk: the socket, locked
 * @ctx: its context, with the key
 * @direction: for this one
 *
 * Return: true if there is one that offers to encrypt or decrypt.
 */
bool ktls_dev_offers(struct sock *sk, const struct ktls_context *ctx,
		     enum tls_offload_ctx_dir direction)
{
	netdevice_tracker tracker;
	struct net_device *dev = find_device(sk, ctx, direction, &tracker);

	netdev_put(dev, &tracker);
	return dev;
}

/* The first direction brings the context to the device. */
static void attach(struct sock *sk, struct ktls_context *ctx, struct net_device *dev)
{
	unsigned long flags;

	netdev_hold(dev, &ctx->dev_tracker, GFP_KERNEL);
	rcu_assign_pointer(ctx->base.netdev, dev);
	ctx->base.sk_destruct = sk->sk_destruct;
	INIT_WORK(&ctx->destroy, destroy);
	atomic_inc(&nr_contexts);
	spin_lock_irqsave(&contexts_lock, flags);
	list_add_tail(&ctx->base.list, &contexts);
	spin_unlock_irqrestore(&contexts_lock, flags);
	/* Pairs with smp_load_acquire() in tls_is_sk_rx_device_offloaded() */
	smp_store_release(&sk->sk_destruct, tls_device_sk_destruct);
}

/* Ask the driver; it gets the key with the number of the record that begins at @seq. */
static int ask(struct sock *sk, struct ktls_context *ctx, struct net_device *dev,
	       enum tls_offload_ctx_dir direction, u32 seq,
	       const struct ktls_number *number)
{
	union tls_crypto_context info = direction == TLS_OFFLOAD_CTX_DIR_TX ?
					ctx->base.crypto_send : ctx->base.crypto_recv;
	int err;

	ktls_number_store(number, &ctx->format, &info.info);
	err = dev->tlsdev_ops->tls_dev_add(dev, sk, direction, &info.info, seq);
	memzero_explicit(&info, sizeof(info));
	trace_tls_device_offload_set(sk, direction, seq, number->seq, err);
	return err;
}

/* The semaphore is held. */
static int add(struct sock *sk, struct ktls_context *ctx, struct net_device *dev,
	       enum tls_offload_ctx_dir direction, u32 seq,
	       const struct ktls_number *number)
{
	bool attached = sk->sk_destruct == tls_device_sk_destruct;
	int err;

	if (!(dev->flags & IFF_UP))
		return -EINVAL;
	/* Both directions are with one device, or the second is not with any. */
	if (attached && rcu_access_pointer(ctx->base.netdev) != dev)
		return -EOPNOTSUPP;
	err = ask(sk, ctx, dev, direction, seq, number);
	if (err)
		return err;
	if (!attached)
		attach(sk, ctx, dev);
	if (direction == TLS_OFFLOAD_CTX_DIR_TX) {
		ctx->base.tx_conf = TLS_HW;
		ctx->tx_added = true;
		ctx->tx_kept = true;
		/* Pairs with smp_load_acquire() in tls_is_skb_tx_device_offloaded() */
		smp_store_release(&sk->sk_validate_xmit_skb, tls_validate_xmit_skb);
	} else {
		ctx->base.rx_conf = TLS_HW;
		ctx->rx_added = true;
		ctx->rx_kept = true;
	}
	return 0;
}

/**
 * ktls_dev_add() - give one direction of a connection to the device of its route
 * @sk: the socket, locked
 * @ctx: its context, with the key
 * @direction: which one; its own struct is in the context already, and no device has
 *	its key
 * @seq: sequence number of its first byte
 * @number: of the record that begins there
 *
 * Return: 0, or the reason why the device does not do it.
 */
int ktls_dev_add(struct sock *sk, struct ktls_context *ctx,
		 enum tls_offload_ctx_dir direction, u32 seq,
		 const struct ktls_number *number)
{
	netdevice_tracker tracker;
	struct net_device *dev;
	unsigned int noio;
	int err;

	dev = find_device(sk, ctx, direction, &tracker);
	if (!dev)
		return -EOPNOTSUPP;
	noio = hold_devices();
	err = add(sk, ctx, dev, direction, seq, number);
	release_devices(noio);
	netdev_put(dev, &tracker);
	return err;
}

/**
 * ktls_dev_del() - a device is not to encrypt, or decrypt, any more with the key it has
 * @ctx: the context; the socket is locked
 * @direction: which of the two
 *
 * Return: true if a device had a key.
 */
bool ktls_dev_del(struct ktls_context *ctx, enum tls_offload_ctx_dir direction)
{
	bool *added = direction == TLS_OFFLOAD_CTX_DIR_TX ? &ctx->tx_added :
							    &ctx->rx_added;
	struct net_device *dev;
	unsigned int noio;
	bool had;

	noio = hold_devices();
	dev = rcu_dereference_protected(ctx->base.netdev,
					lockdep_is_held(&device_sem));
	had = *added;
	if (dev && had)
		dev->tlsdev_ops->tls_dev_del(dev, &ctx->base, direction);
	WRITE_ONCE(*added, false);
	release_devices(noio);
	return had;
}

/**
 * ktls_dev_rekey_end() - a device has another key, or software goes on
 * @sk: the socket, locked
 * @ctx: its context
 * @direction: in which the key has changed
 * @had: a device had the key before the last one too
 * @seq: sequence number of the first byte with the new key
 * @number: of the record that begins there
 * @err: why no device has the key, or 0
 */
void ktls_dev_rekey_end(struct sock *sk, struct ktls_context *ctx,
			enum tls_offload_ctx_dir direction, bool had, u32 seq,
			u64 number, int err)
{
	static const enum ktls_stat outcome[2][2] = {
		{ KTLS_STAT_RX_REKEY_OK, KTLS_STAT_RX_REKEY_FALLBACK },
		{ KTLS_STAT_TX_REKEY_OK, KTLS_STAT_TX_REKEY_FALLBACK },
	};
	bool tx = direction == TLS_OFFLOAD_CTX_DIR_TX;
	struct net *net = sock_net(sk);

	if (err)
		trace_tls_device_complete_rekey_fail(sk, direction, seq, err);
	else
		trace_tls_device_rekey_done(sk, direction, seq, number);
	ktls_stat_inc(net, outcome[tx][!!err]);
	ktls_stat_dec(net, ktls_stat_current(tx, had));
	ktls_stat_inc(net, ktls_stat_current(tx, !err));
	if (tx)
		ctx->base.tx_conf = err ? TLS_SW : TLS_HW;
	else
		ctx->base.rx_conf = err ? TLS_SW : TLS_HW;
}

/**
 * ktls_dev_resync() - tell a sender's device where it is
 * @sk: the socket, locked
 * @seq: sequence number of the next record
 * @number: its number
 *
 * Return: 0 if the device knows now, or has gone.
 */
int ktls_dev_resync(struct sock *sk, u32 seq, u64 number)
{
	struct net_device *dev;
	u8 bytes[TLS_MAX_REC_SEQ_SIZE];
	unsigned int noio;
	int err = 0;

	put_unaligned_be64(number, bytes);
	noio = hold_devices();
	dev = rcu_dereference_protected(tls_get_ctx(sk)->netdev,
					lockdep_is_held(&device_sem));
	if (dev)
		err = dev->tlsdev_ops->tls_dev_resync(dev, sk, seq, bytes,
						      TLS_OFFLOAD_CTX_DIR_TX);
	release_devices(noio);
	return err;
}

/* From now on software does what the device did. */
static void degrade(struct ktls_context *ctx)
{
	if (ctx->base.sk && ctx->tx_kept) {
		/* Pairs with smp_load_acquire() in tls_is_skb_tx_device_offloaded() */
		smp_store_release(&ctx->base.sk->sk_validate_xmit_skb,
				  tls_validate_xmit_skb_sw);
	}
	RCU_INIT_POINTER(ctx->base.netdev, NULL);
	set_bit(TLS_RX_DEV_DEGRADED, &ctx->base.flags);
}

/*
 * A device has gone down: take all connections away from it, for good. Packets
 * that are on their way to it as cleartext are waited for.
 */
static void device_down(struct net_device *dev)
{
	struct ktls_context *ctx, *next;
	unsigned long flags;
	unsigned int noio;
	LIST_HEAD(down);

	down_write(&device_sem);
	noio = memalloc_noio_save();
	spin_lock_irqsave(&contexts_lock, flags);
	list_for_each_entry_safe(ctx, next, &contexts, base.list) {
		if (rcu_access_pointer(ctx->base.netdev) != dev)
			continue;
		degrade(ctx);
		list_move_tail(&ctx->base.list, &down);
	}
	spin_unlock_irqrestore(&contexts_lock, flags);

	if (!list_empty(&down))
		synchronize_net();
	list_for_each_entry(ctx, &down, base.list)
		leave_device(ctx, dev);

	spin_lock_irqsave(&contexts_lock, flags);
	list_splice(&down, &contexts);
	spin_unlock_irqrestore(&contexts_lock, flags);
	memalloc_noio_restore(noio);
	up_write(&device_sem);
}

/* Has a device all the functions that its features ask for? */
static bool has_all_ops(const struct net_device *dev)
{
	const struct tlsdev_ops *ops = dev->tlsdev_ops;

	if (netif_is_bond_master(dev))
		return true;
	if (!ops)
		return !(dev->features & (NETIF_F_HW_TLS_TX | NETIF_F_HW_TLS_RX));
	return ops->tls_dev_add && ops->tls_dev_del &&
	       (ops->tls_dev_resync || !(dev->features & NETIF_F_HW_TLS_RX));
}

static int device_event(struct notifier_block *nb, unsigned long event, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);

	switch (event) {
	case NETDEV_REGISTER:
	case NETDEV_FEAT_CHANGE:
		return has_all_ops(dev) ? NOTIFY_DONE : NOTIFY_BAD;
	case NETDEV_DOWN:
		if (dev->tlsdev_ops)
			device_down(dev);
		return NOTIFY_DONE;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block device_notifier = {
	.notifier_call = device_event,
};

/**
 * ktls_dev_init() - get ready for devices
 *
 * Return: 0 or an error.
 */
int ktls_dev_init(void)
{
	int err;

	destroy_wq = alloc_workqueue("ktls_device_destruct", WQ_UNBOUND, 0);
	if (!destroy_wq)
		return -ENOMEM;
	err = register_netdevice_notifier(&device_notifier);
	if (err)
		destroy_workqueue(destroy_wq);
	return err;
}

/**
 * ktls_dev_exit() - no device any more
 *
 * A closed socket does not keep the module, but its packets, wherever they wait,
 * lead to functions here: the last one is waited for.
 */
void ktls_dev_exit(void)
{
	wait_event(all_gone, !atomic_read(&nr_contexts));
	unregister_netdevice_notifier(&device_notifier);
	destroy_workqueue(destroy_wq);
	clean_acked_data_flush();
	synchronize_rcu();
}
