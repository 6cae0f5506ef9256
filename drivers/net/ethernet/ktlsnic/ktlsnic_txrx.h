/* SPDX-License-Identifier: GPL-2.0-only */
/* Queue pairs: transmit, receive and the NAPI instance that serves both. */
#ifndef KTLSNIC_TXRX_H
#define KTLSNIC_TXRX_H

#include <linux/cpumask.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <linux/u64_stats_sync.h>

#include "ktlsnic.h"
#include "ktlsnic_tls_hw.h"

/*
 * Two buffers to a page: a frame of the usual MTU fits into one, a jumbo frame
 * takes as many as it needs, so that the size does not depend on the MTU.
 */
#define KTLSNIC_RX_BUF_SIZE		(PAGE_SIZE / 2)

/* Frames up to this size are copied out of their buffer. */
#define KTLSNIC_RX_COPY			256

#define KTLSNIC_TX_LOG2_DEFAULT		10
#define KTLSNIC_RX_LOG2_DEFAULT		9

/* Counters of the sending side, written with the TX queue locked. */
enum ktlsnic_tx_stat {
	KTLSNIC_TX_STAT_PACKETS,
	KTLSNIC_TX_STAT_BYTES,
	KTLSNIC_TX_STAT_TSO_UNITS,
	KTLSNIC_TX_STAT_LINEARIZED,
	KTLSNIC_TX_STAT_MAP_FAILED,
	KTLSNIC_TX_STAT_DROPPED,
	KTLSNIC_TX_STAT_STOPPED,
	KTLSNIC_TX_STATS
};

/* Counters of the completing side, written in NAPI. */
enum ktlsnic_cpl_stat {
	KTLSNIC_CPL_STAT_WOKEN,
	KTLSNIC_CPL_STAT_ERRORS,
	KTLSNIC_CPL_STATS
};

/* Counters of the receiving side, written in NAPI. */
enum ktlsnic_rx_stat {
	KTLSNIC_RX_STAT_PACKETS,
	KTLSNIC_RX_STAT_BYTES,
	KTLSNIC_RX_STAT_CSUM_OK,
	KTLSNIC_RX_STAT_CSUM_NONE,
	KTLSNIC_RX_STAT_ALLOC_FAILED,
	KTLSNIC_RX_STAT_DROPPED,
	KTLSNIC_RX_STATS
};

enum ktlsnic_tx_map {
	KTLSNIC_TX_MAP_NONE,
	KTLSNIC_TX_MAP_SINGLE,
	KTLSNIC_TX_MAP_PAGE,
};

/**
 * struct ktlsnic_tx_buf - the driver's side of a TX descriptor
 * @skb: head of a packet unit: freed when the unit is done
 * @tls: head of a unit: the TLS connection that it belongs to, or NULL; a
 *	 reference to drop when the unit is done
 * @tls_generation: head of a unit: for &ktlsnic_tls_ops.tx_failed
 * @page: buffer of a resync unit: a reference to drop when the unit is done
 * @dma: what is mapped
 * @len: its length
 * @map: enum ktlsnic_tx_map
 * @ndesc: head of a unit: its descriptors
 *
 * What is not in the ring, or not for this kind of slot, is left from before.
 */
struct ktlsnic_tx_buf {
	struct sk_buff *skb;
	struct ktlsnic_tls_tx *tls;
	struct page *page;
	dma_addr_t dma;
	u32 len;
	u32 tls_generation;
	u8 map;
	u8 ndesc;
};

/**
 * struct ktlsnic_txq - the transmit half of a queue pair
 * @ring: descriptors; its index is what has been posted, of which the doorbell
 *	  may not have told yet
 * @bufs: as many as @ring has entries
 * @nq: the stack's queue
 * @q: the pair
 * @last_head: index of the last unit's head
 * @kicked: what the doorbell was last told
 * @syncp: for @stats
 * @stats: enum ktlsnic_tx_stat
 * @clean: units before it are done
 * @broken: the device's completions make no sense; a reset is under way
 * @cq: completions
 * @cpl_syncp: for @cpl_stats
 * @cpl_stats: enum ktlsnic_cpl_stat
 */
struct ktlsnic_txq {
	/* written with the stack's queue locked */
	struct ktlsnic_ring ring;
	struct ktlsnic_tx_buf *bufs;
	struct netdev_queue *nq;
	struct ktlsnic_queue *q;
	u32 last_head;
	u32 kicked;
	struct u64_stats_sync syncp;
	u64_stats_t stats[KTLSNIC_TX_STATS];

	/* written in NAPI */
	u32 clean ____cacheline_aligned_in_smp;
	bool broken;
	struct ktlsnic_ring cq;
	struct u64_stats_sync cpl_syncp;
	u64_stats_t cpl_stats[KTLSNIC_CPL_STATS];
};

/**
 * struct ktlsnic_rx_buf - a buffer that the device owns
 * @page: its page
 * @offset: where in the page
 */
struct ktlsnic_rx_buf {
	struct page *page;
	unsigned int offset;
};

/**
 * struct ktlsnic_rxq - the receive half of a queue pair
 * @ring: empty buffers
 * @cq: completions
 * @bufs: as many as @ring has entries
 * @pool: where pages come from
 * @skb: a frame whose last buffer has not been seen yet
 * @skip: the rest of the present frame is dropped
 * @clean: buffers before it came back
 * @broken: the device's completions make no sense; a reset is under way
 * @syncp: for @stats
 * @stats: enum ktlsnic_rx_stat
 */
struct ktlsnic_rxq {
	struct ktlsnic_ring ring;
	struct ktlsnic_ring cq;
	struct ktlsnic_rx_buf *bufs;
	struct page_pool *pool;
	struct sk_buff *skb;
	bool skip;
	u32 clean;
	bool broken;
	struct u64_stats_sync syncp;
	u64_stats_t stats[KTLSNIC_RX_STATS];
};

/**
 * struct ktlsnic_queue - a queue pair
 * @napi: serves both halves
 * @nic: the device
 * @index: which pair
 * @irq: its interrupt
 * @irq_name: as /proc/interrupts shows it
 * @affinity: the CPU that the interrupt prefers, unless the user says otherwise
 * @irq_placed: the interrupt has been given that CPU
 * @xps_placed: so has XPS
 * @tx: transmit half
 * @rx: receive half
 */
struct ktlsnic_queue {
	struct napi_struct napi;
	struct ktlsnic_nic *nic;
	unsigned int index;
	int irq;
	char irq_name[IFNAMSIZ + 16];
	cpumask_t affinity;
	bool irq_placed;
	bool xps_placed;
	struct ktlsnic_txq tx;
	struct ktlsnic_rxq rx;
};

static inline void ktlsnic_tx_count(struct ktlsnic_txq *txq,
				    enum ktlsnic_tx_stat stat, u64 n)
{
	u64_stats_update_begin(&txq->syncp);
	u64_stats_add(&txq->stats[stat], n);
	u64_stats_update_end(&txq->syncp);
}

static inline void ktlsnic_cpl_count(struct ktlsnic_txq *txq,
				     enum ktlsnic_cpl_stat stat, u64 n)
{
	u64_stats_update_begin(&txq->cpl_syncp);
	u64_stats_add(&txq->cpl_stats[stat], n);
	u64_stats_update_end(&txq->cpl_syncp);
}

static inline void ktlsnic_rx_count(struct ktlsnic_rxq *rxq,
				    enum ktlsnic_rx_stat stat, u64 n)
{
	u64_stats_update_begin(&rxq->syncp);
	u64_stats_add(&rxq->stats[stat], n);
	u64_stats_update_end(&rxq->syncp);
}

/* ktlsnic_queue.c */
int ktlsnic_queues_alloc(struct ktlsnic_nic *nic);
void ktlsnic_queues_free(struct ktlsnic_nic *nic);
int ktlsnic_queues_open(struct ktlsnic_nic *nic);
void ktlsnic_queues_close(struct ktlsnic_nic *nic);
struct ktlsnic_queue *ktlsnic_queues_prepare(struct ktlsnic_nic *nic,
					     unsigned int count);
int ktlsnic_queues_swap(struct ktlsnic_nic *nic, struct ktlsnic_queue *spare,
			unsigned int count);
void ktlsnic_queues_resume(struct ktlsnic_nic *nic);

/* ktlsnic_tx.c */
netdev_features_t ktlsnic_features_check(struct sk_buff *skb,
					 struct net_device *netdev,
					 netdev_features_t features);
unsigned int ktlsnic_tx_worst(const struct ktlsnic_nic *nic);
int ktlsnic_tx_post(struct ktlsnic_txq *txq, struct sk_buff *skb,
		    const struct ktlsnic_tls_mark *mark);
void ktlsnic_tx_send(struct ktlsnic_txq *txq, struct sk_buff *skb);
bool ktlsnic_tx_begin(struct ktlsnic_txq *txq);
void ktlsnic_tx_end(struct ktlsnic_txq *txq);
bool ktlsnic_tx_poll(struct ktlsnic_txq *txq, int budget);
void ktlsnic_tx_drain(struct ktlsnic_txq *txq);

/* ktlsnic_rx.c */
void ktlsnic_rx_fill(struct ktlsnic_queue *q);
int ktlsnic_rx_poll(struct ktlsnic_queue *q, int budget);
void ktlsnic_rx_drain(struct ktlsnic_queue *q);
int ktlsnic_rx_pool_create(struct ktlsnic_queue *q);

#endif /* KTLSNIC_TXRX_H */
