// SPDX-License-Identifier: GPL-2.0-only
#include <net/ipv6.h>

int probe(const struct sk_buff *skb);
int probe(const struct sk_buff *skb)
{
	return ipv6_has_hopopt_jumbo(skb);
}
