// SPDX-License-Identifier: GPL-2.0-only
/* The socket operations that sockets with kTLS have. */

#include <linux/mutex.h>
#include <linux/slab.h>

#include "proto.h"

/* Few: TCP over IPv4 and IPv6, and what sockmap makes of them. They stay. */
static LIST_HEAD(all);
static DEFINE_MUTEX(all_lock);

/* Start with copies of what was there; @fill puts ours in place. */
static void make(struct ktls_protos *protos,
		 void (*fill)(struct ktls_protos *protos))
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		protos->prot[i >> 1][i & 1] = *protos->base;
		protos->ops[i >> 1][i & 1] = *protos->base_ops;
	}
	fill(protos);
}

/**
 * ktls_protos_get() - the operations for a socket that has these now
 * @base: its protocol
 * @base_ops: its file's operations
 * @fill: puts our operations in place, in a set that is new
 *
 * Return: the set, or NULL if there is no memory for it.
 */
struct ktls_protos *ktls_protos_get(const struct proto *base,
				    const struct proto_ops *base_ops,
				    void (*fill)(struct ktls_protos *protos))
{
	struct ktls_protos *protos;

	mutex_lock(&all_lock);
	list_for_each_entry(protos, &all, list)
		if (protos->base == base && protos->base_ops == base_ops)
			goto out;

	protos = kzalloc(sizeof(*protos), GFP_KERNEL);
	if (protos) {
		protos->base = base;
		protos->base_ops = base_ops;
		make(protos, fill);
		list_add(&protos->list, &all);
	}
out:
	mutex_unlock(&all_lock);
	return protos;
}

/**
 * ktls_protos_exit() - free all operations; no socket has them any more
 */
void ktls_protos_exit(void)
{
	struct ktls_protos *protos, *next;

	list_for_each_entry_safe(protos, next, &all, list)
		kfree(protos);
}

/**
 * ktls_proto_update() - give a socket the operations that its keys ask for
 * @sk: the socket, locked
 * @ctx: its context
 */
void ktls_proto_update(struct sock *sk, struct ktls_context *ctx)
{
	bool tx = ctx->base.tx_conf != TLS_BASE;
	bool rx = ctx->base.rx_conf != TLS_BASE;

	WRITE_ONCE(sk->sk_prot, &ctx->protos->prot[tx][rx]);
	WRITE_ONCE(sk->sk_socket->ops, &ctx->protos->ops[tx][rx]);
}
