// SPDX-License-Identifier: GPL-2.0-only
#include <net/tcp.h>

size_t probe(const struct tcp_ulp_ops *ops, struct sock *sk);
size_t probe(const struct tcp_ulp_ops *ops, struct sock *sk)
{
	return ops->get_info_size(sk, true);
}
