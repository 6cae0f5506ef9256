// SPDX-License-Identifier: GPL-2.0-only
/* Finished records on their way into TCP. */

#include <linux/uio.h>
#include <net/tcp.h>

#include "push.h"

/**
 * ktls_push_init() - an empty queue
 * @push: the queue
 * @taken: told of each unit that TCP has taken whole
 */
void ktls_push_init(struct ktls_push *push,
		    void (*taken)(struct sock *sk, struct ktls_unit *unit))
{
	INIT_LIST_HEAD(&push->units);
	push->sent = 0;
	push->flags = 0;
	push->calling = false;
	push->taken = taken;
}

/**
 * ktls_push_bytes() - what TCP has still to take
 * @push: the queue
 *
 * Return: bytes of all units of the queue, ready or not.
 */
unsigned int ktls_push_bytes(const struct ktls_push *push)
{
	const struct ktls_unit *unit;
	unsigned int bytes = 0;

	list_for_each_entry(unit, &push->units, list)
		bytes += unit->len;
	return bytes - push->sent;
}

/* A tag and the next header mostly lie in one piece, and TCP makes one fragment of them. */
static bool continues(const struct bio_vec *last, const skb_frag_t *frag, unsigned int skip)
{
	return last->bv_page == skb_frag_page(frag) &&
	       last->bv_offset + last->bv_len == skb_frag_off(frag) + skip;
}

/* Add a unit's fragments, but for the first bytes; false if there is no room. */
static bool add_unit(struct ktls_push *push, const struct ktls_unit *unit,
		     unsigned int skip, unsigned int *used)
{
	unsigned int at = *used;
	unsigned int i;

	for (i = 0; i < unit->nr_frags; i++) {
		const skb_frag_t *frag = &unit->frags[i];
		unsigned int len = skb_frag_size(frag);

		if (skip >= len) {
			skip -= len;
			continue;
		}
		if (at && continues(&push->vec[at - 1], frag, skip)) {
			push->vec[at - 1].bv_len += len - skip;
			skip = 0;
			continue;
		}
		if (at == KTLS_PUSH_VECS)
			return false;
		bvec_set_page(&push->vec[at++], skb_frag_page(frag), len - skip,
			      skb_frag_off(frag) + skip);
		skip = 0;
	}
	*used = at;
	return true;
}

/**
 * gather() - all units that can go as one call
 * @push: the queue
 * @vecs: set to the number of entries of @push->vec that are used
 * @more: set if a unit that is ready stays back
 *
 * A unit has fewer fragments than there are entries, so the first always fits.
 *
 * Return: bytes
 */
static unsigned int gather(struct ktls_push *push, unsigned int *vecs, bool *more)
{
	unsigned int skip = push->sent;
	struct ktls_unit *unit;
	unsigned int bytes = 0;
	bool alone = false;

	*vecs = 0;
	*more = false;
	list_for_each_entry(unit, &push->units, list) {
		if (!ktls_unit_ready(unit))
			break;
		if (alone || (bytes && unit->alone) ||
		    !add_unit(push, unit, skip, vecs)) {
			*more = true;
			break;
		}
		alone = unit->alone;
		bytes += unit->len - skip;
		skip = 0;
	}
	return bytes;
}

/* TCP has taken that many bytes more: of these units, and part of the next. */
static void account(struct sock *sk, struct ktls_push *push, unsigned int bytes)
{
	struct ktls_unit *unit;

	push->sent += bytes;
	while ((unit = list_first_entry_or_null(&push->units, struct ktls_unit,
						list))) {
		if (push->sent < unit->len)
			break;
		push->sent -= unit->len;
		list_del(&unit->list);
		push->taken(sk, unit);
	}
}

/* One call of TCP; @more: a unit that is ready stays back. */
static int give(struct sock *sk, struct ktls_push *push, unsigned int vecs,
		unsigned int bytes, bool more, int flags)
{
	struct msghdr msg = {
		.msg_flags = MSG_SPLICE_PAGES | push->flags | flags,
	};
	int ret;

	if (more) {
		msg.msg_flags &= ~MSG_EOR;
		msg.msg_flags |= MSG_MORE;
	}
	tcp_rate_check_app_limited(sk);
	iov_iter_bvec(&msg.msg_iter, ITER_SOURCE, push->vec, vecs, bytes);
	push->calling = true;
	ret = tcp_sendmsg_locked(sk, &msg, bytes);
	push->calling = false;
	if (ret <= 0)
		return ret ?: -EAGAIN;
	account(sk, push, ret);
	return 0;
}

/**
 * ktls_push() - give TCP what is ready
 * @sk: the socket, locked; no other may push at the same time, though TCP lets
 *	the lock go when it waits for memory
 * @push: its queue
 * @flags: MSG_DONTWAIT, MSG_MORE, MSG_EOR and the like from the one who sends
 *
 * Return: 0 if nothing that is ready is left, else an error. -EAGAIN: later.
 */
int ktls_push(struct sock *sk, struct ktls_push *push, int flags)
{
	unsigned int bytes, vecs;
	bool more;
	int err = 0;

	while (!err && (bytes = gather(push, &vecs, &more)))
		err = give(sk, push, vecs, bytes, more, flags);
	return err;
}

/*
 * The bytes of the packet that these entries begin with: whole segments, of which a fragment
 * each of so many entries, or so many bytes, make one; 0 if more has room in it.
 */
static unsigned int full_packet(const struct sock *sk, const struct ktls_push *push,
				unsigned int vecs, unsigned int bytes)
{
	unsigned int mss = tcp_sk(sk)->mss_cache;
	unsigned int i;

	if (vecs >= MAX_SKB_FRAGS)
		for (bytes = 0, i = 0; i < MAX_SKB_FRAGS; i++)
			bytes += push->vec[i].bv_len;
	else if (bytes < GSO_LEGACY_MAX_SIZE)
		return 0;
	return bytes < mss ? bytes : rounddown(bytes, mss);
}

/**
 * ktls_push_packets() - give TCP what fills packets, and keep the rest
 * @sk: the socket, as for ktls_push()
 * @push: its queue
 * @flags: as for ktls_push(), without MSG_EOR
 *
 * More is to come soon. TCP does not wait for it, but sends the rest as a packet of its own: of
 * the 64 KB that splice() brings at a time, with header and tag a fragment for each record, 17
 * fragments would go as one and the other four as another. A packet is a call, since TCP parts
 * what is not whole segments as long as there is more.
 *
 * Return: as ktls_push().
 */
int ktls_push_packets(struct sock *sk, struct ktls_push *push, int flags)
{
	unsigned int bytes, vecs;
	bool more;
	int err = 0;

	while (!err) {
		bytes = gather(push, &vecs, &more);
		bytes = full_packet(sk, push, vecs, bytes);
		if (!bytes)
			break;
		err = give(sk, push, vecs, bytes, true, flags);
	}
	return err;
}
