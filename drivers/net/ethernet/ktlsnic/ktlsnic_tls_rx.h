/* SPDX-License-Identifier: GPL-2.0-only */
/* Shared between the files of TLS receive offload, and nobody else. */
#ifndef KTLSNIC_TLS_RX_H
#define KTLSNIC_TLS_RX_H

#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/rhashtable-types.h>
#include <linux/timer.h>

#include "ktlsnic_tls_priv.h"

/* Counters of RX queues; their meaning is with their names, in
 * ktlsnic_tls_rx_stats.c.
 */
enum ktlsnic_tls_rx_queue_stat {
	KTLSNIC_TLS_RX_DECRYPTED_PACKETS,
	KTLSNIC_TLS_RX_DECRYPTED_BYTES,
	KTLSNIC_TLS_RX_RESYNC_REQ_PKT,
	KTLSNIC_TLS_RX_ERR,
	KTLSNIC_TLS_RX_PACKETS,
	KTLSNIC_TLS_RX_QUEUE_STATS
};

/* Counters of connections. */
enum ktlsnic_tls_rx_conn_stat {
	KTLSNIC_TLS_RX_CTX,
	KTLSNIC_TLS_RX_DEL,
	KTLSNIC_TLS_RX_RESYNC_REQ_START,
	KTLSNIC_TLS_RX_RESYNC_REQ_END,
	KTLSNIC_TLS_RX_RESYNC_REQ_SKIP,
	KTLSNIC_TLS_RX_RESYNC_RES_OK,
	KTLSNIC_TLS_RX_RESYNC_RES_SKIP,
	KTLSNIC_TLS_RX_RESYNC_REQ_SCAN,
	KTLSNIC_TLS_RX_NO_SPACE,
	KTLSNIC_TLS_RX_UNSUPPORTED,
	KTLSNIC_TLS_RX_ADD_FAILED,
	KTLSNIC_TLS_RX_DEL_FAILED,
	KTLSNIC_TLS_RX_RESTORED,
	KTLSNIC_TLS_RX_GIVEN_UP,
	KTLSNIC_TLS_RX_ORPHANS,
	KTLSNIC_TLS_RX_CONN_STATS
};

/**
 * struct ktlsnic_tls_rx_queue - the TLS counters of an RX queue
 * @syncp: for @stats
 * @stats: enum ktlsnic_tls_rx_queue_stat, written in NAPI
 */
struct ktlsnic_tls_rx_queue {
	struct u64_stats_sync syncp;
	u64_stats_t stats[KTLSNIC_TLS_RX_QUEUE_STATS];
};

/**
 * struct ktlsnic_tls_rx_half - the receiving side of a device's TLS half
 * @tls: the TLS half, whose locks are for @list, too
 * @list: connections, struct ktlsnic_tls_rx
 * @flows: the same, by their addresses
 * @ciphers: what can be received, see ktlsnic_tls_ciphers_probe()
 * @type: how contexts that lost their place get it back
 * @stats: enum ktlsnic_tls_rx_conn_stat
 * @queues: one for each RX queue
 */
struct ktlsnic_tls_rx_half {
	struct ktlsnic_tls *tls;
	struct list_head list;
	struct rhashtable flows;
	u32 ciphers;
	enum tls_offload_sync_type type;
	atomic64_t stats[KTLSNIC_TLS_RX_CONN_STATS];
	struct ktlsnic_tls_rx_queue *queues;
};

/**
 * struct ktlsnic_tls_rx - the RX side of an offloaded connection
 * @list: in &ktlsnic_tls_rx_half.list
 * @node: in &ktlsnic_tls_rx_half.flows
 * @half: the device's side
 * @tls_ctx: the core's side of the connection
 * @sk: the socket; there until the core takes the connection back, see @gone
 * @flow: its packets
 * @start_seq: TCP sequence at which the offload began
 * @key_id: tells the key from any other, see ktlsnic_tls_key_id()
 * @dead: the context did not come back after a reset
 * @parsed: it was deleted while the core might look at @async
 * @refs: the table's, and those of queries under way
 * @rcu: for freeing
 * @timeout: ends a request that the device does not answer
 * @lock: everything below; nests inside the command queue's lock
 * @ctx: handle of the context in the device
 * @gone: the core has taken the connection back: @sk must not be touched
 * @asked: an asynchronous request has started and not ended
 * @queries: times that the device was asked and has not answered
 * @name: TCP sequence of the header that the request is about
 * @named: @name is known: the device did not leave it for its answer
 * @async: the core's side of asynchronous requests
 */
struct ktlsnic_tls_rx {
	struct list_head list;
	struct rhash_head node;
	struct ktlsnic_tls_rx_half *half;
	struct tls_context *tls_ctx;
	struct sock *sk;
	struct ktlsnic_tls_flow flow;
	u32 start_seq;
	u64 key_id;
	bool dead;
	bool parsed;
	refcount_t refs;
	struct rcu_head rcu;
	struct timer_list timeout;

	spinlock_t lock; /* requests, and whether the socket is there */
	u64 ctx;
	bool gone;
	bool asked;
	u32 queries;
	u32 name;
	bool named;
	struct tls_offload_resync_async async;
};

/* The driver's state within the core's, see TLS_DRIVER_STATE_SIZE_RX. */
struct ktlsnic_tls_rx_state {
	struct ktlsnic_tls_rx *rx;
};

static inline void ktlsnic_tls_rx_count(struct ktlsnic_tls_rx_half *half,
					enum ktlsnic_tls_rx_conn_stat stat)
{
	atomic64_inc(&half->stats[stat]);
}

/* The handle changes after a reset, whatever the connection is doing. */
static inline u64 ktlsnic_tls_rx_handle(struct ktlsnic_tls_rx *rx)
{
	u64 ctx;

	spin_lock_bh(&rx->lock);
	ctx = rx->ctx;
	spin_unlock_bh(&rx->lock);
	return ctx;
}

/* ktlsnic_tls_rx_resync.c */
void ktlsnic_tls_rx_put(struct ktlsnic_tls_rx *rx);
void ktlsnic_tls_rx_request_init(struct ktlsnic_tls_rx *rx);
void ktlsnic_tls_rx_request_stop(struct ktlsnic_tls_rx *rx);
bool ktlsnic_tls_rx_request(struct ktlsnic_tls_rx_half *half,
			    const struct sk_buff *skb,
			    const struct ktlsnic_tls_rx_mark *mark);
int ktlsnic_tls_rx_flows_init(struct ktlsnic_tls_rx_half *half);
int ktlsnic_tls_rx_flow_insert(struct ktlsnic_tls_rx *rx);
void ktlsnic_tls_rx_flow_remove(struct ktlsnic_tls_rx *rx);

#endif /* KTLSNIC_TLS_RX_H */
