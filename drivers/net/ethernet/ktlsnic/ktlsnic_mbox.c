// SPDX-License-Identifier: GPL-2.0-only
/*
 * ktlsnic_tls_hw.h a second time, to show what a port of the TLS half takes: the
 * same card, as another kind of NIC would have it. What each function has to do is
 * said in ktlsnic_tls_hw*.c, of which nothing is used here. This NIC
 *
 * has a firmware that creates, moves and deletes contexts, one command at a time;
 *
 * cannot replay: the firmware moves a context to the start of a record;
 *
 * names nothing in its completions, neither the context that a packet has met nor
 * the record header that it asks about.
 */

#include <linux/bitfield.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "ktlsnic.h"
#include "ktlsnic_mbox_fw.h"
#include "ktlsnic_tls_hw.h"
#include "ktlsnic_txrx.h"

/* ---- The two halves ---------------------------------------------------- */

/**
 * struct ktlsnic_mbox_half - the hardware's side of the TLS half
 * @mbox: the firmware
 * @ops: what the queues call: the TLS half's, but for @rx
 * @rx: the TLS half's
 */
struct ktlsnic_mbox_half {
	struct ktlsnic_mbox mbox;
	struct ktlsnic_tls_ops ops;
	bool (*rx)(struct ktlsnic_tls *tls, unsigned int queue,
		   struct sk_buff *skb, const struct ktlsnic_tls_rx_mark *mark);
};

static struct ktlsnic_mbox_half *ktlsnic_mbox_half(const struct ktlsnic_nic *nic)
{
	return nic->tls_hw;
}

static struct ktlsnic_mbox *ktlsnic_mbox(const struct ktlsnic_nic *nic)
{
	return &ktlsnic_mbox_half(nic)->mbox;
}

/* This NIC's completions say less than the card's. */
static bool ktlsnic_mbox_rx(struct ktlsnic_tls *tls, unsigned int queue,
			    struct sk_buff *skb,
			    const struct ktlsnic_tls_rx_mark *mark)
{
	const struct ktlsnic_nic *nic = netdev_priv(skb->dev);
	const struct ktlsnic_tls_rx_mark said = {
		.payload = mark->payload,
		.decrypted = mark->decrypted,
		.failed = mark->failed,
		.resync = mark->resync,
	};

	return ktlsnic_mbox_half(nic)->rx(tls, queue, skb, &said);
}

int ktlsnic_tls_hw_attach(struct ktlsnic_nic *nic, struct ktlsnic_tls *tls,
			  const struct ktlsnic_tls_ops *ops)
{
	struct ktlsnic_mbox_half *half = nic->tls_hw;

	if (!tls) {
		nic->tls = NULL;
		nic->tls_ops = NULL;
		nic->tls_hw = NULL;
		ktlsnic_mbox_destroy(&half->mbox);
		kfree(half);
		return 0;
	}
	half = kzalloc(sizeof(*half), GFP_KERNEL);
	if (!half)
		return -ENOMEM;
	ktlsnic_mbox_init(&half->mbox, nic);
	half->ops = *ops;
	half->ops.rx = ktlsnic_mbox_rx;
	half->rx = ops->rx;
	nic->tls = tls;
	nic->tls_ops = &half->ops;
	nic->tls_hw = half;
	return 0;
}

struct ktlsnic_tls *ktlsnic_tls_hw_tls(const struct net_device *netdev)
{
	const struct ktlsnic_nic *nic = netdev_priv(netdev);

	return nic->tls;
}

/* ---- Capabilities and counters ----------------------------------------- */

static int ktlsnic_mbox_version(u16 version)
{
	switch (version) {
	case TLS_1_2_VERSION:
		return KTLSNIC_TLS_1_2;
	case TLS_1_3_VERSION:
		return KTLSNIC_TLS_1_3;
	default:
		return -1;
	}
}

static int ktlsnic_mbox_cipher(u16 cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return KTLSNIC_CIPHER_AES_GCM_128;
	case TLS_CIPHER_AES_GCM_256:
		return KTLSNIC_CIPHER_AES_GCM_256;
	case TLS_CIPHER_AES_CCM_128:
		return KTLSNIC_CIPHER_AES_CCM_128;
	case TLS_CIPHER_CHACHA20_POLY1305:
		return KTLSNIC_CIPHER_CHACHA20_POLY1305;
	default:
		return -1;
	}
}

u32 ktlsnic_tls_hw_contexts(struct ktlsnic_nic *nic,
			    enum tls_offload_ctx_dir direction)
{
	return ktlsnic_mbox_max(nic, direction);
}

bool ktlsnic_tls_hw_supports(struct ktlsnic_nic *nic,
			     enum tls_offload_ctx_dir direction, u16 version,
			     u16 cipher)
{
	int v = ktlsnic_mbox_version(version), c = ktlsnic_mbox_cipher(cipher);

	if (v < 0 || c < 0)
		return false;
	return ktlsnic_read(nic, direction == TLS_OFFLOAD_CTX_DIR_TX ?
			    KTLSNIC_REG_TLS_TX_CIPHERS(v) :
			    KTLSNIC_REG_TLS_RX_CIPHERS(v)) & BIT(c);
}

bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic)
{
	return false;
}

/* One that is still to come can be learnt like any other: by asking for it. */
enum tls_offload_sync_type ktlsnic_tls_hw_rx_sync_type(struct ktlsnic_nic *nic)
{
	u32 caps = ktlsnic_read(nic, KTLSNIC_REG_TLS_RESYNC);

	switch (FIELD_GET(KTLSNIC_TLS_RESYNC_RX, caps)) {
	case KTLSNIC_TLS_RX_SCAN:
	case KTLSNIC_TLS_RX_ASYNC:
		return TLS_OFFLOAD_SYNC_TYPE_DRIVER_REQ_ASYNC;
	default:
		return TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT;
	}
}

u32 ktlsnic_tls_hw_used(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return ktlsnic_mbox_used(ktlsnic_mbox(nic), direction);
}

u32 ktlsnic_tls_hw_live(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return ktlsnic_read(nic, direction == TLS_OFFLOAD_CTX_DIR_TX ?
			    KTLSNIC_REG_TLS_TX_LIVE : KTLSNIC_REG_TLS_RX_LIVE);
}

/* ---- Contexts ---------------------------------------------------------- */

static void ktlsnic_mbox_fill(struct ktlsnic_cmd_tls_add *add,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq)
{
	BUILD_BUG_ON(sizeof(add->key) != sizeof(keys->key));
	BUILD_BUG_ON(sizeof(add->iv) != sizeof(keys->iv));
	add->version = ktlsnic_mbox_version(keys->version);
	add->cipher = ktlsnic_mbox_cipher(keys->cipher);
	add->tcp_seq = cpu_to_le32(tcp_seq);
	add->rec_num = cpu_to_le64(keys->rec_num);
	memcpy(add->iv, keys->iv, sizeof(add->iv));
	memcpy(add->key, keys->key, sizeof(add->key));
}

static void ktlsnic_mbox_fill_tx(struct ktlsnic_cmd *cmd,
				 const struct ktlsnic_tls_keys *keys,
				 u32 tcp_seq)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->op = cpu_to_le16(KTLSNIC_CMD_TLS_TX_ADD);
	ktlsnic_mbox_fill(&cmd->body.tls_add, keys, tcp_seq);
}

static void ktlsnic_mbox_fill_rx(struct ktlsnic_cmd *cmd,
				 const struct ktlsnic_tls_keys *keys,
				 u32 tcp_seq,
				 const struct ktlsnic_tls_flow *flow)
{
	struct ktlsnic_tls_tuple *tuple = &cmd->body.tls_rx_add.tuple;

	memset(cmd, 0, sizeof(*cmd));
	cmd->op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_ADD);
	ktlsnic_mbox_fill(&cmd->body.tls_rx_add.add, keys, tcp_seq);
	tuple->ip_version = flow->version;
	memcpy(tuple->remote_port, &flow->remote_port,
	       sizeof(tuple->remote_port));
	memcpy(tuple->local_port, &flow->local_port, sizeof(tuple->local_port));
	memcpy(tuple->remote_addr, &flow->remote, sizeof(tuple->remote_addr));
	memcpy(tuple->local_addr, &flow->local, sizeof(tuple->local_addr));
}

/* One after the other: each is there when this returns. */
static int ktlsnic_mbox_restore(struct ktlsnic_nic *nic,
				struct ktlsnic_cmd *cmd, void *owner, u64 *ctx,
				ktlsnic_tls_hw_done_t done)
{
	int err = ktlsnic_mbox_create_again(ktlsnic_mbox(nic), cmd, ctx);

	if (err)
		return err;
	local_bh_disable();
	done(owner, 0, 0);
	local_bh_enable();
	return 0;
}

int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  struct ktlsnic_tls_tx *owner, u64 *ctx)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_tx(&cmd, keys, tcp_seq);
	return ktlsnic_mbox_create(ktlsnic_mbox(nic), TLS_OFFLOAD_CTX_DIR_TX,
				   &cmd, ctx);
}

int ktlsnic_tls_hw_tx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      struct ktlsnic_tls_tx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_tx(&cmd, keys, tcp_seq);
	return ktlsnic_mbox_restore(nic, &cmd, owner, ctx, done);
}

int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u64 ctx, bool busy)
{
	return ktlsnic_mbox_delete(ktlsnic_mbox(nic), ctx,
				   KTLSNIC_CMD_TLS_TX_DEL, busy);
}

static void ktlsnic_mbox_fill_move(struct ktlsnic_cmd *cmd,
				   enum ktlsnic_cmd_op op, u32 tcp_seq,
				   u64 rec_num)
{
	memset(cmd, 0, sizeof(*cmd));
	cmd->op = cpu_to_le16(op);
	cmd->body.tls_resync.tcp_seq = cpu_to_le32(tcp_seq);
	cmd->body.tls_resync.rec_num = cpu_to_le64(rec_num);
}

int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_move(&cmd, KTLSNIC_CMD_TLS_TX_RESYNC, tcp_seq,
			       rec_num);
	return ktlsnic_mbox_run(ktlsnic_mbox(nic), ctx, &cmd, NULL);
}

int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow,
			  struct ktlsnic_tls_rx *owner, u64 *ctx)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_rx(&cmd, keys, tcp_seq, flow);
	return ktlsnic_mbox_create(ktlsnic_mbox(nic), TLS_OFFLOAD_CTX_DIR_RX,
				   &cmd, ctx);
}

int ktlsnic_tls_hw_rx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      const struct ktlsnic_tls_flow *flow,
			      struct ktlsnic_tls_rx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_rx(&cmd, keys, tcp_seq, flow);
	return ktlsnic_mbox_restore(nic, &cmd, owner, ctx, done);
}

int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u64 ctx)
{
	return ktlsnic_mbox_delete(ktlsnic_mbox(nic), ctx,
				   KTLSNIC_CMD_TLS_RX_DEL, false);
}

/* Each was when its function returned. */
void ktlsnic_tls_hw_restored(struct ktlsnic_nic *nic)
{
}

int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done, void *arg)
{
	struct ktlsnic_cmd cmd;

	ktlsnic_mbox_fill_move(&cmd, KTLSNIC_CMD_TLS_RX_RESYNC, tcp_seq,
			       rec_num);
	return ktlsnic_mbox_request(ktlsnic_mbox(nic), ctx, &cmd, done, arg);
}

int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u64 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg)
{
	const struct ktlsnic_cmd cmd = {
		.op = cpu_to_le16(KTLSNIC_CMD_TLS_RX_QUERY),
	};

	return ktlsnic_mbox_request(ktlsnic_mbox(nic), ctx, &cmd, done, arg);
}

/* ---- Packets ----------------------------------------------------------- */

int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark, u64 *place)
{
	struct ktlsnic_txq *txq = &nic->queues[queue].tx;
	struct ktlsnic_tls_mark posted = *mark;
	u32 index;
	int err;

	if (WARN_ON_ONCE(mark->sync))
		return -EOPNOTSUPP;
	err = ktlsnic_mbox_place(ktlsnic_mbox(nic), mark->ctx, &index);
	if (err)
		return err;
	posted.ctx = index;
	err = ktlsnic_tx_post(txq, skb, &posted);
	if (!err)
		*place = (u64)queue << 32 | txq->ring.index;
	return err;
}

void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb)
{
	ktlsnic_tx_send(&nic->queues[queue].tx, skb);
}

/* The ring says how far the device is, whatever its firmware is like. */
bool ktlsnic_tls_hw_tx_busy(struct ktlsnic_nic *nic, u64 place)
{
	const struct ktlsnic_txq *txq = &nic->queues[upper_32_bits(place)].tx;
	u32 index = lower_32_bits(place);

	return (s32)(READ_ONCE(txq->clean) - index) < 0 &&
	       (s32)(readl(txq->ring.regs + KTLSNIC_RING_INDEX) - index) < 0;
}
