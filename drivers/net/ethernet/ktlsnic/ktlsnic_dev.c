// SPDX-License-Identifier: GPL-2.0-only
/*
 * Identity and reset of the device (SPEC 3), and what everybody calls who finds
 * that something is wrong with it.
 */

#include <linux/bitfield.h>
#include <linux/iopoll.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"

/* SPEC 3.1 says 100 ms; a device model may share its CPU. */
#define KTLSNIC_RESET_TIMEOUT_US	(2 * USEC_PER_SEC)

/* See ktlsnic_hw_reset_marked(). */
#define KTLSNIC_REG_RESET_MARK		KTLSNIC_REG_IVEC_ITR(KTLSNIC_ADMIN_VECTOR)
#define KTLSNIC_RESET_MARK		1

/* No more contexts of a direction than this, whatever the device says. */
#define KTLSNIC_TLS_CONTEXTS_MAX	BIT(20)

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
	caps->tls_tx_contexts =
		min_t(u32, ktlsnic_read(nic, KTLSNIC_REG_TLS_TX_CONTEXTS),
		      KTLSNIC_TLS_CONTEXTS_MAX);
	caps->tls_rx_contexts =
		min_t(u32, ktlsnic_read(nic, KTLSNIC_REG_TLS_RX_CONTEXTS),
		      KTLSNIC_TLS_CONTEXTS_MAX);
}

/* A device that was not there when it was told to may be there a moment later: READY, and
 * with all that it had before. So something is put into a register that reset clears;
 * vector 0 is not moderated.
 */
static bool ktlsnic_hw_reset_marked(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_RESET_MARK) == KTLSNIC_RESET_MARK;
}

static bool ktlsnic_hw_reset_done(struct ktlsnic_nic *nic)
{
	u32 status = ktlsnic_read(nic, KTLSNIC_REG_STATUS);

	return (status & KTLSNIC_STATUS_READY) && status != ~0 &&
	       !ktlsnic_read(nic, KTLSNIC_REG_RESET_MARK);
}

/**
 * ktlsnic_hw_reset() - reset the device and wait until it is ready
 * @nic: the device
 *
 * Return: 0, -EIO if the device is not there, or -ETIMEDOUT.
 */
int ktlsnic_hw_reset(struct ktlsnic_nic *nic)
{
	bool done;
	int err;

	ktlsnic_write(nic, KTLSNIC_REG_RESET_MARK, KTLSNIC_RESET_MARK);
	if (!ktlsnic_hw_reset_marked(nic)) {
		dev_err(&nic->pdev->dev, "the device does not answer\n");
		return -EIO;
	}
	ktlsnic_write(nic, KTLSNIC_REG_CTRL, KTLSNIC_CTRL_RESET);
	err = read_poll_timeout(ktlsnic_hw_reset_done, done, done, 50,
				KTLSNIC_RESET_TIMEOUT_US, false, nic);
	if (err)
		dev_err(&nic->pdev->dev, "reset does not end, status %#x\n",
			ktlsnic_read(nic, KTLSNIC_REG_STATUS));
	return err;
}

/**
 * ktlsnic_hw_cut_off() - keep a device from memory that does not let go of it
 * @nic: the device
 *
 * It reaches nothing any more, not even with an interrupt, until recovery, which is
 * asked for, has reset it.
 */
void ktlsnic_hw_cut_off(struct ktlsnic_nic *nic)
{
	pci_clear_master(nic->pdev);
	ktlsnic_reset_schedule(nic);
}

/**
 * ktlsnic_reset_schedule() - something is wrong with the device: recover
 * @nic: the device
 *
 * &ktlsnic_nic.reset_work does it, see ktlsnic_reset_init(). Any context.
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
