/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the driver builds against. The HAVE_
 * macros come from compile tests of the kernel at hand (conftest/), never from
 * its version: stable kernels change too.
 */
#ifndef KTLSNIC_COMPAT_H
#define KTLSNIC_COMPAT_H

#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#include <net/ipv6.h>
#include <net/tls.h>

#include "ktlsnic_conftest.h"

#ifdef HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#ifdef HAVE_PAGE_POOL_DIR
#include <net/page_pool/helpers.h>
#else
#include <net/page_pool.h>
#endif

/* Older page pools want to be told that pages are split. */
#ifdef HAVE_PP_FLAG_PAGE_FRAG
#define KTLSNIC_PP_FLAG_FRAG		PP_FLAG_PAGE_FRAG
#else
#define KTLSNIC_PP_FLAG_FRAG		0
#endif

#ifndef HAVE_ETHTOOL_PUTS
static inline void ethtool_puts(u8 **data, const char *str)
{
	strscpy(*data, str, ETH_GSTRING_LEN);
	*data += ETH_GSTRING_LEN;
}
#endif

/*
 * BIG TCP over IPv6 puts a header into the skb that must not go out; newer
 * kernels no longer do, older ones do not say how to take it away.
 */
#if defined(HAVE_HOPOPT_JUMBO) && !defined(HAVE_HOPOPT_JUMBO_REMOVE)
#define KTLSNIC_TSO_LIMIT		65536U
#else
#define KTLSNIC_TSO_LIMIT		UINT_MAX
#endif

static inline int ktlsnic_jumbo_remove(struct sk_buff *skb)
{
#ifdef HAVE_HOPOPT_JUMBO_REMOVE
	return ipv6_hopopt_jumbo_remove(skb);
#else
	return 0;
#endif
}

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

/* Waits for everything that was given to call_rcu_tasks(). */
static inline void ktlsnic_rcu_tasks_barrier(void)
{
#ifdef CONFIG_TASKS_RCU
	rcu_barrier_tasks();
#else
	rcu_barrier();
#endif
}
#endif

#endif /* KTLSNIC_COMPAT_H */
