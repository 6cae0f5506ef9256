// SPDX-License-Identifier: GPL-2.0-only
/* Transmit (SPEC 9). */

#include <linux/bitfield.h>
#include <linux/dma-mapping.h>
#include <linux/if_vlan.h>
#include <linux/tcp.h>
#include <net/ipv6.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_txrx.h"

/* The offsets of the headers are 8 bits wide. */
#define KTLSNIC_TX_MAX_HEADER_OFFSET	255

static inline int ktlsnic_jumbo_remove(struct sk_buff *skb)
{
#ifdef HAVE_HOPOPT_JUMBO_REMOVE
	return ipv6_hopopt_jumbo_remove(skb);
#else
	return 0;
#endif
}

static unsigned int ktlsnic_tx_room(const struct ktlsnic_txq *txq)
{
	/* a slot is NAPI's until it says otherwise, see ktlsnic_tx_complete() */
	u32 clean = smp_load_acquire(&txq->clean);

	return ktlsnic_ring_size(&txq->ring) -
	       (READ_ONCE(txq->ring.index) - clean);
}

/**
 * ktlsnic_tx_worst() - most descriptors that one skb can need
 * @nic: the device
 *
 * A TLS resync unit with a record's prefix, then the packet; a unit that would
 * be longer than the device allows is not posted as such.
 *
 * Return: that number.
 */
unsigned int ktlsnic_tx_worst(const struct ktlsnic_nic *nic)
{
	return 2 * min_t(unsigned int, nic->caps.max_desc, MAX_SKB_FRAGS + 1);
}

static struct ktlsnic_tx_desc *ktlsnic_tx_desc(const struct ktlsnic_txq *txq,
					       u32 index)
{
	return ktlsnic_ring_entry(&txq->ring, index);
}

static struct ktlsnic_tx_buf *ktlsnic_tx_buf(const struct ktlsnic_txq *txq,
					     u32 index)
{
	return &txq->bufs[ktlsnic_ring_slot(&txq->ring, index)];
}

static void ktlsnic_tx_unmap(const struct ktlsnic_txq *txq,
			     const struct ktlsnic_tx_buf *buf)
{
	struct device *dev = &txq->q->nic->pdev->dev;

	if (buf->map == KTLSNIC_TX_MAP_SINGLE)
		dma_unmap_single(dev, buf->dma, buf->len, DMA_TO_DEVICE);
	else if (buf->map == KTLSNIC_TX_MAP_PAGE)
		dma_unmap_page(dev, buf->dma, buf->len, DMA_TO_DEVICE);
}

/* Takes descriptors back that the device has not been told of. */
static void ktlsnic_tx_unpost(struct ktlsnic_txq *txq, u32 from, u32 to)
{
	for (; from != to; from++)
		ktlsnic_tx_unmap(txq, ktlsnic_tx_buf(txq, from));
}

/* Puts a mapped buffer into a descriptor of type @type. */
static int ktlsnic_tx_put(struct ktlsnic_txq *txq, u32 index, u8 type,
			  dma_addr_t dma, u32 len, enum ktlsnic_tx_map map)
{
	struct ktlsnic_tx_desc *desc = ktlsnic_tx_desc(txq, index);
	struct ktlsnic_tx_buf *buf = ktlsnic_tx_buf(txq, index);

	if (dma_mapping_error(&txq->q->nic->pdev->dev, dma)) {
		ktlsnic_tx_count(txq, KTLSNIC_TX_STAT_MAP_FAILED, 1);
		return -ENOMEM;
	}
	buf->page = NULL;
	buf->dma = dma;
	buf->len = len;
	buf->map = map;
	memset(desc, 0, sizeof(*desc));
	desc->addr = cpu_to_le64(dma);
	desc->len = cpu_to_le32(len);
	desc->type = type;
	return 0;
}

static void ktlsnic_tx_head(struct ktlsnic_tx_desc *head,
			    const struct sk_buff *skb,
			    const struct ktlsnic_tls_mark *mark)
{
	unsigned int l4_off = 0;
	u16 flags = 0;

	head->total_len = cpu_to_le32(skb->len);
	if (skb_vlan_tag_present(skb)) {
		flags |= KTLSNIC_TXF_VLAN;
		head->vlan_tci = cpu_to_le16(skb_vlan_tag_get(skb));
	}
	if (skb->ip_summed == CHECKSUM_PARTIAL) {
		flags |= KTLSNIC_TXF_L4_CSUM;
		l4_off = skb_checksum_start_offset(skb);
	}
	if (skb_is_gso(skb)) {
		/* makes IPv4 header checksums by itself */
		flags |= KTLSNIC_TXF_TSO | KTLSNIC_TXF_L4_CSUM;
		head->mss = cpu_to_le16(skb_shinfo(skb)->gso_size);
		l4_off = skb_transport_offset(skb);
	}
	if (mark) {
		/* The payload changes, so that the checksum must be made by
		 * the device even where the stack has put one.
		 */
		flags |= KTLSNIC_TXF_TLS | KTLSNIC_TXF_L4_CSUM;
		head->tls_ctx = cpu_to_le32(ktlsnic_ctx_index(mark->ctx));
		l4_off = skb_transport_offset(skb);
	}
	if (flags & KTLSNIC_TXF_L4_CSUM) {
		head->l3_off = skb_network_offset(skb);
		head->l4_off = l4_off;
	}
	head->flags = cpu_to_le16(flags);
}

/* Fills a packet unit from @start on. Returns its descriptors. */
static int ktlsnic_tx_fill_packet(struct ktlsnic_txq *txq, u32 start,
				  struct sk_buff *skb,
				  const struct ktlsnic_tls_mark *mark)
{
	struct device *dev = &txq->q->nic->pdev->dev;
	struct ktlsnic_tx_desc *head = ktlsnic_tx_desc(txq, start);
	u32 index = start, len = skb_headlen(skb);
	unsigned int i;
	int err;

	err = ktlsnic_tx_put(txq, index, KTLSNIC_TXD_PACKET,
			     dma_map_single(dev, skb->data, len, DMA_TO_DEVICE),
			     len, KTLSNIC_TX_MAP_SINGLE);
	if (err)
		return err;
	index++;
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		len = skb_frag_size(frag);
		if (!len)
			continue;
		err = ktlsnic_tx_put(txq, index, KTLSNIC_TXD_BUFFER,
				     skb_frag_dma_map(dev, frag, 0, len,
						      DMA_TO_DEVICE),
				     len, KTLSNIC_TX_MAP_PAGE);
		if (err) {
			ktlsnic_tx_unpost(txq, start, index);
			return err;
		}
		index++;
	}
	ktlsnic_tx_head(head, skb, mark);
	head->ndesc = index - start;
	return index - start;
}

/* Fills a TLS resync unit (SPEC 9.5) from @start on. Returns its descriptors. */
static int ktlsnic_tx_fill_resync(struct ktlsnic_txq *txq, u32 start,
				  const struct ktlsnic_tls_mark *mark)
{
	struct device *dev = &txq->q->nic->pdev->dev;
	const struct ktlsnic_tls_sync *sync = mark->sync;
	struct ktlsnic_tx_resync *head = (void *)ktlsnic_tx_desc(txq, start);
	struct ktlsnic_tx_buf *buf = ktlsnic_tx_buf(txq, start);
	u32 index = start + 1;
	unsigned int i;
	int err;

	if (sync->nr_frags + 1 > txq->q->nic->caps.max_desc)
		return -E2BIG;
	buf->map = KTLSNIC_TX_MAP_NONE;
	buf->page = NULL;
	for (i = 0; i < sync->nr_frags; i++, index++) {
		const struct ktlsnic_tls_frag *frag = &sync->frags[i];

		err = ktlsnic_tx_put(txq, index, KTLSNIC_TXD_BUFFER,
				     dma_map_page(dev, frag->page, frag->offset,
						  frag->len, DMA_TO_DEVICE),
				     frag->len, KTLSNIC_TX_MAP_PAGE);
		if (err) {
			ktlsnic_tx_unpost(txq, start, index);
			return err;
		}
		ktlsnic_tx_buf(txq, index)->page = frag->page;
	}
	memset(head, 0, sizeof(*head));
	head->rec_num = cpu_to_le64(sync->rec_num);
	head->prefix_len = cpu_to_le32(sync->prefix_len);
	head->type = KTLSNIC_TXD_TLS_RESYNC;
	head->ndesc = index - start;
	head->tcp_seq = cpu_to_le32(sync->rec_seq);
	head->tls_ctx = cpu_to_le32(ktlsnic_ctx_index(mark->ctx));
	return index - start;
}

static void ktlsnic_tx_commit(struct ktlsnic_txq *txq, u32 start, int ndesc,
			      struct sk_buff *skb,
			      const struct ktlsnic_tls_mark *mark)
{
	struct ktlsnic_tx_buf *buf = ktlsnic_tx_buf(txq, start);

	buf->ndesc = ndesc;
	buf->skb = skb;
	buf->tls = mark ? mark->owner : NULL;
	buf->tls_generation = mark ? mark->generation : 0;
	txq->last_head = start;
	/* NAPI may be told at once that the unit is done, see ktlsnic_tx_complete() */
	smp_store_release(&txq->ring.index, start + ndesc);
}

static void ktlsnic_tx_account(struct ktlsnic_txq *txq,
			       const struct sk_buff *skb)
{
	unsigned int packets = max_t(unsigned int, 1, skb_shinfo(skb)->gso_segs);
	unsigned int headers = 0;

	if (skb_is_gso(skb))
		headers = skb_transport_offset(skb) + tcp_hdrlen(skb);
	netdev_tx_sent_queue(txq->nq, skb->len);
	u64_stats_update_begin(&txq->syncp);
	u64_stats_add(&txq->stats[KTLSNIC_TX_STAT_PACKETS], packets);
	u64_stats_add(&txq->stats[KTLSNIC_TX_STAT_BYTES],
		      skb->len + (packets - 1) * headers);
	if (skb_is_gso(skb))
		u64_stats_inc(&txq->stats[KTLSNIC_TX_STAT_TSO_UNITS]);
	u64_stats_update_end(&txq->syncp);
}

/* Brings an skb into a shape that the device takes. */
static int ktlsnic_tx_prepare(struct ktlsnic_txq *txq, struct sk_buff *skb)
{
	if (skb_is_gso(skb) && ktlsnic_jumbo_remove(skb))
		return -ENOMEM;
	if (skb_shinfo(skb)->nr_frags + 1 > txq->q->nic->caps.max_desc) {
		ktlsnic_tx_count(txq, KTLSNIC_TX_STAT_LINEARIZED, 1);
		return skb_linearize(skb);
	}
	return 0;
}

/**
 * ktlsnic_tx_post() - put an skb into the ring, all of it or nothing
 * @txq: the queue, with room for ktlsnic_tx_worst() descriptors
 * @skb: on success the ring's
 * @mark: how TLS wants it sent, or NULL; the page references of its prefix are
 *	  the ring's on success
 *
 * The device is told when the queue is kicked.
 *
 * Return: 0, or a negative errno; then nothing has changed.
 */
int ktlsnic_tx_post(struct ktlsnic_txq *txq, struct sk_buff *skb,
		    const struct ktlsnic_tls_mark *mark)
{
	u32 start = txq->ring.index, packet = start;
	int n, resync = 0;

	/* what TLS sends needs its checksum, whatever ktlsnic_features_check() said */
	if (mark && skb_transport_offset(skb) > KTLSNIC_TX_MAX_HEADER_OFFSET)
		return -EINVAL;
	n = ktlsnic_tx_prepare(txq, skb);
	if (n)
		return n;
	if (mark && mark->sync) {
		resync = ktlsnic_tx_fill_resync(txq, start, mark);
		if (resync < 0)
			return resync;
		packet += resync;
	}
	n = ktlsnic_tx_fill_packet(txq, packet, skb, mark);
	if (n < 0) {
		ktlsnic_tx_unpost(txq, start, packet);
		return n;
	}
	if (resync)
		ktlsnic_tx_commit(txq, start, resync, NULL, mark);
	skb_tx_timestamp(skb);
	ktlsnic_tx_account(txq, skb);
	ktlsnic_tx_commit(txq, packet, n, skb, mark);
	return 0;
}

/**
 * ktlsnic_tx_send() - send an skb as it is, or drop it
 * @txq: the queue, with room
 * @skb: consumed
 */
void ktlsnic_tx_send(struct ktlsnic_txq *txq, struct sk_buff *skb)
{
	if (ktlsnic_tx_post(txq, skb, NULL)) {
		ktlsnic_tx_count(txq, KTLSNIC_TX_STAT_DROPPED, 1);
		dev_kfree_skb_any(skb);
	}
}

/* Stops the queue before an skb could come that does not fit. */
static void ktlsnic_tx_maybe_stop(struct ktlsnic_txq *txq)
{
	unsigned int worst = txq->q->nic->tx_worst;

	if (likely(ktlsnic_tx_room(txq) >= worst))
		return;
	netif_tx_stop_queue(txq->nq);
	ktlsnic_tx_count(txq, KTLSNIC_TX_STAT_STOPPED, 1);
	/* Either ktlsnic_tx_wake() sees the queue stopped, or this sees the
	 * room that it made.
	 */
	smp_mb();
	if (ktlsnic_tx_room(txq) >= worst)
		netif_tx_start_queue(txq->nq);
}

/* Tells the device of everything posted, and asks for one completion of it. */
static void ktlsnic_tx_kick(struct ktlsnic_txq *txq)
{
	if (txq->kicked == txq->ring.index)
		return;
	ktlsnic_tx_desc(txq, txq->last_head)->flags |=
		cpu_to_le16(KTLSNIC_TXF_COMPLETE);
	txq->kicked = txq->ring.index;
	ktlsnic_ring_doorbell(&txq->ring);
}

/**
 * ktlsnic_tx_begin() - is there room for whatever skb has come?
 * @txq: the queue, locked
 *
 * Return: true; false if the stack must come again.
 */
bool ktlsnic_tx_begin(struct ktlsnic_txq *txq)
{
	if (likely(ktlsnic_tx_room(txq) >= txq->q->nic->tx_worst))
		return true;
	ktlsnic_tx_maybe_stop(txq);
	ktlsnic_tx_kick(txq);
	return false;
}

/**
 * ktlsnic_tx_end() - an skb was posted or dropped
 * @txq: the queue, locked
 *
 * The device is told unless more is about to come.
 */
void ktlsnic_tx_end(struct ktlsnic_txq *txq)
{
	ktlsnic_tx_maybe_stop(txq);
	if (!netdev_xmit_more() || netif_xmit_stopped(txq->nq))
		ktlsnic_tx_kick(txq);
}

/**
 * ktlsnic_features_check() - ndo_features_check
 * @skb: what will be sent
 * @netdev: the interface
 * @features: what may be asked of the device
 *
 * Return: what may be asked of it for this skb.
 */
netdev_features_t ktlsnic_features_check(struct sk_buff *skb,
					 struct net_device *netdev,
					 netdev_features_t features)
{
	if (skb->ip_summed == CHECKSUM_PARTIAL &&
	    skb_checksum_start_offset(skb) > KTLSNIC_TX_MAX_HEADER_OFFSET)
		features &= ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	if (skb_is_gso(skb) && skb_shinfo(skb)->gso_size < KTLSNIC_TX_MIN_MSS)
		features &= ~NETIF_F_GSO_MASK;
	return vlan_features_check(skb, features);
}

/* A unit that the device is done with. */
static void ktlsnic_tx_done(struct ktlsnic_txq *txq, u32 index, int budget,
			    unsigned int *bytes, unsigned int *packets)
{
	struct ktlsnic_tx_buf *head = ktlsnic_tx_buf(txq, index);
	struct ktlsnic_tls_tx *tls = head->tls;
	struct sk_buff *skb = head->skb;
	unsigned int i, ndesc = head->ndesc;

	for (i = 0; i < ndesc; i++) {
		struct ktlsnic_tx_buf *buf = ktlsnic_tx_buf(txq, index + i);

		ktlsnic_tx_unmap(txq, buf);
		if (buf->page)
			put_page(buf->page);
	}
	if (skb) {
		*bytes += skb->len;
		(*packets)++;
		napi_consume_skb(skb, budget);
	}
	if (tls)
		txq->q->nic->tls_ops->tx_put(tls);
}

static void ktlsnic_tx_failed(struct ktlsnic_txq *txq, u32 index, u16 status)
{
	const struct ktlsnic_tx_buf *head = ktlsnic_tx_buf(txq, index);
	struct ktlsnic_nic *nic = txq->q->nic;

	ktlsnic_cpl_count(txq, KTLSNIC_CPL_STAT_ERRORS, 1);
	switch (status) {
	case KTLSNIC_TX_TLS_NO_CONTEXT:
	case KTLSNIC_TX_TLS_BAD_SEQ:
	case KTLSNIC_TX_TLS_BAD_RECORD:
		/* counted by the TLS half and by the device */
		break;
	default:
		if (net_ratelimit())
			netdev_warn(nic->netdev,
				    "queue %u: device refused a frame, status %u\n",
				    txq->q->index, status);
		break;
	}
	if (head->tls)
		nic->tls_ops->tx_failed(head->tls, head->tls_generation,
					status == KTLSNIC_TX_TLS_NO_CONTEXT);
}

/* All units before @end are done; the last of them ended with @status. */
static bool ktlsnic_tx_complete(struct ktlsnic_txq *txq, u32 end, u16 status,
				int budget, unsigned int *bytes,
				unsigned int *packets)
{
	u32 index = txq->clean;

	/* of what is not posted, slots tell of a unit that was there before */
	if (end - index > smp_load_acquire(&txq->ring.index) - index)
		return false;
	while (index != end) {
		u8 ndesc = ktlsnic_tx_buf(txq, index)->ndesc;

		if (ndesc > end - index)
			return false;
		if (unlikely(status != KTLSNIC_TX_OK) && ndesc == end - index)
			ktlsnic_tx_failed(txq, index, status);
		ktlsnic_tx_done(txq, index, budget, bytes, packets);
		index += ndesc;
		/* from here on the slots are xmit's, see ktlsnic_tx_room() */
		smp_store_release(&txq->clean, index);
	}
	return true;
}

static void ktlsnic_tx_wake(struct ktlsnic_txq *txq)
{
	/* see ktlsnic_tx_maybe_stop() */
	smp_mb();
	if (likely(!netif_tx_queue_stopped(txq->nq)) ||
	    !test_bit(KTLSNIC_QUEUES_UP, &txq->q->nic->state) ||
	    ktlsnic_tx_room(txq) < min(2 * txq->q->nic->tx_worst,
				       ktlsnic_ring_size(&txq->ring)))
		return;
	netif_tx_wake_queue(txq->nq);
	ktlsnic_cpl_count(txq, KTLSNIC_CPL_STAT_WOKEN, 1);
}

/**
 * ktlsnic_tx_poll() - take in transmit completions
 * @txq: the queue
 * @budget: NAPI's, 0 from netpoll
 *
 * Return: true if the completion ring is empty.
 */
bool ktlsnic_tx_poll(struct ktlsnic_txq *txq, int budget)
{
	u32 limit = ktlsnic_ring_size(&txq->cq) / 2;
	struct ktlsnic_nic *nic = txq->q->nic;
	unsigned int bytes = 0, packets = 0;
	const struct ktlsnic_tx_cpl *cpl;
	u64 tls_payload = 0;
	u32 first = txq->cq.index;
	bool done = false;

	if (txq->broken)
		return true;
	for (; limit; limit--) {
		cpl = ktlsnic_ring_peek(&txq->cq);
		if (!cpl) {
			done = true;
			break;
		}
		/* Netpoll may come in a hard interrupt, where the TLS half must
		 * not be told of an error: it may be just posting.
		 */
		if (unlikely(!budget) &&
		    le16_to_cpu(cpl->status) != KTLSNIC_TX_OK)
			break;
		if (!ktlsnic_tx_complete(txq, le32_to_cpu(cpl->index),
					 le16_to_cpu(cpl->status), budget,
					 &bytes, &packets)) {
			netdev_err(nic->netdev,
				   "queue %u: impossible TX completion\n",
				   txq->q->index);
			txq->broken = true;
			done = true;
			ktlsnic_reset_schedule(nic);
			break;
		}
		tls_payload += le32_to_cpu(cpl->tls_payload);
		txq->cq.index++;
	}
	if (txq->cq.index != first)
		ktlsnic_ring_doorbell(&txq->cq);
	if (tls_payload && nic->tls_ops)
		nic->tls_ops->tx_encrypted(nic->tls, txq->q->index, tls_payload);
	netdev_tx_completed_queue(txq->nq, packets, bytes);
	ktlsnic_tx_wake(txq);
	return done;
}

/**
 * ktlsnic_tx_drain() - drop what the device has not sent
 * @txq: a queue whose ring is disabled
 */
void ktlsnic_tx_drain(struct ktlsnic_txq *txq)
{
	unsigned int bytes = 0, packets = 0;

	while (txq->clean != txq->ring.index) {
		u32 index = txq->clean;

		txq->clean += ktlsnic_tx_buf(txq, index)->ndesc;
		ktlsnic_tx_done(txq, index, 0, &bytes, &packets);
	}
	netdev_tx_reset_queue(txq->nq);
}
