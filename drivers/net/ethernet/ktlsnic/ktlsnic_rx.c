// SPDX-License-Identifier: GPL-2.0-only
/* Receive (SPEC 10). */

#include <linux/dma-mapping.h>
#include <linux/if_vlan.h>
#include <linux/prefetch.h>

#include "ktlsnic.h"
#include "ktlsnic_dev.h"
#include "ktlsnic_txrx.h"

#ifdef HAVE_PAGE_POOL_DIR
#include <net/page_pool/helpers.h>
#else
#include <net/page_pool.h>
#endif

/* Older page pools want to be told that pages are split. */
#ifdef HAVE_PP_FLAG_PAGE_FRAG
#define KTLSNIC_PP_FLAG_FRAG		PP_FLAG_PAGE_FRAG
#else
#define KTLSNIC_PP_FLAG_FRAG		0
#endif

/* Doorbells are not free: refill in batches. */
#define KTLSNIC_RX_FILL_BATCH		16

/* With fewer buffers than a jumbo frame takes the wire stands still, and no
 * interrupt would come to try again.
 */
#define KTLSNIC_RX_STARVED		8

static u32 ktlsnic_rx_posted(const struct ktlsnic_rxq *rxq)
{
	return rxq->ring.index - rxq->clean;
}

static struct ktlsnic_rx_buf *ktlsnic_rx_buf(const struct ktlsnic_rxq *rxq,
					     u32 index)
{
	return &rxq->bufs[ktlsnic_ring_slot(&rxq->ring, index)];
}

/**
 * ktlsnic_rx_pool_create() - make a pair's page pool
 * @q: the pair
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_rx_pool_create(struct ktlsnic_queue *q)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV |
			 KTLSNIC_PP_FLAG_FRAG,
		.pool_size = BIT(q->nic->rx_log2),
		.nid = dev_to_node(&q->nic->pdev->dev),
		.dev = &q->nic->pdev->dev,
		.dma_dir = DMA_FROM_DEVICE,
		.max_len = PAGE_SIZE,
	};
	struct page_pool *pool;

	pool = page_pool_create(&params);
	if (IS_ERR(pool))
		return PTR_ERR(pool);
	q->rx.pool = pool;
	return 0;
}

/**
 * ktlsnic_rx_fill() - give the device as many empty buffers as it can hold
 * @q: the pair, in its NAPI, or before that is enabled
 *
 * Memory that may be slept for would do before NAPI is enabled, but page_pool_dma_map()
 * asks for such with bottom halves disabled. A queue without buffers polls for them.
 */
void ktlsnic_rx_fill(struct ktlsnic_queue *q)
{
	struct ktlsnic_rxq *rxq = &q->rx;
	u32 first = rxq->ring.index;

	while (ktlsnic_rx_posted(rxq) < ktlsnic_ring_size(&rxq->ring)) {
		struct ktlsnic_rx_buf *buf = ktlsnic_rx_buf(rxq, rxq->ring.index);
		struct ktlsnic_rx_desc *desc;

		buf->page = page_pool_dev_alloc_frag(rxq->pool, &buf->offset,
						     KTLSNIC_RX_BUF_SIZE);
		if (!buf->page) {
			ktlsnic_rx_count(rxq, KTLSNIC_RX_STAT_ALLOC_FAILED, 1);
			break;
		}
		desc = ktlsnic_ring_entry(&rxq->ring, rxq->ring.index);
		desc->addr = cpu_to_le64(page_pool_get_dma_addr(buf->page) +
					 buf->offset);
		desc->len = cpu_to_le32(KTLSNIC_RX_BUF_SIZE);
		desc->reserved = 0;
		rxq->ring.index++;
	}
	if (rxq->ring.index != first)
		ktlsnic_ring_doorbell(&rxq->ring);
}

/**
 * ktlsnic_rx_drain() - take all buffers back and drop the pool
 * @q: a pair whose rings are disabled
 */
void ktlsnic_rx_drain(struct ktlsnic_queue *q)
{
	struct ktlsnic_rxq *rxq = &q->rx;

	for (; rxq->clean != rxq->ring.index; rxq->clean++)
		page_pool_put_full_page(rxq->pool,
					ktlsnic_rx_buf(rxq, rxq->clean)->page,
					false);
	dev_kfree_skb_any(rxq->skb);
	rxq->skb = NULL;
	page_pool_destroy(rxq->pool);
	rxq->pool = NULL;
}

/* A frame begins: small ones are copied, of others the headers. */
static struct sk_buff *ktlsnic_rx_first(struct ktlsnic_queue *q,
					struct ktlsnic_rx_buf *buf,
					unsigned int len)
{
	struct ktlsnic_rxq *rxq = &q->rx;
	unsigned int head = len;
	struct sk_buff *skb;
	void *data;

	skb = napi_alloc_skb(&q->napi, KTLSNIC_RX_COPY);
	if (!skb) {
		ktlsnic_rx_count(rxq, KTLSNIC_RX_STAT_ALLOC_FAILED, 1);
		return NULL;
	}
	skb_mark_for_recycle(skb);
	data = page_address(buf->page) + buf->offset;
	net_prefetch(data);
	if (len > KTLSNIC_RX_COPY)
		head = eth_get_headlen(q->nic->netdev, data, KTLSNIC_RX_COPY);
	memcpy(__skb_put(skb, head), data, ALIGN(head, sizeof(long)));
	if (head == len)
		page_pool_put_full_page(rxq->pool, buf->page, true);
	else
		skb_add_rx_frag(skb, 0, buf->page, buf->offset + head,
				len - head, KTLSNIC_RX_BUF_SIZE);
	return skb;
}

/* Takes buffer @buf into the frame that is being put together. */
static bool ktlsnic_rx_add(struct ktlsnic_queue *q, struct ktlsnic_rx_buf *buf,
			   unsigned int len, u16 flags)
{
	struct ktlsnic_rxq *rxq = &q->rx;
	unsigned int nr_frags;

	if (!(flags & KTLSNIC_RXF_FIRST) != !!rxq->skb ||
	    !len || len > KTLSNIC_RX_BUF_SIZE)
		return false;
	if (flags & KTLSNIC_RXF_FIRST) {
		if (len < ETH_HLEN)
			return false;
		rxq->skb = ktlsnic_rx_first(q, buf, len);
		return rxq->skb;
	}
	nr_frags = skb_shinfo(rxq->skb)->nr_frags;
	if (nr_frags >= MAX_SKB_FRAGS)
		return false;
	skb_add_rx_frag(rxq->skb, nr_frags, buf->page, buf->offset, len,
			KTLSNIC_RX_BUF_SIZE);
	return true;
}

static void ktlsnic_rx_hash(struct sk_buff *skb,
			    const struct ktlsnic_rx_cpl *cpl)
{
	u16 type = le16_to_cpu(cpl->rss_type);

	if (!type)
		return;
	skb_set_hash(skb, le32_to_cpu(cpl->rss_hash),
		     type & (KTLSNIC_RSS_IPV4 | KTLSNIC_RSS_IPV6) ?
		     PKT_HASH_TYPE_L3 : PKT_HASH_TYPE_L4);
}

/* Returns false if the frame must not reach the stack. */
static bool ktlsnic_rx_tls(struct ktlsnic_queue *q, struct sk_buff *skb,
			   const struct ktlsnic_rx_cpl *cpl, u16 flags)
{
	struct ktlsnic_tls_rx_mark mark = {
		.payload = le32_to_cpu(cpl->tls_payload),
		.seq = le32_to_cpu(cpl->tls_seq),
		.decrypted = flags & KTLSNIC_RXF_TLS_DECRYPTED,
		.failed = flags & KTLSNIC_RXF_TLS_FAILED,
		.resync = flags & KTLSNIC_RXF_TLS_RESYNC,
		.named = flags & KTLSNIC_RXF_TLS_RESYNC,
	};
	struct ktlsnic_nic *nic = q->nic;
	bool good;

	if (!nic->tls_ops)
		return !mark.decrypted;
	rcu_read_lock();
	mark.owner = ktlsnic_ctx_owner(&nic->tls_rx_ctxs,
				       le32_to_cpu(cpl->tls_ctx), &mark.stale);
	good = nic->tls_ops->rx(nic->tls, q->index, skb, &mark);
	rcu_read_unlock();
	return good;
}

/* Delivers the completed frame. */
static void ktlsnic_rx_deliver(struct ktlsnic_queue *q,
			       const struct ktlsnic_rx_cpl *cpl, u16 flags)
{
	struct net_device *netdev = q->nic->netdev;
	struct ktlsnic_rxq *rxq = &q->rx;
	struct sk_buff *skb = rxq->skb;
	bool csum_ok = flags & KTLSNIC_RXF_L4_OK;

	rxq->skb = NULL;
	u64_stats_update_begin(&rxq->syncp);
	u64_stats_inc(&rxq->stats[KTLSNIC_RX_STAT_PACKETS]);
	u64_stats_add(&rxq->stats[KTLSNIC_RX_STAT_BYTES], skb->len);
	u64_stats_inc(&rxq->stats[csum_ok ? KTLSNIC_RX_STAT_CSUM_OK :
				  KTLSNIC_RX_STAT_CSUM_NONE]);
	u64_stats_update_end(&rxq->syncp);

	if (csum_ok && (netdev->features & NETIF_F_RXCSUM))
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	if (netdev->features & NETIF_F_RXHASH)
		ktlsnic_rx_hash(skb, cpl);
	if (flags & KTLSNIC_RXF_VLAN)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q),
				       le16_to_cpu(cpl->vlan_tci));
	skb_record_rx_queue(skb, q->index);
	skb->protocol = eth_type_trans(skb, netdev);
	if ((flags & KTLSNIC_RXF_TLS) && !ktlsnic_rx_tls(q, skb, cpl, flags)) {
		ktlsnic_rx_count(rxq, KTLSNIC_RX_STAT_DROPPED, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	napi_gro_receive(&q->napi, skb);
}

/* One completion: one buffer. Returns true if a frame ended with it. */
static bool ktlsnic_rx_one(struct ktlsnic_queue *q,
			   const struct ktlsnic_rx_cpl *cpl)
{
	struct ktlsnic_rxq *rxq = &q->rx;
	struct ktlsnic_rx_buf *buf = ktlsnic_rx_buf(rxq, rxq->clean);
	unsigned int len = le16_to_cpu(cpl->len);
	u16 flags = le16_to_cpu(cpl->flags);
	bool last = flags & KTLSNIC_RXF_LAST;

	/* nobody looks at the rest; what the device says may be too long */
	dma_sync_single_range_for_cpu(&q->nic->pdev->dev,
				      page_pool_get_dma_addr(buf->page),
				      buf->offset,
				      min_t(unsigned int, len,
					    KTLSNIC_RX_BUF_SIZE),
				      DMA_FROM_DEVICE);
	if (flags & KTLSNIC_RXF_FIRST)
		rxq->skip = false;
	if (rxq->skip || !ktlsnic_rx_add(q, buf, len, flags)) {
		/* no memory, or a device that contradicts itself */
		page_pool_put_full_page(rxq->pool, buf->page, true);
		if (!rxq->skip)
			ktlsnic_rx_count(rxq, KTLSNIC_RX_STAT_DROPPED, 1);
		dev_kfree_skb_any(rxq->skb);
		rxq->skb = NULL;
		rxq->skip = true;
	} else if (last) {
		ktlsnic_rx_deliver(q, cpl, flags);
	}
	return last;
}

/**
 * ktlsnic_rx_poll() - take in received frames
 * @q: the pair
 * @budget: how many at most
 *
 * Return: frames taken in, or @budget if there is reason to come again.
 */
int ktlsnic_rx_poll(struct ktlsnic_queue *q, int budget)
{
	struct ktlsnic_rxq *rxq = &q->rx;
	u32 limit = ktlsnic_ring_size(&rxq->cq);
	const struct ktlsnic_rx_cpl *cpl;
	u32 first = rxq->cq.index;
	int frames = 0;

	if (rxq->broken)
		return 0;
	for (; frames < budget && limit; limit--) {
		cpl = ktlsnic_ring_peek(&rxq->cq);
		if (!cpl)
			break;
		if (le32_to_cpu(cpl->index) != rxq->clean ||
		    !ktlsnic_rx_posted(rxq)) {
			netdev_err(q->nic->netdev,
				   "queue %u: impossible RX completion\n",
				   q->index);
			rxq->broken = true;
			ktlsnic_reset_schedule(q->nic);
			return frames;
		}
		frames += ktlsnic_rx_one(q, cpl);
		rxq->clean++;
		rxq->cq.index++;
		if (ktlsnic_ring_size(&rxq->ring) - ktlsnic_rx_posted(rxq) >=
		    KTLSNIC_RX_FILL_BATCH)
			ktlsnic_rx_fill(q);
	}
	if (rxq->cq.index != first)
		ktlsnic_ring_doorbell(&rxq->cq);
	if (!limit || ktlsnic_rx_posted(rxq) < KTLSNIC_RX_STARVED) {
		ktlsnic_rx_fill(q);
		return budget;
	}
	return frames;
}
