/* SPDX-License-Identifier: GPL-2.0-only */
/* recvmsg() and its like. */
#ifndef KTLS_SW_READ_H
#define KTLS_SW_READ_H

#include <linux/net.h>
#include <net/sock.h>

#include "compat.h"

int ktls_recvmsg(KTLS_RECVMSG_ARGS);
ssize_t ktls_splice_read(struct socket *sock, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags);
int ktls_read_sock(struct sock *sk, read_descriptor_t *desc,
		   sk_read_actor_t actor);

#endif
