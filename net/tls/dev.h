/* SPDX-License-Identifier: GPL-2.0-only */
/* The device half: how connections come to a device and leave it. */
#ifndef KTLS_DEV_H
#define KTLS_DEV_H

#include "ctx.h"

#ifdef CONFIG_TLS_DEVICE
extern const u8 ktls_rx_mixed_records;

bool ktls_dev_offers(struct sock *sk, const struct ktls_context *ctx,
		     enum tls_offload_ctx_dir direction);
int ktls_dev_add(struct sock *sk, struct ktls_context *ctx,
		 enum tls_offload_ctx_dir direction, u32 seq,
		 const struct ktls_number *number);
bool ktls_dev_del(struct ktls_context *ctx, enum tls_offload_ctx_dir direction);
void ktls_dev_rekey_end(struct sock *sk, struct ktls_context *ctx,
			enum tls_offload_ctx_dir direction, bool had, u32 seq,
			u64 number, int err);
void ktls_dev_free_tx(struct ktls_tx *tx);
int ktls_dev_resync(struct sock *sk, u32 seq, u64 number);

int ktls_dev_init(void);
void ktls_dev_exit(void);
int ktls_dev_tx_init(void);
void ktls_dev_tx_exit(void);
int ktls_dev_tx_start(struct sock *sk, struct ktls_tx *tx);
int ktls_dev_set_tx(struct sock *sk, struct ktls_context *ctx);
int ktls_dev_set_rx(struct sock *sk, struct ktls_context *ctx);
#else
static inline int ktls_dev_tx_init(void)
{
	return 0;
}

static inline void ktls_dev_tx_exit(void)
{
}

static inline int ktls_dev_init(void)
{
	return 0;
}

static inline void ktls_dev_exit(void)
{
}

static inline int ktls_dev_set_tx(struct sock *sk, struct ktls_context *ctx)
{
	return -EOPNOTSUPP;
}

static inline int ktls_dev_set_rx(struct sock *sk, struct ktls_context *ctx)
{
	return -EOPNOTSUPP;
}
#endif

#endif
