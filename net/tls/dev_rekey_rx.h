/* SPDX-License-Identifier: GPL-2.0-only */
/* KeyUpdate of a receiver with a device. */
#ifndef KTLS_DEV_REKEY_RX_H
#define KTLS_DEV_REKEY_RX_H

#include "ctx.h"

#ifdef CONFIG_TLS_DEVICE
void ktls_dev_rekey_read(struct sock *sk);
void ktls_dev_rekey_rx(struct sock *sk, struct ktls_context *ctx,
		       struct crypto_aead *aead);
bool ktls_dev_rekey_met(struct sock *sk, const struct ktls_source *src, bool marked,
			struct ktls_number *number);
void ktls_dev_rekey_release_rx(struct sock *sk, struct ktls_context *ctx);
#else
static inline void ktls_dev_rekey_rx(struct sock *sk, struct ktls_context *ctx,
				     struct crypto_aead *aead)
{
}

static inline void ktls_dev_rekey_release_rx(struct sock *sk, struct ktls_context *ctx)
{
}
#endif

#endif
