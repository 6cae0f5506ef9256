// SPDX-License-Identifier: GPL-2.0-only
/* The ULP: how a socket comes to kTLS, what it tells of it, how it leaves. */

#include <linux/inet_diag.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <net/inet_connection_sock.h>
#include <net/netlink.h>

#include "ctx.h"
#include "proto.h"
#include "rekey.h"
#include "send.h"
#include "sockopt.h"
#include "stat.h"
#include "sw_read.h"
#include "sw_rx.h"
#include "sw_tx.h"
#include "ulp.h"

static int ktls_disconnect(struct sock *sk, int flags)
{
	return -EOPNOTSUPP;
}

static int ktls_setsockopt(struct sock *sk, int level, int option,
			   sockptr_t value, unsigned int len)
{
	if (level == SOL_TLS)
		return ktls_set_option(sk, option, value, len);
	return tls_get_ctx(sk)->sk_proto->setsockopt(sk, level, option, value,
						     len);
}

static int ktls_getsockopt(struct sock *sk, int level, int option,
			   char __user *value, int __user *len)
{
	if (level == SOL_TLS)
		return ktls_get_option(sk, option, value, len);
	return tls_get_ctx(sk)->sk_proto->getsockopt(sk, level, option, value,
						     len);
}

/* Stop sending and receiving; the socket is locked, and nobody sends. */
static void release(struct sock *sk, struct ktls_context *ctx)
{
	struct net *net = sock_net(sk);

	ktls_rekey_release(sk, ctx);
	if (ktls_tx(ctx)) {
		ktls_tx(ctx)->ops->release(sk);
		ktls_stat_dec(net, ktls_stat_current(true, ctx->base.tx_conf == TLS_HW));
	}
	if (ktls_rx(ctx)) {
		if (ktls_rx(ctx)->device)
			ktls_rx(ctx)->device->release(sk);
		ktls_rx_stop(sk, ctx);
		ktls_stat_dec(net, ktls_stat_current(false, ctx->base.rx_conf == TLS_HW));
	}
}

static void ktls_close(struct sock *sk, long timeout)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct proto *base = ctx->base.sk_proto;
	bool stays = ctx->tx_kept || ctx->rx_kept;

	if (ktls_tx(ctx))
		ktls_sw_tx_stop(ktls_tx(ctx));
	mutex_lock(&ctx->base.tx_lock);
	lock_sock(sk);
	release(sk, ctx);
	write_lock_bh(&sk->sk_callback_lock);
	if (!stays)
		rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, NULL);
	WRITE_ONCE(sk->sk_prot, base);
	if (sk->sk_write_space == ktls_write_space)
		sk->sk_write_space = ctx->base.sk_write_space;
	write_unlock_bh(&sk->sk_callback_lock);
	release_sock(sk);
	mutex_unlock(&ctx->base.tx_lock);

	if (ktls_tx(ctx) && !ctx->tx_kept)
		ktls_tx(ctx)->ops->free(ktls_tx(ctx));
	if (ctx->rx_kept)
		ktls_rx_drop(ktls_rx(ctx));
	else if (ktls_rx(ctx))
		ktls_rx_free(ktls_rx(ctx));
	base->close(sk, timeout);
	if (!stays)
		ktls_context_free(ctx);
}

static __poll_t ktls_poll(struct file *file, struct socket *sock,
			  struct poll_table_struct *wait)
{
	__poll_t mask = tcp_poll(file, sock, wait);
	struct sock *sk = sock->sk;

	/* At the end of the stream, or after an error, TCP is right. */
	if (inet_sk_state_load(sk) != TCP_ESTABLISHED ||
	    READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN)
		return mask;
	if (!ktls_rx_readable(ktls_rx(ktls_ctx(sk))))
		mask &= ~(EPOLLIN | EPOLLRDNORM);
	return mask;
}

static bool ktls_is_readable(struct sock *sk)
{
	return ktls_rx_readable(ktls_rx(ktls_ctx(sk)));
}

/* Put our operations into a new set. */
static void fill(struct ktls_protos *protos)
{
	unsigned int i;

	for (i = 0; i < 4; i++) {
		unsigned int tx = i >> 1, rx = i & 1;
		struct proto *prot = &protos->prot[tx][rx];

		prot->setsockopt = ktls_setsockopt;
		prot->getsockopt = ktls_getsockopt;
		prot->disconnect = ktls_disconnect;
		prot->close = ktls_close;
		if (tx) {
			prot->sendmsg = ktls_sendmsg;
			prot->splice_eof = ktls_splice_eof;
			protos->ops[tx][rx].splice_eof = ktls_splice_eof;
			protos->ops[tx][rx].shutdown = ktls_shutdown;
		}
		if (rx) {
			prot->recvmsg = ktls_recvmsg;
			prot->sock_is_readable = ktls_is_readable;
			protos->ops[tx][rx].splice_read = ktls_splice_read;
			protos->ops[tx][rx].read_sock = ktls_read_sock;
			protos->ops[tx][rx].poll = ktls_poll;
		}
	}
}

static int ktls_init(struct sock *sk)
{
	struct ktls_context *ctx;

	/* A listening socket would hand its context on to what it accepts. */
	if (sk->sk_state != TCP_ESTABLISHED)
		return -ENOTCONN;

	ctx = kzalloc(sizeof(*ctx), GFP_KERNEL);
	if (!ctx)
		return -ENOMEM;
	ctx->protos = ktls_protos_get(READ_ONCE(sk->sk_prot), sk->sk_socket->ops,
				      fill);
	if (!ctx->protos) {
		kfree(ctx);
		return -ENOMEM;
	}
	mutex_init(&ctx->base.tx_lock);
	ctx->base.sk = sk;
	ctx->base.sk_proto = sk->sk_prot;
	ctx->base.tx_conf = TLS_BASE;
	ctx->base.rx_conf = TLS_BASE;
	ctx->max_payload = TLS_MAX_PAYLOAD_SIZE;

	write_lock_bh(&sk->sk_callback_lock);
	rcu_assign_pointer(inet_csk(sk)->icsk_ulp_data, ctx);
	ktls_proto_update(sk, ctx);
	write_unlock_bh(&sk->sk_callback_lock);
	return 0;
}

/* Somebody else, sockmap for one, changes what is below us. */
static void ktls_update(struct sock *sk, struct proto *prot,
			void (*write_space)(struct sock *sk))
{
	struct tls_context *base = tls_get_ctx(sk);

	if (base) {
		base->sk_write_space = write_space;
		base->sk_proto = prot;
	} else {
		WRITE_ONCE(sk->sk_prot, prot);
		sk->sk_write_space = write_space;
	}
}

static u16 conf_for_user(unsigned int conf)
{
	switch (conf) {
	case TLS_SW:
		return TLS_CONF_SW;
	case TLS_HW:
		return TLS_CONF_HW;
	default:
		return TLS_CONF_BASE;
	}
}

/* What sock_diag tells of a context; 0 if all of it fits. */
static int put_info(struct sk_buff *skb, const struct ktls_context *ctx)
{
	const struct tls_context *base = &ctx->base;
	u16 version = base->prot_info.version;
	u16 cipher = base->prot_info.cipher_type;

	return (version && nla_put_u16(skb, TLS_INFO_VERSION, version)) ||
	       (cipher && nla_put_u16(skb, TLS_INFO_CIPHER, cipher)) ||
	       nla_put_u16(skb, TLS_INFO_TXCONF, conf_for_user(base->tx_conf)) ||
	       nla_put_u16(skb, TLS_INFO_RXCONF, conf_for_user(base->rx_conf)) ||
	       (base->tx_conf == TLS_HW && base->zerocopy_sendfile &&
		nla_put_flag(skb, TLS_INFO_ZC_RO_TX)) ||
	       (base->rx_no_pad && nla_put_flag(skb, TLS_INFO_RX_NO_PAD)) ||
	       nla_put_u16(skb, KTLS_INFO_TX_MAX_PAYLOAD_LEN, ctx->max_payload);
}

static int ktls_get_info(KTLS_GET_INFO_ARGS)
{
	struct tls_context *base;
	struct nlattr *nest;
	bool failed = false;

	nest = nla_nest_start_noflag(skb, INET_ULP_INFO_TLS);
	if (!nest)
		return -EMSGSIZE;

	rcu_read_lock();
	base = rcu_dereference(inet_csk(sk)->icsk_ulp_data);
	if (base)
		failed = put_info(skb, container_of(base, struct ktls_context,
						    base));
	rcu_read_unlock();

	if (!base || failed) {
		nla_nest_cancel(skb, nest);
		return failed ? -EMSGSIZE : 0;
	}
	nla_nest_end(skb, nest);
	return 0;
}

static size_t ktls_get_info_size(KTLS_GET_INFO_SIZE_ARGS)
{
	return nla_total_size(0) +		/* INET_ULP_INFO_TLS */
	       5 * nla_total_size(sizeof(u16)) +
	       2 * nla_total_size(0);		/* the flags */
}

struct tcp_ulp_ops ktls_ulp_ops __read_mostly = {
	.name = "tls",
	.owner = THIS_MODULE,
	.init = ktls_init,
	.update = ktls_update,
	.get_info = ktls_get_info,
	.get_info_size = ktls_get_info_size,
};
