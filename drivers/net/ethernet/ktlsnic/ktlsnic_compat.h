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
#endif

#endif /* KTLSNIC_COMPAT_H */
