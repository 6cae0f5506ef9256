// SPDX-License-Identifier: GPL-2.0-only
/* What a socket with kTLS has: its callbacks that call down through the context. */

#include "ctx.h"

/**
 * ktls_write_space() - TCP has room again
 * @sk: the socket, in softirq context
 */
void ktls_write_space(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_tx *tx = ktls_tx(ctx);

	/* Somebody waits in TCP itself, for us. */
	if (!tx->push.calling)
		tx->ops->write_space(sk);
	ctx->base.sk_write_space(sk);
}
