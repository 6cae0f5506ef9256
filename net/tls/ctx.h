/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a socket with kTLS has. The structs of <net/tls.h> come first in ours:
 * built-in code and other modules find what they read where they expect it.
 */
#ifndef KTLS_CTX_H
#define KTLS_CTX_H

#include <linux/completion.h>
#include <linux/container_of.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <net/tls.h>

#include "compat.h"
#include "push.h"
#include "record.h"
#include "strp.h"

struct ktls_context;
struct ktls_protos;
struct ktls_rec;
struct ktls_tx;

/**
 * struct ktls_tx_ops - one who makes records: software or the device half
 * @send: take data of a message for records of this type; tx_lock and the socket
 *	are locked. Returns bytes taken or an error.
 * @flush: close an open record and push all, with these MSG_ flags
 * @push: push what is ready, without waiting; locked
 * @write_space: TCP has room again, in softirq context
 * @release: the socket closes: push what can be pushed, drop the rest; locked
 * @free: free it after that; not locked
 */
struct ktls_tx_ops {
	int (*send)(struct sock *sk, struct msghdr *msg, u8 type);
	int (*flush)(struct sock *sk, int flags);
	void (*push)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*release)(struct sock *sk);
	void (*free)(struct ktls_tx *tx);
};

/**
 * struct ktls_rx_device_ops - what the device half does for a receiver
 * @header: the parser has found a header at this sequence number, of a record of
 *	that many bytes and that number. In softirq or process context.
 * @key_update: a KeyUpdate was read: what follows has another key. May sleep.
 * @decrypted: has the device decrypted this record? Returns 1 if all of it is
 *	cleartext, 0 if software has to decrypt @src, an error if that is no use.
 *	Of a record that is partly cleartext it makes ciphertext again, and @src
 *	says so.
 * @release: the socket closes; locked
 */
struct ktls_rx_device_ops {
	void (*header)(struct sock *sk, u32 seq, u32 len, u64 number);
	void (*key_update)(struct sock *sk);
	int (*decrypted)(struct sock *sk, struct ktls_source *src);
	void (*release)(struct sock *sk);
};

/**
 * struct ktls_tx - all about sending
 * @dev: what drivers see; its own @aead_send is the fallback's
 * @ops: who makes records
 * @push: records on their way into TCP
 * @number: of the next record
 * @aead: with the key, for software
 * @open: software's record that is not full yet
 * @pending: encryptions that are under way, and one
 * @idle: completed when there are none
 * @async_err: what the first that failed said
 * @async: the cipher has answered asynchronously once
 * @work: pushes what is ready without a sender
 * @dev_nonce: salt and IV of what the device encrypts
 * @boundary: where in the stream a key begins that the device is to get
 * @resume: a key waits for the device: called before each message, tx_lock and the
 *	socket locked; or NULL
 * @ctx: the context that it belongs to
 */
struct ktls_tx {
	struct tls_offload_context_tx dev;	/* must be first */
	const struct ktls_tx_ops *ops;
	struct ktls_push push;
	struct ktls_number number;
	struct crypto_aead *aead;
	struct ktls_rec *open;
	atomic_t pending;
	struct completion idle;
	int async_err;
	bool async;
	struct delayed_work work;
	u8 dev_nonce[KTLS_NONCE_SIZE];
	u32 boundary;
	void (*resume)(struct sock *sk);
	struct ktls_context *ctx;
};

/**
 * struct ktls_rx_old - the key that a device had until a KeyUpdate
 *
 * Records of the new key came to the device while it still had this one: what it
 * has made of them is undone with it.
 *
 * @aead: with the key, or NULL
 * @number: what the device would have taken the record for that has @since
 * @since: number of a record with the new key
 * @end: no record that begins here or later has met the device
 */
struct ktls_rx_old {
	struct crypto_aead *aead;
	struct ktls_number number;
	u64 since;
	u32 end;
};

struct ktls_decryption;

/**
 * struct ktls_rx - all about receiving
 * @dev: what drivers see
 * @device: the device half, or NULL
 * @number: of the next record
 * @aead: with the key
 * @decryption: memory for the next one, or NULL
 * @strp: finds records in what TCP has received
 * @clear: decrypted records that nobody has read yet
 * @saved_data_ready: the socket's callback before ours
 * @reader: one reads; others wait at @readers
 * @readers: who waits to read
 * @contended: somebody may wait
 * @key_update: a KeyUpdate was read: no record can be read before the new key
 * @zero_copy: records may be decrypted into the reader's own pages
 * @encrypted_again: the last record that a device had decrypted in part
 * @old: the device's key while a new one waits for it
 */
struct ktls_rx {
	struct tls_offload_context_rx dev;	/* must be first */
	const struct ktls_rx_device_ops *device;
	struct ktls_number number;
	struct crypto_aead *aead;
	struct ktls_decryption *decryption;
	struct ktls_strp strp;
	struct sk_buff_head clear;
	void (*saved_data_ready)(struct sock *sk);
	wait_queue_head_t readers;
	bool reader;
	bool contended;
	bool key_update;
	bool zero_copy;
	struct sk_buff *encrypted_again;
	struct ktls_rx_old old;
};

/**
 * struct ktls_context - a socket's kTLS
 * @base: what others see
 * @protos: its socket operations
 * @format: how its records look, the same in both directions
 * @max_payload: no record is sent with more payload
 * @tx_added: a device has the sender's key
 * @rx_added: a device has the receiver's key
 * @tx_kept: one had it, so that the sender stays until no packet has the socket
 * @rx_kept: likewise the receiver
 * @dev_tracker: the reference to @base.netdev
 * @destroy: what is left to do when the socket of an offloaded connection is gone
 */
struct ktls_context {
	struct tls_context base;		/* must be first */
	struct ktls_protos *protos;
	struct ktls_format format;
	u16 max_payload;
	bool tx_added;
	bool rx_added;
	bool tx_kept;
	bool rx_kept;
	netdevice_tracker dev_tracker;
	struct work_struct destroy;
};

static_assert(offsetof(struct ktls_tx, dev) == 0);
static_assert(offsetof(struct ktls_rx, dev) == 0);
static_assert(offsetof(struct ktls_context, base) == 0);

static inline struct ktls_context *ktls_ctx(const struct sock *sk)
{
	return container_of(tls_get_ctx(sk), struct ktls_context, base);
}

/* NULL if there is no key for sending. */
static inline struct ktls_tx *ktls_tx(const struct ktls_context *ctx)
{
	return ctx->base.priv_ctx_tx;
}

/* NULL if there is no key for receiving. */
static inline struct ktls_rx *ktls_rx(const struct ktls_context *ctx)
{
	return ctx->base.priv_ctx_rx;
}

/* Nobody has the socket any more, but sock_diag may still read its context. */
static inline void ktls_context_free(struct ktls_context *ctx)
{
	memzero_explicit(&ctx->base.crypto_send, sizeof(ctx->base.crypto_send));
	memzero_explicit(&ctx->base.crypto_recv, sizeof(ctx->base.crypto_recv));
	mutex_destroy(&ctx->base.tx_lock);
	kfree_rcu(ctx, base.rcu);
}

/* The error that ends a connection, for all who wait at the socket. */
static inline void ktls_abort(struct sock *sk, int err)
{
	WRITE_ONCE(sk->sk_err, -err);
	/* Pairs with smp_rmb() in tcp_poll() */
	smp_wmb();
	sk_error_report(sk);
}

void ktls_write_space(struct sock *sk);

#endif
