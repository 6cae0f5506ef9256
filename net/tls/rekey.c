// SPDX-License-Identifier: GPL-2.0-only
/* KeyUpdate: going on with another key. */

#include <linux/err.h>

#include "cryptor.h"
#include "rekey.h"
#include "sw_rx.h"
#include "sw_tx.h"

/**
 * ktls_rekey_tx() - send with another key from the next record on
 * @sk: the socket; tx_lock is held and it is locked
 * @ctx: its context
 * @info: the key, for the same version and cipher
 *
 * Return: 0, or an error: then the old key stays.
 */
int ktls_rekey_tx(struct sock *sk, struct ktls_context *ctx,
		  struct tls_crypto_info *info)
{
	struct crypto_aead *aead = ktls_aead_alloc(&ctx->format, info);
	int err;

	if (IS_ERR(aead))
		return PTR_ERR(aead);
	/* Once encrypted, records may wait for TCP under any key. */
	err = ktls_tx(ctx)->ops->flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (err && err != -EAGAIN) {
		crypto_free_aead(aead);
		return err;
	}
	ktls_sw_tx_new_key(ctx, aead, info);
	return 0;
}

/**
 * ktls_rekey_rx() - receive with another key from the next record on
 * @sk: the socket, locked
 * @ctx: its context
 * @info: the key, for the same version and cipher
 *
 * Return: 0, or an error: then the old key stays.
 */
int ktls_rekey_rx(struct sock *sk, struct ktls_context *ctx,
		  struct tls_crypto_info *info)
{
	struct crypto_aead *aead = ktls_aead_alloc(&ctx->format, info);

	if (IS_ERR(aead))
		return PTR_ERR(aead);
	ktls_rx_new_key(sk, ctx, aead, info);
	return 0;
}
