/* SPDX-License-Identifier: GPL-2.0-only */
/* One record that software encrypts: its pieces before and after. */
#ifndef KTLS_SW_REC_H
#define KTLS_SW_REC_H

#include <crypto/aead.h>
#include <linux/scatterlist.h>

#include "ctx.h"

#define KTLS_PLAIN_PIECES	(MAX_SKB_FRAGS + 3)

/**
 * struct ktls_rec - a record that software encrypts
 * @unit: what TCP gets: @out
 * @sk: the socket
 * @type: content type
 * @full: no byte more, the record has to be closed
 * @len: bytes of payload
 * @pieces: of the payload
 * @charged: bytes of @out, which the socket is charged for
 * @foreign: which pieces are in pages of others that we hold
 * @out: memory for the whole record
 * @in_sg: the cipher's input: AAD, the pieces of the payload, content type. A piece is
 *	in @out itself where it was copied, or in pages of others
 * @out_sg: its output: AAD, @out without header and explicit IV
 * @iv: for the cipher
 * @aad: likewise
 * @done: called when an encryption is over that did not end at once
 * @private: bytes of the cipher's own part of @req
 * @req: for the cipher
 */
struct ktls_rec {
	struct ktls_unit unit;
	struct sock *sk;
	u8 type;
	bool full;
	unsigned int len;
	unsigned int pieces;
	unsigned int charged;
	DECLARE_BITMAP(foreign, KTLS_PLAIN_PIECES);
	skb_frag_t out[MAX_SKB_FRAGS];
	struct scatterlist in_sg[KTLS_PLAIN_PIECES + 2];
	struct scatterlist out_sg[MAX_SKB_FRAGS + 1];
	u8 iv[KTLS_AEAD_IV_SIZE];
	u8 aad[TLS_AAD_SPACE_SIZE];
	void (*done)(struct ktls_rec *rec, int err);
	unsigned int private;
	struct aead_request req;	/* its context follows */
};

struct ktls_rec *ktls_rec_alloc(struct sock *sk, struct crypto_aead *aead);
void ktls_rec_free(struct ktls_rec *rec);
int ktls_rec_add(struct ktls_rec *rec, struct msghdr *msg, unsigned int len,
		 bool direct);
int ktls_rec_encrypt(struct ktls_rec *rec, struct crypto_aead *aead,
		     const struct ktls_number *number,
		     void (*done)(struct ktls_rec *rec, int err));
void ktls_rec_drop_plain(struct ktls_rec *rec);
int ktls_rec_setup(void);
void ktls_rec_cleanup(void);

#endif
