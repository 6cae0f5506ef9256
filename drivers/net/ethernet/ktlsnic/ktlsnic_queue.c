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

/* Frees whatever memory of a pair there is; nothing is in its TX ring. */
static void ktlsnic_queue_free_memory(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;

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

/* The same for a pair that was open; its rings are disabled. */
static void ktlsnic_queue_free(struct ktlsnic_queue *q)
{
	if (q->tx.bufs)
		ktlsnic_tx_drain(&q->tx);
	ktlsnic_queue_free_memory(q);
}

static int ktlsnic_queue_alloc(struct ktlsnic_queue *q)
{
	int err;

	err = ktlsnic_tx_alloc(q);
	if (!err)
		err = ktlsnic_rx_alloc(q);
	if (err)
		ktlsnic_queue_free_memory(q);
	return err;
}

/* Gives a pair that has no memory that of another, which was never open. */
static void ktlsnic_queue_take(struct ktlsnic_queue *q,
			       const struct ktlsnic_queue *spare)
{
	q->tx.ring = spare->tx.ring;
	q->tx.cq = spare->tx.cq;
	q->tx.bufs = spare->tx.bufs;
	q->tx.clean = 0;
	q->rx.ring = spare->rx.ring;
	q->rx.cq = spare->rx.cq;
	q->rx.bufs = spare->rx.bufs;
	q->rx.pool = spare->rx.pool;
	q->rx.clean = 0;
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
		ktlsnic_rx_fill(q);
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

/* Interrupt and NAPI instance, both silent. */
static int ktlsnic_queue_attach(struct ktlsnic_queue *q)
{
	int err;

	netif_napi_add(q->nic->netdev, &q->napi, ktlsnic_napi_poll);
	err = ktlsnic_queue_irq_request(q);
	if (err)
		netif_napi_del(&q->napi);
	return err;
}

static void ktlsnic_queue_detach(struct ktlsnic_queue *q)
{
	ktlsnic_queue_irq_free(q);
	netif_napi_del(&q->napi);
}

/* The first poll arms the vector. A ring that could not be filled completes nothing,
 * so that no interrupt would lead to the poll that tries again.
 */
static void ktlsnic_queue_resume(struct ktlsnic_queue *q)
{
	napi_enable(&q->napi);
	local_bh_disable();
	napi_schedule(&q->napi);
	local_bh_enable();
}

static int ktlsnic_queue_open(struct ktlsnic_queue *q)
{
	int err;

	err = ktlsnic_queue_alloc(q);
	if (err)
		return err;
	err = ktlsnic_queue_attach(q);
	if (err)
		goto free;
	err = ktlsnic_queue_enable(q);
	if (err)
		goto disable;
	ktlsnic_queue_resume(q);
	return 0;

disable:
	ktlsnic_queue_disable(q);
	ktlsnic_queue_detach(q);
free:
	ktlsnic_queue_free(q);
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
	ktlsnic_queue_free(q);
	ktlsnic_queue_detach(q);
}

/* No poll and no transmission afterwards. The stack's watchdog shall not take it for a
 * queue that hangs.
 */
static void ktlsnic_queues_pause(struct ktlsnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->num_queues; i++) {
		ktlsnic_queue_quiesce(&nic->queues[i]);
		txq_trans_cond_update(nic->queues[i].tx.nq);
	}
	/* only now can no poll wake a queue again */
	netif_tx_disable(nic->netdev);
}

/* How many queues the stack is to use. */
static int ktlsnic_queues_announce(struct ktlsnic_nic *nic, unsigned int count)
{
	unsigned int i;
	int err;

	err = netif_set_real_num_queues(nic->netdev, count, count);
	if (err)
		return err;
	/* the stack has forgotten all about the others, their XPS too */
	for (i = count; i < nic->max_queues; i++)
		nic->queues[i].xps_placed = false;
	return 0;
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

	err = ktlsnic_queues_announce(nic, nic->num_queues);
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

	ktlsnic_queues_pause(nic);
	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_close(&nic->queues[i]);
}

static void ktlsnic_spare_free(struct ktlsnic_queue *spare, unsigned int count)
{
	while (count--)
		ktlsnic_queue_free_memory(&spare[count]);
	kfree(spare);
}

static struct ktlsnic_queue *ktlsnic_spare_alloc(struct ktlsnic_nic *nic,
						 unsigned int count)
{
	struct ktlsnic_queue *spare;
	unsigned int i;

	spare = kcalloc(count, sizeof(*spare), GFP_KERNEL);
	for (i = 0; spare && i < count; i++) {
		spare[i].nic = nic;
		spare[i].index = i;
		if (ktlsnic_queue_alloc(&spare[i])) {
			ktlsnic_spare_free(spare, i);
			return NULL;
		}
	}
	return spare;
}

/* Pairs from @from on, up to @to, that have not been in use. */
static void ktlsnic_queues_detach(struct ktlsnic_nic *nic, unsigned int from,
				  unsigned int to)
{
	while (to > from)
		ktlsnic_queue_detach(&nic->queues[--to]);
}

static int ktlsnic_queues_attach(struct ktlsnic_nic *nic, unsigned int from,
				 unsigned int to)
{
	unsigned int i;
	int err;

	for (i = from; i < to; i++) {
		err = ktlsnic_queue_attach(&nic->queues[i]);
		if (err) {
			ktlsnic_queues_detach(nic, from, i);
			return err;
		}
	}
	return 0;
}

/**
 * ktlsnic_queues_prepare() - get all that other queue pairs need, beside what runs
 * @nic: the device, with its queues open and the sizes of the new rings set
 * @count: how many pairs it is to have
 *
 * Nothing changes for the pairs in use. Called under RTNL.
 *
 * Return: what ktlsnic_queues_swap() wants, or an ERR_PTR().
 */
struct ktlsnic_queue *ktlsnic_queues_prepare(struct ktlsnic_nic *nic,
					     unsigned int count)
{
	struct ktlsnic_queue *spare;
	int err;

	spare = ktlsnic_spare_alloc(nic, count);
	if (!spare)
		return ERR_PTR(-ENOMEM);
	err = ktlsnic_queues_attach(nic, nic->num_queues, count);
	if (err) {
		ktlsnic_spare_free(spare, count);
		return ERR_PTR(err);
	}
	return spare;
}

/* The old pairs are quiet; @spare's memory is used up. */
static void ktlsnic_queues_replace(struct ktlsnic_nic *nic,
				   const struct ktlsnic_queue *spare,
				   unsigned int count)
{
	unsigned int i, old = nic->num_queues;
	int err = 0;

	for (i = 0; i < old; i++) {
		ktlsnic_queue_disable(&nic->queues[i]);
		ktlsnic_queue_free(&nic->queues[i]);
	}
	ktlsnic_queues_detach(nic, count, old);
	nic->num_queues = count;
	for (i = 0; i < count; i++) {
		ktlsnic_queue_take(&nic->queues[i], &spare[i]);
		err |= ktlsnic_queue_enable(&nic->queues[i]);
	}
	/* what the driver asks for is within what the device says that it can do */
	if (err)
		ktlsnic_reset_schedule(nic);
}

/**
 * ktlsnic_queues_swap() - put other queue pairs in the place of those in use
 * @nic: the device, which receives nothing more
 * @spare: from ktlsnic_queues_prepare(); used up
 * @count: as there
 *
 * Called under RTNL. Frames that the device has not sent are dropped. Afterwards the
 * pairs in use, new or old, are paused until ktlsnic_queues_resume().
 *
 * Return: 0, or a negative errno; then the old pairs are as they were.
 */
int ktlsnic_queues_swap(struct ktlsnic_nic *nic, struct ktlsnic_queue *spare,
			unsigned int count)
{
	int err;

	ktlsnic_queues_pause(nic);
	err = ktlsnic_queues_announce(nic, count);
	if (err) {
		ktlsnic_queues_detach(nic, nic->num_queues, count);
		ktlsnic_spare_free(spare, count);
		return err;
	}
	ktlsnic_queues_replace(nic, spare, count);
	kfree(spare);
	return 0;
}

/**
 * ktlsnic_queues_resume() - take completions again after ktlsnic_queues_swap()
 * @nic: the device
 *
 * Called under RTNL. What polls, and what TX queues a poll wakes, is open from here on.
 */
void ktlsnic_queues_resume(struct ktlsnic_nic *nic)
{
	unsigned int i;

	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_queue_resume(&nic->queues[i]);
}
