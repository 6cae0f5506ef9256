/* SPDX-License-Identifier: GPL-2.0-only */
/* Rings: memory, registers, indices and phase (SPEC 8). */
#ifndef KTLSNIC_RING_H
#define KTLSNIC_RING_H

#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/io.h>
#include <linux/types.h>

#include "ktlsnic_hw.h"

struct ktlsnic_nic;

/**
 * struct ktlsnic_ring - one ring, of either direction
 * @mem: the entries, coherent memory
 * @dma: bus address of @mem
 * @regs: the ring's block of registers
 * @index: the driver's free-running index: one past the last entry handed over
 *	   or consumed
 * @log2: log2 of the number of entries
 * @entry_size: bytes of an entry
 */
struct ktlsnic_ring {
	void *mem;
	dma_addr_t dma;
	void __iomem *regs;
	u32 index;
	u8 log2;
	u8 entry_size;
};

static inline u32 ktlsnic_ring_size(const struct ktlsnic_ring *ring)
{
	return BIT(ring->log2);
}

static inline u32 ktlsnic_ring_slot(const struct ktlsnic_ring *ring, u32 index)
{
	return index & (ktlsnic_ring_size(ring) - 1);
}

static inline void *ktlsnic_ring_entry(const struct ktlsnic_ring *ring,
				       u32 index)
{
	return ring->mem + ktlsnic_ring_slot(ring, index) * ring->entry_size;
}

/* Tells the device how far the driver is; costs an access to its registers. */
static inline void ktlsnic_ring_doorbell(const struct ktlsnic_ring *ring)
{
	writel(ring->index, ring->regs + KTLSNIC_RING_DOORBELL);
}

/* Does the device still work on the ring? */
static inline bool ktlsnic_ring_enabled(const struct ktlsnic_ring *ring)
{
	u32 status = readl(ring->regs + KTLSNIC_RING_STATUS);

	return status != ~0 && (status & KTLSNIC_RING_STATUS_ENABLED);
}

/**
 * ktlsnic_ring_peek() - the next entry that the device wrote
 * @ring: a ring from the device to the driver
 *
 * Return: the entry at @ring->index, or NULL if the device has not written it
 * yet. The caller advances @ring->index when it is done with the entry.
 */
static inline void *ktlsnic_ring_peek(const struct ktlsnic_ring *ring)
{
	void *entry = ktlsnic_ring_entry(ring, ring->index);
	u16 phase = ring->index & ktlsnic_ring_size(ring) ? 0 : KTLSNIC_CPL_PHASE;
	__le16 *flags = entry + ring->entry_size - sizeof(*flags);

	if ((le16_to_cpu(READ_ONCE(*flags)) & KTLSNIC_CPL_PHASE) != phase)
		return NULL;
	/* the rest of the entry is valid once its phase is (SPEC 8.3) */
	dma_rmb();
	return entry;
}

int ktlsnic_ring_alloc(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring,
		       u32 block, u8 entry_size, u8 log2);
void ktlsnic_ring_free(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring);
int ktlsnic_ring_enable(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring);
int ktlsnic_ring_disable(struct ktlsnic_nic *nic, struct ktlsnic_ring *ring);

#endif /* KTLSNIC_RING_H */
