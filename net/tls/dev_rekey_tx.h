/* SPDX-License-Identifier: GPL-2.0-only */
/* KeyUpdate of a sender with a device. */
#ifndef KTLS_DEV_REKEY_TX_H
#define KTLS_DEV_REKEY_TX_H

#include "ctx.h"

#ifdef CONFIG_TLS_DEVICE
int ktls_dev_rekey_tx(struct sock *sk, struct ktls_context *ctx);
void ktls_dev_rekey_release_tx(struct sock *sk, struct ktls_context *ctx);
#else
static inline int ktls_dev_rekey_tx(struct sock *sk, struct ktls_context *ctx)
{
	return -EOPNOTSUPP;
}

static inline void ktls_dev_rekey_release_tx(struct sock *sk, struct ktls_context *ctx)
{
}
#endif

#endif
