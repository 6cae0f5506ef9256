// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device's tables of TLS contexts. The driver chooses the index of a new
 * context (SPEC 11.1). One that the device may not have let go is not used again
 * until a reset; what was taken before a reset is told from what came after it
 * by its generation.
 */

#include <linux/slab.h>

#include "ktlsnic_ctx.h"

#define KTLSNIC_CTX_STALE		xa_mk_value(0)

/**
 * ktlsnic_ctx_init() - an empty table
 * @table: the table
 * @max: its size
 */
void ktlsnic_ctx_init(struct ktlsnic_ctx_table *table, u32 max)
{
	xa_init_flags(&table->owners, XA_FLAGS_ALLOC | XA_FLAGS_LOCK_BH);
	table->max = max;
	table->used = 0;
	table->generation = 0;
}

/**
 * ktlsnic_ctx_destroy() - undo ktlsnic_ctx_init()
 * @table: the table
 */
void ktlsnic_ctx_destroy(struct ktlsnic_ctx_table *table)
{
	xa_destroy(&table->owners);
}

/**
 * ktlsnic_ctx_reset() - the device has forgotten all contexts
 * @table: the table
 * @generation: the command queue's, which is stopped
 *
 * Handles from before are no longer valid: no command takes them.
 */
void ktlsnic_ctx_reset(struct ktlsnic_ctx_table *table, u32 generation)
{
	unsigned long index;
	void *owner;

	xa_lock_bh(&table->owners);
	xa_for_each(&table->owners, index, owner)
		__xa_erase(&table->owners, index);
	WRITE_ONCE(table->used, 0);
	WRITE_ONCE(table->generation, generation);
	xa_unlock_bh(&table->owners);
}

/**
 * ktlsnic_ctx_get() - choose the index of a new context
 * @table: the table
 * @owner: whose it is; there until an RCU grace period after ktlsnic_ctx_put()
 * @handle: filled in
 *
 * Process context. From now on ktlsnic_ctx_owner() finds @owner.
 *
 * Return: 0, -ENOSPC if the table is full, or -ENOMEM.
 */
int ktlsnic_ctx_get(struct ktlsnic_ctx_table *table, void *owner, u64 *handle)
{
	u32 index;
	int err;

	if (!table->max)
		return -ENOSPC;
	xa_lock_bh(&table->owners);
	err = __xa_alloc(&table->owners, &index, owner,
			 XA_LIMIT(0, table->max - 1), GFP_KERNEL);
	if (!err) {
		WRITE_ONCE(table->used, table->used + 1);
		*handle = (u64)table->generation << 32 | index;
	}
	xa_unlock_bh(&table->owners);
	return err == -EBUSY ? -ENOSPC : err;
}

/**
 * ktlsnic_ctx_get_again() - choose the index of a context that a reset deleted
 * @table: the table
 * @owner: whose it is
 * @old: its handle
 * @handle: filled in
 *
 * Process context; @old is not put meanwhile.
 *
 * Return: 0, -EEXIST if @old is from after the reset, else as ktlsnic_ctx_get().
 */
int ktlsnic_ctx_get_again(struct ktlsnic_ctx_table *table, void *owner, u64 old,
			  u64 *handle)
{
	if (ktlsnic_ctx_generation(old) == READ_ONCE(table->generation))
		return -EEXIST;
	return ktlsnic_ctx_get(table, owner, handle);
}

/**
 * ktlsnic_ctx_put() - a context is nobody's any more
 * @table: the table
 * @handle: the context; nothing happens if it is from before a reset
 * @stale: the device may still have it
 */
void ktlsnic_ctx_put(struct ktlsnic_ctx_table *table, u64 handle, bool stale)
{
	u32 index = ktlsnic_ctx_index(handle);

	xa_lock_bh(&table->owners);
	if (ktlsnic_ctx_generation(handle) != table->generation) {
		/* gone with the reset */
	} else if (stale) {
		/* in the place of another entry, which takes no memory */
		__xa_store(&table->owners, index, KTLSNIC_CTX_STALE, 0);
	} else {
		__xa_erase(&table->owners, index);
		WRITE_ONCE(table->used, table->used - 1);
	}
	xa_unlock_bh(&table->owners);
}

/**
 * ktlsnic_ctx_owner() - whose context is that?
 * @table: the table
 * @index: what the device calls it
 * @stale: set to whether it is none that the device should have
 *
 * Under RCU, which keeps the owner.
 *
 * Return: the owner, or NULL: the context has just been deleted, or is stale.
 */
void *ktlsnic_ctx_owner(struct ktlsnic_ctx_table *table, u32 index,
			bool *stale)
{
	void *owner = xa_load(&table->owners, index);

	*stale = index >= table->max || xa_is_value(owner);
	return *stale ? NULL : owner;
}
