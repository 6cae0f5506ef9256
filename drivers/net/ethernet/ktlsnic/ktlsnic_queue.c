// SPDX-License-Identifier: GPL-2.0-only
/* Life of the queue pairs, their interrupts and their NAPI poll. */

#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_irq.h"
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

/* Afterwards the device touches nothing of the pair any more. */
static void ktlsnic_queue_disable(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	bool held;

	held = ktlsnic_ring_disable(nic, &q->rx.ring);
	held |= ktlsnic_ring_disable(nic, &q->rx.cq);
	held |= ktlsnic_ring_disable(nic, &q->tx.ring);
	held |= ktlsnic_ring_disable(nic, &q->tx.cq);
	if (held)
		ktlsnic_hw_cut_off(nic);
}

static irqreturn_t ktlsnic_queue_irq(int irq, void *data)
{
	struct ktlsnic_queue *q = data;

	napi_schedule_irqoff(&q->napi);
	return IRQ_HANDLED;
}

/* Proposes a CPU for the pair, once: afterwards interrupt and XPS are the user's, and
 * both stay as they are while the pair is closed.
 */
static void ktlsnic_queue_place(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;

	if (q->irq_placed) {
		irq_update_affinity_hint(q->irq, &q->affinity);
	} else {
		cpumask_set_cpu(cpumask_local_spread(q->index,
						     dev_to_node(&nic->pdev->dev)),
				&q->affinity);
		irq_set_affinity_and_hint(q->irq, &q->affinity);
		q->irq_placed = true;
	}
	if (!q->xps_placed)
		netif_set_xps_queue(nic->netdev, &q->affinity, q->index);
	q->xps_placed = true;
}

static int ktlsnic_queue_irq_request(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	int err;

	q->irq = pci_irq_vector(nic->pdev, KTLSNIC_QUEUE_VECTOR(q->index));
	snprintf(q->irq_name, sizeof(q->irq_name), "%s-TxRx-%u",
		 nic->netdev->name, q->index);
	err = request_irq(q->irq, ktlsnic_queue_irq, 0, q->irq_name, q);
	if (err)
		return err;
	ktlsnic_queue_place(q);
	return 0;
}

static void ktlsnic_queue_irq_free(struct ktlsnic_queue *q)
{
	irq_update_affinity_hint(q->irq, NULL);
	free_irq(q->irq, q);
}

static int ktlsnic_queue_open(struct ktlsnic_queue *q)
{
	int err;

	netif_napi_add(q->nic->netdev, &q->napi, ktlsnic_napi_poll);
	err = ktlsnic_tx_alloc(q);
	if (!err)
		err = ktlsnic_rx_alloc(q);
	if (!err)
		err = ktlsnic_queue_irq_request(q);
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
	ktlsnic_queue_irq_free(q);
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
	ktlsnic_queue_irq_free(q);
	ktlsnic_queue_free(q);
	netif_napi_del(&q->napi);
}

/**
 * ktlsnic_queues_open() - open the queue pairs in use
 * @nic: the device, running
 *
 * Called under RTNL. The stack is not told to send yet.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_queues_open(struct ktlsnic_nic *nic)
{
	unsigned int i;
	int err;

	err = netif_set_real_num_queues(nic->netdev, nic->num_queues,
					nic->num_queues);
	/* the stack knows nothing of queues that are not in use, their XPS neither */
	for (i = nic->num_queues; i < nic->max_queues; i++)
		nic->queues[i].xps_placed = false;
	for (i = 0; !err && i < nic->num_queues; i++)
		err = ktlsnic_queue_open(&nic->queues[i]);
	if (!err)
		return 0;

	/* the one that failed has cleaned up after itself */
	if (i)
		i--;
	while (i--) {
		ktlsnic_queue_quiesce(&nic->queues[i]);
		ktlsnic_queue_close(&nic->queues[i]);
	}
	return err;
}

/**
 * ktlsnic_queues_close() - undo ktlsnic_queues_open()
 * @nic: the device, which receives nothing more
 *
 * Called under RTNL. Frames that the device has not sent are dropped.
 */
void ktlsnic_queues_close(struct ktlsnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_quiesce(&nic->queues[i]);
	/* only now can no poll wake a queue again */
	netif_tx_disable(nic->netdev);
	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_close(&nic->queues[i]);
}
