// SPDX-License-Identifier: GPL-2.0-only
#include <net/sock.h>

int probe(const struct proto *prot, struct sock *sk, struct msghdr *msg);
int probe(const struct proto *prot, struct sock *sk, struct msghdr *msg)
{
	int addr_len;

	return prot->recvmsg(sk, msg, 0, 0, &addr_len);
}
