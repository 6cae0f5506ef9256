// SPDX-License-Identifier: GPL-2.0-only
/*
 * A firmware as some NICs have it: it alone knows where a context is, and gives out
 * handles, each only once. One mailbox leads to it, through which goes one command at
 * a time. Here it stands in front of the card's table of contexts.
 */

#include <linux/err.h>
#include <linux/random.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_mbox_fw.h"

/* Requests that may wait for the mailbox. */
#define KTLSNIC_MBOX_REQUESTS		64

/**
 * struct ktlsnic_mbox_ctx - a context
 * @node: in &ktlsnic_mbox.ctxs
 * @rcu: for freeing; xmit looks for it under RCU
 * @handle: its name
 * @direction: encrypts or decrypts
 * @slot: where the card has it
 * @generation: &ktlsnic_cmdq.generation in which it was created
 */
struct ktlsnic_mbox_ctx {
	struct hlist_node node;
	struct rcu_head rcu;
	u64 handle;
	enum tls_offload_ctx_dir direction;
	u32 slot;
	u32 generation;
};

/**
 * struct ktlsnic_mbox_request - a command of somebody who must not sleep
 * @list: in &ktlsnic_mbox.requests
 * @handle: the context
 * @cmd: the command
 * @done: told of the answer
 * @arg: for @done
 */
struct ktlsnic_mbox_request {
	struct list_head list;
	u64 handle;
	struct ktlsnic_cmd cmd;
	ktlsnic_mbox_done_t done;
	void *arg;
};

/* Under RCU or with the mailbox locked. */
static struct ktlsnic_mbox_ctx *
ktlsnic_mbox_find(const struct ktlsnic_mbox *mbox, u64 handle)
{
	struct ktlsnic_mbox_ctx *ctx;

	hash_for_each_possible_rcu(mbox->ctxs, ctx, node, handle,
				   lockdep_is_held(&mbox->lock))
		if (ctx->handle == handle)
			return ctx;
	return NULL;
}

/**
 * ktlsnic_mbox_max() - how many contexts there can be
 * @nic: the device
 * @direction: of which direction
 *
 * Return: that number.
 */
u32 ktlsnic_mbox_max(const struct ktlsnic_nic *nic,
		     enum tls_offload_ctx_dir direction)
{
	return direction == TLS_OFFLOAD_CTX_DIR_TX ? nic->caps.tls_tx_contexts :
						     nic->caps.tls_rx_contexts;
}

/**
 * ktlsnic_mbox_used() - contexts that cannot be had by others
 * @mbox: the mailbox
 * @direction: of which direction
 *
 * Any context.
 *
 * Return: how many there are, with those that the card may not have let go.
 */
u32 ktlsnic_mbox_used(const struct ktlsnic_mbox *mbox,
		      enum tls_offload_ctx_dir direction)
{
	/* a reset makes all slots free */
	if (READ_ONCE(mbox->generation) !=
	    READ_ONCE(mbox->nic->cmdq.generation))
		return 0;
	return READ_ONCE(mbox->used[direction]);
}

/* Was the card reset? Then all slots are free. */
static void ktlsnic_mbox_follow(struct ktlsnic_mbox *mbox)
{
	u32 generation = READ_ONCE(mbox->nic->cmdq.generation);
	unsigned int i;

	lockdep_assert_held(&mbox->lock);
	if (mbox->generation == generation)
		return;
	for (i = 0; i < ARRAY_SIZE(mbox->slots); i++) {
		ida_destroy(&mbox->slots[i]);
		WRITE_ONCE(mbox->used[i], 0);
	}
	WRITE_ONCE(mbox->generation, generation);
}

/* A slot for a new context. */
static struct ktlsnic_mbox_ctx *
ktlsnic_mbox_enter(struct ktlsnic_mbox *mbox,
		   enum tls_offload_ctx_dir direction)
{
	u32 max = ktlsnic_mbox_max(mbox->nic, direction);
	struct ktlsnic_mbox_ctx *ctx;
	int slot = -ENOSPC;

	ktlsnic_mbox_follow(mbox);
	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return ERR_PTR(-ENOMEM);
	if (max)
		slot = ida_alloc_max(&mbox->slots[direction], max - 1,
				     GFP_KERNEL);
	if (slot < 0) {
		kfree(ctx);
		return ERR_PTR(slot);
	}
	WRITE_ONCE(mbox->used[direction], mbox->used[direction] + 1);
	ctx->handle = mbox->next_handle++;
	ctx->direction = direction;
	ctx->slot = slot;
	ctx->generation = mbox->generation;
	return ctx;
}

/* Undoes that; @stale: the card may still have a context there. */
static void ktlsnic_mbox_leave(struct ktlsnic_mbox *mbox,
			       struct ktlsnic_mbox_ctx *ctx, bool stale)
{
	lockdep_assert_held(&mbox->lock);
	if (!stale && ctx->generation == mbox->generation) {
		ida_free(&mbox->slots[ctx->direction], ctx->slot);
		WRITE_ONCE(mbox->used[ctx->direction],
			   mbox->used[ctx->direction] - 1);
	}
	kfree_rcu(ctx, rcu);
}

static int ktlsnic_mbox_exec(struct ktlsnic_mbox *mbox,
			     const struct ktlsnic_mbox_ctx *ctx,
			     struct ktlsnic_cmd *cmd, u32 *value)
{
	lockdep_assert_held(&mbox->lock);
	/* all commands name the context in the same place */
	cmd->body.tls_ctx.tls_ctx = cpu_to_le32(ctx->slot);
	return ktlsnic_cmd_exec(mbox->nic, ctx->generation, cmd, value);
}

static int ktlsnic_mbox_create_locked(struct ktlsnic_mbox *mbox,
				      enum tls_offload_ctx_dir direction,
				      struct ktlsnic_cmd *cmd, u64 *handle)
{
	struct ktlsnic_mbox_ctx *ctx = ktlsnic_mbox_enter(mbox, direction);
	int err;

	if (IS_ERR(ctx))
		return PTR_ERR(ctx);
	err = ktlsnic_mbox_exec(mbox, ctx, cmd, NULL);
	if (err) {
		ktlsnic_mbox_leave(mbox, ctx,
				   err == -ETIMEDOUT || err == -EEXIST);
		return err;
	}
	hash_add_rcu(mbox->ctxs, &ctx->node, ctx->handle);
	*handle = ctx->handle;
	return 0;
}

/**
 * ktlsnic_mbox_create() - create a context
 * @mbox: the mailbox
 * @direction: encrypts or decrypts
 * @cmd: the command, but for where; wiped, for it holds a key
 * @handle: set if this succeeds
 *
 * Process context.
 *
 * Return: 0, -ENOSPC if there is no room for it, or another negative errno.
 */
int ktlsnic_mbox_create(struct ktlsnic_mbox *mbox,
			enum tls_offload_ctx_dir direction,
			struct ktlsnic_cmd *cmd, u64 *handle)
{
	u32 generation = READ_ONCE(mbox->nic->cmdq.generation);
	int err = -ENETDOWN;

	mutex_lock(&mbox->lock);
	/* what waits when the device is reset is lost, as it would be in a ring */
	if (generation == READ_ONCE(mbox->nic->cmdq.generation))
		err = ktlsnic_mbox_create_locked(mbox, direction, cmd, handle);
	mutex_unlock(&mbox->lock);
	memzero_explicit(cmd, sizeof(*cmd));
	return err;
}

/**
 * ktlsnic_mbox_create_again() - create a context that a reset deleted
 * @mbox: the mailbox
 * @cmd: as for ktlsnic_mbox_create()
 * @handle: of the context; changes if this succeeds
 *
 * Process context.
 *
 * Return: 0, -EEXIST if the context is from after the reset, or another negative
 * errno.
 */
int ktlsnic_mbox_create_again(struct ktlsnic_mbox *mbox,
			      struct ktlsnic_cmd *cmd, u64 *handle)
{
	struct ktlsnic_mbox_ctx *old;
	int err = -ENOENT;

	mutex_lock(&mbox->lock);
	ktlsnic_mbox_follow(mbox);
	old = ktlsnic_mbox_find(mbox, *handle);
	if (!WARN_ON_ONCE(!old))
		err = old->generation == mbox->generation ? -EEXIST :
		      ktlsnic_mbox_create_locked(mbox, old->direction, cmd,
						 handle);
	if (!err) {
		hash_del_rcu(&old->node);
		ktlsnic_mbox_leave(mbox, old, false);
	}
	mutex_unlock(&mbox->lock);
	memzero_explicit(cmd, sizeof(*cmd));
	return err;
}

/* From now on the handle is unknown, and nobody waits for an answer about it. */
static struct ktlsnic_mbox_ctx *ktlsnic_mbox_forget(struct ktlsnic_mbox *mbox,
						    u64 handle)
{
	struct ktlsnic_mbox_ctx *ctx;

	mutex_lock(&mbox->lock);
	ctx = ktlsnic_mbox_find(mbox, handle);
	if (ctx)
		hash_del_rcu(&ctx->node);
	mutex_unlock(&mbox->lock);
	/* who has found it before has queued the request after this */
	spin_lock_bh(&mbox->requests_lock);
	spin_unlock_bh(&mbox->requests_lock);
	flush_work(&mbox->work);
	return ctx;
}

/**
 * ktlsnic_mbox_delete() - delete a context
 * @mbox: the mailbox
 * @handle: the context; all requests about it are over when this returns
 * @op: the command
 * @busy: its place must not be used again
 *
 * Packets that an RX context makes plaintext cannot be told from others. If the card
 * does not let go of it the card is reset. Process context.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_mbox_delete(struct ktlsnic_mbox *mbox, u64 handle,
			enum ktlsnic_cmd_op op, bool busy)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(op) };
	struct ktlsnic_mbox_ctx *ctx;
	bool failed;
	int err;

	ctx = ktlsnic_mbox_forget(mbox, handle);
	if (WARN_ON_ONCE(!ctx))
		return -ENOENT;
	mutex_lock(&mbox->lock);
	err = ktlsnic_mbox_exec(mbox, ctx, &cmd, NULL);
	failed = err && err != -ENETDOWN && err != -ENOENT;
	if (failed && ctx->direction == TLS_OFFLOAD_CTX_DIR_RX)
		ktlsnic_reset_schedule(mbox->nic);
	ktlsnic_mbox_leave(mbox, ctx, busy || failed);
	mutex_unlock(&mbox->lock);
	return err;
}

/**
 * ktlsnic_mbox_run() - put a command about a context through the mailbox
 * @mbox: the mailbox
 * @handle: the context
 * @cmd: the command, but for where the context is
 * @value: set to the answer if this succeeds, or NULL
 *
 * Process context.
 *
 * Return: 0, -ENETDOWN if there is no such context (any more), or another negative
 * errno.
 */
int ktlsnic_mbox_run(struct ktlsnic_mbox *mbox, u64 handle,
		     struct ktlsnic_cmd *cmd, u32 *value)
{
	struct ktlsnic_mbox_ctx *ctx;
	int err = -ENETDOWN;

	mutex_lock(&mbox->lock);
	ctx = ktlsnic_mbox_find(mbox, handle);
	if (ctx)
		err = ktlsnic_mbox_exec(mbox, ctx, cmd, value);
	mutex_unlock(&mbox->lock);
	return err;
}

static void ktlsnic_mbox_answer(struct ktlsnic_mbox *mbox,
				struct ktlsnic_mbox_request *request)
{
	u32 value = 0;
	int err;

	err = ktlsnic_mbox_run(mbox, request->handle, &request->cmd, &value);
	local_bh_disable();
	request->done(request->arg, err, value);
	local_bh_enable();
	kfree(request);
	spin_lock_bh(&mbox->requests_lock);
	mbox->waiting--;
	spin_unlock_bh(&mbox->requests_lock);
}

static void ktlsnic_mbox_work(struct work_struct *work)
{
	struct ktlsnic_mbox *mbox = container_of(work, struct ktlsnic_mbox,
						 work);
	struct ktlsnic_mbox_request *request, *next;
	LIST_HEAD(requests);

	spin_lock_bh(&mbox->requests_lock);
	list_splice_init(&mbox->requests, &requests);
	spin_unlock_bh(&mbox->requests_lock);
	list_for_each_entry_safe(request, next, &requests, list)
		ktlsnic_mbox_answer(mbox, request);
}

/* Queues a request about a context that there is. */
static int ktlsnic_mbox_queue(struct ktlsnic_mbox *mbox,
			      struct ktlsnic_mbox_request *request)
{
	int err = 0;

	rcu_read_lock();
	spin_lock_bh(&mbox->requests_lock);
	if (!ktlsnic_mbox_find(mbox, request->handle)) {
		err = -ENETDOWN;
	} else if (mbox->waiting == KTLSNIC_MBOX_REQUESTS) {
		err = -EBUSY;
	} else {
		mbox->waiting++;
		list_add_tail(&request->list, &mbox->requests);
		queue_work(system_highpri_wq, &mbox->work);
	}
	spin_unlock_bh(&mbox->requests_lock);
	rcu_read_unlock();
	return err;
}

/**
 * ktlsnic_mbox_request() - ktlsnic_mbox_run() for those who must not sleep
 * @mbox: the mailbox
 * @handle: the context
 * @cmd: copied
 * @done: called once when the command is over
 * @arg: for @done
 *
 * Any context but hard interrupts. Requests are answered in their order.
 *
 * Return: 0, -ENETDOWN if there is no such context (any more), -EBUSY if too many
 * wait, or -ENOMEM; on error @done is not called.
 */
int ktlsnic_mbox_request(struct ktlsnic_mbox *mbox, u64 handle,
			 const struct ktlsnic_cmd *cmd,
			 ktlsnic_mbox_done_t done, void *arg)
{
	struct ktlsnic_mbox_request *request;
	int err;

	request = kmalloc(sizeof(*request), GFP_ATOMIC | __GFP_NOWARN);
	if (!request)
		return -ENOMEM;
	request->handle = handle;
	request->cmd = *cmd;
	request->done = done;
	request->arg = arg;
	err = ktlsnic_mbox_queue(mbox, request);
	if (err)
		kfree(request);
	return err;
}

/**
 * ktlsnic_mbox_place() - where is a context?
 * @mbox: the mailbox
 * @handle: the context, which is not deleted meanwhile
 * @place: set to what the card calls it
 *
 * For packets in the card's rings. Any context.
 *
 * Return: 0, or -ENETDOWN if a reset has deleted it.
 */
int ktlsnic_mbox_place(const struct ktlsnic_mbox *mbox, u64 handle, u32 *place)
{
	const struct ktlsnic_mbox_ctx *ctx;
	int err = -ENETDOWN;

	rcu_read_lock();
	ctx = ktlsnic_mbox_find(mbox, handle);
	if (ctx && ctx->generation == READ_ONCE(mbox->nic->cmdq.generation)) {
		*place = ctx->slot;
		err = 0;
	}
	rcu_read_unlock();
	return err;
}

/**
 * ktlsnic_mbox_init() - no contexts yet
 * @mbox: the mailbox
 * @nic: the device
 */
void ktlsnic_mbox_init(struct ktlsnic_mbox *mbox, struct ktlsnic_nic *nic)
{
	unsigned int i;

	mbox->nic = nic;
	mutex_init(&mbox->lock);
	hash_init(mbox->ctxs);
	/* no small numbers, so that nobody takes a handle for a place in a table */
	mbox->next_handle = get_random_u64();
	for (i = 0; i < ARRAY_SIZE(mbox->slots); i++)
		ida_init(&mbox->slots[i]);
	spin_lock_init(&mbox->requests_lock);
	INIT_LIST_HEAD(&mbox->requests);
	INIT_WORK(&mbox->work, ktlsnic_mbox_work);
}

/**
 * ktlsnic_mbox_destroy() - undo ktlsnic_mbox_init()
 * @mbox: the mailbox; all contexts have been deleted, and so no request is left
 */
void ktlsnic_mbox_destroy(struct ktlsnic_mbox *mbox)
{
	unsigned int i;

	WARN_ON(!hash_empty(mbox->ctxs));
	for (i = 0; i < ARRAY_SIZE(mbox->slots); i++)
		ida_destroy(&mbox->slots[i]);
	mutex_destroy(&mbox->lock);
}
