// SPDX-License-Identifier: GPL-2.0-only
/* The TLS half's hardware access: capabilities, and commands about contexts. */

#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_tls_hw.h"

/* What both directions' contexts are made of. */
static void ktlsnic_tls_hw_fill(struct ktlsnic_cmd_tls_add *add, u32 ctx,
				const struct ktlsnic_tls_keys *keys,
				u32 tcp_seq)
{
	BUILD_BUG_ON(sizeof(add->key) != sizeof(keys->key));
	BUILD_BUG_ON(sizeof(add->iv) != sizeof(keys->iv));
	add->tls_ctx = cpu_to_le32(ctx);
	add->version = keys->version;
	add->cipher = keys->cipher;
	add->tcp_seq = cpu_to_le32(tcp_seq);
	add->rec_num = cpu_to_le64(keys->rec_num);
	memcpy(add->iv, keys->iv, sizeof(add->iv));
	memcpy(add->key, keys->key, sizeof(add->key));
}

static int ktlsnic_tls_hw_exec_wipe(struct ktlsnic_nic *nic,
				    struct ktlsnic_cmd *cmd)
{
	int err = ktlsnic_cmd_exec(nic, cmd);

	memzero_explicit(cmd, sizeof(*cmd));
	return err;
}

static int ktlsnic_tls_hw_del(struct ktlsnic_nic *nic, enum ktlsnic_cmd_op op,
			      u32 ctx)
{
	struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(op),
		.body.tls_ctx.tls_ctx = cpu_to_le32(ctx),
	};

	return ktlsnic_cmd_exec(nic, &cmd);
}

static struct ktlsnic_cmd ktlsnic_tls_hw_resync(enum ktlsnic_cmd_op op, u32 ctx,
						u32 tcp_seq, u64 rec_num)
{
	return (struct ktlsnic_cmd) {
		.op = cpu_to_le16(op),
		.body.tls_resync = {
			.tls_ctx = cpu_to_le32(ctx),
			.tcp_seq = cpu_to_le32(tcp_seq),
			.rec_num = cpu_to_le64(rec_num),
		},
	};
}

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

	ktlsnic_tls_hw_fill(&cmd.body.tls_add, ctx, keys, tcp_seq);
	return ktlsnic_tls_hw_exec_wipe(nic, &cmd);
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
	return ktlsnic_tls_hw_del(nic, KTLSNIC_CMD_TLS_TX_DEL, ctx);
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
	struct ktlsnic_cmd cmd =
		ktlsnic_tls_hw_resync(KTLSNIC_CMD_TLS_TX_RESYNC, ctx, tcp_seq,
				      rec_num);

	return ktlsnic_cmd_exec(nic, &cmd);
}

/**
 * ktlsnic_tls_hw_rx_contexts() - size of the device's table of RX contexts
 * @nic: the device
 *
 * Return: that number; 0 without RX offload.
 */
u32 ktlsnic_tls_hw_rx_contexts(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_RX_CONTEXTS);
}

/**
 * ktlsnic_tls_hw_rx_supports() - can the device decrypt this?
 * @nic: the device
 * @version: enum ktlsnic_tls_version
 * @cipher: enum ktlsnic_tls_cipher
 *
 * Return: true if it says so.
 */
bool ktlsnic_tls_hw_rx_supports(struct ktlsnic_nic *nic, u8 version, u8 cipher)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_RX_CIPHERS(version)) &
	       BIT(cipher);
}

/**
 * ktlsnic_tls_hw_rx_sync_type() - how contexts get their place back
 * @nic: the device
 *
 * Return: what to tell the core of kTLS.
 */
enum tls_offload_sync_type ktlsnic_tls_hw_rx_sync_type(struct ktlsnic_nic *nic)
{
	u32 caps = ktlsnic_read(nic, KTLSNIC_REG_TLS_RESYNC);

	switch (FIELD_GET(KTLSNIC_TLS_RESYNC_RX, caps)) {
	case KTLSNIC_TLS_RX_SCAN:
		return TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ;
	case KTLSNIC_TLS_RX_ASYNC:
		return TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC;
	default:
		return TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT;
	}
}

/**
 * ktlsnic_tls_hw_rx_live() - RX contexts in the device
 * @nic: the device
 *
 * Return: how many there are.
 */
u32 ktlsnic_tls_hw_rx_live(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_RX_LIVE);
}

static void ktlsnic_tls_hw_tuple(struct ktlsnic_tls_tuple *tuple,
				 const struct ktlsnic_tls_flow *flow)
{
	BUILD_BUG_ON(sizeof(tuple->remote_addr) != sizeof(flow->remote));
	BUILD_BUG_ON(sizeof(tuple->remote_port) != sizeof(flow->remote_port));
	tuple->ip_version = flow->version;
	memcpy(tuple->remote_port, &flow->remote_port,
	       sizeof(tuple->remote_port));
	memcpy(tuple->local_port, &flow->local_port, sizeof(tuple->local_port));
	memcpy(tuple->remote_addr, &flow->remote, sizeof(tuple->remote_addr));
	memcpy(tuple->local_addr, &flow->local, sizeof(tuple->local_addr));
}

/**
 * ktlsnic_tls_hw_rx_add() - create a context
 * @nic: the device
 * @ctx: its place in the table
 * @keys: what it is made of
 * @tcp_seq: TCP sequence at which record &ktlsnic_tls_keys.rec_num begins
 * @flow: which packets are its
 *
 * Return: 0 or a negative errno; after -ETIMEDOUT the device may have it.
 */
int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic, u32 ctx,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_ADD) };

	ktlsnic_tls_hw_fill(&cmd.body.tls_rx_add.add, ctx, keys, tcp_seq);
	ktlsnic_tls_hw_tuple(&cmd.body.tls_rx_add.tuple, flow);
	return ktlsnic_tls_hw_exec_wipe(nic, &cmd);
}

/**
 * ktlsnic_tls_hw_rx_del() - delete a context
 * @nic: the device
 * @ctx: its place in the table
 *
 * Return: 0, -ENETDOWN if a reset is about to delete all of them, or another
 * negative errno; then the device may still have it.
 */
int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u32 ctx)
{
	return ktlsnic_tls_hw_del(nic, KTLSNIC_CMD_TLS_RX_DEL, ctx);
}

/**
 * ktlsnic_tls_hw_rx_resync() - tell a context where it is
 * @nic: the device
 * @ctx: the context
 * @tcp_seq: TCP sequence of a record's first byte
 * @rec_num: the number of that record
 * @done: gets 0 if that put the context right, -ESTALE if it was of no use
 * @arg: for @done
 *
 * Any context but hard interrupts.
 *
 * Return: 0, or a negative errno; then @done is not called.
 */
int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u32 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done, void *arg)
{
	struct ktlsnic_cmd cmd =
		ktlsnic_tls_hw_resync(KTLSNIC_CMD_TLS_RX_RESYNC, ctx, tcp_seq,
				      rec_num);

	return ktlsnic_cmd_post(nic, &cmd, done, arg);
}

/**
 * ktlsnic_tls_hw_rx_query() - which record does a context ask about?
 * @nic: the device
 * @ctx: the context
 * @done: gets the TCP sequence of the record's header, or -ESTALE if the context
 *	  asks about none (any more)
 * @arg: for @done
 *
 * Any context but hard interrupts.
 *
 * Return: 0, or a negative errno; then @done is not called.
 */
int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u32 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg)
{
	struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_QUERY),
	};

	cmd.body.tls_ctx.tls_ctx = cpu_to_le32(ctx);
	return ktlsnic_cmd_post(nic, &cmd, done, arg);
}
