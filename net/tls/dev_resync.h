/* SPDX-License-Identifier: GPL-2.0-only */
/* How a device that has lost its place in a stream is told where it is. */
#ifndef KTLS_DEV_RESYNC_H
#define KTLS_DEV_RESYNC_H

#include "ctx.h"

void ktls_dev_resync_tx(struct sock *sk, u32 seq, u64 number);
void ktls_dev_resync_header(struct sock *sk, u32 seq, u32 len, u64 number);
void ktls_dev_resync_encrypted(struct sock *sk, const struct ktls_source *src);
void ktls_dev_resync_in_step(struct ktls_rx *rx);
void ktls_dev_resync_forget(struct ktls_rx *rx);

#endif
