/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finished records on their way into TCP: all that are ready go as one call of
 * tcp_sendmsg_locked(), so that TCP sees as much as it can send at once. For
 * software and the device half alike.
 */
#ifndef KTLS_PUSH_H
#define KTLS_PUSH_H

#include <linux/bvec.h>
#include <linux/list.h>
#include <linux/skbuff.h>
#include <net/sock.h>

#define KTLS_PUSH_VECS		64

/**
 * struct ktls_unit - a record that TCP is to have
 * @list: on the queue of its connection
 * @frags: header, payload and tag; pages that we hold
 * @nr_frags: how many
 * @len: bytes in all
 * @alone: a call of its own, and with MSG_EOR: nothing may be merged with it
 * @ready: it may go; later ones wait for it
 */
struct ktls_unit {
	struct list_head list;
	const skb_frag_t *frags;
	unsigned int nr_frags;
	unsigned int len;
	bool alone;
	bool ready;
};

/**
 * struct ktls_push - the queue of one connection
 * @units: those that TCP has not taken whole, in order of their numbers
 * @sent: how much of the first it has taken
 * @flags: MSG_ flags that each call gets
 * @calling: TCP is being called: what wakes up is its own business
 * @taken: told of each unit that TCP has taken whole, off the queue already
 * @vec: of the call that is under way
 */
struct ktls_push {
	struct list_head units;
	unsigned int sent;
	int flags;
	bool calling;
	void (*taken)(struct sock *sk, struct ktls_unit *unit);
	struct bio_vec vec[KTLS_PUSH_VECS];
};

void ktls_push_init(struct ktls_push *push,
		    void (*taken)(struct sock *sk, struct ktls_unit *unit));
int ktls_push(struct sock *sk, struct ktls_push *push, int flags);
int ktls_push_packets(struct sock *sk, struct ktls_push *push, int flags);
unsigned int ktls_push_bytes(const struct ktls_push *push);

static inline bool ktls_unit_ready(const struct ktls_unit *unit)
{
	/* Pairs with ktls_unit_set_ready(): the ciphertext is there */
	return smp_load_acquire(&unit->ready);
}

static inline void ktls_unit_set_ready(struct ktls_unit *unit)
{
	/* Pairs with ktls_unit_ready() */
	smp_store_release(&unit->ready, true);
}

static inline void ktls_push_add(struct ktls_push *push, struct ktls_unit *unit)
{
	list_add_tail(&unit->list, &push->units);
}

static inline bool ktls_push_empty(const struct ktls_push *push)
{
	return list_empty(&push->units);
}

/* Is there something that could go at once? From any context. */
static inline bool ktls_push_ready(const struct ktls_push *push)
{
	return !list_empty(&push->units) &&
	       ktls_unit_ready(list_first_entry(&push->units, struct ktls_unit, list));
}

#endif
