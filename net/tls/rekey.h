/* SPDX-License-Identifier: GPL-2.0-only */
/* KeyUpdate: going on with another key. */
#ifndef KTLS_REKEY_H
#define KTLS_REKEY_H

#include "ctx.h"

int ktls_rekey_tx(struct sock *sk, struct ktls_context *ctx);
int ktls_rekey_rx(struct sock *sk, struct ktls_context *ctx);
void ktls_rekey_release(struct sock *sk, struct ktls_context *ctx);

#endif
