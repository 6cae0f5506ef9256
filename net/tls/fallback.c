// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device should have encrypted and does not: packets that leave through
 * another device, or that the device's driver gives back, are encrypted here.
 * skb->decrypted says which: it is set by TCP for the cleartext of records, and
 * cleared here, so that nothing is encrypted twice.
 */

#include <crypto/aead.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <net/ip6_checksum.h>
#include <net/tcp.h>

#include "dev_records.h"

/* Additional data, what of a record is not in the packet, the packet, the tag */
#define FALLBACK_SG		(MAX_SKB_FRAGS + 5)

/**
 * struct piece - the part of a record that a packet has
 * @number: the record's number
 * @type: its content type
 * @explicit_iv: the IV in it
 * @len: bytes of the record, header and tag included
 * @begin: where in the record the packet's part begins
 * @end: and ends
 */
struct piece {
	u64 number;
	u8 type;
	u8 explicit_iv[KTLS_EXPLICIT_IV_SIZE];
	u32 len;
	u32 begin;
	u32 end;
};

/**
 * struct work - encryption of one piece
 * @request: of the crypto API; it is longer than this and so comes by itself
 * @sg: what is encrypted, in place
 * @iv: its IV
 * @aad: its additional data
 * @tag: its tag, or what comes out instead if the record is not complete
 */
struct work {
	struct aead_request *request;
	struct scatterlist sg[FALLBACK_SG];
	u8 iv[KTLS_AEAD_IV_SIZE];
	u8 aad[TLS_MAX_AAD_SIZE];
	u8 tag[TLS_TAG_SIZE];
};

/* A piece's body is what lies between header and tag. */
static u32 body_end(const struct piece *piece)
{
	return piece->len - TLS_TAG_SIZE;
}

static u32 in_body(const struct ktls_format *format, const struct piece *piece, u32 at)
{
	return clamp(at, (u32)format->prepend, body_end(piece));
}

/* What of the record @seq is in has a packet with @len bytes from there on? */
static int find_piece(struct ktls_context *ctx, u32 seq, u32 len, struct piece *piece)
{
	struct tls_offload_context_tx *dev = &ktls_tx(ctx)->dev;
	struct tls_record_info *info;
	unsigned long flags;
	int err = -ENOENT;

	spin_lock_irqsave(&dev->lock, flags);
	info = tls_get_record(dev, seq, &piece->number);
	if (info && !tls_record_is_start_marker(info)) {
		piece->type = ktls_dev_record(info)->type;
		piece->len = info->len;
		piece->begin = seq - tls_record_start_seq(info);
		piece->end = min_t(u32, piece->begin + len, piece->len);
		ktls_dev_record_copy(info, TLS_HEADER_SIZE, piece->explicit_iv,
				     ctx->format.explicit_iv);
		err = 0;
	}
	spin_unlock_irqrestore(&dev->lock, flags);
	return err;
}

/* The bytes of a record's body that come before the packet; NULL if they are gone. */
static u8 *copy_before(struct ktls_context *ctx, u32 seq, u32 len)
{
	struct tls_offload_context_tx *dev = &ktls_tx(ctx)->dev;
	struct tls_record_info *info;
	unsigned long flags;
	u64 number;
	u8 *bytes;

	bytes = kmalloc(len, GFP_ATOMIC | __GFP_NOWARN);
	if (!bytes)
		return NULL;
	spin_lock_irqsave(&dev->lock, flags);
	info = tls_get_record(dev, seq, &number);
	if (info)
		ktls_dev_record_copy(info, ctx->format.prepend, bytes, len);
	spin_unlock_irqrestore(&dev->lock, flags);
	if (info)
		return bytes;
	kfree(bytes);
	return NULL;
}

static int map_piece(struct work *work, const struct ktls_format *format, u8 *before,
		     u32 before_len, struct sk_buff *skb, u32 offset, u32 len)
{
	unsigned int used = 0;
	int more = 0;

	sg_init_table(work->sg, ARRAY_SIZE(work->sg));
	sg_set_buf(&work->sg[used++], work->aad, format->aad);
	if (before_len)
		sg_set_buf(&work->sg[used++], before, before_len);
	if (len)
		more = skb_to_sgvec_nomark(skb, work->sg + used, offset, len);
	if (more < 0)
		return more;
	used += more;
	sg_set_buf(&work->sg[used], work->tag, sizeof(work->tag));
	sg_mark_end(&work->sg[used]);
	return 0;
}

/*
 * Encrypt a piece that begins at this place of a packet. A cipher that has to see
 * the record from its beginning gets that too; the result of it is thrown away.
 */
static int encrypt_piece(struct ktls_context *ctx, struct work *work,
			 const struct piece *piece, u32 seq, struct sk_buff *skb,
			 u32 offset)
{
	const struct ktls_format *format = &ctx->format;
	u32 first = in_body(format, piece, piece->begin);
	u32 len = in_body(format, piece, piece->end) - first;
	u32 before_len = first - format->prepend;
	u8 *before = NULL;
	int err;

	if (piece->end <= format->prepend)
		return 0;
	if (before_len) {
		before = copy_before(ctx, seq, before_len);
		if (!before)
			return -ENOMEM;
	}
	ktls_record_aad(format, piece->number, piece->type,
			ktls_payload(format, piece->len), work->aad);
	ktls_record_iv(format, ktls_tx(ctx)->dev_nonce, piece->number,
		       piece->explicit_iv, work->iv);
	err = map_piece(work, format, before, before_len, skb,
			offset + (first - piece->begin), len);
	if (err)
		goto out;
	aead_request_set_crypt(work->request, work->sg, work->sg, before_len + len,
			       work->iv);
	aead_request_set_ad(work->request, format->aad);
	err = crypto_aead_encrypt(work->request);
	if (!err && piece->end > body_end(piece)) {
		u32 tag = max(piece->begin, body_end(piece));

		err = skb_store_bits(skb, offset + (tag - piece->begin),
				     work->tag + (tag - body_end(piece)),
				     piece->end - tag);
	}
out:
	kfree(before);
	return err;
}

/* Encrypt all of a packet, the bytes of which nobody shares. */
static int encrypt_packet(struct ktls_context *ctx, struct sk_buff *skb, u32 offset)
{
	u32 seq = ntohl(tcp_hdr(skb)->seq);
	struct crypto_aead *aead;
	struct piece piece;
	struct work *work;
	int err = 0;

	work = kmalloc(sizeof(*work), GFP_ATOMIC);
	if (!work)
		return -ENOMEM;
	/* It may be replaced, but not while somebody encrypts here. */
	aead = READ_ONCE(ktls_tx(ctx)->dev.aead_send);
	work->request = aead_request_alloc(aead, GFP_ATOMIC);
	if (!work->request) {
		kfree(work);
		return -ENOMEM;
	}
	/* No flags: it must not sleep. */
	aead_request_set_callback(work->request, 0, NULL, NULL);
	while (!err && offset < skb->len) {
		err = find_piece(ctx, seq, skb->len - offset, &piece);
		if (!err)
			err = encrypt_piece(ctx, work, &piece, seq, skb, offset);
		if (!err) {
			seq += piece.end - piece.begin;
			offset += piece.end - piece.begin;
		}
	}
	aead_request_free(work->request);
	kfree_sensitive(work);
	return err;
}

/*
 * A checksum that is there already is that of the cleartext. The addresses may
 * have been changed, so they are the packet's and not the socket's.
 */
static void renew_checksum(struct sk_buff *skb)
{
	struct tcphdr *th = tcp_hdr(skb);
	u32 len = skb->len - skb_transport_offset(skb);

	if (skb->ip_summed == CHECKSUM_PARTIAL)
		return;
	skb->ip_summed = CHECKSUM_PARTIAL;
	skb->csum_start = skb_transport_header(skb) - skb->head;
	skb->csum_offset = offsetof(struct tcphdr, check);
	if (ip_hdr(skb)->version == 6)
		th->check = ~csum_ipv6_magic(&ipv6_hdr(skb)->saddr,
					     &ipv6_hdr(skb)->daddr, len,
					     IPPROTO_TCP, 0);
	else
		th->check = ~csum_tcpudp_magic(ip_hdr(skb)->saddr,
					       ip_hdr(skb)->daddr, len,
					       IPPROTO_TCP, 0);
}

/* One packet goes in another's stead: it is the socket's now, with its memory. */
static void replace_packet(struct sk_buff *skb, struct sk_buff *by)
{
	struct sock *sk = skb->sk;
	int more = by->truesize - skb->truesize;

	skb_shinfo(by)->tx_flags |= skb_shinfo(skb)->tx_flags & SKBTX_ANY_TSTAMP;
	skb_shinfo(by)->tskey = skb_shinfo(skb)->tskey;
	by->sk = sk;
	by->destructor = skb->destructor;
	skb->sk = NULL;
	skb->destructor = NULL;
	/* A packet that left its socket early has it without memory. */
	if (by->destructor == sock_efree)
		return;
	if (more > 0)
		refcount_add(more, &sk->sk_wmem_alloc);
	else if (more < 0)
		WARN_ON_ONCE(refcount_sub_and_test(-more, &sk->sk_wmem_alloc));
}

/* A copy of a packet with bytes of its own, which keeps its pages small. */
static struct sk_buff *copy_packet(struct sk_buff *skb)
{
	struct sk_buff *copy = pskb_copy(skb, GFP_ATOMIC);

	if (!copy)
		return NULL;
	if (skb_has_frag_list(copy) || skb_copy_ubufs(copy, GFP_ATOMIC)) {
		kfree_skb(copy);
		return NULL;
	}
	return copy;
}

/*
 * The packet as it has to be on the wire. Where that is impossible it is dropped:
 * TCP will send again what is still wanted of it.
 */
static struct sk_buff *fallback(struct sock *sk, struct sk_buff *skb)
{
	struct ktls_context *ctx = ktls_ctx(sk);
	u32 offset = skb_tcp_all_headers(skb);
	struct sk_buff *copy;

	if (!skb_is_decrypted(skb) || offset >= skb->len)
		return skb;

	copy = copy_packet(skb);
	if (!copy || encrypt_packet(ctx, copy, offset)) {
		kfree_skb(copy);
		kfree_skb(skb);
		return NULL;
	}
	copy->decrypted = 0;
	/* As the end of a list of one: validate_xmit_skb_list() goes on from there. */
	copy->prev = copy;
	renew_checksum(copy);
	replace_packet(skb, copy);
	consume_skb(skb);
	return copy;
}

/**
 * tls_validate_xmit_skb() - a packet of an offloaded connection goes to a device
 * @sk: the connection's socket
 * @dev: the device
 * @skb: the packet
 *
 * The connection's own device encrypts, and so does that below a bond.
 *
 * Return: the packet as that device may have it, or NULL if it was dropped.
 */
struct sk_buff *tls_validate_xmit_skb(struct sock *sk, struct net_device *dev,
				      struct sk_buff *skb)
{
	if (dev == rcu_dereference_bh(tls_get_ctx(sk)->netdev) ||
	    netif_is_bond_master(dev))
		return skb;
	return fallback(sk, skb);
}

/**
 * tls_validate_xmit_skb_sw() - the same where no device encrypts any more
 * @sk: the connection's socket
 * @dev: the device
 * @skb: the packet
 *
 * Return: the packet as it has to be on the wire, or NULL if it was dropped.
 */
struct sk_buff *tls_validate_xmit_skb_sw(struct sock *sk, struct net_device *dev,
					 struct sk_buff *skb)
{
	return fallback(sk, skb);
}

/**
 * tls_encrypt_skb() - encrypt a packet that its driver does not let the device do
 * @skb: the packet
 *
 * Return: the packet as it has to be on the wire, or NULL if it was dropped.
 */
struct sk_buff *tls_encrypt_skb(struct sk_buff *skb)
{
	return fallback(skb->sk, skb);
}
