/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared between the files of the TLS half, and nobody else. */
#ifndef KTLSNIC_TLS_PRIV_H
#define KTLSNIC_TLS_PRIV_H

#include <linux/list.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>
#include <linux/u64_stats_sync.h>
#include <linux/wait.h>
#include <net/tls.h>

#include "ktlsnic_tls.h"
#include "ktlsnic_tls_hw.h"

/* Counters of TX queues; their meaning is with their names, in
 * ktlsnic_tls_stats.c.
 */
enum ktlsnic_tls_queue_stat {
	KTLSNIC_TLS_ENCRYPTED_PACKETS,
	KTLSNIC_TLS_OOO,
	KTLSNIC_TLS_SKIP_NO_SYNC_DATA,
	KTLSNIC_TLS_DROP_NO_SYNC_DATA,
	KTLSNIC_TLS_DROP_BYPASS_REQ,
	KTLSNIC_TLS_RESYNC,
	KTLSNIC_TLS_RESYNC_BYTES,
	KTLSNIC_TLS_FALLBACK,
	KTLSNIC_TLS_FALLBACK_BYTES,
	KTLSNIC_TLS_OTHER_QUEUE,
	KTLSNIC_TLS_DROP_FALLBACK,
	KTLSNIC_TLS_QUEUE_STATS
};

/* Counters of connections. */
enum ktlsnic_tls_conn_stat {
	KTLSNIC_TLS_CTX,
	KTLSNIC_TLS_DEL,
	KTLSNIC_TLS_NO_SPACE,
	KTLSNIC_TLS_UNSUPPORTED,
	KTLSNIC_TLS_ADD_FAILED,
	KTLSNIC_TLS_DEL_FAILED,
	KTLSNIC_TLS_RESTORED,
	KTLSNIC_TLS_RESYNC_REQ,
	KTLSNIC_TLS_RESYNC_RES_OK,
	KTLSNIC_TLS_RESYNC_RES_SKIP,
	KTLSNIC_TLS_ERRORS,
	KTLSNIC_TLS_GIVEN_UP,
	KTLSNIC_TLS_ORPHANS,
	KTLSNIC_TLS_CONN_STATS
};

/**
 * struct ktlsnic_tls_queue - the TLS counters of a TX queue
 * @syncp: for @stats
 * @stats: enum ktlsnic_tls_queue_stat, written with the queue locked
 * @cpl_syncp: for @encrypted_bytes
 * @encrypted_bytes: what the device says it has encrypted, written in NAPI
 */
struct ktlsnic_tls_queue {
	struct u64_stats_sync syncp;
	u64_stats_t stats[KTLSNIC_TLS_QUEUE_STATS];
	struct u64_stats_sync cpl_syncp;
	u64_stats_t encrypted_bytes;
};

/**
 * struct ktlsnic_tls - the TLS half of a device
 * @nic: the device, which only the hardware's functions know
 * @netdev: its interface
 * @lock: held for writing while contexts are put back after a reset, for reading
 *	  while one comes or goes: many do at a time
 * @list_lock: @tx_list
 * @tx_list: connections, struct ktlsnic_tls_tx
 * @tx_ciphers: what can be sent, see ktlsnic_tls_ciphers_probe()
 * @can_replay: the device can move a context into a record
 * @epoch: goes up whenever queues were closed or the device was reset, so that
 *	   no context is where the driver thinks it is
 * @tx_idle: woken when the last unit of a connection has left its ring
 * @down: told when the interface has gone down, after the core
 * @stats: enum ktlsnic_tls_conn_stat
 * @num_queues: queue pairs that there can be
 * @queues: one for each TX queue
 * @rx: the receiving side, NULL without it
 */
struct ktlsnic_tls {
	struct ktlsnic_nic *nic;
	struct net_device *netdev;
	struct rw_semaphore lock;
	spinlock_t list_lock; /* nobody sleeps, or calls the hardware, with it */
	struct list_head tx_list;
	u32 tx_ciphers;
	bool can_replay;
	u32 epoch;
	wait_queue_head_t tx_idle;
	struct notifier_block down;
	atomic64_t stats[KTLSNIC_TLS_CONN_STATS];
	unsigned int num_queues;
	struct ktlsnic_tls_queue *queues;
	struct ktlsnic_tls_rx_half *rx;
};

/**
 * struct ktlsnic_tls_tx - the TX side of an offloaded connection
 * @list: in &ktlsnic_tls.tx_list
 * @tls: the device's TLS half
 * @tls_ctx: the core's side of the connection
 * @ctx: handle of the context in the device
 * @first_num: number of the first record; none has a lower one
 * @key_id: tells the key from any other, see ktlsnic_tls_key_id()
 * @refs: the core's reference, and one of each unit in a ring
 * @rcu: for freeing; xmit finds the connection under RCU
 * @lock: everything below; taken in xmit and in NAPI
 * @next_seq: TCP sequence at which the context will be when everything posted
 *	      is done
 * @epoch: &ktlsnic_tls.epoch for which @next_seq is right
 * @queue: TX queue of the last packet that was given to the context
 * @place: that packet's place in the queue, for ktlsnic_tls_hw_tx_busy()
 * @generation: goes up each time the context is put into a known state; what was
 *		posted before says nothing about it any more
 * @errors: times that the device lost the context
 * @first: nothing has been posted with @ctx
 * @lost: the context is not at @next_seq: it must be moved first
 * @dead: the context cannot be used: the connection is encrypted in software
 */
struct ktlsnic_tls_tx {
	struct list_head list;
	struct ktlsnic_tls *tls;
	struct tls_context *tls_ctx;
	u64 ctx;
	u64 first_num;
	u64 key_id;
	refcount_t refs;
	struct rcu_head rcu;

	spinlock_t lock; /* the context's place, see above */
	u32 next_seq;
	u32 epoch;
	unsigned int queue;
	u64 place;
	u32 generation;
	u8 errors;
	bool first;
	bool lost;
	bool dead;
};

/* The driver's state within the core's, see TLS_DRIVER_STATE_SIZE_TX. */
struct ktlsnic_tls_tx_state {
	struct ktlsnic_tls_tx *tx;
};

static inline void ktlsnic_tls_count(struct ktlsnic_tls *tls,
				     enum ktlsnic_tls_conn_stat stat)
{
	atomic64_inc(&tls->stats[stat]);
}

/* ktlsnic_tls_tx.c */
void ktlsnic_tls_tx_put(struct ktlsnic_tls_tx *tx);
void ktlsnic_tls_tx_failed(struct ktlsnic_tls_tx *tx, u32 generation,
			   bool gone);
int ktlsnic_tls_tx_resync(struct ktlsnic_tls *tls, struct tls_context *tls_ctx,
			  u32 seq, u64 rec_num);

/* ktlsnic_tls_stats.c */
void ktlsnic_tls_tx_encrypted(struct ktlsnic_tls *tls, unsigned int queue,
			      u64 bytes);

/* ktlsnic_tls_cipher.c */
u32 ktlsnic_tls_ciphers_probe(struct ktlsnic_nic *nic,
			      enum tls_offload_ctx_dir direction);
bool ktlsnic_tls_cipher_supported(u32 set, const struct tls_crypto_info *info);
void ktlsnic_tls_keys_fill(struct ktlsnic_tls_keys *keys,
			   const struct tls_crypto_info *info);
u64 ktlsnic_tls_first_num(const struct tls_crypto_info *info);
u64 ktlsnic_tls_key_id(const struct tls_crypto_info *info);

/* ktlsnic_tls_rx.c */
int ktlsnic_tls_rx_init(struct ktlsnic_tls *tls);
void ktlsnic_tls_rx_cleanup(struct ktlsnic_tls *tls);
void ktlsnic_tls_rx_restore(struct ktlsnic_tls *tls);
int ktlsnic_tls_rx_add(struct ktlsnic_tls *tls, struct sock *sk,
		       const struct tls_crypto_info *info, u32 tcp_seq);
void ktlsnic_tls_rx_del(struct ktlsnic_tls *tls, struct tls_context *tls_ctx);
void ktlsnic_tls_rx_forget(struct ktlsnic_tls *tls);
int ktlsnic_tls_rx_resync(struct ktlsnic_tls *tls, struct tls_context *tls_ctx,
			  u32 seq, u64 rec_num);
bool ktlsnic_tls_rx(struct ktlsnic_tls *tls, unsigned int queue,
		    struct sk_buff *skb,
		    const struct ktlsnic_tls_rx_mark *mark);

/* ktlsnic_tls_rx_stats.c */
int ktlsnic_tls_rx_stats_count(const struct ktlsnic_tls *tls);
void ktlsnic_tls_rx_stats_strings(const struct ktlsnic_tls *tls, u8 **data);
void ktlsnic_tls_rx_stats_values(const struct ktlsnic_tls *tls, u64 **data);

#endif /* KTLSNIC_TLS_PRIV_H */
