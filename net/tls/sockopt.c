// SPDX-License-Identifier: GPL-2.0-only
/* The socket options of SOL_TLS. */

#include <linux/skmsg.h>
#include <linux/sockptr.h>
#include <linux/uaccess.h>

#include "dev.h"
#include "proto.h"
#include "rekey.h"
#include "send.h"
#include "sockopt.h"
#include "stat.h"
#include "sw_rx.h"
#include "sw_tx.h"

/* Exactly one u16 or u32, as the option has it. */
static int read_value(sockptr_t from, unsigned int len, void *value,
		      unsigned int size)
{
	if (sockptr_is_null(from) || len != size)
		return -EINVAL;
	return copy_from_sockptr(value, from, size) ? -EFAULT : 0;
}

static int write_value(char __user *to, int __user *len, const void *value,
		       int size)
{
	if (put_user(size, len))
		return -EFAULT;
	return copy_to_user(to, value, size) ? -EFAULT : 0;
}

/* A socket in a sockmap cannot have keys, nor the other way round. */
static bool in_sockmap(const struct sock *sk)
{
	bool found;

	rcu_read_lock();
	found = sk_psock(sk);
	rcu_read_unlock();
	return found;
}

/**
 * read_info() - read version, cipher and key from user space
 * @value: there
 * @len: bytes there
 * @other: what the other direction has, or NULL: the two must agree
 * @info: filled in
 *
 * Return: the cipher or an error.
 */
static const struct ktls_cipher *read_info(sockptr_t value, unsigned int len,
					   const struct tls_crypto_info *other,
					   union tls_crypto_context *info)
{
	const struct ktls_cipher *cipher;

	if (sockptr_is_null(value) || len < sizeof(info->info))
		return ERR_PTR(-EINVAL);
	if (copy_from_sockptr(&info->info, value, sizeof(info->info)))
		return ERR_PTR(-EFAULT);
	if (info->info.version != TLS_1_2_VERSION &&
	    info->info.version != TLS_1_3_VERSION)
		return ERR_PTR(-EINVAL);
	if (other && (other->version != info->info.version ||
		      other->cipher_type != info->info.cipher_type))
		return ERR_PTR(-EINVAL);

	cipher = ktls_cipher_find(info->info.cipher_type);
	if (!cipher || len != cipher->info_size ||
	    (info->info.version == TLS_1_3_VERSION && !cipher->tls13))
		return ERR_PTR(-EINVAL);
	if (copy_from_sockptr(info, value, len))
		return ERR_PTR(-EFAULT);
	return cipher;
}

static void count(struct sock *sk, struct ktls_context *ctx, bool tx, bool device)
{
	static const enum ktls_stat all[2][2] = {
		{ KTLS_STAT_RX_SW, KTLS_STAT_RX_DEVICE },
		{ KTLS_STAT_TX_SW, KTLS_STAT_TX_DEVICE },
	};

	if (tx)
		ctx->base.tx_conf = device ? TLS_HW : TLS_SW;
	else
		ctx->base.rx_conf = device ? TLS_HW : TLS_SW;
	ktls_stat_inc(sock_net(sk), all[tx][device]);
	ktls_stat_inc(sock_net(sk), ktls_stat_current(tx, device));
}

/* The first key of a direction; it is in the context already. */
static int install(struct sock *sk, struct ktls_context *ctx, bool tx)
{
	bool device = true;
	int err;

	err = tx ? ktls_dev_set_tx(sk, ctx) : ktls_dev_set_rx(sk, ctx);
	if (err) {
		device = false;
		err = tx ? ktls_sw_tx_create(sk, ctx, &ctx->base.crypto_send.info) :
			   ktls_rx_create(sk, ctx, &ctx->base.crypto_recv.info);
	}
	if (err)
		return err;
	count(sk, ctx, tx, device);
	ktls_proto_update(sk, ctx);
	if (tx) {
		ctx->base.sk_write_space = sk->sk_write_space;
		sk->sk_write_space = ktls_write_space;
	} else {
		ktls_rx_start(sk, ctx);
	}
	return 0;
}

/* A further key: after a KeyUpdate, which only TLS 1.3 has. */
static int replace(struct sock *sk, struct ktls_context *ctx, bool tx,
		   const union tls_crypto_context *info)
{
	union tls_crypto_context *own, old;
	int err;

	own = tx ? &ctx->base.crypto_send : &ctx->base.crypto_recv;
	old = *own;
	*own = *info;
	err = tx ? ktls_rekey_tx(sk, ctx) : ktls_rekey_rx(sk, ctx);
	if (err)
		*own = old;
	memzero_explicit(&old, sizeof(old));
	return err;
}

static int first_keys(struct sock *sk, bool tx, sockptr_t value, unsigned int len)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	union tls_crypto_context *own, *other;
	const struct ktls_cipher *cipher;
	int err;

	own = tx ? &ctx->base.crypto_send : &ctx->base.crypto_recv;
	other = tx ? &ctx->base.crypto_recv : &ctx->base.crypto_send;
	cipher = read_info(value, len, other->info.version ? &other->info : NULL, own);
	err = PTR_ERR_OR_ZERO(cipher);
	if (!err) {
		ktls_format_init(&ctx->format, own->info.version, cipher);
		ktls_format_prot_info(&ctx->format, &ctx->base.prot_info);
		err = install(sk, ctx, tx);
	}
	if (err)
		memzero_explicit(own, sizeof(*own));
	return err;
}

static int next_keys(struct sock *sk, bool tx, sockptr_t value, unsigned int len)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	union tls_crypto_context *own, info;
	int err = -EBUSY;

	own = tx ? &ctx->base.crypto_send : &ctx->base.crypto_recv;
	if (own->info.version == TLS_1_3_VERSION)
		err = PTR_ERR_OR_ZERO(read_info(value, len, &own->info, &info));
	if (!err)
		err = replace(sk, ctx, tx, &info);
	memzero_explicit(&info, sizeof(info));
	/* Who does not wait comes again. */
	if (err && err != -EAGAIN)
		ktls_stat_inc(sock_net(sk), tx ? KTLS_STAT_TX_REKEY_ERROR :
						 KTLS_STAT_RX_REKEY_ERROR);
	return err;
}

static int set_keys(struct sock *sk, bool tx, sockptr_t value, unsigned int len)
{
	struct ktls_context *ctx = ktls_ctx(sk);

	if (in_sockmap(sk))
		return -EINVAL;
	if (tx ? ctx->base.tx_conf : ctx->base.rx_conf)
		return next_keys(sk, tx, value, len);
	return first_keys(sk, tx, value, len);
}

static int set_zerocopy(struct ktls_context *ctx, sockptr_t value,
			unsigned int len)
{
	unsigned int on;
	int err;

	err = read_value(value, len, &on, sizeof(on));
	if (err)
		return err;
	if (on > 1)
		return -EINVAL;
	ctx->base.zerocopy_sendfile = on;
	return 0;
}

static int set_no_pad(struct ktls_context *ctx, sockptr_t value,
		      unsigned int len)
{
	unsigned int on;
	int zeroed;

	if (ctx->base.prot_info.version != TLS_1_3_VERSION ||
	    sockptr_is_null(value) || len < sizeof(on))
		return -EINVAL;
	if (copy_from_sockptr(&on, value, sizeof(on)))
		return -EFAULT;
	if (on > 1)
		return -EINVAL;
	zeroed = check_zeroed_sockptr(value, sizeof(on), len - sizeof(on));
	if (zeroed < 1)
		return zeroed ?: -EINVAL;
	if (!ktls_rx(ctx))
		return -EINVAL;
	ctx->base.rx_no_pad = on;
	ktls_rx_update(ctx);
	return 0;
}

static int set_max_payload(struct ktls_context *ctx, sockptr_t value,
			   unsigned int len)
{
	bool tls13 = ctx->base.prot_info.version == TLS_1_3_VERSION;
	u16 max;
	int err;

	if (ctx->base.pending_open_record_frags)
		return -EBUSY;
	err = read_value(value, len, &max, sizeof(max));
	if (err)
		return err;
	/* RFC 8449 counts the content type of TLS 1.3, the option does not. */
	if (max < TLS_MIN_RECORD_SIZE_LIM - tls13 || max > TLS_MAX_PAYLOAD_SIZE)
		return -EINVAL;
	ctx->max_payload = max;
	return 0;
}

static int set_locked(struct sock *sk, int option, sockptr_t value,
		      unsigned int len)
{
	struct ktls_context *ctx = ktls_ctx(sk);

	switch (option) {
	case TLS_TX:
	case TLS_RX:
		return set_keys(sk, option == TLS_TX, value, len);
	case TLS_TX_ZEROCOPY_RO:
		return set_zerocopy(ctx, value, len);
	case TLS_RX_EXPECT_NO_PAD:
		return set_no_pad(ctx, value, len);
	case TLS_TX_MAX_PAYLOAD_LEN:
		return set_max_payload(ctx, value, len);
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * ktls_set_option() - setsockopt() of SOL_TLS
 * @sk: the socket
 * @option: TLS_...
 * @value: from user space, or from inside the kernel
 * @len: bytes there
 *
 * Return: 0 or an error.
 */
int ktls_set_option(struct sock *sk, int option, sockptr_t value,
		    unsigned int len)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	int err;

	if (option == TLS_TX) {
		err = mutex_lock_interruptible(&ctx->base.tx_lock);
		if (err)
			return err;
	}
	lock_sock(sk);
	err = set_locked(sk, option, value, len);
	release_sock(sk);
	if (option == TLS_TX)
		mutex_unlock(&ctx->base.tx_lock);
	return err;
}

/* Version and cipher, or all of it, with the number of the next record. */
static int get_keys(struct ktls_context *ctx, bool tx, char __user *value, int len)
{
	union tls_crypto_context *own, info;
	const struct ktls_number *number;
	int err = 0;

	own = tx ? &ctx->base.crypto_send : &ctx->base.crypto_recv;
	if (!value || len < (int)sizeof(own->info))
		return -EINVAL;
	if (!own->info.version)
		return -EBUSY;
	if (len == sizeof(own->info))
		return copy_to_user(value, &own->info, len) ? -EFAULT : 0;
	if (len != ctx->format.cipher->info_size)
		return -EINVAL;

	number = tx ? &ktls_tx(ctx)->number : &ktls_rx(ctx)->number;
	info = *own;
	ktls_number_store(number, &ctx->format, &info.info);
	if (copy_to_user(value, &info, len))
		err = -EFAULT;
	memzero_explicit(&info, sizeof(info));
	return err;
}

static int get_no_pad(struct ktls_context *ctx, char __user *value, int __user *len,
		      int room)
{
	int on = ctx->base.rx_no_pad;

	if (ctx->base.prot_info.version != TLS_1_3_VERSION ||
	    room < (int)sizeof(on) || !ktls_rx(ctx))
		return -EINVAL;
	return write_value(value, len, &on, sizeof(on));
}

static int get_locked(struct sock *sk, int option, char __user *value,
		      int __user *len, int room)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	unsigned int on;

	switch (option) {
	case TLS_TX:
	case TLS_RX:
		return get_keys(ctx, option == TLS_TX, value, room);
	case TLS_TX_ZEROCOPY_RO:
		on = ctx->base.zerocopy_sendfile;
		if (room != sizeof(on))
			return -EINVAL;
		return write_value(value, len, &on, sizeof(on));
	case TLS_RX_EXPECT_NO_PAD:
		return get_no_pad(ctx, value, len, room);
	case TLS_TX_MAX_PAYLOAD_LEN:
		if (room < (int)sizeof(ctx->max_payload))
			return -EINVAL;
		return write_value(value, len, &ctx->max_payload,
				   sizeof(ctx->max_payload));
	default:
		return -ENOPROTOOPT;
	}
}

/**
 * ktls_get_option() - getsockopt() of SOL_TLS
 * @sk: the socket
 * @option: TLS_...
 * @value: in user space
 * @len: bytes there, and how many were written
 *
 * Return: 0 or an error.
 */
int ktls_get_option(struct sock *sk, int option, char __user *value,
		    int __user *len)
{
	int room, err;

	if (get_user(room, len))
		return -EFAULT;
	lock_sock(sk);
	err = get_locked(sk, option, value, len, room);
	release_sock(sk);
	return err;
}
