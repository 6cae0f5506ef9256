/* SPDX-License-Identifier: GPL-2.0-only */
/* Ciphers with keys; records as lists of pieces of memory. */
#ifndef KTLS_CRYPTOR_H
#define KTLS_CRYPTOR_H

#include <crypto/aead.h>
#include <linux/scatterlist.h>
#include <linux/skbuff.h>

#include "record.h"
#include "strp.h"

struct crypto_aead *ktls_aead_alloc(const struct ktls_format *format,
				    struct tls_crypto_info *info);
struct crypto_aead *ktls_aead_alloc_sync(const struct ktls_format *format,
					 struct tls_crypto_info *info);
int ktls_source_count(const struct ktls_source *src, u32 skip);
int ktls_source_map(const struct ktls_source *src, u32 skip, struct scatterlist *sg,
		    unsigned int entries);

#endif
