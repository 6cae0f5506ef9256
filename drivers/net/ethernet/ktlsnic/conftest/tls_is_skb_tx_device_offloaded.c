// SPDX-License-Identifier: GPL-2.0-only
#include <net/tls.h>

bool probe(const struct sk_buff *skb);
bool probe(const struct sk_buff *skb)
{
	return tls_is_skb_tx_device_offloaded(skb);
}
