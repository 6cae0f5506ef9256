// SPDX-License-Identifier: GPL-2.0-only
/*
 * Receiving with a device that decrypts. It does so packet by packet, and marks
 * those that it has decrypted; a record may have packets of both kinds.
 */

#include <crypto/aead.h>
#include <linux/export.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "dev.h"
#include "dev_rekey_rx.h"
#include "dev_resync.h"
#include "sw_rx.h"
#include "trace.h"

/**
 * xor_keystream() - encrypt what is cleartext of a record, and the other way round
 * @aead: with the key
 * @number: of the record, with its nonce
 * @format: how records look
 * @record: its bytes
 * @len: how many
 * @gfp: how to get memory
 *
 * The ciphers that devices know add a stream of key bytes to the body, whichever
 * way. The tag that comes out is nobody's; the record's own stays.
 *
 * Return: 0 or an error.
 */
static int xor_keystream(struct crypto_aead *aead, const struct ktls_number *number,
			 const struct ktls_format *format, u8 *record, u32 len,
			 gfp_t gfp)
{
	u32 body = len - format->prepend - TLS_TAG_SIZE;
	DECLARE_CRYPTO_WAIT(wait);
	struct aead_request *request;
	struct scatterlist sg[3];
	int err;
	struct {
		u8 iv[KTLS_AEAD_IV_SIZE];
		u8 aad[TLS_MAX_AAD_SIZE];
		u8 tag[TLS_TAG_SIZE];
	} *mem;

	mem = kmalloc(sizeof(*mem), gfp);
	request = aead_request_alloc(aead, gfp);
	if (!mem || !request) {
		err = -ENOMEM;
		goto out;
	}
	ktls_record_iv(format, number->nonce, number->seq, record + TLS_HEADER_SIZE,
		       mem->iv);
	ktls_record_aad(format, number->seq, record[0], ktls_payload(format, len),
			mem->aad);
	sg_init_table(sg, ARRAY_SIZE(sg));
	sg_set_buf(&sg[0], mem->aad, format->aad);
	sg_set_buf(&sg[1], record + format->prepend, body);
	sg_set_buf(&sg[2], mem->tag, sizeof(mem->tag));
	aead_request_set_callback(request, CRYPTO_TFM_REQ_MAY_BACKLOG,
				  crypto_req_done, &wait);
	aead_request_set_crypt(request, sg, sg, body, mem->iv);
	aead_request_set_ad(request, format->aad);
	err = crypto_wait_req(crypto_aead_encrypt(request), &wait);
out:
	aead_request_free(request);
	kfree_sensitive(mem);
	return err;
}

/* Bytes of a record's body where the device had left cleartext. */
static void take_over(const struct ktls_source *src, const struct ktls_format *format,
		      u8 *to, const u8 *from)
{
	struct ktls_segment seg = {};

	while (ktls_source_part(src, format->prepend, src->len - TLS_TAG_SIZE, &seg)) {
		if (skb_is_decrypted(seg.skb))
			memcpy(to + seg.before, from + seg.before, seg.len);
	}
}

/**
 * encrypt_again() - make a record as it was on the wire
 * @sk: the socket, locked
 * @src: the record, of which a device has decrypted a part; set to an skb of its own
 * @aead: with the key that the device did it with
 * @number: and the number
 *
 * Return: 0 or an error.
 */
static int encrypt_again(struct sock *sk, struct ktls_source *src,
			 struct crypto_aead *aead, const struct ktls_number *number)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	struct ktls_rx *rx = ktls_rx(ctx);
	struct sk_buff *skb;
	u8 *other;
	int err;

	skb = alloc_skb(src->len, sk->sk_allocation);
	other = kmalloc(src->len, sk->sk_allocation);
	err = skb && other ? 0 : -ENOMEM;
	if (!err)
		err = ktls_source_copy(src, 0, skb_put(skb, src->len), src->len);
	if (!err) {
		memcpy(other, skb->data, src->len);
		err = xor_keystream(aead, number, &ctx->format, other, src->len,
				    sk->sk_allocation);
	}
	if (!err) {
		take_over(src, &ctx->format, skb->data, other);
		rx->encrypted_again = skb;
		src->first = skb;
		src->queued = false;
		src->offset = 0;
	} else {
		kfree_skb(skb);
	}
	kfree(other);
	return err;
}

static void forget(struct ktls_rx *rx)
{
	kfree_skb(rx->encrypted_again);
	rx->encrypted_again = NULL;
}

static int dev_decrypted(struct sock *sk, struct ktls_source *src)
{
	struct ktls_rx *rx = ktls_rx(ktls_ctx(sk));
	struct ktls_segment seg = {};
	bool some = false;
	bool all = true;

	forget(rx);
	while (ktls_source_next(src, &seg)) {
		if (skb_is_decrypted(seg.skb))
			some = true;
		else
			all = false;
	}
	trace_tls_device_decrypted(sk, src->seq, rx->number.seq, src->len, !some, all);
	if (rx->old.aead) {
		struct ktls_number number;

		if (!ktls_dev_rekey_met(sk, src, some, &number))
			return 0;
		return encrypt_again(sk, src, rx->old.aead, &number);
	}
	if (!some) {
		ktls_dev_resync_encrypted(sk, src);
		return 0;
	}
	ktls_dev_resync_in_step(rx);
	return all ? 1 : encrypt_again(sk, src, rx->aead, &rx->number);
}

static void dev_release(struct sock *sk)
{
	struct ktls_context *ctx = ktls_ctx(sk);

	ktls_dev_del(ctx, TLS_OFFLOAD_CTX_DIR_RX);
	forget(ktls_rx(ctx));
}

/*
 * What a driver can look for that has more than AES-GCM in TLS 1.2 to offer: this module
 * makes whole records of any cipher of what its device has decrypted a part of.
 */
const u8 ktls_rx_mixed_records = 1;
EXPORT_SYMBOL_GPL(ktls_rx_mixed_records);

static const struct ktls_rx_device_ops dev_rx_ops = {
	.header = ktls_dev_resync_header,
	.key_update = ktls_dev_rekey_read,
	.decrypted = dev_decrypted,
	.release = dev_release,
};

/**
 * ktls_dev_set_rx() - let a device decrypt what a socket receives
 * @sk: the socket, locked
 * @ctx: its context, with the key
 *
 * Software is ready for what the device does not decrypt.
 *
 * Return: 0, or the reason why software has to do it all.
 */
int ktls_dev_set_rx(struct sock *sk, struct ktls_context *ctx)
{
	struct ktls_rx *rx;
	int err;

	if (!ktls_dev_offers(sk, ctx, TLS_OFFLOAD_CTX_DIR_RX))
		return -EOPNOTSUPP;
	err = ktls_rx_create(sk, ctx, &ctx->base.crypto_recv.info);
	if (err)
		return err;
	rx = ktls_rx(ctx);
	ktls_dev_resync_in_step(rx);
	rx->device = &dev_rx_ops;
	err = ktls_dev_add(sk, ctx, TLS_OFFLOAD_CTX_DIR_RX, tcp_sk(sk)->copied_seq,
			   &rx->number);
	if (err) {
		ctx->base.priv_ctx_rx = NULL;
		ktls_rx_free(rx);
	}
	return err;
}
