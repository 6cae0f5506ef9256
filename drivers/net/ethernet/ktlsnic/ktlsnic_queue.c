// SPDX-License-Identifier: GPL-2.0-only
/* Life of the queue pairs, and their NAPI poll. */

#include <linux/slab.h>

#include "ktlsnic.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

static int ktlsnic_napi_poll(struct napi_struct *napi, int budget)
{
	struct ktlsnic_queue *q = container_of(napi, struct ktlsnic_queue, napi);
	bool tx_done = ktlsnic_tx_poll(&q->tx, budget);
	int work = 0;

	/* netpoll wants transmit buffers back and nothing else */
	if (!budget)
		return 0;
	work = ktlsnic_rx_poll(q, budget);
	if (!tx_done || work >= budget)
		return budget;
	/* what a broken ring holds nobody takes in: no vector before the reset */
	if (napi_complete_done(napi, work) && !q->tx.broken && !q->rx.broken)
		ktlsnic_irq_arm(q->nic, KTLSNIC_QUEUE_VECTOR(q->index));
	return work;
}

/**
 * ktlsnic_queues_alloc() - make the queue pairs, closed
 * @nic: the device, with &ktlsnic_nic.max_queues set
 *
 * Return: 0 or -ENOMEM.
 */
int ktlsnic_queues_alloc(struct ktlsnic_nic *nic)
{
	unsigned int i;

	nic->queues = kcalloc(nic->max_queues, sizeof(*nic->queues),
			      GFP_KERNEL);
	if (!nic->queues)
		return -ENOMEM;

	for (i = 0; i < nic->max_queues; i++) {
		struct ktlsnic_queue *q = &nic->queues[i];

		q->nic = nic;
		q->index = i;
		q->tx.q = q;
		q->tx.nq = netdev_get_tx_queue(nic->netdev, i);
		u64_stats_init(&q->tx.syncp);
		u64_stats_init(&q->tx.cpl_syncp);
		u64_stats_init(&q->rx.syncp);
	}
	return 0;
}

/**
 * ktlsnic_queues_free() - undo ktlsnic_queues_alloc()
 * @nic: the device
 */
void ktlsnic_queues_free(struct ktlsnic_nic *nic)
{
	kfree(nic->queues);
	nic->queues = NULL;
}

static int ktlsnic_tx_alloc(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	struct ktlsnic_txq *txq = &q->tx;
	int err;

	txq->clean = 0;
	/* Each unit can complete by itself when it fails, and a unit may be
	 * one descriptor: as many completions as descriptors.
	 */
	err = ktlsnic_ring_alloc(nic, &txq->cq, KTLSNIC_RING_TX_CQ(q->index),
				 sizeof(struct ktlsnic_tx_cpl), nic->tx_log2);
	if (!err)
		err = ktlsnic_ring_alloc(nic, &txq->ring,
					 KTLSNIC_RING_TX(q->index),
					 sizeof(struct ktlsnic_tx_desc),
					 nic->tx_log2);
	if (err)
		return err;
	txq->bufs = kvcalloc(BIT(nic->tx_log2), sizeof(*txq->bufs), GFP_KERNEL);
	return txq->bufs ? 0 : -ENOMEM;
}

static int ktlsnic_rx_alloc(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	struct ktlsnic_rxq *rxq = &q->rx;
	int err;

	/* the ring begins anew, also for who has to free it before it runs */
	rxq->clean = 0;
	err = ktlsnic_ring_alloc(nic, &rxq->cq, KTLSNIC_RING_RX_CQ(q->index),
				 sizeof(struct ktlsnic_rx_cpl), nic->rx_log2);
	if (!err)
		err = ktlsnic_ring_alloc(nic, &rxq->ring,
					 KTLSNIC_RING_RX(q->index),
					 sizeof(struct ktlsnic_rx_desc),
					 nic->rx_log2);
	if (err)
		return err;
	rxq->bufs = kvcalloc(BIT(nic->rx_log2), sizeof(*rxq->bufs), GFP_KERNEL);
	return rxq->bufs ? ktlsnic_rx_pool_create(q) : -ENOMEM;
}

/* Frees whatever of a pair there is; its rings are disabled. */
static void ktlsnic_queue_free(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;

	if (q->tx.bufs)
		ktlsnic_tx_drain(&q->tx);
	kvfree(q->tx.bufs);
	q->tx.bufs = NULL;
	ktlsnic_ring_free(nic, &q->tx.ring);
	ktlsnic_ring_free(nic, &q->tx.cq);

	if (q->rx.pool)
		ktlsnic_rx_drain(q);
	kvfree(q->rx.bufs);
	q->rx.bufs = NULL;
	ktlsnic_ring_free(nic, &q->rx.ring);
	ktlsnic_ring_free(nic, &q->rx.cq);
}

static int ktlsnic_queue_enable(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	int err;

	q->tx.kicked = 0;
	q->tx.broken = false;
	q->rx.broken = false;
	q->rx.skip = false;

	err = ktlsnic_ring_enable(nic, &q->tx.cq);
	if (!err)
		err = ktlsnic_ring_enable(nic, &q->tx.ring);
	if (!err)
		err = ktlsnic_ring_enable(nic, &q->rx.cq);
	if (!err)
		err = ktlsnic_ring_enable(nic, &q->rx.ring);
	if (!err)
		ktlsnic_rx_fill(q, GFP_KERNEL);
	return err;
}

static void ktlsnic_queue_disable(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;

	ktlsnic_ring_disable(nic, &q->rx.ring);
	ktlsnic_ring_disable(nic, &q->rx.cq);
	ktlsnic_ring_disable(nic, &q->tx.ring);
	ktlsnic_ring_disable(nic, &q->tx.cq);
}

static int ktlsnic_queue_open(struct ktlsnic_queue *q)
{
	int err;

	netif_napi_add(q->nic->netdev, &q->napi, ktlsnic_napi_poll);
	err = ktlsnic_tx_alloc(q);
	if (!err)
		err = ktlsnic_rx_alloc(q);
	if (!err)
		err = ktlsnic_irq_queue_request(q);
	if (err)
		goto free;
	err = ktlsnic_queue_enable(q);
	if (err)
		goto disable;
	napi_enable(&q->napi);
	/* The first poll arms the vector. A ring that could not be filled completes
	 * nothing, so that no interrupt would lead to the poll that tries again.
	 */
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();
	return 0;

disable:
	ktlsnic_queue_disable(q);
	ktlsnic_irq_queue_free(q);
free:
	ktlsnic_queue_free(q);
	netif_napi_del(&q->napi);
	return err;
}

static void ktlsnic_queue_quiesce(struct ktlsnic_queue *q)
{
	ktlsnic_irq_disarm(q->nic, KTLSNIC_QUEUE_VECTOR(q->index));
	napi_disable(&q->napi);
	/* a poll may have armed the vector before it was disabled */
	ktlsnic_irq_disarm(q->nic, KTLSNIC_QUEUE_VECTOR(q->index));
}

/* The pair is quiet, and the stack sends nothing to it any more. */
static void ktlsnic_queue_close(struct ktlsnic_queue *q)
{
	ktlsnic_queue_disable(q);
	ktlsnic_irq_queue_free(q);
	ktlsnic_queue_free(q);
	netif_napi_del(&q->napi);
}

/**
 * ktlsnic_queues_open() - let traffic flow
 * @nic: the device
 *
 * Called under RTNL.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_queues_open(struct ktlsnic_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	unsigned int i = 0;
	int err;

	if (!test_bit(KTLSNIC_HW_UP, &nic->state))
		return -ENETDOWN;
	err = netif_set_real_num_queues(netdev, nic->num_queues,
					nic->num_queues);
	for (; !err && i < nic->num_queues; i++)
		err = ktlsnic_queue_open(&nic->queues[i]);
	if (err) {
		/* the one that failed has cleaned up after itself */
		if (i)
			i--;
		while (i--) {
			ktlsnic_queue_quiesce(&nic->queues[i]);
			ktlsnic_queue_close(&nic->queues[i]);
		}
		return err;
	}

	ktlsnic_irq_moderation(nic);
	ktlsnic_rss_write(nic);
	set_bit(KTLSNIC_QUEUES_UP, &nic->state);
	ktlsnic_port_restore(nic);
	netif_tx_start_all_queues(netdev);
	ktlsnic_health_start(nic);
	ktlsnic_port_link_update(nic);
	return 0;
}

/**
 * ktlsnic_queues_close() - stop all traffic
 * @nic: the device
 *
 * Called under RTNL. Frames that the device has not sent are dropped, so that
 * TLS contexts are behind what was given to them.
 */
void ktlsnic_queues_close(struct ktlsnic_nic *nic)
{
	struct net_device *netdev = nic->netdev;
	unsigned int i;

	if (!test_and_clear_bit(KTLSNIC_QUEUES_UP, &nic->state))
		return;
	ktlsnic_health_stop(nic);
	netif_carrier_off(netdev);
	ktlsnic_port_rx_stop(nic);
	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_quiesce(&nic->queues[i]);
	/* only now can no poll wake a queue again */
	netif_tx_disable(netdev);
	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_close(&nic->queues[i]);
	ktlsnic_tls_queues_closed(nic);
}
