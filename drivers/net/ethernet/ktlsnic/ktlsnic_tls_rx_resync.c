// SPDX-License-Identifier: GPL-2.0-only
/*
 * A context that lost its place in the stream finds record headers by itself,
 * but not their numbers, which only the core of kTLS knows. There are three ways
 * to learn them (Documentation/networking/tls-offload.rst):
 *
 * The core says at its own will where the next record begins; nothing to do.
 *
 * The device names a header that is still to come (DRIVER_REQ). The core
 * compares each header that it meets.
 *
 * The device names a header in the very packet that asks (DRIVER_REQ_ASYNC), and
 * the core may already be past it when the question arrives. So it is told first
 * to write down what headers it meets in that packet, and then, when the device
 * has confirmed that it still follows the stream, which of them is meant.
 *
 * Nothing that the device says is believed: the packet must be one of the
 * connection's, and the header must lie where the mode wants it.
 */

#include <linux/if_vlan.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/rhashtable.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/tcp.h>

#include "ktlsnic_tls_rx.h"

/*
 * While a request has not ended the core counts headers, up to 65535 and then it
 * complains: the time is much shorter than software takes to decrypt so many
 * records, and much longer than the device takes to answer.
 */
#define KTLSNIC_TLS_RX_TIMEOUT		(HZ / 5)

/* A header that is to come stands at most so far after the packet. */
#define KTLSNIC_TLS_RX_RECORD_MAX	(TLS_HEADER_SIZE + 65535)

/**
 * struct ktlsnic_tls_segment - a packet's place in its stream
 * @flow: the connection
 * @seq: sequence of its first byte
 * @len: bytes of TCP payload
 */
struct ktlsnic_tls_segment {
	struct ktlsnic_tls_flow flow;
	u32 seq;
	u32 len;
};

static bool ktlsnic_tls_segment_tcp(struct ktlsnic_tls_segment *segment,
				    const struct sk_buff *skb, int offset,
				    int end)
{
	const struct tcphdr *th;
	struct tcphdr buf;
	int payload;

	th = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!th)
		return false;
	payload = offset + th->doff * 4;
	if (th->doff < sizeof(*th) / 4 || payload > end || end > skb->len)
		return false;
	segment->flow.remote_port = th->source;
	segment->flow.local_port = th->dest;
	segment->seq = ntohl(th->seq);
	segment->len = end - payload;
	return true;
}

static bool ktlsnic_tls_segment_v4(struct ktlsnic_tls_segment *segment,
				   const struct sk_buff *skb)
{
	const struct iphdr *iph;
	struct iphdr buf;

	iph = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!iph || iph->version != 4 || iph->ihl < sizeof(*iph) / 4 ||
	    iph->protocol != IPPROTO_TCP || ip_is_fragment(iph))
		return false;
	segment->flow.version = 4;
	segment->flow.remote.s6_addr32[0] = iph->saddr;
	segment->flow.local.s6_addr32[0] = iph->daddr;
	return ktlsnic_tls_segment_tcp(segment, skb, iph->ihl * 4,
				       ntohs(iph->tot_len));
}

static bool ktlsnic_tls_segment_v6(struct ktlsnic_tls_segment *segment,
				   const struct sk_buff *skb)
{
	const struct ipv6hdr *iph;
	struct ipv6hdr buf;
	__be16 frag;
	int offset;
	u8 next;

	iph = skb_header_pointer(skb, 0, sizeof(buf), &buf);
	if (!iph || iph->version != 6)
		return false;
	next = iph->nexthdr;
	offset = ipv6_skip_exthdr(skb, sizeof(*iph), &next, &frag);
	if (offset < 0 || next != IPPROTO_TCP || frag)
		return false;
	segment->flow.version = 6;
	segment->flow.remote = iph->saddr;
	segment->flow.local = iph->daddr;
	return ktlsnic_tls_segment_tcp(segment, skb, offset,
				       sizeof(*iph) + ntohs(iph->payload_len));
}

static bool ktlsnic_tls_segment_parse(struct ktlsnic_tls_segment *segment,
				      const struct sk_buff *skb)
{
	memset(segment, 0, sizeof(*segment));
	switch (skb->protocol) {
	case htons(ETH_P_IP):
		return ktlsnic_tls_segment_v4(segment, skb);
	case htons(ETH_P_IPV6):
		return ktlsnic_tls_segment_v6(segment, skb);
	default:
		return false;
	}
}

static bool ktlsnic_tls_flow_equal(const struct ktlsnic_tls_flow *a,
				   const struct ktlsnic_tls_flow *b)
{
	return a->version == b->version && a->remote_port == b->remote_port &&
	       a->local_port == b->local_port &&
	       ipv6_addr_equal(&a->remote, &b->remote) &&
	       ipv6_addr_equal(&a->local, &b->local);
}

static void ktlsnic_tls_rx_free(struct rcu_head *rcu)
{
	kfree(container_of(rcu, struct ktlsnic_tls_rx, rcu));
}

static void ktlsnic_tls_rx_free_after_tasks(struct rcu_head *rcu)
{
	call_rcu_tasks(rcu, ktlsnic_tls_rx_free);
}

/**
 * ktlsnic_tls_rx_put() - drop a reference
 * @rx: the connection
 *
 * NAPI may be looking at the connection. If the interface has gone down, so may
 * the core's record parser, at &ktlsnic_tls_rx.async: it notices at its next
 * record, and it can be a task that was preempted. Otherwise it was the socket's
 * owner who had the connection deleted, and nobody parses.
 */
void ktlsnic_tls_rx_put(struct ktlsnic_tls_rx *rx)
{
	if (refcount_dec_and_test(&rx->refs))
		call_rcu(&rx->rcu, rx->parsed ? ktlsnic_tls_rx_free_after_tasks :
						ktlsnic_tls_rx_free);
}

/* An asynchronous request is over. */
static void ktlsnic_tls_rx_request_end(struct ktlsnic_tls_rx *rx, bool answered)
{
	lockdep_assert_held(&rx->lock);
	if (!rx->asked)
		return;
	rx->asked = false;
	if (answered)
		ktlsnic_resync_async_end(rx->sk, &rx->async, rx->name);
	else
		ktlsnic_resync_async_cancel(&rx->async);
	ktlsnic_tls_rx_count(rx->half, answered ?
			     KTLSNIC_TLS_RX_RESYNC_REQ_END :
			     KTLSNIC_TLS_RX_RESYNC_REQ_SKIP);
}

/*
 * The device has answered, or never will. Only the last of several answers counts:
 * the others were given before it was asked. The device may have asked about a
 * later header in the meantime; any of them will do, and the core knows of ours,
 * if the device has named it.
 */
static void ktlsnic_tls_rx_query_done(void *arg, int err, u32 value)
{
	struct ktlsnic_tls_rx *rx = arg;

	spin_lock(&rx->lock);
	if (!rx->named)
		rx->name = value;
	if (!--rx->queries)
		ktlsnic_tls_rx_request_end(rx, !err && !before(value, rx->name));
	spin_unlock(&rx->lock);
	ktlsnic_tls_rx_put(rx);
}

static void ktlsnic_tls_rx_request_timeout(struct timer_list *timer)
{
	struct ktlsnic_tls_rx *rx = container_of(timer, struct ktlsnic_tls_rx,
						 timeout);

	spin_lock(&rx->lock);
	/* unless it belongs to another request by now */
	if (!timer_pending(timer))
		ktlsnic_tls_rx_request_end(rx, false);
	spin_unlock(&rx->lock);
}

static void ktlsnic_tls_rx_request_start(struct ktlsnic_tls_rx *rx,
					 const struct ktlsnic_tls_segment *segment,
					 const struct ktlsnic_tls_rx_mark *mark)
{
	lockdep_assert_held(&rx->lock);
	ktlsnic_tls_rx_request_end(rx, false);
	rx->asked = true;
	rx->named = mark->named;
	rx->name = mark->seq;
	ktlsnic_resync_async_start(rx->sk, &rx->async, segment->seq,
				   segment->len);
	ktlsnic_tls_rx_count(rx->half, KTLSNIC_TLS_RX_RESYNC_REQ_START);
	mod_timer(&rx->timeout, jiffies + KTLSNIC_TLS_RX_TIMEOUT);
}

/*
 * Until a request has ended the core writes headers down. Another one can take
 * its place only while the core does not: while nobody has the socket. (The
 * socket's lock is taken before ours elsewhere.)
 */
static bool
ktlsnic_tls_rx_request_replace(struct ktlsnic_tls_rx *rx,
			       const struct ktlsnic_tls_segment *segment,
			       const struct ktlsnic_tls_rx_mark *mark)
{
	struct sock *sk = rx->sk;
	bool quiet;

	if (!spin_trylock(&sk->sk_lock.slock))
		return false;
	quiet = !sock_owned_by_user_nocheck(sk);
	if (quiet)
		ktlsnic_tls_rx_request_start(rx, segment, mark);
	spin_unlock(&sk->sk_lock.slock);
	return quiet;
}

static bool ktlsnic_tls_rx_request_begin(struct ktlsnic_tls_rx *rx,
					 const struct ktlsnic_tls_segment *segment,
					 const struct ktlsnic_tls_rx_mark *mark)
{
	bool begun = false;

	spin_lock(&rx->lock);
	if (!rx->gone && tls_is_sk_rx_device_offloaded(rx->sk)) {
		begun = true;
		if (rx->asked)
			begun = ktlsnic_tls_rx_request_replace(rx, segment,
							       mark);
		else
			ktlsnic_tls_rx_request_start(rx, segment, mark);
	}
	if (begun) {
		rx->queries++;
		refcount_inc(&rx->refs);
	}
	spin_unlock(&rx->lock);
	return begun;
}

static bool ktlsnic_tls_rx_request_async(struct ktlsnic_tls_rx *rx,
					 const struct ktlsnic_tls_segment *segment,
					 const struct ktlsnic_tls_rx_mark *mark)
{
	int err;

	if (mark->named && mark->seq - segment->seq > segment->len)
		return false;
	if (!ktlsnic_tls_rx_request_begin(rx, segment, mark))
		return true;
	err = ktlsnic_tls_hw_rx_query(rx->half->tls->nic,
				      ktlsnic_tls_rx_handle(rx),
				      ktlsnic_tls_rx_query_done, rx);
	if (err)
		ktlsnic_tls_rx_query_done(rx, err, 0);
	return true;
}

static bool ktlsnic_tls_rx_request_scan(struct ktlsnic_tls_rx *rx,
					const struct ktlsnic_tls_segment *segment,
					const struct ktlsnic_tls_rx_mark *mark)
{
	/* the last byte of a header: how the core names a record here */
	u32 last = mark->seq + TLS_HEADER_SIZE - 1;

	if (!mark->named ||
	    last - (segment->seq + segment->len) > KTLSNIC_TLS_RX_RECORD_MAX)
		return false;
	spin_lock(&rx->lock);
	if (!rx->gone && tls_is_sk_rx_device_offloaded(rx->sk)) {
		tls_offload_rx_resync_request(rx->sk, htonl(last));
		ktlsnic_tls_rx_count(rx->half, KTLSNIC_TLS_RX_RESYNC_REQ_SCAN);
	}
	spin_unlock(&rx->lock);
	return true;
}

static const struct rhashtable_params ktlsnic_tls_rx_flow_params = {
	.key_len = sizeof(struct ktlsnic_tls_flow),
	.key_offset = offsetof(struct ktlsnic_tls_rx, flow),
	.head_offset = offsetof(struct ktlsnic_tls_rx, node),
	.automatic_shrinking = true,
};

/**
 * ktlsnic_tls_rx_flows_init() - no connections yet
 * @half: the receiving side
 *
 * Return: 0 or a negative errno.
 */
int ktlsnic_tls_rx_flows_init(struct ktlsnic_tls_rx_half *half)
{
	return rhashtable_init(&half->flows, &ktlsnic_tls_rx_flow_params);
}

/**
 * ktlsnic_tls_rx_flow_insert() - from now on packets find a connection
 * @rx: the connection, with its addresses
 *
 * Return: 0, -EEXIST if another connection has the same, or another negative errno.
 */
int ktlsnic_tls_rx_flow_insert(struct ktlsnic_tls_rx *rx)
{
	return rhashtable_insert_fast(&rx->half->flows, &rx->node,
				      ktlsnic_tls_rx_flow_params);
}

/**
 * ktlsnic_tls_rx_flow_remove() - undo ktlsnic_tls_rx_flow_insert()
 * @rx: the connection, to be freed after an RCU grace period
 */
void ktlsnic_tls_rx_flow_remove(struct ktlsnic_tls_rx *rx)
{
	rhashtable_remove_fast(&rx->half->flows, &rx->node,
			       ktlsnic_tls_rx_flow_params);
}

/* Whose packet is that? Unless the device has said so, its addresses do. */
static struct ktlsnic_tls_rx *
ktlsnic_tls_rx_find(struct ktlsnic_tls_rx_half *half,
		    const struct ktlsnic_tls_segment *segment,
		    const struct ktlsnic_tls_rx_mark *mark)
{
	return mark->owner ? mark->owner :
	       rhashtable_lookup(&half->flows, &segment->flow,
				 ktlsnic_tls_rx_flow_params);
}

/**
 * ktlsnic_tls_rx_request() - the device asks for the number of a record
 * @half: the receiving side of the device
 * @skb: the packet with which it asks, not yet given to the stack
 * @mark: what the device says of it
 *
 * Called in NAPI, under RCU.
 *
 * Return: false if the question makes no sense.
 */
bool ktlsnic_tls_rx_request(struct ktlsnic_tls_rx_half *half,
			    const struct sk_buff *skb,
			    const struct ktlsnic_tls_rx_mark *mark)
{
	struct ktlsnic_tls_segment segment;
	struct ktlsnic_tls_rx *rx;

	if (!ktlsnic_tls_segment_parse(&segment, skb))
		return false;
	rx = ktlsnic_tls_rx_find(half, &segment, mark);
	/* its context may have been deleted in the meantime */
	if (!rx)
		return true;
	if (!ktlsnic_tls_flow_equal(&segment.flow, &rx->flow))
		return false;
	switch (half->type) {
	case TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC:
		return ktlsnic_tls_rx_request_async(rx, &segment, mark);
	case TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ:
		return ktlsnic_tls_rx_request_scan(rx, &segment, mark);
	default:
		return false;
	}
}

/**
 * ktlsnic_tls_rx_request_init() - be ready for requests
 * @rx: a new connection
 */
void ktlsnic_tls_rx_request_init(struct ktlsnic_tls_rx *rx)
{
	timer_setup(&rx->timeout, ktlsnic_tls_rx_request_timeout, 0);
}

/**
 * ktlsnic_tls_rx_request_stop() - no more requests: the socket goes
 * @rx: the connection
 *
 * Afterwards nobody touches the socket. A query may still be under way; its
 * answer finds no request.
 */
void ktlsnic_tls_rx_request_stop(struct ktlsnic_tls_rx *rx)
{
	spin_lock_bh(&rx->lock);
	rx->gone = true;
	ktlsnic_tls_rx_request_end(rx, false);
	spin_unlock_bh(&rx->lock);
	timer_delete_sync(&rx->timeout);
}
