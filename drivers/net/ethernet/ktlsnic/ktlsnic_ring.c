// SPDX-License-Identifier: GPL-2.0-only
/* Life of a ring: memory, set-up, stop (SPEC 8.1, 8.2). */

#include <linux/dma-mapping.h>
#include <linux/iopoll.h>

#include "ktlsnic.h"

/* How long the device may take to finish the entry that it is working on. */
#define KTLSNIC_RING_TIMEOUT_US		(500 * USEC_PER_MSEC)

/**
 * ktlsnic_ring_alloc() - get memory for a ring
 * @nic: the device
 * @ring: filled in
 * @block: offset of the ring's registers
 * @entry_size: bytes of an entry
 * @log2: log2 of the number of entries
 *
 * Return: 0 or -ENOMEM.
 */
int ktlsnic_ring_alloc(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring,
		       u32 block, u8 entry_size, u8 log2)
{
	ring->regs = nic->regs + block;
	ring->entry_size = entry_size;
	ring->log2 = log2;
	ring->index = 0;
	/* coherent memory is page aligned, which covers KTLSNIC_RING_ALIGN */
	ring->mem = dma_alloc_coherent(&nic->pdev->dev,
				       (size_t)entry_size << log2, &ring->dma,
				       GFP_KERNEL);
	return ring->mem ? 0 : -ENOMEM;
}

/**
 * ktlsnic_ring_free() - give a ring's memory back
 * @nic: the device
 * @ring: a disabled ring, or one whose memory was never allocated
 */
void ktlsnic_ring_free(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring)
{
	if (!ring->mem)
		return;
	dma_free_coherent(&nic->pdev->dev,
			  (size_t)ring->entry_size << ring->log2, ring->mem,
			  ring->dma);
	ring->mem = NULL;
}

/**
 * ktlsnic_ring_enable() - hand a ring to the device
 * @nic: the device
 * @ring: the ring
 *
 * Return: 0, or -EIO if the device refused it.
 */
int ktlsnic_ring_enable(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring)
{
	void __iomem *regs = ring->regs;

	memset(ring->mem, 0, (size_t)ring->entry_size << ring->log2);
	ring->index = 0;
	writel(lower_32_bits(ring->dma), regs + KTLSNIC_RING_BASE_LO);
	writel(upper_32_bits(ring->dma), regs + KTLSNIC_RING_BASE_HI);
	writel(ring->log2, regs + KTLSNIC_RING_LOG2);
	writel(KTLSNIC_RING_CTRL_ENABLE, regs + KTLSNIC_RING_CTRL);

	if (!ktlsnic_ring_enabled(ring)) {
		dev_err(&nic->pdev->dev,
			"ring at %#tx cannot be enabled, status %#x\n",
			regs - nic->regs, readl(regs + KTLSNIC_RING_STATUS));
		return -EIO;
	}
	return 0;
}

/**
 * ktlsnic_ring_disable() - take a ring back from the device
 * @nic: the device
 * @ring: the ring
 *
 * Return: 0, or -ETIMEDOUT if the device does not let go: until it is reset or kept
 * from memory, see ktlsnic_hw_cut_off(), neither the ring nor its buffers may be freed.
 */
int ktlsnic_ring_disable(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring)
{
	u32 status;
	int err;

	writel(0, ring->regs + KTLSNIC_RING_CTRL);
	err = readl_poll_timeout(ring->regs + KTLSNIC_RING_STATUS, status,
				 !(status & KTLSNIC_RING_STATUS_ENABLED) ||
				 status == ~0, 10, KTLSNIC_RING_TIMEOUT_US);
	if (err)
		dev_err(&nic->pdev->dev, "ring at %#tx does not stop\n",
			ring->regs - nic->regs);
	return err;
}
