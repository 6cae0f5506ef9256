// SPDX-License-Identifier: GPL-2.0-only
/* Receiving with a device that decrypts. */

#include "dev.h"

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
