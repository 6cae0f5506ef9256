/* SPDX-License-Identifier: GPL-2.0-only */
/* From a record that has come to its cleartext. */
#ifndef KTLS_DECRYPT_H
#define KTLS_DECRYPT_H

#include <linux/uio.h>

#include "ctx.h"

/**
 * struct ktls_clear - the cleartext of a record; in the control block of its skb
 * @offset: where it begins in the skb
 * @len: bytes of it that nobody has read yet
 * @type: the content type
 */
struct ktls_clear {
	u32 offset;
	u32 len;
	u8 type;
};

static inline struct ktls_clear *ktls_clear(struct sk_buff *skb)
{
	BUILD_BUG_ON(sizeof(struct ktls_clear) > sizeof_field(struct sk_buff, cb));
	return (struct ktls_clear *)skb->cb;
}

void ktls_decryption_free(struct ktls_rx *rx);
int ktls_decrypt(struct sock *sk, struct iov_iter *to, struct ktls_clear *direct,
		 struct sk_buff **skb);

#endif
