/* SPDX-License-Identifier: GPL-2.0-only */
/* The command queue (SPEC 11). */
#ifndef KTLSNIC_CMD_H
#define KTLSNIC_CMD_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "ktlsnic_hw.h"
#include "ktlsnic_ring.h"

struct ktlsnic_nic;

/**
 * typedef ktlsnic_cmd_done_t - called when a command is over
 * @arg: what the poster gave
 * @err: 0 or a negative errno
 * @value: what the device answered, if it answered anything
 *
 * Runs in the admin interrupt's thread or, for commands that a stop ends, in
 * the stopping context; in both with the queue's lock held and bottom halves
 * off, so it must not sleep and must not post.
 */
typedef void (*ktlsnic_cmd_done_t)(void *arg, int err, u32 value);

/**
 * struct ktlsnic_cmd_slot - the driver's side of a command in the ring
 * @done: who wants to know, or NULL
 * @arg: for @done
 * @posted: jiffies when the device was told of it
 */
struct ktlsnic_cmd_slot {
	ktlsnic_cmd_done_t done;
	void *arg;
	unsigned long posted;
};

/**
 * struct ktlsnic_cmdq - the command queue
 * @lock: everything below
 * @ring: commands
 * @cq: their completions
 * @slots: as many as @ring has entries
 * @clean: commands that are over
 * @up: the rings are the device's
 * @dead: the device did not answer, or answered what it could not: commands
 *	  fail at once until it is reset, for their callers hold locks that
 *	  everybody waits for
 * @generation: goes up with each stop, after which the device is reset
 * @room: sleepers that wait for a free slot, or for all of them
 * @timeouts: commands that the device did not answer
 */
struct ktlsnic_cmdq {
	spinlock_t lock; /* serialises posters, the admin thread and stop */
	struct ktlsnic_ring ring;
	struct ktlsnic_ring cq;
	struct ktlsnic_cmd_slot *slots;
	u32 clean;
	bool up;
	bool dead;
	u32 generation;
	wait_queue_head_t room;
	u64 timeouts;
};

int ktlsnic_cmdq_alloc(struct ktlsnic_nic *nic);
void ktlsnic_cmdq_free(struct ktlsnic_nic *nic);
int ktlsnic_cmdq_start(struct ktlsnic_nic *nic);
void ktlsnic_cmdq_stop(struct ktlsnic_nic *nic);
bool ktlsnic_cmdq_poll(struct ktlsnic_nic *nic);
bool ktlsnic_cmdq_hangs(struct ktlsnic_nic *nic);
int ktlsnic_cmd_post(struct ktlsnic_nic *nic, u32 generation,
		     const struct ktlsnic_cmd *cmd, ktlsnic_cmd_done_t done,
		     void *arg);
int ktlsnic_cmd_post_wait(struct ktlsnic_nic *nic, u32 generation,
			  const struct ktlsnic_cmd *cmd,
			  ktlsnic_cmd_done_t done, void *arg);
int ktlsnic_cmd_exec(struct ktlsnic_nic *nic, u32 generation,
		     const struct ktlsnic_cmd *cmd, u32 *value);
void ktlsnic_cmd_drain(struct ktlsnic_nic *nic);

#endif /* KTLSNIC_CMD_H */
