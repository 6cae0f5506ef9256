// SPDX-License-Identifier: GPL-2.0-only
/* sendmsg() and its like, whoever encrypts. */

#include <net/inet_common.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "ctx.h"
#include "send.h"

#define ALLOWED_FLAGS	(MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL | MSG_CMSG_COMPAT | \
			 MSG_SPLICE_PAGES | MSG_EOR | MSG_WAITALL | KTLS_MSG_NOPOLICY)

/*
 * MSG_WAITALL says nothing to us, but much to io_uring, which then goes on after a part of
 * a message. It does so without the control message: with one there may be no parts.
 */
static bool flags_allowed(const struct msghdr *msg)
{
	return !(msg->msg_flags & ~ALLOWED_FLAGS) &&
	       !(msg->msg_flags & MSG_WAITALL && msg->msg_controllen);
}

/* The content type that a control message asks for. */
static int read_type(struct msghdr *msg, u8 *type)
{
	struct cmsghdr *cmsg;
	int err = -EINVAL;

	for_each_cmsghdr(cmsg, msg) {
		if (!CMSG_OK(msg, cmsg))
			return -EINVAL;
		if (cmsg->cmsg_level != SOL_TLS)
			continue;
		if (cmsg->cmsg_type != TLS_SET_RECORD_TYPE ||
		    cmsg->cmsg_len < CMSG_LEN(sizeof(*type)) ||
		    msg->msg_flags & MSG_MORE)
			return -EINVAL;
		*type = *(u8 *)CMSG_DATA(cmsg);
		err = 0;
	}
	return err;
}

static int send_locked(struct sock *sk, struct msghdr *msg)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));
	u8 type = TLS_RECORD_TYPE_DATA;
	int err;

	if (msg->msg_flags & MSG_MORE && msg->msg_flags & MSG_EOR)
		return -EINVAL;
	if (sk->sk_err)
		return -sk->sk_err;
	/* nothing is taken for a peer that is gone */
	if (sk->sk_shutdown & SEND_SHUTDOWN)
		return sk_stream_error(sk, msg->msg_flags, -EPIPE);
	if (tx->resume)
		tx->resume(sk);
	if (msg->msg_controllen) {
		err = read_type(msg, &type);
		if (err)
			return err;
		/* A record of its own; what is open was of another type. */
		err = tx->ops->flush(sk, msg->msg_flags);
		if (err && err != -EAGAIN)
			return sk_stream_error(sk, msg->msg_flags, err);
	}
	err = tx->ops->send(sk, msg, type);
	return err < 0 ? sk_stream_error(sk, msg->msg_flags, err) : err;
}

/**
 * ktls_sendmsg() - sendmsg() of a socket with a key for sending
 * @sk: the socket
 * @msg: data, and perhaps the record's type
 * @size: bytes of data
 *
 * Return: bytes that will be sent, or an error.
 */
int ktls_sendmsg(struct sock *sk, struct msghdr *msg, size_t size)
{
	struct tls_context *base = tls_get_ctx(sk);
	int ret;

	if (!flags_allowed(msg))
		return -EOPNOTSUPP;
	ret = mutex_lock_interruptible(&base->tx_lock);
	if (ret)
		return ret;
	lock_sock(sk);
	ret = send_locked(sk, msg);
	release_sock(sk);
	mutex_unlock(&base->tx_lock);
	return ret;
}

/**
 * ktls_splice_eof() - there is no more to splice, though more was promised
 * @sock: the socket
 *
 * Full records may be with TCP already, which waits for more of them as well.
 */
void ktls_splice_eof(struct socket *sock)
{
	struct sock *sk = sock->sk;
	struct ktls_context *ctx = ktls_ctx(sk);

	if (ctx->base.pending_open_record_frags || !ktls_push_empty(&ktls_tx(ctx)->push)) {
		mutex_lock(&ctx->base.tx_lock);
		lock_sock(sk);
		/* There is no saying whether the file may block: it never does. */
		ktls_tx(ctx)->ops->flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
		release_sock(sk);
		mutex_unlock(&ctx->base.tx_lock);
	}
	if (ctx->base.sk_proto->splice_eof)
		ctx->base.sk_proto->splice_eof(sock);
}

/**
 * ktls_shutdown() - shutdown() of a socket with a key for sending
 * @sock: the socket
 * @how: SHUT_RD, SHUT_WR or SHUT_RDWR
 *
 * What was written goes before the FIN, for this once without a limit to the send buffer. A
 * sender that waits for room still has the rest of its message, and is told of the end.
 *
 * Return: 0 or an error of TCP's.
 */
int ktls_shutdown(struct socket *sock, int how)
{
	struct sock *sk = sock->sk;
	struct ktls_context *ctx = ktls_ctx(sk);

	if ((how == SHUT_WR || how == SHUT_RDWR) && mutex_trylock(&ctx->base.tx_lock)) {
		lock_sock(sk);
		if (!sk->sk_err && !(sk->sk_shutdown & SEND_SHUTDOWN)) {
			int sndbuf = sk->sk_sndbuf;

			WRITE_ONCE(sk->sk_sndbuf, INT_MAX / 2);
			ktls_tx(ctx)->ops->flush(sk, MSG_DONTWAIT | MSG_NOSIGNAL);
			WRITE_ONCE(sk->sk_sndbuf, sndbuf);
		}
		release_sock(sk);
		mutex_unlock(&ctx->base.tx_lock);
	}
	return inet_shutdown(sock, how);
}
