/* SPDX-License-Identifier: GPL-2.0-only */
/* The firmware that ktlsnic_mbox.c wants, and the mailbox to it. */
#ifndef KTLSNIC_MBOX_FW_H
#define KTLSNIC_MBOX_FW_H

#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/tls.h>

#include "ktlsnic_hw.h"

struct ktlsnic_nic;

#define KTLSNIC_MBOX_HASH_BITS		8

/**
 * typedef ktlsnic_mbox_done_t - called when a request has been answered
 * @arg: what the caller gave
 * @err: 0 or a negative errno
 * @value: the answer
 *
 * In process context with bottom halves off.
 */
typedef void (*ktlsnic_mbox_done_t)(void *arg, int err, u32 value);

/**
 * struct ktlsnic_mbox - the mailbox, and the firmware's side of contexts
 * @nic: the device
 * @lock: the mailbox; held while a command goes through it, a context comes or goes
 * @ctxs: by handle, struct ktlsnic_mbox_ctx
 * @next_handle: no handle is given out twice
 * @generation: &ktlsnic_cmdq.generation of @slots
 * @slots: of either direction, those in which the card has a context, or may have
 * @used: how many these are
 * @requests_lock: everything below
 * @requests: struct ktlsnic_mbox_request
 * @waiting: requests without an answer
 * @work: puts them through the mailbox
 */
struct ktlsnic_mbox {
	struct ktlsnic_nic *nic;
	struct mutex lock; /* one command at a time */
	DECLARE_HASHTABLE(ctxs, KTLSNIC_MBOX_HASH_BITS);
	u64 next_handle;
	u32 generation;
	struct ida slots[2];
	u32 used[2];

	spinlock_t requests_lock; /* requests come from softirqs */
	struct list_head requests;
	unsigned int waiting;
	struct work_struct work;
};

void ktlsnic_mbox_init(struct ktlsnic_mbox *mbox, struct ktlsnic_nic *nic);
void ktlsnic_mbox_destroy(struct ktlsnic_mbox *mbox);
u32 ktlsnic_mbox_max(const struct ktlsnic_nic *nic,
		     enum tls_offload_ctx_dir direction);
u32 ktlsnic_mbox_used(const struct ktlsnic_mbox *mbox,
		      enum tls_offload_ctx_dir direction);
int ktlsnic_mbox_create(struct ktlsnic_mbox *mbox,
			enum tls_offload_ctx_dir direction,
			struct ktlsnic_cmd *cmd, u64 *handle);
int ktlsnic_mbox_create_again(struct ktlsnic_mbox *mbox,
			      struct ktlsnic_cmd *cmd, u64 *handle);
int ktlsnic_mbox_delete(struct ktlsnic_mbox *mbox, u64 handle,
			enum ktlsnic_cmd_op op, bool busy);
int ktlsnic_mbox_run(struct ktlsnic_mbox *mbox, u64 handle,
		     struct ktlsnic_cmd *cmd, u32 *value);
int ktlsnic_mbox_request(struct ktlsnic_mbox *mbox, u64 handle,
			 const struct ktlsnic_cmd *cmd,
			 ktlsnic_mbox_done_t done, void *arg);
int ktlsnic_mbox_place(const struct ktlsnic_mbox *mbox, u64 handle, u32 *place);

#endif /* KTLSNIC_MBOX_FW_H */
