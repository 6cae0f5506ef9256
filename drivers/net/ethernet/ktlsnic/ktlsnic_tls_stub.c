// SPDX-License-Identifier: GPL-2.0-only
/*
 * ktlsnic_tls_hw.h for hardware that can do nothing: the first file of a port of
 * the TLS half, to be filled in one function after the other. That it links
 * shows that the TLS half needs no more than this. What each function has to do
 * is said where this driver's own hardware does it, in ktlsnic_tls_hw*.c.
 */

#include <linux/module.h>

#include "ktlsnic_tls_hw.h"

/* A real one keeps both, and calls the latter where packets come in. */
int ktlsnic_tls_hw_attach(struct ktlsnic_nic *nic, struct ktlsnic_tls *tls,
			  const struct ktlsnic_tls_ops *ops)
{
	return 0;
}

struct ktlsnic_tls *ktlsnic_tls_hw_tls(const struct net_device *netdev)
{
	return NULL;
}

u32 ktlsnic_tls_hw_contexts(struct ktlsnic_nic *nic,
			    enum tls_offload_ctx_dir direction)
{
	return 0;
}

bool ktlsnic_tls_hw_supports(struct ktlsnic_nic *nic,
			     enum tls_offload_ctx_dir direction, u16 version,
			     u16 cipher)
{
	return false;
}

bool ktlsnic_tls_hw_tx_can_replay(struct ktlsnic_nic *nic)
{
	return false;
}

enum tls_offload_sync_type ktlsnic_tls_hw_rx_sync_type(struct ktlsnic_nic *nic)
{
	return TLS_OFFLOAD_SYNC_TYPE_CORE_NEXT_HINT;
}

u32 ktlsnic_tls_hw_used(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return 0;
}

u32 ktlsnic_tls_hw_live(struct ktlsnic_nic *nic,
			enum tls_offload_ctx_dir direction)
{
	return 0;
}

int ktlsnic_tls_hw_tx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  struct ktlsnic_tls_tx *owner, u64 *ctx)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_tx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      struct ktlsnic_tls_tx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_tx_del(struct ktlsnic_nic *nic, u64 ctx, bool busy)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_tx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_rx_add(struct ktlsnic_nic *nic,
			  const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			  const struct ktlsnic_tls_flow *flow,
			  struct ktlsnic_tls_rx *owner, u64 *ctx)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_rx_restore(struct ktlsnic_nic *nic,
			      const struct ktlsnic_tls_keys *keys, u32 tcp_seq,
			      const struct ktlsnic_tls_flow *flow,
			      struct ktlsnic_tls_rx *owner, u64 *ctx,
			      ktlsnic_tls_hw_done_t done)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_rx_del(struct ktlsnic_nic *nic, u64 ctx)
{
	return -EOPNOTSUPP;
}

void ktlsnic_tls_hw_restored(struct ktlsnic_nic *nic)
{
}

int ktlsnic_tls_hw_rx_resync(struct ktlsnic_nic *nic, u64 ctx, u32 tcp_seq,
			     u64 rec_num, ktlsnic_tls_hw_done_t done, void *arg)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_rx_query(struct ktlsnic_nic *nic, u64 ctx,
			    ktlsnic_tls_hw_done_t done, void *arg)
{
	return -EOPNOTSUPP;
}

int ktlsnic_tls_hw_tx_post(struct ktlsnic_nic *nic, unsigned int queue,
			   struct sk_buff *skb,
			   const struct ktlsnic_tls_mark *mark, u64 *place)
{
	return -EOPNOTSUPP;
}

/* A real one sends it. */
void ktlsnic_tls_hw_tx_send(struct ktlsnic_nic *nic, unsigned int queue,
			    struct sk_buff *skb)
{
	dev_kfree_skb_any(skb);
}

bool ktlsnic_tls_hw_tx_busy(struct ktlsnic_nic *nic, u64 place)
{
	return true;
}

MODULE_DESCRIPTION("TLS half of ktlsnic without hardware, to prove that it stands alone");
MODULE_LICENSE("GPL");
