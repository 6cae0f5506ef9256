// SPDX-License-Identifier: GPL-2.0-only
/* KeyUpdate: going on with another key. */

#include <crypto/aead.h>
#include <linux/err.h>

#include "cryptor.h"
#include "dev_rekey_rx.h"
#include "dev_rekey_tx.h"
#include "rekey.h"
#include "stat.h"
#include "sw_rx.h"
#include "sw_tx.h"

/**
 * ktls_rekey_tx() - send with another key from the next record on
 * @sk: the socket; tx_lock is held and it is locked
 * @ctx: its context; the key, for the same version and cipher, is there already
 *
 * Return: 0, or an error: then the old key stays.
 */
int ktls_rekey_tx(struct sock *sk, struct ktls_context *ctx)
{
	int err;

	if (ctx->tx_kept)
		return ktls_dev_rekey_tx(sk, ctx);
	err = ktls_sw_tx_new_key(sk);
	if (!err)
		ktls_stat_inc(sock_net(sk), KTLS_STAT_TX_REKEY_OK);
	return err;
}

/**
 * ktls_rekey_rx() - receive with another key from the next record on
 * @sk: the socket, locked
 * @ctx: its context; the key, for the same version and cipher, is there already
 *
 * Return: 0, or an error: then the old key stays.
 */
int ktls_rekey_rx(struct sock *sk, struct ktls_context *ctx)
{
	struct crypto_aead *aead;

	aead = ktls_aead_alloc(&ctx->format, &ctx->base.crypto_recv.info);
	if (IS_ERR(aead))
		return PTR_ERR(aead);
	if (ctx->rx_kept) {
		ktls_dev_rekey_rx(sk, ctx, aead);
		return 0;
	}
	crypto_free_aead(ktls_rx_new_key(sk, ctx, aead));
	ktls_stat_inc(sock_net(sk), KTLS_STAT_RX_REKEY_OK);
	return 0;
}

/**
 * ktls_rekey_release() - the socket closes: no key waits for a device any more
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_rekey_release(struct sock *sk, struct ktls_context *ctx)
{
	ktls_dev_rekey_release_tx(sk, ctx);
	ktls_dev_rekey_release_rx(sk, ctx);
}
