// SPDX-License-Identifier: GPL-2.0-only
/* The device without its queues: commands and events, and their interrupt. */

#include <linux/interrupt.h>

#include "ktlsnic.h"
#include "ktlsnic_admin.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_event.h"
#include "ktlsnic_irq.h"

static irqreturn_t ktlsnic_admin_irq(int irq, void *data)
{
	struct ktlsnic_nic *nic = data;
	bool sane = ktlsnic_cmdq_poll(nic);

	ktlsnic_events_poll(nic);
	/* see ktlsnic_hw_stop() */
	if (sane && test_bit(KTLSNIC_HW_UP, &nic->state))
		ktlsnic_irq_arm(nic, KTLSNIC_ADMIN_VECTOR);
	return IRQ_HANDLED;
}

/**
 * ktlsnic_admin_irq_request() - install the handler of commands and events
 * @nic: the device
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_admin_irq_request(struct ktlsnic_nic *nic)
{
	return request_threaded_irq(pci_irq_vector(nic->pdev,
						   KTLSNIC_ADMIN_VECTOR),
				    NULL, ktlsnic_admin_irq, IRQF_ONESHOT,
				    pci_name(nic->pdev), nic);
}

/**
 * ktlsnic_admin_irq_free() - undo ktlsnic_admin_irq_request()
 * @nic: the device
 */
void ktlsnic_admin_irq_free(struct ktlsnic_nic *nic)
{
	free_irq(pci_irq_vector(nic->pdev, KTLSNIC_ADMIN_VECTOR), nic);
}

/**
 * ktlsnic_hw_start() - reset the device and bring up all but the queues
 * @nic: the device, with admin rings allocated and their handler installed
 *
 * Return: 0 or a negative errno; then the device is off the bus.
 */
int ktlsnic_hw_start(struct ktlsnic_nic *nic)
{
	int err;

	/* before its reset it may still know rings whose memory is gone */
	err = ktlsnic_hw_reset(nic);
	if (err)
		return err;
	pci_set_master(nic->pdev);
	err = ktlsnic_events_start(nic);
	if (!err)
		err = ktlsnic_cmdq_start(nic);
	if (err) {
		pci_clear_master(nic->pdev);
		return err;
	}
	set_bit(KTLSNIC_HW_UP, &nic->state);
	ktlsnic_irq_arm(nic, KTLSNIC_ADMIN_VECTOR);
	return 0;
}

/**
 * ktlsnic_hw_stop() - undo ktlsnic_hw_start(): the device is quiet afterwards
 * @nic: the device, with its queues closed
 *
 * Reset also wipes the keys of all TLS contexts.
 */
void ktlsnic_hw_stop(struct ktlsnic_nic *nic)
{
	int irq = pci_irq_vector(nic->pdev, KTLSNIC_ADMIN_VECTOR);

	if (!test_and_clear_bit(KTLSNIC_HW_UP, &nic->state))
		return;
	/* whoever reads statistics has done so before the device is reset, or sees the
	 * bit cleared
	 */
	spin_lock_bh(&nic->stats_lock);
	spin_unlock_bh(&nic->stats_lock);
	/* a handler that began before arms the vector, none that begins now does */
	synchronize_irq(irq);
	ktlsnic_irq_disarm(nic, KTLSNIC_ADMIN_VECTOR);
	synchronize_irq(irq);
	ktlsnic_cmdq_stop(nic);
	ktlsnic_events_stop(nic);
	ktlsnic_hw_reset(nic);
	ktlsnic_ctx_reset(&nic->tls_tx_ctxs, nic->cmdq.generation);
	ktlsnic_ctx_reset(&nic->tls_rx_ctxs, nic->cmdq.generation);
	pci_clear_master(nic->pdev);
}
