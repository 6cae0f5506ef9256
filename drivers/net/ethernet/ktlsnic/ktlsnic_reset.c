// SPDX-License-Identifier: GPL-2.0-only
/*
 * The whole device up and down, and recovery: the device is reset and everything
 * that the driver knows is written again, TLS contexts too.
 */

#include <linux/rtnetlink.h>

#include "ktlsnic.h"
#include "ktlsnic_admin.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_irq.h"
#include "ktlsnic_port.h"
#include "ktlsnic_reset.h"
#include "ktlsnic_rss.h"
#include "ktlsnic_tls.h"
#include "ktlsnic_txrx.h"

#define KTLSNIC_HEALTH_PERIOD		(2 * HZ)

/* Recoveries in a row, each after twice the pause, of which none succeeds. */
#define KTLSNIC_RESET_TRIES		5

static void ktlsnic_health_start(struct ktlsnic_nic *nic)
{
	queue_delayed_work(system_power_efficient_wq, &nic->health_work,
			   round_jiffies_relative(KTLSNIC_HEALTH_PERIOD));
}

/* The queues are open: sets all else that traffic needs. */
static void ktlsnic_traffic_start(struct ktlsnic_nic *nic)
{
	ktlsnic_irq_moderation(nic);
	ktlsnic_rss_write(nic);
	set_bit(KTLSNIC_QUEUES_UP, &nic->state);
	ktlsnic_port_restore(nic);
	netif_tx_wake_all_queues(nic->netdev);
	ktlsnic_health_start(nic);
	ktlsnic_port_link_update(nic);
}

/**
 * ktlsnic_up() - let traffic flow
 * @nic: the device
 *
 * Called under RTNL.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_up(struct ktlsnic_nic *nic)
{
	int err;

	if (!test_bit(KTLSNIC_HW_UP, &nic->state))
		return -ENETDOWN;
	err = ktlsnic_queues_open(nic);
	if (!err)
		ktlsnic_traffic_start(nic);
	return err;
}

/**
 * ktlsnic_down() - stop all traffic
 * @nic: the device
 *
 * Called under RTNL. Frames that the device has not sent are dropped, so that
 * no TLS context is where the last packet given to it ends.
 */
void ktlsnic_down(struct ktlsnic_nic *nic)
{
	if (!test_and_clear_bit(KTLSNIC_QUEUES_UP, &nic->state))
		return;
	cancel_delayed_work_sync(&nic->health_work);
	ktlsnic_port_link_update(nic);
	ktlsnic_port_rx_stop(nic);
	ktlsnic_queues_close(nic);
	ktlsnic_tls_queues_closed(nic->tls);
}

/* The number of queue pairs has changed. */
static void ktlsnic_rss_follow(struct ktlsnic_nic *nic)
{
	if (!netif_is_rxfh_configured(nic->netdev))
		ktlsnic_rss_spread(nic);
}

/**
 * ktlsnic_relayout() - use another number of queue pairs, or other rings
 * @nic: the device
 * @layout: what it is to use
 *
 * While traffic flows, nothing is touched before the new pairs have all they need, and
 * the link stays. Frames that the device has not sent are dropped. Called under RTNL.
 *
 * Return: 0, or a negative errno; then everything is as it was.
 */
int ktlsnic_relayout(struct ktlsnic_nic *nic,
		     const struct ktlsnic_layout *layout)
{
	u8 tx_log2 = nic->tx_log2, rx_log2 = nic->rx_log2;
	struct ktlsnic_queue *spare;
	int err;

	ASSERT_RTNL();
	nic->tx_log2 = layout->tx_log2;
	nic->rx_log2 = layout->rx_log2;
	if (!test_bit(KTLSNIC_QUEUES_UP, &nic->state)) {
		nic->num_queues = layout->queues;
		ktlsnic_rss_follow(nic);
		return 0;
	}
	spare = ktlsnic_queues_prepare(nic, layout->queues);
	err = PTR_ERR_OR_ZERO(spare);
	if (err)
		goto keep;

	cancel_delayed_work_sync(&nic->health_work);
	ktlsnic_port_rx_stop(nic);
	err = ktlsnic_queues_swap(nic, spare, layout->queues);
	if (!err) {
		ktlsnic_tls_queues_closed(nic->tls);
		ktlsnic_rss_follow(nic);
	}
	ktlsnic_queues_resume(nic);
	ktlsnic_traffic_start(nic);
	if (!err)
		return 0;
keep:
	nic->tx_log2 = tx_log2;
	nic->rx_log2 = rx_log2;
	return err;
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
	ktlsnic_down(nic);
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
		ktlsnic_tls_restore(nic->tls);
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
		err = ktlsnic_up(nic);
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
		ktlsnic_reset_schedule(nic);
	} else if (!ktlsnic_cmdq_hangs(nic)) {
		ktlsnic_health_start(nic);
	}
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
