// SPDX-License-Identifier: GPL-2.0-only
/* What the module exports, second part: see export_dev.c. */

#include <net/tls.h>
#include <crypto/aead.h>
#include <crypto/scatterwalk.h>
#include <net/ip6_checksum.h>
#include <linux/skbuff_ref.h>
#include <linux/skmsg.h>
#include <net/tls_prot.h>

EXPORT_SYMBOL_GPL(tls_validate_xmit_skb);
EXPORT_SYMBOL_GPL(tls_encrypt_skb);
