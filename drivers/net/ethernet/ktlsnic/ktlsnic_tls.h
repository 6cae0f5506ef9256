/* SPDX-License-Identifier: GPL-2.0-only */
/* The TLS half, as the rest of the driver sees it. */
#ifndef KTLSNIC_TLS_H
#define KTLSNIC_TLS_H

#include <linux/netdevice.h>
#include <linux/skbuff.h>

#include "ktlsnic_compat.h"

struct ktlsnic_nic;

#ifdef CONFIG_TLS_DEVICE

/* ktlsnic_tls.c */
int ktlsnic_tls_init(struct ktlsnic_nic *nic);
void ktlsnic_tls_cleanup(struct ktlsnic_nic *nic);
void ktlsnic_tls_restore(struct ktlsnic_nic *nic);
void ktlsnic_tls_queues_closed(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_tx_max(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_tx_live(struct ktlsnic_nic *nic);

/* ktlsnic_tls_rx.c */
u32 ktlsnic_tls_rx_max(struct ktlsnic_nic *nic);
u32 ktlsnic_tls_rx_live(struct ktlsnic_nic *nic);

/* ktlsnic_tls_tx.c */
void ktlsnic_tls_xmit(struct ktlsnic_nic *nic, unsigned int queue,
		      struct sk_buff *skb);

/* ktlsnic_tls_stats.c */
int ktlsnic_tls_stats_count(struct ktlsnic_nic *nic);
void ktlsnic_tls_stats_strings(struct ktlsnic_nic *nic, u8 **data);
void ktlsnic_tls_stats_values(struct ktlsnic_nic *nic, u64 **data);
u64 ktlsnic_tls_stats_dropped(struct ktlsnic_nic *nic);

/* Does the skb belong to a connection with TX offload, on whatever device, or was
 * there one when the payload was written?
 */
static inline bool ktlsnic_tls_skb(const struct sk_buff *skb)
{
	return ktlsnic_skb_tls_offloaded(skb) || ktlsnic_skb_decrypted(skb);
}

#else /* !CONFIG_TLS_DEVICE */

static inline int ktlsnic_tls_init(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline void ktlsnic_tls_cleanup(struct ktlsnic_nic *nic)
{
}

static inline void ktlsnic_tls_restore(struct ktlsnic_nic *nic)
{
}

static inline void ktlsnic_tls_queues_closed(struct ktlsnic_nic *nic)
{
}

static inline u32 ktlsnic_tls_tx_max(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline u32 ktlsnic_tls_tx_live(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline u32 ktlsnic_tls_rx_max(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline u32 ktlsnic_tls_rx_live(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline void ktlsnic_tls_xmit(struct ktlsnic_nic *nic,
				    unsigned int queue, struct sk_buff *skb)
{
}

static inline int ktlsnic_tls_stats_count(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline void ktlsnic_tls_stats_strings(struct ktlsnic_nic *nic, u8 **data)
{
}

static inline void ktlsnic_tls_stats_values(struct ktlsnic_nic *nic, u64 **data)
{
}

static inline u64 ktlsnic_tls_stats_dropped(struct ktlsnic_nic *nic)
{
	return 0;
}

static inline bool ktlsnic_tls_skb(const struct sk_buff *skb)
{
	return false;
}

#endif /* CONFIG_TLS_DEVICE */

#endif /* KTLSNIC_TLS_H */
