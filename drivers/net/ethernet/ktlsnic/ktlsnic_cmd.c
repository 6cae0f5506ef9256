// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command queue (SPEC 11). It works from probe to remove, whether the
 * interface is up or not: TLS contexts are deleted after ndo_stop.
 */

#include <linux/completion.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"

/* Enough for a device that shares two slow CPUs with everything else. */
#define KTLSNIC_CMD_TIMEOUT		(5 * HZ)

static int ktlsnic_cmd_errno(u16 status)
{
	switch (status) {
	case KTLSNIC_CMD_OK:
		return 0;
	case KTLSNIC_CMD_BAD_OP:
	case KTLSNIC_CMD_UNSUPPORTED:
		return -EOPNOTSUPP;
	case KTLSNIC_CMD_BAD_PARAM:
		return -EINVAL;
	case KTLSNIC_CMD_IN_USE:
		return -EEXIST;
	case KTLSNIC_CMD_NO_CONTEXT:
		return -ENOENT;
	case KTLSNIC_CMD_NO_RESYNC:
		return -ESTALE;
	default:
		return -EIO;
	}
}

/* The oldest command is over. Its slot may have held a key. */
static void ktlsnic_cmd_finish(struct ktlsnic_cmdq *cmdq, int err, u32 value)
{
	u32 slot = ktlsnic_ring_slot(&cmdq->ring, cmdq->clean);
	struct ktlsnic_cmd_slot *s = &cmdq->slots[slot];

	lockdep_assert_held(&cmdq->lock);
	memzero_explicit(ktlsnic_ring_entry(&cmdq->ring, cmdq->clean),
			 sizeof(struct ktlsnic_cmd));
	if (s->done)
		s->done(s->arg, err, value);
	s->done = NULL;
	cmdq->clean++;
}

static bool ktlsnic_cmd_room(const struct ktlsnic_cmdq *cmdq)
{
	return READ_ONCE(cmdq->ring.index) - READ_ONCE(cmdq->clean) <
	       ktlsnic_ring_size(&cmdq->ring);
}

/**
 * ktlsnic_cmdq_poll() - take in completions
 * @nic: the device
 *
 * Commands complete in order, so that a completion can only be for the oldest
 * one; a device that says otherwise is reset, and not listened to until then.
 *
 * Return: false if completions remain that nobody will take in: the
 * device would announce them as often as it is allowed to.
 */
bool ktlsnic_cmdq_poll(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	const struct ktlsnic_cmd_cpl *cpl;
	bool bad = false, dead;

	spin_lock_bh(&cmdq->lock);
	while (cmdq->up && !cmdq->dead) {
		cpl = ktlsnic_ring_peek(&cmdq->cq);
		if (!cpl)
			break;
		if (cmdq->clean == cmdq->ring.index ||
		    le16_to_cpu(cpl->tag) != (u16)cmdq->clean ||
		    le32_to_cpu(cpl->index) != cmdq->clean + 1) {
			cmdq->dead = true;
			bad = true;
			break;
		}
		ktlsnic_cmd_finish(cmdq,
				   ktlsnic_cmd_errno(le16_to_cpu(cpl->status)),
				   le32_to_cpu(cpl->value));
		cmdq->cq.index++;
	}
	if (cmdq->up)
		ktlsnic_ring_doorbell(&cmdq->cq);
	dead = cmdq->dead;
	spin_unlock_bh(&cmdq->lock);

	wake_up(&cmdq->room);
	if (bad) {
		netdev_err(nic->netdev, "impossible command completion\n");
		ktlsnic_reset_schedule(nic);
	}
	return !dead;
}

/**
 * ktlsnic_cmd_post() - hand over a command without waiting
 * @nic: the device
 * @generation: &ktlsnic_cmdq.generation for which it is meant: what it names does
 *		not survive a reset
 * @cmd: copied; its tag is ignored
 * @done: called once when the command is over, or NULL
 * @arg: for @done
 *
 * Any context but hard interrupts.
 *
 * Return: 0, -EBUSY if the ring is full, -ENETDOWN if the queue is stopped, was
 * stopped since @generation, or waits for a reset; on error @done is not called.
 */
int ktlsnic_cmd_post(struct ktlsnic_nic *nic, u32 generation,
		     const struct ktlsnic_cmd *cmd, ktlsnic_cmd_done_t done,
		     void *arg)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	struct ktlsnic_cmd_slot *slot;
	struct ktlsnic_cmd *entry;
	int err = 0;

	spin_lock_bh(&cmdq->lock);
	if (!cmdq->up || cmdq->dead || cmdq->generation != generation) {
		err = -ENETDOWN;
	} else if (!ktlsnic_cmd_room(cmdq)) {
		err = -EBUSY;
	} else {
		slot = &cmdq->slots[ktlsnic_ring_slot(&cmdq->ring,
						      cmdq->ring.index)];
		slot->done = done;
		slot->arg = arg;
		slot->posted = jiffies;
		entry = ktlsnic_ring_entry(&cmdq->ring, cmdq->ring.index);
		*entry = *cmd;
		entry->tag = cpu_to_le16((u16)cmdq->ring.index);
		cmdq->ring.index++;
		ktlsnic_ring_doorbell(&cmdq->ring);
	}
	spin_unlock_bh(&cmdq->lock);
	return err;
}

/* Has the device had its time for the oldest command? */
static bool ktlsnic_cmd_overdue(const struct ktlsnic_cmdq *cmdq)
{
	u32 slot = ktlsnic_ring_slot(&cmdq->ring, cmdq->clean);

	lockdep_assert_held(&cmdq->lock);
	return cmdq->up && !cmdq->dead && cmdq->clean != cmdq->ring.index &&
	       time_after(jiffies,
			  cmdq->slots[slot].posted + KTLSNIC_CMD_TIMEOUT);
}

/**
 * ktlsnic_cmdq_hangs() - has the device stopped answering commands?
 * @nic: the device
 *
 * Nobody waits for commands that were posted, so somebody has to look. Process
 * context.
 *
 * Return: true if it has; it will be reset, and commands fail until then.
 */
bool ktlsnic_cmdq_hangs(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	bool hangs;

	spin_lock_bh(&cmdq->lock);
	hangs = ktlsnic_cmd_overdue(cmdq);
	spin_unlock_bh(&cmdq->lock);
	if (!hangs)
		return false;
	/* it may be over, and its interrupt lost */
	ktlsnic_cmdq_poll(nic);
	spin_lock_bh(&cmdq->lock);
	hangs = ktlsnic_cmd_overdue(cmdq);
	if (hangs) {
		cmdq->timeouts++;
		cmdq->dead = true;
	}
	spin_unlock_bh(&cmdq->lock);
	if (hangs) {
		/* who waits for room is told that there will be none */
		wake_up(&cmdq->room);
		netdev_err(nic->netdev, "no command is answered\n");
		ktlsnic_reset_schedule(nic);
	}
	return hangs;
}

struct ktlsnic_cmd_waiter {
	struct completion done;
	int err;
	u32 value;
};

static void ktlsnic_cmd_wake(void *arg, int err, u32 value)
{
	struct ktlsnic_cmd_waiter *waiter = arg;

	waiter->err = err;
	waiter->value = value;
	complete(&waiter->done);
}

/* The waiter leaves: nobody may call it back any more. @first: nobody else has noticed
 * yet that the device does not answer, and has it reset.
 */
static bool ktlsnic_cmd_forget(struct ktlsnic_cmdq *cmdq,
			       struct ktlsnic_cmd_waiter *waiter, bool *first)
{
	bool found = false;
	u32 i;

	spin_lock_bh(&cmdq->lock);
	*first = !cmdq->dead;
	for (i = 0; i < ktlsnic_ring_size(&cmdq->ring); i++) {
		if (!cmdq->slots[i].done || cmdq->slots[i].arg != waiter)
			continue;
		cmdq->slots[i].done = NULL;
		found = true;
	}
	if (found && *first) {
		cmdq->timeouts++;
		cmdq->dead = true;
	}
	spin_unlock_bh(&cmdq->lock);
	return found;
}

/**
 * ktlsnic_cmd_post_wait() - hand over a command as soon as there is room
 * @nic: the device
 * @generation: as for ktlsnic_cmd_post()
 * @cmd: as for ktlsnic_cmd_post()
 * @done: as for ktlsnic_cmd_post()
 * @arg: for @done
 *
 * Process context. A device that makes no room is reset.
 *
 * Return: as ktlsnic_cmd_post(), but never -EBUSY.
 */
int ktlsnic_cmd_post_wait(struct ktlsnic_nic *nic, u32 generation,
			  const struct ktlsnic_cmd *cmd,
			  ktlsnic_cmd_done_t done, void *arg)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	int err;

	might_sleep();
	do {
		err = ktlsnic_cmd_post(nic, generation, cmd, done, arg);
		if (err == -EBUSY &&
		    !wait_event_timeout(cmdq->room, READ_ONCE(cmdq->dead) ||
					ktlsnic_cmd_room(cmdq),
					KTLSNIC_CMD_TIMEOUT))
			ktlsnic_cmdq_hangs(nic);
	} while (err == -EBUSY);
	return err;
}

/**
 * ktlsnic_cmd_exec() - run a command and wait for it
 * @nic: the device
 * @generation: as for ktlsnic_cmd_post()
 * @cmd: copied; the caller wipes its own copy if it carries a key
 * @value: set to what the device answered if this succeeds, or NULL
 *
 * Process context. A device that does not answer is reset.
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_cmd_exec(struct ktlsnic_nic *nic, u32 generation,
		     const struct ktlsnic_cmd *cmd, u32 *value)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	struct ktlsnic_cmd_waiter waiter;
	bool first;
	int err;

	init_completion(&waiter.done);
	err = ktlsnic_cmd_post_wait(nic, generation, cmd, ktlsnic_cmd_wake,
				    &waiter);
	if (err)
		return err;

	if (!wait_for_completion_timeout(&waiter.done, KTLSNIC_CMD_TIMEOUT)) {
		ktlsnic_cmdq_poll(nic);
		if (ktlsnic_cmd_forget(cmdq, &waiter, &first)) {
			netdev_err(nic->netdev, "command %u timed out\n",
				   le16_to_cpu(cmd->op));
			if (first)
				ktlsnic_reset_schedule(nic);
			return -ETIMEDOUT;
		}
	}
	if (value && !waiter.err)
		*value = waiter.value;
	return waiter.err;
}

/* The device answers nothing any more: nobody is to wait for it. */
static void ktlsnic_cmd_give_up(struct ktlsnic_cmdq *cmdq)
{
	spin_lock_bh(&cmdq->lock);
	cmdq->dead = true;
	while (cmdq->clean != cmdq->ring.index)
		ktlsnic_cmd_finish(cmdq, -ETIMEDOUT, 0);
	spin_unlock_bh(&cmdq->lock);
	wake_up(&cmdq->room);
}

/**
 * ktlsnic_cmd_drain() - wait until all commands that were posted are over
 * @nic: the device
 *
 * Process context. A device that does not answer is reset; its commands are over
 * as well when this returns.
 */
void ktlsnic_cmd_drain(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	u32 end = READ_ONCE(cmdq->ring.index);

	while (!wait_event_timeout(cmdq->room, READ_ONCE(cmdq->dead) ||
				   (s32)(READ_ONCE(cmdq->clean) - end) >= 0,
				   KTLSNIC_CMD_TIMEOUT) &&
	       !ktlsnic_cmdq_hangs(nic))
		;
	if (READ_ONCE(cmdq->dead))
		ktlsnic_cmd_give_up(cmdq);
}

/**
 * ktlsnic_cmdq_alloc() - get the command queue's memory
 * @nic: the device
 *
 * Return: 0 or -ENOMEM.
 */
int ktlsnic_cmdq_alloc(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	u8 log2 = nic->caps.ring_log2_min;
	int err;

	spin_lock_init(&cmdq->lock);
	init_waitqueue_head(&cmdq->room);
	cmdq->slots = kcalloc(BIT(log2), sizeof(*cmdq->slots), GFP_KERNEL);
	if (!cmdq->slots)
		return -ENOMEM;
	err = ktlsnic_ring_alloc(nic, &cmdq->ring, KTLSNIC_RING_CMD,
				 sizeof(struct ktlsnic_cmd), log2);
	if (!err)
		err = ktlsnic_ring_alloc(nic, &cmdq->cq, KTLSNIC_RING_CMD_CQ,
					 sizeof(struct ktlsnic_cmd_cpl), log2);
	if (err)
		ktlsnic_cmdq_free(nic);
	return err;
}

/**
 * ktlsnic_cmdq_free() - undo ktlsnic_cmdq_alloc()
 * @nic: the device
 */
void ktlsnic_cmdq_free(struct ktlsnic_nic *nic)
{
	ktlsnic_ring_free(nic, &nic->cmdq.cq);
	ktlsnic_ring_free(nic, &nic->cmdq.ring);
	kfree(nic->cmdq.slots);
	nic->cmdq.slots = NULL;
}

/**
 * ktlsnic_cmdq_start() - take commands from now on
 * @nic: a device that came out of reset
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_cmdq_start(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;
	int err;

	err = ktlsnic_ring_enable(nic, &cmdq->cq);
	if (!err)
		err = ktlsnic_ring_enable(nic, &cmdq->ring);
	if (err)
		return err;

	spin_lock_bh(&cmdq->lock);
	cmdq->clean = 0;
	cmdq->dead = false;
	cmdq->up = true;
	spin_unlock_bh(&cmdq->lock);
	return 0;
}

/**
 * ktlsnic_cmdq_stop() - take no more commands, fail those that are waiting
 * @nic: the device
 */
void ktlsnic_cmdq_stop(struct ktlsnic_nic *nic)
{
	struct ktlsnic_cmdq *cmdq = &nic->cmdq;

	if (!cmdq->up)
		return;
	spin_lock_bh(&cmdq->lock);
	cmdq->up = false;
	cmdq->generation++;
	spin_unlock_bh(&cmdq->lock);

	/* The device may be reading a slot until its ring is disabled. If it does not let
	 * go the reset that follows helps.
	 */
	ktlsnic_ring_disable(nic, &cmdq->ring);
	ktlsnic_ring_disable(nic, &cmdq->cq);

	spin_lock_bh(&cmdq->lock);
	while (cmdq->clean != cmdq->ring.index)
		ktlsnic_cmd_finish(cmdq, -ENETDOWN, 0);
	spin_unlock_bh(&cmdq->lock);
	wake_up(&cmdq->room);
}
