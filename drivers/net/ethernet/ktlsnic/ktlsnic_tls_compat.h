/* SPDX-License-Identifier: GPL-2.0-only */
/* What differs between kernels for TLS, see ktlsnic_compat.h. */
#ifndef KTLSNIC_TLS_COMPAT_H
#define KTLSNIC_TLS_COMPAT_H

#include <linux/module.h>
#include <linux/skbuff.h>
#include <net/tls.h>

#include "ktlsnic_compat.h"

#ifdef CONFIG_TLS_DEVICE
static inline bool ktlsnic_skb_tls_offloaded(const struct sk_buff *skb)
{
#ifdef HAVE_TLS_IS_SKB_TX_DEVICE_OFFLOADED
	return tls_is_skb_tx_device_offloaded(skb);
#else
	return skb->sk && tls_is_sk_tx_device_offloaded(skb->sk);
#endif
}

/* Did kTLS leave the payload for a device to encrypt? */
static inline bool ktlsnic_skb_decrypted(const struct sk_buff *skb)
{
	return skb->decrypted;
}

/* The payload of a received skb is plaintext. */
static inline void ktlsnic_skb_set_decrypted(struct sk_buff *skb)
{
	skb->decrypted = 1;
}

/* Asynchronous resync requests: older kernels want the socket instead, and the
 * oldest have no way to cancel one.
 */
static inline void
ktlsnic_resync_async_start(struct sock *sk,
			   struct tls_offload_resync_async *async,
			   u32 seq, u16 len)
{
#ifdef HAVE_RESYNC_ASYNC_START
	tls_offload_rx_resync_async_request_start(async, htonl(seq), len);
#else
	tls_offload_rx_resync_async_request_start(sk, htonl(seq), len);
#endif
}

static inline void
ktlsnic_resync_async_end(struct sock *sk,
			 struct tls_offload_resync_async *async, u32 seq)
{
#ifdef HAVE_RESYNC_ASYNC_END
	tls_offload_rx_resync_async_request_end(async, htonl(seq));
#else
	tls_offload_rx_resync_async_request_end(sk, htonl(seq));
#endif
}

static inline void
ktlsnic_resync_async_cancel(struct tls_offload_resync_async *async)
{
#ifdef HAVE_RESYNC_ASYNC_CANCEL
	tls_offload_rx_resync_async_request_cancel(async);
#else
	atomic64_set(&async->req, 0);
#endif
}

/* A tls.ko that makes whole records of what a device decrypted a part of, whatever the
 * version and cipher, exports this; the kernel's own was made for AES-GCM in TLS 1.2,
 * and asks for other ciphers all the same.
 */
extern const u8 ktls_rx_mixed_records;

static inline bool ktlsnic_core_mixes_records(void)
{
	if (!symbol_get(ktls_rx_mixed_records))
		return false;
	symbol_put(ktls_rx_mixed_records);
	return true;
}

/* Waits for everything that was given to call_rcu_tasks(). */
static inline void ktlsnic_rcu_tasks_barrier(void)
{
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#else
	rcu_barrier();
#endif
}
#endif /* CONFIG_TLS_DEVICE */

#endif /* KTLSNIC_TLS_COMPAT_H */
