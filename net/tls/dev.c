// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device half. There is none yet: every connection is software's, and what
 * drivers call finds no connection of theirs.
 */

#include <net/tls.h>

#include "dev.h"

/**
 * ktls_dev_init() - get ready for devices
 *
 * Return: 0
 */
int ktls_dev_init(void)
{
	return 0;
}

/**
 * ktls_dev_exit() - no device any more
 */
void ktls_dev_exit(void)
{
}

/**
 * ktls_dev_set_tx() - let a device encrypt what a socket sends
 * @sk: the socket, locked
 * @ctx: its context, with the key
 *
 * Return: 0, or the reason why software has to do it.
 */
int ktls_dev_set_tx(struct sock *sk, struct ktls_context *ctx)
{
	return -EOPNOTSUPP;
}

/**
 * ktls_dev_set_rx() - let a device decrypt what a socket receives
 * @sk: the socket, locked
 * @ctx: its context, with the key
 *
 * Return: 0, or the reason why software has to do it.
 */
int ktls_dev_set_rx(struct sock *sk, struct ktls_context *ctx)
{
	return -EOPNOTSUPP;
}

struct tls_record_info *tls_get_record(struct tls_offload_context_tx *context,
				       u32 seq, u64 *p_record_sn)
{
	return NULL;
}

struct sk_buff *tls_validate_xmit_skb(struct sock *sk, struct net_device *dev,
				      struct sk_buff *skb)
{
	return skb;
}

struct sk_buff *tls_encrypt_skb(struct sk_buff *skb)
{
	kfree_skb(skb);
	return NULL;
}

void tls_offload_tx_resync_request(struct sock *sk, u32 got_seq, u32 exp_seq)
{
}

void tls_device_sk_destruct(struct sock *sk)
{
}
