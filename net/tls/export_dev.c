// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the module exports, first part. A symbol's checksum depends on everything
 * that the exporting file has included, so the functions are elsewhere, and the
 * includes here are those that give the checksums of the kernel's own module.
 */

#include <crypto/aead.h>
#include <linux/highmem.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <net/dst.h>
#include <net/inet_connection_sock.h>
#include <net/tcp.h>
#include <net/tls.h>
#include <linux/skbuff_ref.h>
#include <linux/skmsg.h>
#include <net/tls_prot.h>
#include <linux/tracepoint.h>

EXPORT_SYMBOL(tls_get_record);
EXPORT_SYMBOL_GPL(tls_offload_tx_resync_request);
EXPORT_SYMBOL_GPL(tls_device_sk_destruct);
