/* SPDX-License-Identifier: GPL-2.0-only */
/* How many records a key is good for. */
#ifndef KTLS_LIMIT_H
#define KTLS_LIMIT_H

#include "ctx.h"

void ktls_record_passed(struct sock *sk, struct ktls_number *number,
			enum tls_offload_ctx_dir direction);

#endif
