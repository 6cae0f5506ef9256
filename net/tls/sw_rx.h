/* SPDX-License-Identifier: GPL-2.0-only */
/* Receiving: who reads, and what there is to read. */
#ifndef KTLS_SW_RX_H
#define KTLS_SW_RX_H

#include "ctx.h"
#include "decrypt.h"

int ktls_rx_create(struct sock *sk, struct ktls_context *ctx,
		   struct tls_crypto_info *info);
void ktls_rx_start(struct sock *sk, struct ktls_context *ctx);
void ktls_rx_stop(struct sock *sk, struct ktls_context *ctx);
void ktls_rx_drop(struct ktls_rx *rx);
void ktls_rx_free(struct ktls_rx *rx);
void ktls_rx_update(struct ktls_context *ctx);
struct crypto_aead *ktls_rx_new_key(struct sock *sk, struct ktls_context *ctx,
				    struct crypto_aead *aead);

int ktls_rx_lock(struct sock *sk, struct ktls_rx *rx, bool nonblock);
void ktls_rx_unlock(struct sock *sk, struct ktls_rx *rx);
int ktls_rx_acquire(struct sock *sk, struct ktls_rx *rx, bool nonblock);
void ktls_rx_release(struct ktls_rx *rx);
int ktls_rx_wait(struct sock *sk, bool nonblock, bool has_copied);
int ktls_rx_decrypt(struct sock *sk, struct iov_iter *to, struct ktls_clear *direct,
		    struct sk_buff **skb);

/* Is there something to read? From any context. */
static inline bool ktls_rx_readable(const struct ktls_rx *rx)
{
	return !READ_ONCE(rx->key_update) &&
	       (!skb_queue_empty_lockless(&rx->clear) || ktls_strp_ready(&rx->strp));
}

#endif
