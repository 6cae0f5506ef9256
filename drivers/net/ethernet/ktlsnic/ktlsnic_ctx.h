/* SPDX-License-Identifier: GPL-2.0-only */
/* The device's tables of TLS contexts: which index is whose. */
#ifndef KTLSNIC_CTX_H
#define KTLSNIC_CTX_H

#include <linux/kernel.h>
#include <linux/types.h>
#include <linux/xarray.h>

/**
 * struct ktlsnic_ctx_table - the indices of one direction
 * @owners: by index: whose it is, or a value entry if the device may still have
 *	    a context there that is nobody's. Its lock is for the rest, too
 * @max: size of the device's table
 * @used: entries of @owners
 * @generation: &ktlsnic_cmdq.generation in which they were taken
 */
struct ktlsnic_ctx_table {
	struct xarray owners;
	u32 max;
	u32 used;
	u32 generation;
};

/* A handle is the index, and in the upper half the generation. */
static inline u32 ktlsnic_ctx_index(u64 handle)
{
	return lower_32_bits(handle);
}

static inline u32 ktlsnic_ctx_generation(u64 handle)
{
	return upper_32_bits(handle);
}

void ktlsnic_ctx_init(struct ktlsnic_ctx_table *table, u32 max);
void ktlsnic_ctx_destroy(struct ktlsnic_ctx_table *table);
void ktlsnic_ctx_reset(struct ktlsnic_ctx_table *table, u32 generation);
int ktlsnic_ctx_get(struct ktlsnic_ctx_table *table, void *owner, u64 *handle);
int ktlsnic_ctx_get_again(struct ktlsnic_ctx_table *table, void *owner, u64 old,
			  u64 *handle);
void ktlsnic_ctx_put(struct ktlsnic_ctx_table *table, u64 handle, bool stale);
void *ktlsnic_ctx_owner(struct ktlsnic_ctx_table *table, u32 index,
			bool *stale);

#endif /* KTLSNIC_CTX_H */
