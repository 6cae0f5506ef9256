// SPDX-License-Identifier: GPL-2.0-only
#include <net/dst.h>

struct net_device *probe(struct dst_entry *dst);
struct net_device *probe(struct dst_entry *dst)
{
	return dst_dev_rcu(dst);
}
