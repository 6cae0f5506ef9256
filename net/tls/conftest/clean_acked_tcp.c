// SPDX-License-Identifier: GPL-2.0-only
#include <net/tcp.h>

void probe(struct sock *sk);
void probe(struct sock *sk)
{
	clean_acked_data_disable(tcp_sk(sk));
}
