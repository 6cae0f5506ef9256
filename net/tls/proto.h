/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The socket operations that sockets with kTLS have: those they had before, and
 * ours in place of some.
 */
#ifndef KTLS_PROTO_H
#define KTLS_PROTO_H

#include <linux/net.h>
#include <net/sock.h>

#include "ctx.h"

/**
 * struct ktls_protos - operations made from those that a socket had before
 * @list: of all
 * @base: the protocol it had
 * @base_ops: and the operations of its file
 * @prot: with ours in place: without and with keys for sending and receiving
 * @ops: likewise
 */
struct ktls_protos {
	struct list_head list;
	const struct proto *base;
	const struct proto_ops *base_ops;
	struct proto prot[2][2];
	struct proto_ops ops[2][2];
};

struct ktls_protos *ktls_protos_get(const struct proto *base,
				    const struct proto_ops *base_ops,
				    void (*fill)(struct ktls_protos *protos));
void ktls_protos_exit(void);
void ktls_proto_update(struct sock *sk, struct ktls_context *ctx);

#endif
