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
 * @place: set on success, for ktlsnic_tls_hw_tx_busy()
 *
 * In xmit, with the queue locked and room made sure of.
 *
 * Return: 0, or a negative errno; then nothing has changed.
 */
int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark, u64 *place)
{
	struct ktlsnic_txq *txq = &nic->queues[queue].tx;
	int err = ktlsnic_tx_post(txq, skb, mark);

	if (!err)
		*place = (u64)queue << 32 | txq->ring.index;
	return err;
}

/**
 * ktlsnic_tls_hw_tx_send() - send a packet as it is, or drop it
 * @nic: the device
 * @queue: the TX queue that the stack chose
 * @skb: consumed
 *
 * In xmit, with the queue locked and room made sure of.
 */
void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb)
{
	ktlsnic_tx_send(&nic->queues[queue].tx, skb);
}

/**
 * ktlsnic_tls_hw_tx_busy() - may the device still be at work on what was posted?
 * @nic: the device
 * @place: what ktlsnic_tls_hw_tx_post() said of it; &ktlsnic_tls_ops.tx_put was
 *	   not called for all of it
 *
 * An acknowledgment can be faster than a completion, so the device is asked
 * where NAPI has not come to it yet. Hardware that cannot say answers yes. In
 * xmit, whatever queue is locked, and in process context.
 *
 * Return: false if everything that was posted until then is done.
 */
bool ktlsnic_tls_hw_tx_busy(struct ktlsnic_nic *nic, u64 place)
{
	const struct ktlsnic_txq *txq = &nic->queues[upper_32_bits(place)].tx;
	u32 index = lower_32_bits(place);

	if ((s32)(READ_ONCE(txq->clean) - index) >= 0)
		return false;
	return (s32)(readl(txq->ring.regs + KTLSNIC_RING_INDEX) - index) < 0;
}
