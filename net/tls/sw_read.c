// SPDX-License-Identifier: GPL-2.0-only
/* recvmsg() and its like. */

#include <linux/fs.h>
#include <linux/net.h>
#include <linux/splice.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "sw_read.h"
#include "sw_rx.h"

/* So much is read before packets that have come meanwhile are looked at. */
#define BACKLOG_BYTES	SZ_128K

/**
 * struct reading - one call of recvmsg()
 * @msg: where the bytes go
 * @left: how many more may go there
 * @copied: how many have
 * @flushed: and had when the backlog was looked at
 * @at: for MSG_PEEK: the last record that was looked at
 * @type: content type of the records that are read, 0 if it is not known yet
 * @peek: leave all as it is
 * @nonblock: do not wait
 */
struct reading {
	struct msghdr *msg;
	size_t left;
	size_t copied;
	size_t flushed;
	struct sk_buff *at;
	u8 type;
	bool peek;
	bool nonblock;
};

/*
 * All records that one call returns are of one type, and it is told of it.
 *
 * Return: 1 if a record of this type may be added, 0 if not, or an error.
 */
static int take_type(struct reading *r, u8 type)
{
	int err;

	if (r->type)
		return r->type == type;
	if (!type)
		return -EBADMSG;
	r->type = type;
	err = put_cmsg(r->msg, SOL_TLS, TLS_GET_RECORD_TYPE, sizeof(type), &type);
	if (type != TLS_RECORD_TYPE_DATA &&
	    (err || r->msg->msg_flags & MSG_CTRUNC))
		return -EIO;
	return 1;
}

/* The record that comes next, of those that are decrypted; NULL if there is none. */
static struct sk_buff *next_clear(struct reading *r, struct ktls_rx *rx)
{
	return r->at ? skb_peek_next(r->at, &rx->clear) : skb_peek(&rx->clear);
}

/*
 * Copy from a record that is decrypted.
 *
 * Return: 1 if another may follow, 0 if the call is done, or an error.
 */
static int copy_from(struct reading *r, struct ktls_rx *rx, struct sk_buff *skb)
{
	struct ktls_clear *clear = ktls_clear(skb);
	size_t part = min_t(size_t, clear->len, r->left);
	bool whole = part == clear->len;
	int ret;

	ret = take_type(r, clear->type);
	if (ret <= 0)
		return ret;
	ret = skb_copy_datagram_msg(skb, clear->offset, r->msg, part);
	if (ret)
		return ret;
	r->copied += part;
	r->left -= part;
	if (whole)
		r->msg->msg_flags |= MSG_EOR;
	if (r->peek) {
		r->at = skb;
	} else if (whole) {
		__skb_unlink(skb, &rx->clear);
		consume_skb(skb);
	} else {
		clear->offset += part;
		clear->len -= part;
	}
	return whole && r->type == TLS_RECORD_TYPE_DATA;
}

/*
 * May the record that is ready go straight to the reader's pages? Where padding is
 * possible that is known only if a device has decrypted it.
 */
static bool may_go_direct(const struct reading *r, const struct ktls_context *ctx)
{
	const struct ktls_rx *rx = ktls_rx(ctx);

	return (rx->zero_copy || ctx->rx_added) && !r->peek &&
	       !iov_iter_is_kvec(&r->msg->msg_iter) &&
	       rx->strp.type == TLS_RECORD_TYPE_DATA &&
	       (!r->type || r->type == TLS_RECORD_TYPE_DATA) &&
	       ktls_payload(&ctx->format, rx->strp.len) <= r->left;
}

/*
 * Read the record that is ready.
 *
 * Return: 1 if another may follow, 0 if the call is done, or an error.
 */
static int read_record(struct reading *r, struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_clear direct = {};
	struct iov_iter *to = NULL;
	struct sk_buff *skb;
	int ret;

	if (may_go_direct(r, ctx))
		to = &r->msg->msg_iter;
	ret = ktls_rx_decrypt(sk, to, &direct, &skb);
	if (ret == -EAGAIN)
		return 1;
	if (ret)
		return ret;
	if (r->copied - r->flushed >= BACKLOG_BYTES) {
		r->flushed = r->copied;
		sk_flush_backlog(sk);
	}
	if (skb)
		return copy_from(r, ktls_rx(ctx), skb);

	r->copied += direct.len;
	r->left -= direct.len;
	r->msg->msg_flags |= MSG_EOR;
	ret = take_type(r, direct.type);
	return ret < 0 ? ret : 1;
}

/* All records that there are and that fit; wait until @target bytes are there. */
static int read_records(struct reading *r, struct sock *sk, size_t target)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	int ret = 1;

	while (ret > 0 && r->left) {
		struct sk_buff *skb = next_clear(r, rx);

		if (skb) {
			ret = copy_from(r, rx, skb);
			continue;
		}
		if (r->copied >= target && !ktls_strp_ready(&rx->strp)) {
			/* As with TCP alone, what has come meanwhile is read as well. */
			sk_flush_backlog(sk);
			if (!ktls_strp_ready(&rx->strp))
				return 0;
		}
		ret = ktls_rx_wait(sk, r->nonblock, r->copied);
		if (ret > 0)
			ret = read_record(r, sk);
	}
	return ret;
}

/*
 * ktls_recvmsg() - recvmsg() of a socket with a key for receiving. Returns bytes or
 * an error.
 */
int ktls_recvmsg(KTLS_RECVMSG_ARGS)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	struct reading r = {
		.msg = msg,
		.left = len,
		.peek = flags & MSG_PEEK,
		.nonblock = flags & MSG_DONTWAIT,
	};
	int err;

	if (flags & MSG_ERRQUEUE)
		return sock_recv_errqueue(sk, msg, len, SOL_IP, IP_RECVERR);
	err = ktls_rx_lock(sk, rx, r.nonblock);
	if (err)
		return err;
	err = read_records(&r, sk, sock_rcvlowat(sk, flags & MSG_WAITALL, len));
	ktls_rx_unlock(sk, rx);
	return r.copied ?: err;
}

/* The first record with data for one who cannot be told of types; it stays listed. */
static int first_data(struct sock *sk, bool nonblock, bool has_copied,
		      struct sk_buff **skb)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	int ret;

	do {
		*skb = skb_peek(&rx->clear);
		if (*skb)
			break;
		ret = ktls_rx_wait(sk, nonblock, has_copied);
		if (ret <= 0)
			return ret;
		ret = ktls_rx_decrypt(sk, NULL, NULL, skb);
		if (ret && ret != -EAGAIN)
			return ret;
	} while (!*skb);
	return ktls_clear(*skb)->type == TLS_RECORD_TYPE_DATA ? 1 : -EINVAL;
}

/* So many bytes of the first record are read. */
static void consume(struct ktls_rx *rx, struct sk_buff *skb, u32 bytes)
{
	struct ktls_clear *clear = ktls_clear(skb);

	clear->offset += bytes;
	clear->len -= bytes;
	if (!clear->len) {
		__skb_unlink(skb, &rx->clear);
		consume_skb(skb);
	}
}

/**
 * ktls_splice_read() - splice() from a socket with a key for receiving
 * @sock: the socket
 * @ppos: not used
 * @pipe: where the data goes
 * @len: how much at most
 * @flags: SPLICE_F_...
 *
 * Return: bytes, of one record, or an error.
 */
ssize_t ktls_splice_read(struct socket *sock, loff_t *ppos,
			 struct pipe_inode_info *pipe, size_t len,
			 unsigned int flags)
{
	bool nonblock = flags & SPLICE_F_NONBLOCK;
	struct sock *sk = sock->sk;
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	struct sk_buff *skb;
	ssize_t ret;

	ret = ktls_rx_lock(sk, rx, nonblock);
	if (ret)
		return ret;
	ret = first_data(sk, nonblock, false, &skb);
	if (ret > 0) {
		struct ktls_clear *clear = ktls_clear(skb);

		ret = skb_splice_bits(skb, sk, clear->offset, pipe,
				      min_t(size_t, clear->len, len), flags);
		if (ret >= 0)
			consume(rx, skb, ret);
	}
	ktls_rx_unlock(sk, rx);
	return ret;
}

/**
 * ktls_read_sock() - let somebody in the kernel read
 * @sk: the socket, locked by the caller
 * @desc: how long to go on
 * @actor: gets the bytes
 *
 * Return: bytes or an error.
 */
int ktls_read_sock(struct sock *sk, read_descriptor_t *desc,
		   sk_read_actor_t actor)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	struct sk_buff *skb;
	ssize_t copied = 0;
	int ret;

	ret = ktls_rx_acquire(sk, rx, true);
	if (ret)
		return ret;
	while (desc->count) {
		ret = first_data(sk, true, copied, &skb);
		if (ret <= 0)
			break;
		if (!ktls_clear(skb)->len) {
			consume(rx, skb, 0);
			continue;
		}
		ret = actor(desc, skb, ktls_clear(skb)->offset,
			    ktls_clear(skb)->len);
		if (ret <= 0)
			break;
		copied += ret;
		consume(rx, skb, ret);
	}
	ktls_rx_release(rx);
	return copied ?: ret;
}
