/* SPDX-License-Identifier: GPL-2.0-only */
/* What a device should have encrypted and does not is encrypted here. */
#ifndef KTLS_FALLBACK_H
#define KTLS_FALLBACK_H

#include "ctx.h"

struct crypto_aead *ktls_fallback_aead(const struct ktls_format *format,
				       struct tls_crypto_info *info);

#endif
