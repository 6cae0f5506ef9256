// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity and reset of the device (SPEC 3), and recovery: the device is reset
 * and everything that the driver knows is written again, TLS contexts too.
 */

#include <linux/bitfield.h>
#include <linux/interrupt.h>
#include <linux/iopoll.h>
#include <linux/rtnetlink.h>

#include "ktlsnic.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

/* SPEC 3.1 says 100 ms; a device model may share its CPU. */
#define KTLSNIC_RESET_TIMEOUT_US	(2 * USEC_PER_SEC)

#define KTLSNIC_HEALTH_PERIOD		(2 * HZ)

/* A device that fails all the time must not keep the machine busy. */
#define KTLSNIC_RESET_GAP		HZ

/* Recoveries in a row, each after twice the pause, of which none succeeds. */
#define KTLSNIC_RESET_TRIES		5

/**
 * ktlsnic_hw_identify() - is this a device that the driver knows?
 * @nic: the device
 *
 * Return: 0 or -ENODEV.
 */
int ktlsnic_hw_identify(struct ktlsnic_nic *nic)
{
	u32 id = ktlsnic_read(nic, KTLSNIC_REG_ID);
	u32 version = ktlsnic_read(nic, KTLSNIC_REG_VERSION);

	if (id != KTLSNIC_ID ||
	    FIELD_GET(KTLSNIC_VERSION_MAJOR, version) !=
	    FIELD_GET(KTLSNIC_VERSION_MAJOR, KTLSNIC_VERSION)) {
		dev_err(&nic->pdev->dev,
			"id %#x version %#x: not a device this driver knows\n",
			id, version);
		return -ENODEV;
	}
	return 0;
}

/**
 * ktlsnic_caps_read() - read what the device can do
 * @nic: a device that is out of reset
 */
void ktlsnic_caps_read(struct ktlsnic_nic *nic)
{
	u32 queues = ktlsnic_read(nic, KTLSNIC_REG_CAP_QUEUES);
	struct ktlsnic_caps *caps = &nic->caps;

	caps->features = ktlsnic_read(nic, KTLSNIC_REG_CAP_FEATURES);
	caps->max_frame = ktlsnic_read(nic, KTLSNIC_REG_CAP_MAX_FRAME);
	caps->max_tso = ktlsnic_read(nic, KTLSNIC_REG_CAP_MAX_TSO);
	caps->max_desc = ktlsnic_read(nic, KTLSNIC_REG_CAP_MAX_DESC);
	caps->filters = ktlsnic_read(nic, KTLSNIC_REG_CAP_FILTERS);
	caps->queues = min_t(u32, FIELD_GET(KTLSNIC_CAP_QUEUE_PAIRS, queues),
			     KTLSNIC_MAX_QUEUES);
	caps->ring_log2_min = clamp_t(u8, FIELD_GET(KTLSNIC_CAP_RING_LOG2_MIN,
						    queues),
				      KTLSNIC_RING_LOG2_MIN,
				      KTLSNIC_RING_LOG2_MAX);
	caps->ring_log2_max = clamp_t(u8, FIELD_GET(KTLSNIC_CAP_RING_LOG2_MAX,
						    queues),
				      caps->ring_log2_min,
				      KTLSNIC_RING_LOG2_MAX);
}

/**
 * ktlsnic_hw_reset() - reset the device and wait until it is ready
 * @nic: the device
 *
 * Return: 0 or -ETIMEDOUT.
 */
int ktlsnic_hw_reset(struct ktlsnic_nic *nic)
{
	u32 status;
	int err;

	ktlsnic_write(nic, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
	err = readl_poll_timeout(nic->regs + KTLSNIC_REG_STATUS, status,
				 (status & KTLSNIC_STATUS_READY) &&
				 status != ~0, 50, KTLSNIC_RESET_TIMEOUT_US);
	if (err)
		dev_err(&nic->pdev->dev, "reset does not end, status %#x\n",
			status);
	return err;
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

	pci_set_master(nic->pdev);
	err = ktlsnic_hw_reset(nic);
	if (!err)
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
	if (!test_and_clear_bit(KTLSNIC_HW_UP, &nic->state))
		return;
	ktlsnic_irq_disarm(nic, KTLSNIC_ADMIN_VECTOR);
	synchronize_irq(pci_irq_vector(nic->pdev, KTLSNIC_ADMIN_VECTOR));
	ktlsnic_cmdq_stop(nic);
	ktlsnic_events_stop(nic);
	ktlsnic_hw_reset(nic);
	pci_clear_master(nic->pdev);
}

/**
 * ktlsnic_detach() - take the device away from the stack
 * @nic: the device
 *
 * The core of kTLS is not told: offloaded connections stay, see
 * ktlsnic_attach(). Called under RTNL.
 */
void ktlsnic_detach(struct ktlsnic_nic *nic)
{
	ASSERT_RTNL();
	netif_device_detach(nic->netdev);
	ktlsnic_queues_close(nic);
	ktlsnic_hw_stop(nic);
}

/**
 * ktlsnic_hw_revive() - start a device that is stopped, with its TLS contexts
 * @nic: the device, with its queues closed; nothing happens if it is running
 *
 * Called under RTNL.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_hw_revive(struct ktlsnic_nic *nic)
{
	int err;

	ASSERT_RTNL();
	if (test_bit(KTLSNIC_HW_UP, &nic->state))
		return 0;
	err = ktlsnic_hw_start(nic);
	if (!err)
		ktlsnic_tls_restore(nic);
	return err;
}

/**
 * ktlsnic_attach() - undo ktlsnic_detach()
 * @nic: the device
 *
 * Puts everything into the device again. Called under RTNL.
 *
 * Return: 0, or a negative errno; then the interface stays detached.
 */
int ktlsnic_attach(struct ktlsnic_nic *nic)
{
	int err;

	ASSERT_RTNL();
	err = ktlsnic_hw_revive(nic);
	if (err)
		return err;
	if (netif_running(nic->netdev)) {
		err = ktlsnic_queues_open(nic);
		if (err) {
			ktlsnic_hw_stop(nic);
			return err;
		}
	}
	netif_device_attach(nic->netdev);
	return 0;
}

/* Tries again later. In the end the interface goes down, which is how the stack and
 * the core of kTLS learn that they have to do without it; bringing it up tries once
 * more.
 */
static void ktlsnic_recovery_failed(struct ktlsnic_nic *nic, int err)
{
	if (++nic->failed_resets < KTLSNIC_RESET_TRIES) {
		netdev_err(nic->netdev, "recovery failed: %d\n", err);
		schedule_delayed_work(&nic->reset_work, KTLSNIC_RESET_GAP <<
				      nic->failed_resets);
		return;
	}
	netdev_err(nic->netdev, "recovery failed: %d, %u times: giving up\n",
		   err, nic->failed_resets);
	nic->failed_resets = 0;
	dev_close(nic->netdev);
	netif_device_attach(nic->netdev);
}

static void ktlsnic_reset_work(struct work_struct *work)
{
	struct ktlsnic_nic *nic = container_of(to_delayed_work(work),
					       struct ktlsnic_nic, reset_work);
	int err;

	rtnl_lock();
	if (!test_bit(KTLSNIC_REMOVING, &nic->state) &&
	    !test_bit(KTLSNIC_SUSPENDED, &nic->state)) {
		nic->last_reset = jiffies;
		nic->resets++;
		ktlsnic_detach(nic);
		err = ktlsnic_attach(nic);
		if (err) {
			ktlsnic_recovery_failed(nic, err);
		} else {
			nic->failed_resets = 0;
			netdev_info(nic->netdev, "device was reset\n");
		}
	}
	rtnl_unlock();
}

static bool ktlsnic_rings_enabled(const struct ktlsnic_nic *nic)
{
	unsigned int i;

	if (!ktlsnic_ring_enabled(&nic->cmdq.ring))
		return false;
	for (i = 0; i < nic->num_queues; i++)
		if (!ktlsnic_ring_enabled(&nic->queues[i].tx.ring) ||
		    !ktlsnic_ring_enabled(&nic->queues[i].rx.ring))
			return false;
	return true;
}

/* An event may be lost, and a device that was reset by somebody else tells
 * nobody: a queue that is not full does not wake the stack's watchdog.
 */
static void ktlsnic_health_work(struct work_struct *work)
{
	struct ktlsnic_nic *nic = container_of(to_delayed_work(work),
					       struct ktlsnic_nic, health_work);

	if (!ktlsnic_rings_enabled(nic)) {
		netdev_err(nic->netdev, "a ring has stopped\n");
	} else if (ktlsnic_cmdq_hangs(nic)) {
		netdev_err(nic->netdev, "no command is answered\n");
	} else {
		ktlsnic_health_start(nic);
		return;
	}
	ktlsnic_reset_schedule(nic);
}

/**
 * ktlsnic_health_start() - look after the rings from now on
 * @nic: the device, with its queues open
 */
void ktlsnic_health_start(struct ktlsnic_nic *nic)
{
	queue_delayed_work(system_power_efficient_wq, &nic->health_work,
			   round_jiffies_relative(KTLSNIC_HEALTH_PERIOD));
}

/**
 * ktlsnic_health_stop() - undo ktlsnic_health_start()
 * @nic: the device, before its queues are closed
 */
void ktlsnic_health_stop(struct ktlsnic_nic *nic)
{
	cancel_delayed_work_sync(&nic->health_work);
}

/**
 * ktlsnic_reset_init() - prepare recovery
 * @nic: the device
 */
void ktlsnic_reset_init(struct ktlsnic_nic *nic)
{
	INIT_DELAYED_WORK(&nic->reset_work, ktlsnic_reset_work);
	INIT_DELAYED_WORK(&nic->health_work, ktlsnic_health_work);
	nic->last_reset = jiffies - KTLSNIC_RESET_GAP;
}

/**
 * ktlsnic_reset_schedule() - something is wrong with the device: recover
 * @nic: the device
 *
 * Any context.
 */
void ktlsnic_reset_schedule(struct ktlsnic_nic *nic)
{
	unsigned long next = nic->last_reset + KTLSNIC_RESET_GAP;
	unsigned long delay = 0;

	if (test_bit(KTLSNIC_REMOVING, &nic->state))
		return;
	if (time_before(jiffies, next))
		delay = next - jiffies;
	schedule_delayed_work(&nic->reset_work, delay);
}
