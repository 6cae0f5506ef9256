// SPDX-License-Identifier: GPL-2.0-only
/* The TLS half's hardware access: units in the TX ring. */

#include "ktlsnic.h"
#include "ktlsnic_tls_hw.h"
#include "ktlsnic_txrx.h"

/**
 * ktlsnic_tls_hw_tx_post() - send a packet of a connection
 * @nic: the device
 * @queue: the TX queue that the stack chose
 * @skb: consumed on success
 * @mark: how to send it; the page references of its prefix are consumed on
 *	  success
 *
 * Return: 0, or a negative errno; then nothing has changed.
 */
int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark)
{
	return ktlsnic_tx_post(&nic->queues[queue].tx, skb, mark);
}

/**
 * ktlsnic_tls_hw_tx_send() - send a packet as it is, or drop it
 * @nic: the device
 * @queue: the TX queue that the stack chose
 * @skb: consumed
 */
void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb)
{
	ktlsnic_tx_send(&nic->queues[queue].tx, skb);
}

/**
 * ktlsnic_tls_hw_tx_index() - the place in the ring that the next post gets
 * @nic: the device
 * @queue: the TX queue
 *
 * Return: a free-running number; what is posted later gets a later one.
 */
u32 ktlsnic_tls_hw_tx_index(struct ktlsnic_nic *nic, unsigned int queue)
{
	return nic->queues[queue].tx.ring.index;
}

/**
 * ktlsnic_tls_hw_tx_done() - has the device finished what was posted?
 * @nic: the device
 * @queue: a TX queue, which need not be locked
 * @index: what ktlsnic_tls_hw_tx_index() said after the post
 *
 * Asks the device where NAPI has not come to it yet: an acknowledgment can be
 * faster than a completion.
 *
 * Return: true if everything that was posted before is done.
 */
bool ktlsnic_tls_hw_tx_done(struct ktlsnic_nic *nic, unsigned int queue,
			    u32 index)
{
	const struct ktlsnic_txq *txq = &nic->queues[queue].tx;

	if ((s32)(READ_ONCE(txq->clean) - index) >= 0)
		return true;
	return (s32)(readl(txq->ring.regs + KTLSNIC_RING_INDEX) - index) >= 0;
}
