// SPDX-License-Identifier: GPL-2.0-only
/* The TLS half's hardware access: commands, and units in the TX ring. */

#include <linux/bitops.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_tls_hw.h"
#include "ktlsnic_txrx.h"

/**
 * ktlsnic_tls_hw_tx_contexts() - size of the device's table of TX contexts
 * @nic: the device
 *
 * Return: that number; 0 without TX offload.
 */
u32 ktlsnic_tls_hw_tx_contexts(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_TX_CONTEXTS);
}

/**
 * ktlsnic_tls_hw_tx_supports() - can the device encrypt this?
 * @nic: the device
 * @version: enum ktlsnic_tls_version
 * @cipher: enum ktlsnic_tls_cipher
 *
 * Return: true if it says so.
 */
bool ktlsnic_tls_hw_tx_supports(struct ktlsnic_nic *nic, u8 version, u8 cipher)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_TX_CIPHERS(version)) &
	       BIT(cipher);
}

/**
 * ktlsnic_tls_hw_tx_can_replay() - can a context be moved into a record?
 * @nic: the device
 *
 * Return: true if marks with &ktlsnic_tls_mark.sync can be posted.
 */
bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_RESYNC) &
	       KTLSNIC_TLS_RESYNC_TX_RING;
}

/**
 * ktlsnic_tls_hw_tx_live() - TX contexts in the device
 * @nic: the device
 *
 * Return: how many there are.
 */
u32 ktlsnic_tls_hw_tx_live(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_TX_LIVE);
}

/**
 * ktlsnic_tls_hw_tx_add() - create a context
 * @nic: the device
 * @ctx: its place in the table
 * @keys: what it is made of
 * @tcp_seq: TCP sequence at which record &ktlsnic_tls_keys.rec_num begins
 *
 * Return: 0 or a negative errno; after -ETIMEDOUT the device may have it.
 */
int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic, u32 ctx,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_ADD) };
	struct ktlsnic_cmd_tls_add *add = &cmd.body.tls_add;
	int err;

	BUILD_BUG_ON(sizeof(add->key) != sizeof(keys->key));
	BUILD_BUG_ON(sizeof(add->iv) != sizeof(keys->iv));
	add->tls_ctx = cpu_to_le32(ctx);
	add->version = keys->version;
	add->cipher = keys->cipher;
	add->tcp_seq = cpu_to_le32(tcp_seq);
	add->rec_num = cpu_to_le64(keys->rec_num);
	memcpy(add->iv, keys->iv, sizeof(add->iv));
	memcpy(add->key, keys->key, sizeof(add->key));
	err = ktlsnic_cmd_exec(nic, &cmd);
	memzero_explicit(&cmd, sizeof(cmd));
	return err;
}

/**
 * ktlsnic_tls_hw_tx_del() - delete a context
 * @nic: the device
 * @ctx: its place in the table
 *
 * Return: 0, -ENETDOWN if a reset is about to delete all of them, or another
 * negative errno; then the device may still have it.
 */
int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u32 ctx)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_DEL) };

	cmd.body.tls_ctx.tls_ctx = cpu_to_le32(ctx);
	return ktlsnic_cmd_exec(nic, &cmd);
}

/**
 * ktlsnic_tls_hw_tx_resync() - move a context to the start of a record
 * @nic: the device
 * @ctx: its place in the table; nothing that was posted for it is undone
 * @tcp_seq: TCP sequence of the record's first byte
 * @rec_num: its number
 *
 * Return: 0 or a negative errno; after -ETIMEDOUT the place is unknown.
 */
int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u32 ctx, u32 tcp_seq,
			     u64 rec_num)
{
	struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_RESYNC),
		.body.tls_resync = {
			.tls_ctx = cpu_to_le32(ctx),
			.tcp_seq = cpu_to_le32(tcp_seq),
			.rec_num = cpu_to_le64(rec_num),
		},
	};

	return ktlsnic_cmd_exec(nic, &cmd);
}

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
