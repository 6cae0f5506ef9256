/* SPDX-License-Identifier: GPL-2.0-only */
/* sendmsg() and its like, whoever encrypts. */
#ifndef KTLS_SEND_H
#define KTLS_SEND_H

#include <linux/net.h>
#include <net/sock.h>

int ktls_sendmsg(struct sock *sk, struct msghdr *msg, size_t size);
void ktls_splice_eof(struct socket *sock);
int ktls_shutdown(struct socket *sock, int how);

#endif
