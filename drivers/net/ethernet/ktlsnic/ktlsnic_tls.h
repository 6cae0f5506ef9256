/* SPDX-License-Identifier: GPL-2.0-only */
/* The TLS half, as the rest of the driver sees it. */
#ifndef KTLSNIC_TLS_H
#define KTLSNIC_TLS_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "ktlsnic_tls_compat.h"

struct ktlsnic_nic;
struct ktlsnic_tls;

#ifdef CONFIG_TLS_DEVICE

/* ktlsnic_tls.c */
int ktlsnic_tls_init(struct ktlsnic_nic *nic, struct net_device *netdev,
		     unsigned int queues);
void ktlsnic_tls_cleanup(struct ktlsnic_tls *tls);
void ktlsnic_tls_restore(struct ktlsnic_tls *tls);
void ktlsnic_tls_queues_closed(struct ktlsnic_tls *tls);

/* ktlsnic_tls_tx.c */
void ktlsnic_tls_xmit(struct ktlsnic_tls *tls, unsigned int queue,
		      struct sk_buff *skb);

/* ktlsnic_tls_stats.c */
u32 ktlsnic_tls_tx_max(const struct ktlsnic_tls *tls);
u32 ktlsnic_tls_tx_used(const struct ktlsnic_tls *tls);
u32 ktlsnic_tls_rx_max(const struct ktlsnic_tls *tls);
u32 ktlsnic_tls_rx_used(const struct ktlsnic_tls *tls);
int ktlsnic_tls_stats_count(const struct ktlsnic_tls *tls);
void ktlsnic_tls_stats_strings(const struct ktlsnic_tls *tls, u8 **data);
void ktlsnic_tls_stats_values(const struct ktlsnic_tls *tls, u64 **data);
u64 ktlsnic_tls_stats_dropped(const struct ktlsnic_tls *tls);

/* Does the skb belong to a connection with TX offload, on whatever device, or was
 * there one when the payload was written?
 */
static inline bool ktlsnic_tls_skb(const struct sk_buff *skb)
{
	return ktlsnic_skb_tls_offloaded(skb) || ktlsnic_skb_decrypted(skb);
}

#else /* !CONFIG_TLS_DEVICE */

static inline int ktlsnic_tls_init(struct ktlsnic_nic *nic,
				   struct net_device *netdev,
				   unsigned int queues)
{
	return 0;
}

static inline void ktlsnic_tls_cleanup(struct ktlsnic_tls *tls)
{
}

static inline void ktlsnic_tls_restore(struct ktlsnic_tls *tls)
{
}

static inline void ktlsnic_tls_queues_closed(struct ktlsnic_tls *tls)
{
}

static inline u32 ktlsnic_tls_tx_max(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline u32 ktlsnic_tls_tx_used(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline u32 ktlsnic_tls_rx_max(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline u32 ktlsnic_tls_rx_used(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline void ktlsnic_tls_xmit(struct ktlsnic_tls *tls,
				    unsigned int queue, struct sk_buff *skb)
{
}

static inline int ktlsnic_tls_stats_count(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline void ktlsnic_tls_stats_strings(const struct ktlsnic_tls *tls,
					     u8 **data)
{
}

static inline void ktlsnic_tls_stats_values(const struct ktlsnic_tls *tls,
					    u64 **data)
{
}

static inline u64 ktlsnic_tls_stats_dropped(const struct ktlsnic_tls *tls)
{
	return 0;
}

static inline bool ktlsnic_tls_skb(const struct sk_buff *skb)
{
	return false;
}

#endif /* CONFIG_TLS_DEVICE */

#endif /* KTLSNIC_TLS_H */
