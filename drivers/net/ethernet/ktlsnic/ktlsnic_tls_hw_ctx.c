// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TLS half's hardware access: capabilities, and commands about contexts. A
 * handle is the index of a context in the device's table, and what tells it from
 * one from before a reset.
 */

#include <linux/bitfield.h>
#include <linux/bitops.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_ctx.h"
#include "ktlsnic_tls_hw.h"

static const struct {
	u16 version;
	u8 hw;
} ktlsnic_tls_hw_versions[] = {
	{ TLS_1_2_VERSION, KTLSNIC_TLS_1_2 },
	{ TLS_1_3_VERSION, KTLSNIC_TLS_1_3 },
};

static const struct {
	u16 cipher;
	u8 hw;
} ktlsnic_tls_hw_ciphers[] = {
	{ TLS_CIPHER_AES_GCM_128, KTLSNIC_CIPHER_AES_GCM_128 },
	{ TLS_CIPHER_AES_GCM_256, KTLSNIC_CIPHER_AES_GCM_256 },
	{ TLS_CIPHER_AES_CCM_128, KTLSNIC_CIPHER_AES_CCM_128 },
	{ TLS_CIPHER_CHACHA20_POLY1305, KTLSNIC_CIPHER_CHACHA20_POLY1305 },
};

/* What the device calls a version, or -1. */
static int ktlsnic_tls_hw_version(u16 version)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_tls_hw_versions); i++)
		if (ktlsnic_tls_hw_versions[i].version == version)
			return ktlsnic_tls_hw_versions[i].hw;
	return -1;
}

/* What the device calls a cipher, or -1. */
static int ktlsnic_tls_hw_cipher(u16 cipher)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ktlsnic_tls_hw_ciphers); i++)
		if (ktlsnic_tls_hw_ciphers[i].cipher == cipher)
			return ktlsnic_tls_hw_ciphers[i].hw;
	return -1;
}

static struct ktlsnic_ctx_table *
ktlsnic_tls_hw_table(struct ktlsnic_nic *nic,
		     enum tls_offload_ctx_dir direction)
{
	return direction == TLS_OFFLOAD_CTX_DIR_TX ? &nic->tls_tx_ctxs :
						     &nic->tls_rx_ctxs;
}

/**
 * ktlsnic_tls_hw_attach() - tell the hardware of the TLS half
 * @nic: the device, before its interface is registered or after it was
 *	 unregistered
 * @tls: the TLS half, or NULL: there is none any more
 * @ops: what to call when packets and completions come, or NULL
 *
 * Hardware that needs memory for its side gets it here, and gives it back when there
 * is no TLS half any more; the functions about capabilities are called before.
 *
 * Return: 0, always so without @tls, or a negative errno.
 */
int ktlsnic_tls_hw_attach(struct ktlsnic_nic *nic, struct ktlsnic_tls *tls,
			  const struct ktlsnic_tls_ops *ops)
{
	nic->tls = tls;
	nic->tls_ops = ops;
	return 0;
}

/**
 * ktlsnic_tls_hw_tls() - the TLS half of an interface
 * @netdev: one of this driver's
 *
 * Return: what ktlsnic_tls_hw_attach() was given. Any context.
 */
struct ktlsnic_tls *ktlsnic_tls_hw_tls(const struct net_device *netdev)
{
	const struct ktlsnic_nic *nic = netdev_priv(netdev);

	return nic->tls;
}

/**
 * ktlsnic_tls_hw_contexts() - how many contexts the device has room for
 * @nic: a device that is out of reset
 * @direction: of which direction
 *
 * Return: that number; 0 without offload in that direction.
 */
u32 ktlsnic_tls_hw_contexts(struct ktlsnic_nic *nic,
			    enum tls_offload_ctx_dir direction)
{
	return ktlsnic_tls_hw_table(nic, direction)->max;
}

/**
 * ktlsnic_tls_hw_supports() - can the device do this?
 * @nic: a device that is out of reset
 * @direction: encrypt or decrypt
 * @version: TLS_1_2_VERSION or TLS_1_3_VERSION
 * @cipher: TLS_CIPHER_*
 *
 * Return: true if it says so.
 */
bool ktlsnic_tls_hw_supports(struct ktlsnic_nic *nic,
			     enum tls_offload_ctx_dir direction, u16 version,
			     u16 cipher)
{
	int v = ktlsnic_tls_hw_version(version);
	int c = ktlsnic_tls_hw_cipher(cipher);

	if (v < 0 || c < 0)
		return false;
	return ktlsnic_read(nic, direction == TLS_OFFLOAD_CTX_DIR_TX ?
			    KTLSNIC_REG_TLS_TX_CIPHERS(v) :
			    KTLSNIC_REG_TLS_RX_CIPHERS(v)) & BIT(c);
}

/**
 * ktlsnic_tls_hw_tx_can_replay() - can a context be moved into a record?
 * @nic: a device that is out of reset
 *
 * Return: true if marks with &ktlsnic_tls_mark.sync can be posted. If not,
 * ktlsnic_tls_hw_tx_resync() moves contexts, to the start of a record only.
 */
bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic)
{
	return ktlsnic_read(nic, KTLSNIC_REG_TLS_RESYNC) &
	       KTLSNIC_TLS_RESYNC_TX_RING;
}

/**
 * ktlsnic_tls_hw_rx_sync_type() - how RX contexts get their place back
 * @nic: a device that is out of reset
 *
 * Return: what to tell the core of kTLS. With DRIVER_REQ the header that the
 * device names is still to come, with DRIVER_REQ_ASYNC it is in the packet that
 * asks; otherwise no packet may ask.
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
 * ktlsnic_tls_hw_used() - contexts that cannot be had by others
 * @nic: the device
 * @direction: of which direction
 *
 * Any context.
 *
 * Return: how many there are, with those that the device may not have let go.
 */
u32 ktlsnic_tls_hw_used(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return READ_ONCE(ktlsnic_tls_hw_table(nic, direction)->used);
}

/**
 * ktlsnic_tls_hw_live() - contexts in the device, as it says itself
 * @nic: the device
 * @direction: of which direction
 *
 * Return: how many there are.
 */
u32 ktlsnic_tls_hw_live(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return ktlsnic_read(nic, direction == TLS_OFFLOAD_CTX_DIR_TX ?
			    KTLSNIC_REG_TLS_TX_LIVE : KTLSNIC_REG_TLS_RX_LIVE);
}

/* What both directions' contexts are made of. */
static void ktlsnic_tls_hw_fill(struct ktlsnic_cmd_tls_add *add,
				const struct ktlsnic_tls_keys *keys,
				u32 tcp_seq)
{
	BUILD_BUG_ON(sizeof(add->key) != sizeof(keys->key));
	BUILD_BUG_ON(sizeof(add->iv) != sizeof(keys->iv));
	add->version = ktlsnic_tls_hw_version(keys->version);
	add->cipher = ktlsnic_tls_hw_cipher(keys->cipher);
	add->tcp_seq = cpu_to_le32(tcp_seq);
	add->rec_num = cpu_to_le64(keys->rec_num);
	memcpy(add->iv, keys->iv, sizeof(add->iv));
	memcpy(add->key, keys->key, sizeof(add->key));
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

static int ktlsnic_tls_hw_exec(struct ktlsnic_nic *nic, u64 ctx,
			       const struct ktlsnic_cmd *cmd)
{
	return ktlsnic_cmd_exec(nic, ktlsnic_ctx_generation(ctx), cmd, NULL);
}

/* Runs an add command, which holds a key, for a new context; @add is the part of it
 * that names the context.
 */
static int ktlsnic_tls_hw_add(struct ktlsnic_nic *nic,
			      struct ktlsnic_ctx_table *table, void *owner,
			      struct ktlsnic_cmd *cmd,
			      struct ktlsnic_cmd_tls_add *add, u64 *ctx)
{
	int err = ktlsnic_ctx_get(table, owner, ctx);

	if (!err) {
		add->tls_ctx = cpu_to_le32(ktlsnic_ctx_index(*ctx));
		err = ktlsnic_tls_hw_exec(nic, *ctx, cmd);
		if (err)
			ktlsnic_ctx_put(table, *ctx, err == -ETIMEDOUT ||
					err == -EEXIST);
	}
	memzero_explicit(cmd, sizeof(*cmd));
	return err;
}

/* Posts one for a context that takes the place of @ctx. */
static int ktlsnic_tls_hw_restore(struct ktlsnic_nic *nic,
				  struct ktlsnic_ctx_table *table, void *owner,
				  struct ktlsnic_cmd *cmd,
				  struct ktlsnic_cmd_tls_add *add, u64 *ctx,
				  ktlsnic_tls_hw_done_t done)
{
	u64 fresh;
	int err = ktlsnic_ctx_get_again(table, owner, *ctx, &fresh);

	if (!err) {
		add->tls_ctx = cpu_to_le32(ktlsnic_ctx_index(fresh));
		err = ktlsnic_cmd_post_wait(nic, ktlsnic_ctx_generation(fresh),
					    cmd, done, owner);
		if (err)
			ktlsnic_ctx_put(table, fresh, false);
		else
			*ctx = fresh;
	}
	memzero_explicit(cmd, sizeof(*cmd));
	return err;
}

static int ktlsnic_tls_hw_del(struct ktlsnic_nic *nic,
			      struct ktlsnic_ctx_table *table,
			      enum ktlsnic_cmd_op op, u64 ctx, bool busy)
{
	struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(op),
		.body.tls_ctx.tls_ctx = cpu_to_le32(ktlsnic_ctx_index(ctx)),
	};
	int err = ktlsnic_tls_hw_exec(nic, ctx, &cmd);

	ktlsnic_ctx_put(table, ctx,
			busy || (err && err != -ENETDOWN && err != -ENOENT));
	return err;
}

static struct ktlsnic_cmd ktlsnic_tls_hw_move(enum ktlsnic_cmd_op op, u64 ctx,
					      u32 tcp_seq, u64 rec_num)
{
	return (struct ktlsnic_cmd) {
		.op = cpu_to_le16(op),
		.body.tls_resync = {
			.tls_ctx = cpu_to_le32(ktlsnic_ctx_index(ctx)),
			.tcp_seq = cpu_to_le32(tcp_seq),
			.rec_num = cpu_to_le64(rec_num),
		},
	};
}

/**
 * ktlsnic_tls_hw_tx_add() - create a context
 * @nic: the device
 * @keys: what it is made of
 * @tcp_seq: TCP sequence at which record &ktlsnic_tls_keys.rec_num begins
 * @owner: whose it is
 * @ctx: its handle; set if this succeeds
 *
 * Packets may be posted as soon as this has returned, but not before. Process
 * context, with the socket locked; the interface is up.
 *
 * Return: 0, -ENOSPC if there is no room for it, or another negative errno.
 */
int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  struct ktlsnic_tls_tx *owner, u64 *ctx)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_ADD) };

	ktlsnic_tls_hw_fill(&cmd.body.tls_add, keys, tcp_seq);
	return ktlsnic_tls_hw_add(nic, &nic->tls_tx_ctxs, owner, &cmd,
				  &cmd.body.tls_add, ctx);
}

/**
 * ktlsnic_tls_hw_tx_restore() - create a context again that a reset deleted
 * @nic: a device that was reset
 * @keys: what it is made of
 * @tcp_seq: any TCP sequence: before its first packet the context is moved
 * @owner: whose it is
 * @ctx: its handle, which changes if this succeeds
 * @done: called with @owner if this succeeds, before
 *	  ktlsnic_tls_hw_restored() returns
 *
 * Many are under way at a time, if the hardware can. If it fails, now or in @done,
 * @ctx must still be deleted. Process context, under RTNL, with queues closed.
 *
 * Return: 0, -EEXIST if the context is from after the reset, or another negative
 * errno.
 */
int ktlsnic_tls_hw_tx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      struct ktlsnic_tls_tx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_ADD) };

	ktlsnic_tls_hw_fill(&cmd.body.tls_add, keys, tcp_seq);
	return ktlsnic_tls_hw_restore(nic, &nic->tls_tx_ctxs, owner, &cmd,
				      &cmd.body.tls_add, ctx, done);
}

/**
 * ktlsnic_tls_hw_tx_del() - delete a context
 * @nic: the device
 * @ctx: its handle, which nobody uses any more whatever this returns
 * @busy: a packet that was posted with it may not be done, and never will be
 *
 * Process context, after ndo_stop too.
 *
 * Return: 0, -ENETDOWN if a reset has deleted or is about to delete all of them,
 * -ENOENT if the device had none, or another negative errno: the device may still
 * have it.
 */
int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u64 ctx, bool busy)
{
	return ktlsnic_tls_hw_del(nic, &nic->tls_tx_ctxs,
				  KTLSNIC_CMD_TLS_TX_DEL, ctx, busy);
}

/**
 * ktlsnic_tls_hw_tx_resync() - move a context to the start of a record
 * @nic: the device
 * @ctx: its handle; no packet that was posted with it is in a ring
 * @tcp_seq: TCP sequence of the record's first byte
 * @rec_num: its number
 *
 * Process context, with the socket locked. Not called for a device that can
 * replay.
 *
 * Return: 0 or a negative errno; after -ETIMEDOUT the place is unknown.
 */
int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num)
{
	struct ktlsnic_cmd cmd = ktlsnic_tls_hw_move(KTLSNIC_CMD_TLS_TX_RESYNC,
						     ctx, tcp_seq, rec_num);

	return ktlsnic_tls_hw_exec(nic, ctx, &cmd);
}

/**
 * ktlsnic_tls_hw_rx_add() - create a context
 * @nic: the device
 * @keys: what it is made of
 * @tcp_seq: TCP sequence at which record &ktlsnic_tls_keys.rec_num begins
 * @flow: which packets are its
 * @owner: whose it is, which a device that names contexts says with each packet,
 *	   even before this returns
 * @ctx: its handle; set if this succeeds
 *
 * Process context, with the socket locked; the interface is up.
 *
 * Return: 0, -ENOSPC if there is no room for it, or another negative errno.
 */
int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow,
			  struct ktlsnic_tls_rx *owner, u64 *ctx)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_ADD) };

	ktlsnic_tls_hw_fill(&cmd.body.tls_rx_add.add, keys, tcp_seq);
	ktlsnic_tls_hw_tuple(&cmd.body.tls_rx_add.tuple, flow);
	return ktlsnic_tls_hw_add(nic, &nic->tls_rx_ctxs, owner, &cmd,
				  &cmd.body.tls_rx_add.add, ctx);
}

/**
 * ktlsnic_tls_hw_rx_restore() - create a context again that a reset deleted
 * @nic: a device that was reset
 * @keys: what it is made of
 * @tcp_seq: where it is to be: a place from which it is lost, or the one at which
 *	     record &ktlsnic_tls_keys.rec_num begins
 * @flow: which packets are its
 * @owner: whose it is
 * @ctx: its handle, which changes if this succeeds
 * @done: as for ktlsnic_tls_hw_tx_restore()
 *
 * See ktlsnic_tls_hw_tx_restore().
 *
 * Return: 0, -EEXIST if the context is from after the reset, or another negative
 * errno.
 */
int ktlsnic_tls_hw_rx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      const struct ktlsnic_tls_flow *flow,
			      struct ktlsnic_tls_rx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	struct ktlsnic_cmd cmd = { .op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_ADD) };

	ktlsnic_tls_hw_fill(&cmd.body.tls_rx_add.add, keys, tcp_seq);
	ktlsnic_tls_hw_tuple(&cmd.body.tls_rx_add.tuple, flow);
	return ktlsnic_tls_hw_restore(nic, &nic->tls_rx_ctxs, owner, &cmd,
				      &cmd.body.tls_rx_add.add, ctx, done);
}

/**
 * ktlsnic_tls_hw_restored() - wait for what is being restored
 * @nic: the device
 *
 * Process context. A device that does not answer fails what is under way.
 */
void ktlsnic_tls_hw_restored(struct ktlsnic_nic *nic)
{
	ktlsnic_cmd_drain(nic);
}

/**
 * ktlsnic_tls_hw_rx_del() - delete a context
 * @nic: the device
 * @ctx: its handle, which nobody uses any more whatever this returns
 *
 * The owner may be named until an RCU grace period after this. Process context,
 * after ndo_stop too.
 *
 * Return: as ktlsnic_tls_hw_tx_del().
 */
int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u64 ctx)
{
	return ktlsnic_tls_hw_del(nic, &nic->tls_rx_ctxs,
				  KTLSNIC_CMD_TLS_RX_DEL, ctx, false);
}

/**
 * ktlsnic_tls_hw_rx_resync() - tell a context where it is
 * @nic: the device
 * @ctx: its handle
 * @tcp_seq: TCP sequence of a record's first byte
 * @rec_num: the number of that record
 * @done: gets 0 if that put the context right, -ESTALE if it was of no use
 * @arg: for @done
 *
 * Any context but hard interrupts. The device refuses a place that has gone by.
 *
 * Return: 0, or a negative errno; then @done is not called.
 */
int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done, void *arg)
{
	struct ktlsnic_cmd cmd = ktlsnic_tls_hw_move(KTLSNIC_CMD_TLS_RX_RESYNC,
						     ctx, tcp_seq, rec_num);

	return ktlsnic_cmd_post(nic, ktlsnic_ctx_generation(ctx), &cmd, done,
				arg);
}

/**
 * ktlsnic_tls_hw_rx_query() - which record does a context ask about?
 * @nic: the device
 * @ctx: its handle
 * @done: gets the TCP sequence of the record's header, or -ESTALE if the context
 *	  asks about none (any more)
 * @arg: for @done
 *
 * Any context but hard interrupts. Only with DRIVER_REQ_ASYNC.
 *
 * Return: 0, or a negative errno; then @done is not called.
 */
int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u64 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg)
{
	struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_QUERY),
	};

	cmd.body.tls_ctx.tls_ctx = cpu_to_le32(ktlsnic_ctx_index(ctx));
	return ktlsnic_cmd_post(nic, ktlsnic_ctx_generation(ctx), &cmd, done,
				arg);
}
