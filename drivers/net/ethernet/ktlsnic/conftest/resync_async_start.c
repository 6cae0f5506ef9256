// SPDX-License-Identifier: GPL-2.0-only
#include <net/tls.h>

void probe(struct tls_offload_resync_async *async, __be32 seq, u16 len);
void probe(struct tls_offload_resync_async *async, __be32 seq, u16 len)
{
	tls_offload_rx_resync_async_request_start(async, seq, len);
}
