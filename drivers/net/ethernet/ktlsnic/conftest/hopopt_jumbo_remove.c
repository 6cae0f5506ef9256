// SPDX-License-Identifier: GPL-2.0-only
#include <net/ipv6.h>

int probe(struct sk_buff *skb);
int probe(struct sk_buff *skb)
{
	return ipv6_hopopt_jumbo_remove(skb);
}
