// SPDX-License-Identifier: GPL-2.0-only
/*
 * MSI-X vectors (SPEC 7): vector 0 for commands and events, one more for each
 * queue pair. Vectors are one-shot: a message disarms its vector, and whoever
 * has polled the rings empty arms it again.
 */

#include "ktlsnic.h"
#include "ktlsnic_irq.h"

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
