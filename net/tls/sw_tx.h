/* SPDX-License-Identifier: GPL-2.0-only */
/* Sending, where software encrypts. */
#ifndef KTLS_SW_TX_H
#define KTLS_SW_TX_H

#include "ctx.h"

void ktls_sw_tx_init(struct ktls_tx *tx, struct ktls_context *ctx);
void ktls_sw_tx_stop(struct ktls_tx *tx);
int ktls_sw_tx_create(struct sock *sk, struct ktls_context *ctx,
		      struct tls_crypto_info *info);
void ktls_sw_tx_start(struct ktls_tx *tx, struct crypto_aead *aead);
int ktls_sw_tx_drain(struct sock *sk);
int ktls_sw_tx_new_key(struct sock *sk);

#endif
