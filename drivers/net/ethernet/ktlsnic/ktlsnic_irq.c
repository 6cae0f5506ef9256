// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X vectors (SPEC 7): vector 0 for commands and events, one more for each
 * queue pair. Vectors are one-shot: a message disarms its vector, and whoever
 * has polled the rings empty arms it again.
 */

#include <linux/cpumask.h>
#include <linux/interrupt.h>

#include "ktlsnic.h"
#include "ktlsnic_txrx.h"

/**
 * ktlsnic_irq_arm() - ask for one message from a vector
 * @nic: the device
 * @vector: the vector
 */
void ktlsnic_irq_arm(struct ktlsnic_nic *nic, unsigned int vector)
{
	ktlsnic_write(nic, KTLSNIC_REG_IVEC_ARM(vector), KTLSNIC_IVEC_ARMED);
}

/**
 * ktlsnic_irq_disarm() - want no message from a vector
 * @nic: the device
 * @vector: the vector
 */
void ktlsnic_irq_disarm(struct ktlsnic_nic *nic, unsigned int vector)
{
	ktlsnic_write(nic, KTLSNIC_REG_IVEC_ARM(vector), 0);
}

/**
 * ktlsnic_irq_moderation() - write the moderation that ethtool asked for
 * @nic: the device
 *
 * A vector serves both directions of a pair, so that the shorter of the two
 * times holds for both: neither direction waits longer than it was told to.
 */
void ktlsnic_irq_moderation(struct ktlsnic_nic *nic)
{
	u32 usecs = min(nic->rx_usecs, nic->tx_usecs);
	unsigned int i;

	for (i = 0; i < nic->num_queues; i++)
		ktlsnic_write(nic, KTLSNIC_REG_IVEC_ITR(KTLSNIC_QUEUE_VECTOR(i)),
			      usecs);
}

/**
 * ktlsnic_irq_vectors_alloc() - get MSI-X vectors
 * @nic: the device
 * @queues: queue pairs to serve at best
 *
 * Sets &ktlsnic_nic.num_vectors, which is at least 2.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_irq_vectors_alloc(struct ktlsnic_nic *nic, unsigned int queues)
{
	int n;

	n = pci_alloc_irq_vectors(nic->pdev, 2, queues + 1, PCI_IRQ_MSIX);
	if (n < 0)
		return n;
	nic->num_vectors = n;
	return 0;
}

/**
 * ktlsnic_irq_vectors_free() - undo ktlsnic_irq_vectors_alloc()
 * @nic: the device
 */
void ktlsnic_irq_vectors_free(struct ktlsnic_nic *nic)
{
	pci_free_irq_vectors(nic->pdev);
}

static irqreturn_t ktlsnic_irq_admin(int irq, void *data)
{
	struct ktlsnic_nic *nic = data;
	bool sane = ktlsnic_cmdq_poll(nic);

	ktlsnic_events_poll(nic);
	if (sane)
		ktlsnic_irq_arm(nic, KTLSNIC_ADMIN_VECTOR);
	return IRQ_HANDLED;
}

/**
 * ktlsnic_irq_admin_request() - install the handler of commands and events
 * @nic: the device
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_irq_admin_request(struct ktlsnic_nic *nic)
{
	return request_threaded_irq(pci_irq_vector(nic->pdev,
						   KTLSNIC_ADMIN_VECTOR),
				    NULL, ktlsnic_irq_admin, IRQF_ONESHOT,
				    pci_name(nic->pdev), nic);
}

/**
 * ktlsnic_irq_admin_free() - undo ktlsnic_irq_admin_request()
 * @nic: the device
 */
void ktlsnic_irq_admin_free(struct ktlsnic_nic *nic)
{
	free_irq(pci_irq_vector(nic->pdev, KTLSNIC_ADMIN_VECTOR), nic);
}

static irqreturn_t ktlsnic_irq_queue(int irq, void *data)
{
	struct ktlsnic_queue *q = data;

	napi_schedule_irqoff(&q->napi);
	return IRQ_HANDLED;
}

/**
 * ktlsnic_irq_queue_request() - install the handler of a queue pair
 * @q: the pair
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_irq_queue_request(struct ktlsnic_queue *q)
{
	struct ktlsnic_nic *nic = q->nic;
	int err;

	q->irq = pci_irq_vector(nic->pdev, KTLSNIC_QUEUE_VECTOR(q->index));
	snprintf(q->irq_name, sizeof(q->irq_name), "%s-TxRx-%u",
		 nic->netdev->name, q->index);
	err = request_irq(q->irq, ktlsnic_irq_queue, 0, q->irq_name, q);
	if (err)
		return err;

	cpumask_set_cpu(cpumask_local_spread(q->index,
					     dev_to_node(&nic->pdev->dev)),
			&q->affinity);
	irq_set_affinity_and_hint(q->irq, &q->affinity);
	netif_set_xps_queue(nic->netdev, &q->affinity, q->index);
	return 0;
}

/**
 * ktlsnic_irq_queue_free() - undo ktlsnic_irq_queue_request()
 * @q: the pair
 */
void ktlsnic_irq_queue_free(struct ktlsnic_queue *q)
{
	irq_update_affinity_hint(q->irq, NULL);
	cpumask_clear(&q->affinity);
	free_irq(q->irq, q);
}
