// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sending on an offloaded connection. The stack hands over plaintext records;
 * the device encrypts what continues where its context stands. Everything else
 * is out of order: the context is first moved, by replaying the part of the
 * record that lies before the packet, and goes on from there. A device that
 * cannot do that is brought back in step at the start of the next record, with
 * the core's help; until then software encrypts.
 *
 * Plaintext must never leave. What can neither be encrypted by the device nor
 * in software is dropped, and TCP sends it again.
 */

#include <linux/skbuff.h>
#include <linux/tcp.h>
#include <net/dst.h>

#include "ktlsnic_tls_priv.h"

/* A device that loses a connection's context so often is not asked again. */
#define KTLSNIC_TLS_MAX_ERRORS		16

/**
 * enum ktlsnic_tls_verdict - what becomes of an skb
 * @KTLSNIC_TLS_POSTED: it is in the ring
 * @KTLSNIC_TLS_PASS: it is from before the offload: send it as it is
 * @KTLSNIC_TLS_SOFTWARE: it must be encrypted in software
 * @KTLSNIC_TLS_DROP: it must not be sent
 */
enum ktlsnic_tls_verdict {
	KTLSNIC_TLS_POSTED,
	KTLSNIC_TLS_PASS,
	KTLSNIC_TLS_SOFTWARE,
	KTLSNIC_TLS_DROP,
};

/**
 * struct ktlsnic_tls_packet - an skb on its way
 * @tls: the TLS half of the device that sends it
 * @queue: the TX queue
 * @skb: the skb
 * @seq: its TCP sequence
 * @len: its TCP payload
 */
struct ktlsnic_tls_packet {
	struct ktlsnic_tls *tls;
	unsigned int queue;
	struct sk_buff *skb;
	u32 seq;
	u32 len;
};

static void ktlsnic_tls_tx_count(const struct ktlsnic_tls_packet *p,
				 enum ktlsnic_tls_queue_stat stat, u64 n)
{
	struct ktlsnic_tls_queue *q = &p->tls->queues[p->queue];

	u64_stats_update_begin(&q->syncp);
	u64_stats_add(&q->stats[stat], n);
	u64_stats_update_end(&q->syncp);
}

static void ktlsnic_tls_tx_count_posted(const struct ktlsnic_tls_packet *p,
					const struct ktlsnic_tls_sync *sync,
					u32 segments)
{
	ktlsnic_tls_tx_count(p, KTLSNIC_TLS_ENCRYPTED_PACKETS, segments);
	if (sync) {
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_RESYNC, 1);
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_RESYNC_BYTES,
				     sync->prefix_len);
	}
}

/* Takes references to the first @len bytes of a record. */
static void ktlsnic_tls_prefix_get(struct ktlsnic_tls_sync *sync,
				   const struct tls_record_info *record,
				   u32 len)
{
	unsigned int i;
	u32 n;

	sync->prefix_len = len;
	sync->nr_frags = 0;
	for (i = 0; len && i < record->num_frags; i++, len -= n) {
		const skb_frag_t *frag = &record->frags[i];
		struct ktlsnic_tls_frag *out = &sync->frags[sync->nr_frags];

		n = min_t(u32, skb_frag_size(frag), len);
		if (!n)
			continue;
		out->page = skb_frag_page(frag);
		out->offset = skb_frag_off(frag);
		out->len = n;
		get_page(out->page);
		sync->nr_frags++;
	}
	/* fewer bytes than the record's length: the device would refuse that */
	WARN_ON_ONCE(len);
	sync->prefix_len -= len;
}

static void ktlsnic_tls_prefix_put(const struct ktlsnic_tls_sync *sync)
{
	unsigned int i;

	for (i = 0; i < sync->nr_frags; i++)
		put_page(sync->frags[i].page);
}

/* Have the record numbers gone round, where a packet begins or within it? After
 * 2^64 - 1 there is none, but the core goes on with 0 all the same; to encrypt
 * that would be to use a nonce again.
 */
static bool ktlsnic_tls_numbers_used(const struct ktlsnic_tls_tx *tx,
				     const struct ktlsnic_tls_packet *p,
				     struct tls_offload_context_tx *offload,
				     u64 rec_num)
{
	u64 last = rec_num;

	/* a packet has fewer records than bytes */
	if (unlikely(rec_num > U64_MAX - p->len))
		tls_get_record(offload, p->seq + p->len - 1, &last);
	return rec_num < tx->first_num || last < tx->first_num;
}

/* Is an answer of the core awaited, so that the context's place is not ours to
 * look at?
 */
static bool ktlsnic_tls_resync_pending(const struct ktlsnic_tls_tx *tx,
				       const struct ktlsnic_tls_packet *p)
{
	return !tx->tls->can_replay && tls_offload_tx_resync_pending(p->skb->sk);
}

/* A packet is not the one that the context expects. */
static void ktlsnic_tls_count_ooo(const struct ktlsnic_tls_tx *tx,
				  const struct ktlsnic_tls_packet *p)
{
	if (!tx->dead && !ktlsnic_tls_resync_pending(tx, p) &&
	    p->seq != tx->next_seq)
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_OOO, 1);
}

/* Finds the record in which a packet begins, and what of it comes before. */
static enum ktlsnic_tls_verdict
ktlsnic_tls_sync_get(const struct ktlsnic_tls_tx *tx,
		     const struct ktlsnic_tls_packet *p,
		     struct ktlsnic_tls_sync *sync)
{
	enum ktlsnic_tls_verdict verdict = KTLSNIC_TLS_DROP;
	struct tls_offload_context_tx *offload;
	struct tls_record_info *record;
	unsigned long flags;

	offload = tls_offload_ctx_tx(tx->tls_ctx);
	spin_lock_irqsave(&offload->lock, flags);
	record = tls_get_record(offload, p->seq, &sync->rec_num);
	if (!record && !ktlsnic_skb_decrypted(p->skb)) {
		/* software encrypts while another key waits for the device */
		spin_unlock_irqrestore(&offload->lock, flags);
		return KTLSNIC_TLS_PASS;
	}
	ktlsnic_tls_count_ooo(tx, p);
	if (!record) {
		/* acknowledged meanwhile: nobody waits for it */
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_NO_SYNC_DATA, 1);
	} else if (tls_record_is_start_marker(record)) {
		if (after(p->seq + p->len, record->end_seq) ||
		    ktlsnic_skb_decrypted(p->skb)) {
			ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_BYPASS_REQ, 1);
		} else {
			ktlsnic_tls_tx_count(p, KTLSNIC_TLS_SKIP_NO_SYNC_DATA,
					     1);
			verdict = KTLSNIC_TLS_PASS;
		}
	} else if (before(p->seq, tls_record_start_seq(record))) {
		/* begins in a record that was acknowledged meanwhile */
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_NO_SYNC_DATA, 1);
	} else if (!ktlsnic_skb_decrypted(p->skb)) {
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_BYPASS_REQ, 1);
	} else if (ktlsnic_tls_numbers_used(tx, p, offload, sync->rec_num)) {
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_NO_SYNC_DATA, 1);
	} else {
		sync->rec_seq = tls_record_start_seq(record);
		ktlsnic_tls_prefix_get(sync, record, p->seq - sync->rec_seq);
		verdict = KTLSNIC_TLS_POSTED;
	}
	spin_unlock_irqrestore(&offload->lock, flags);
	return verdict;
}

/* Is the context where the packet begins? */
static bool ktlsnic_tls_in_order(const struct ktlsnic_tls_tx *tx,
				 const struct ktlsnic_tls_packet *p)
{
	return !ktlsnic_tls_resync_pending(tx, p) &&
	       p->seq == tx->next_seq && !tx->lost &&
	       tx->epoch == READ_ONCE(tx->tls->epoch) &&
	       ktlsnic_skb_decrypted(p->skb);
}

/* Is a unit of the connection in a ring that the device has not finished? NAPI may
 * not have come to it yet, so the device is asked in the end.
 */
static bool ktlsnic_tls_in_flight(const struct ktlsnic_tls_tx *tx)
{
	return refcount_read(&tx->refs) > 1 &&
	       ktlsnic_tls_hw_tx_busy(tx->tls->nic, tx->place);
}

/*
 * Units of a context must not be in two rings. The stack keeps a
 * connection on one queue while it has packets in flight, but counts those as
 * gone that the other end has acknowledged, which a spurious retransmission
 * does not wait for; and traffic control can send packets to any queue.
 */
static bool ktlsnic_tls_in_other_queue(const struct ktlsnic_tls_tx *tx,
				       const struct ktlsnic_tls_packet *p)
{
	return tx->queue != p->queue && ktlsnic_tls_in_flight(tx);
}

/* Segments that the device will send. */
static u32 ktlsnic_tls_segments(const struct ktlsnic_tls_packet *p)
{
	return skb_is_gso(p->skb) ?
	       DIV_ROUND_UP(p->len, skb_shinfo(p->skb)->gso_size) : 1;
}

/* Gives a packet to the device; the context's place moves on only when nothing
 * can fail any more.
 */
static enum ktlsnic_tls_verdict
ktlsnic_tls_post(struct ktlsnic_tls_tx *tx, const struct ktlsnic_tls_packet *p,
		 const struct ktlsnic_tls_sync *sync)
{
	bool known = sync || tx->queue != p->queue;
	const struct ktlsnic_tls_mark mark = {
		.ctx = tx->ctx, .first = tx->first, .owner = tx, .sync = sync,
		.generation = tx->generation + known,
	};
	u32 segments = ktlsnic_tls_segments(p);
	int units = sync ? 2 : 1;
	u64 place;

	/* the units' references, before they can be done */
	refcount_add(units, &tx->refs);
	/* from here on the skb may be the ring's */
	if (ktlsnic_tls_hw_tx_post(tx->tls->nic, p->queue, p->skb, &mark,
				   &place)) {
		WARN_ON(refcount_sub_and_test(units, &tx->refs));
		return KTLSNIC_TLS_SOFTWARE;
	}
	ktlsnic_tls_tx_count_posted(p, sync, segments);
	tx->next_seq = p->seq + p->len;
	tx->epoch = READ_ONCE(tx->tls->epoch);
	tx->generation = mark.generation;
	tx->lost = false;
	tx->queue = p->queue;
	tx->place = place;
	tx->first = false;
	return KTLSNIC_TLS_POSTED;
}

/* For a device that cannot move a context into a record. What lies before the
 * context's place has been sent before, and the context need not know; what
 * lies after it, or a context that has no place, needs a resync.
 */
static void ktlsnic_tls_resync_request(struct ktlsnic_tls_tx *tx,
				       const struct ktlsnic_tls_packet *p)
{
	bool lost = tx->lost || tx->epoch != READ_ONCE(tx->tls->epoch);

	if (tx->dead || ktlsnic_tls_resync_pending(tx, p) ||
	    (!lost && !after(p->seq, tx->next_seq)))
		return;
	ktlsnic_tls_count(tx->tls, KTLSNIC_TLS_RESYNC_REQ);
	tls_offload_tx_resync_request(p->skb->sk, p->seq, tx->next_seq);
}

static enum ktlsnic_tls_verdict
ktlsnic_tls_out_of_order(struct ktlsnic_tls_tx *tx,
			 const struct ktlsnic_tls_packet *p)
{
	enum ktlsnic_tls_verdict verdict;
	struct ktlsnic_tls_sync sync;

	verdict = ktlsnic_tls_sync_get(tx, p, &sync);
	if (verdict != KTLSNIC_TLS_POSTED)
		return verdict;
	verdict = KTLSNIC_TLS_SOFTWARE;
	if (!tx->tls->can_replay)
		ktlsnic_tls_resync_request(tx, p);
	else if (ktlsnic_tls_in_other_queue(tx, p))
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_OTHER_QUEUE, 1);
	else if (!tx->dead)
		verdict = ktlsnic_tls_post(tx, p, &sync);
	if (verdict != KTLSNIC_TLS_POSTED)
		ktlsnic_tls_prefix_put(&sync);
	return verdict;
}

static enum ktlsnic_tls_verdict
ktlsnic_tls_send(struct ktlsnic_tls_tx *tx, const struct ktlsnic_tls_packet *p)
{
	enum ktlsnic_tls_verdict verdict;

	spin_lock(&tx->lock);
	if (likely(ktlsnic_tls_in_order(tx, p) && !tx->dead &&
		   !ktlsnic_tls_in_other_queue(tx, p)))
		verdict = ktlsnic_tls_post(tx, p, NULL);
	else
		verdict = ktlsnic_tls_out_of_order(tx, p);
	spin_unlock(&tx->lock);
	return verdict;
}

/* The context was deleted while the packet was on its way here. What is marked is
 * plaintext, and software can still encrypt it; the rest is encrypted already.
 */
static enum ktlsnic_tls_verdict
ktlsnic_tls_no_context(const struct ktlsnic_tls_packet *p)
{
	return ktlsnic_skb_decrypted(p->skb) ? KTLSNIC_TLS_SOFTWARE :
					       KTLSNIC_TLS_PASS;
}

static void ktlsnic_tls_send_software(const struct ktlsnic_tls_packet *p)
{
	struct sk_buff *skb;

	ktlsnic_tls_tx_count(p, KTLSNIC_TLS_FALLBACK, 1);
	ktlsnic_tls_tx_count(p, KTLSNIC_TLS_FALLBACK_BYTES, p->len);
	skb = tls_encrypt_skb(p->skb);
	if (skb)
		ktlsnic_tls_hw_tx_send(p->tls->nic, p->queue, skb);
	else
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_FALLBACK, 1);
}

/*
 * Does the skb come through another device than this one, a VLAN or a tunnel for
 * example? That happens when a connection's route changes. The core encrypts
 * on each device that is not the connection's own, and the skb comes here with
 * nothing changed but the payload. To encrypt it once more would undo the
 * encryption: in counter mode that means plaintext.
 */
static bool ktlsnic_tls_from_elsewhere(const struct ktlsnic_tls *tls,
				       const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (skb->encapsulation)
		return true;
	return dst && dst->dev != tls->netdev && !netif_is_bond_master(dst->dev);
}

/* Did it pass a device on top of this one for certain? A route that is gone names no
 * device that has anything to do with the skb.
 */
static bool ktlsnic_tls_from_above(const struct ktlsnic_tls *tls,
				   const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);
	bool above;

	if (skb->encapsulation)
		return true;
	rcu_read_lock();
	above = dst && netdev_has_upper_dev_all_rcu(tls->netdev, dst->dev);
	rcu_read_unlock();
	return above;
}

/* Sends what the core has encrypted on a device above. A core that takes the mark
 * from what it encrypts leaves no doubt. Where the mark stays, what is encrypted
 * becomes linear, but not all that is linear is encrypted: plaintext is, too,
 * without scatter-gather. What may be plaintext is dropped, and TCP sends it again
 * on its present route.
 */
static void ktlsnic_tls_xmit_from_elsewhere(const struct ktlsnic_tls_packet *p)
{
	if (ktlsnic_skb_decrypted(p->skb) &&
	    (skb_is_nonlinear(p->skb) ||
	     !ktlsnic_tls_from_above(p->tls, p->skb))) {
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_BYPASS_REQ, 1);
		dev_kfree_skb_any(p->skb);
		return;
	}
	ktlsnic_tls_hw_tx_send(p->tls->nic, p->queue, p->skb);
}

/* Has the core encrypted a marked skb twice, which makes plaintext of it? It does so on
 * each device that the skb passes and that is not the connection's own, and leaves
 * the mark that says what it is to encrypt. On a bond it does so only when the
 * connection's device has gone down.
 */
static bool ktlsnic_tls_encrypted_twice(const struct ktlsnic_tls *tls,
					const struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);

	if (!ktlsnic_skb_tls_offloaded(skb))
		return dst && dst->dev != tls->netdev;
	/* redirected from the connection's device: once, on this one */
	if (dst && dst->dev == rcu_access_pointer(tls_get_ctx(skb->sk)->netdev))
		return false;
	return ktlsnic_tls_from_elsewhere(tls, skb);
}

/* Sends what the core has encrypted on this device, since the connection belongs to
 * another one or to none any more. What is marked and is no socket's has been received
 * and decrypted, and an XDP program sends it past the core's check.
 */
static void ktlsnic_tls_xmit_foreign(const struct ktlsnic_tls_packet *p)
{
	if (ktlsnic_skb_decrypted(p->skb) &&
	    (!p->skb->sk || ktlsnic_tls_encrypted_twice(p->tls, p->skb))) {
		ktlsnic_tls_tx_count(p, KTLSNIC_TLS_DROP_BYPASS_REQ, 1);
		dev_kfree_skb_any(p->skb);
		return;
	}
	ktlsnic_tls_hw_tx_send(p->tls->nic, p->queue, p->skb);
}

/* Sends what belongs to a connection that looks offloaded and has no device.
 * tls_device_down() takes the device away long after the last packet that it let
 * pass, and from then on the core encrypts. What says that the connection is
 * offloaded can be written later than that, by a setsockopt() that was overtaken,
 * and then stays; nobody deletes its context, which ktlsnic_tls_tx_forget() does
 * without telling the connection. What the core has encrypted is linear.
 */
static void ktlsnic_tls_xmit_orphan(struct ktlsnic_tls_packet *p)
{
	if (!ktlsnic_skb_decrypted(p->skb) || !skb_is_nonlinear(p->skb)) {
		ktlsnic_tls_xmit_foreign(p);
		return;
	}
	p->len = p->skb->len - skb_tcp_all_headers(p->skb);
	ktlsnic_tls_send_software(p);
}

/**
 * ktlsnic_tls_xmit() - send an skb of a connection with TX offload
 * @tls: the TLS half of the device that sends
 * @queue: the TX queue, locked and with room
 * @skb: consumed
 */
void ktlsnic_tls_xmit(struct ktlsnic_tls *tls, unsigned int queue,
		      struct sk_buff *skb)
{
	struct ktlsnic_tls_packet p = {
		.tls = tls, .queue = queue, .skb = skb,
	};
	struct ktlsnic_tls_tx_state *state;
	const struct net_device *netdev;
	struct tls_context *tls_ctx;
	struct ktlsnic_tls_tx *tx;

	if (!ktlsnic_skb_tls_offloaded(skb)) {
		ktlsnic_tls_xmit_foreign(&p);
		return;
	}
	tls_ctx = tls_get_ctx(skb->sk);
	netdev = rcu_dereference_bh(tls_ctx->netdev);
	if (!netdev) {
		ktlsnic_tls_xmit_orphan(&p);
		return;
	}
	if (netdev != tls->netdev) {
		ktlsnic_tls_xmit_foreign(&p);
		return;
	}
	if (ktlsnic_tls_from_elsewhere(tls, skb)) {
		ktlsnic_tls_xmit_from_elsewhere(&p);
		return;
	}
	p.len = skb->len - skb_tcp_all_headers(skb);
	if (!p.len) {
		ktlsnic_tls_hw_tx_send(tls->nic, queue, skb);
		return;
	}
	p.seq = ntohl(tcp_hdr(skb)->seq);

	/* The core may be taking the device away at this moment, so that ours may be
	 * gone, and on a bond the state may be that of another device.
	 */
	state = __tls_driver_ctx(tls_ctx, TLS_OFFLOAD_CTX_DIR_TX);
	tx = READ_ONCE(state->tx);
	switch (tx && tx->tls == tls ? ktlsnic_tls_send(tx, &p) :
					    ktlsnic_tls_no_context(&p)) {
	case KTLSNIC_TLS_POSTED:
		break;
	case KTLSNIC_TLS_PASS:
		ktlsnic_tls_hw_tx_send(tls->nic, queue, skb);
		break;
	case KTLSNIC_TLS_SOFTWARE:
		ktlsnic_tls_send_software(&p);
		break;
	case KTLSNIC_TLS_DROP:
		dev_kfree_skb_any(skb);
		break;
	}
}

/**
 * ktlsnic_tls_tx_put() - drop a reference
 * @tx: the connection
 *
 * Called for each unit when it is done or was dropped, after
 * ktlsnic_tls_tx_failed() if it failed. Any context but hard interrupts.
 */
void ktlsnic_tls_tx_put(struct ktlsnic_tls_tx *tx)
{
	struct ktlsnic_tls *tls = tx->tls;

	if (refcount_dec_and_test(&tx->refs))
		kfree_rcu(tx, rcu);
	else if (wq_has_sleeper(&tls->tx_idle))
		wake_up(&tls->tx_idle);
}

/**
 * ktlsnic_tls_tx_failed() - the device could not do what was posted
 * @tx: the connection
 * @generation: &ktlsnic_tls_mark.generation of the packet or resync that failed
 * @gone: the device has no such context
 *
 * Packets after it have failed as well, and TCP will send them again. Called
 * in NAPI while the failed unit still holds its reference.
 */
void ktlsnic_tls_tx_failed(struct ktlsnic_tls_tx *tx, u32 generation,
			   bool gone)
{
	bool was_dead;

	spin_lock(&tx->lock);
	was_dead = tx->dead;
	if (gone) {
		tx->dead = true;
	} else if (!tx->lost && generation == tx->generation) {
		/* nothing posted since has put the context right */
		tx->lost = true;
		ktlsnic_tls_count(tx->tls, KTLSNIC_TLS_ERRORS);
		if (++tx->errors >= KTLSNIC_TLS_MAX_ERRORS)
			tx->dead = true;
	}
	if (tx->dead && !was_dead)
		ktlsnic_tls_count(tx->tls, KTLSNIC_TLS_GIVEN_UP);
	spin_unlock(&tx->lock);
}

/**
 * ktlsnic_tls_tx_resync() - the core's answer to a request
 * @tls: the device's TLS half
 * @tls_ctx: the connection, whose socket is locked
 * @seq: TCP sequence at which the next record begins
 * @rec_num: its number
 *
 * Until the request has been answered nothing of the connection is given to the
 * device; what was given before must have left the ring.
 *
 * Return: 0, or a negative errno: the core comes again with the next record.
 */
int ktlsnic_tls_tx_resync(struct ktlsnic_tls *tls, struct tls_context *tls_ctx,
			  u32 seq, u64 rec_num)
{
	struct ktlsnic_tls_tx_state *state;
	struct ktlsnic_tls_tx *tx;
	u32 epoch;
	int err;

	state = __tls_driver_ctx(tls_ctx, TLS_OFFLOAD_CTX_DIR_TX);
	tx = state->tx;
	down_read(&tls->lock);
	epoch = READ_ONCE(tls->epoch);
	if (ktlsnic_tls_in_flight(tx))
		err = -EBUSY;
	else
		err = ktlsnic_tls_hw_tx_resync(tls->nic, tx->ctx, seq, rec_num);
	if (!err) {
		spin_lock_bh(&tx->lock);
		tx->next_seq = seq;
		tx->epoch = epoch;
		tx->generation++;
		tx->lost = false;
		spin_unlock_bh(&tx->lock);
	}
	up_read(&tls->lock);
	ktlsnic_tls_count(tls, err ? KTLSNIC_TLS_RESYNC_RES_SKIP :
			  KTLSNIC_TLS_RESYNC_RES_OK);
	return err;
}
