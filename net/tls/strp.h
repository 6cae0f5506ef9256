/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finds records in what TCP has received. A record stays in TCP's receive queue
 * until it is done; only when the receive buffer is too small for it is it copied
 * out piece by piece.
 */
#ifndef KTLS_STRP_H
#define KTLS_STRP_H

#include <linux/skbuff.h>
#include <linux/workqueue.h>
#include <net/sock.h>
#include <net/tls.h>

/**
 * struct ktls_source - where the bytes of a record are
 * @first: the packet in which it begins
 * @queued: it is on TCP's queue, where packets may overlap
 * @seq: its sequence number, on TCP's queue
 * @offset: where it begins in @first
 * @len: bytes of the record
 */
struct ktls_source {
	struct sk_buff *first;
	bool queued;
	u32 seq;
	u32 offset;
	u32 len;
};

/**
 * struct ktls_segment - a part of a record that is in one packet
 * @skb: the packet
 * @offset: where the part begins in it
 * @len: bytes
 * @before: bytes of the record that come before the part
 */
struct ktls_segment {
	struct sk_buff *skb;
	u32 offset;
	u32 len;
	u32 before;
};

/**
 * struct ktls_strp_ops - whom the parser works for
 * @header: a header has come: the record's length, or an error that ends it.
 *	@seq is the sequence number of its first byte.
 * @found: a record has come whole where nobody waited for the parser's answer
 * @broken: there will be no more records, because of this error
 */
struct ktls_strp_ops {
	int (*header)(struct sock *sk, const u8 *header, u32 seq);
	void (*found)(struct sock *sk);
	void (*broken)(struct sock *sk, int err);
};

/**
 * struct ktls_strp - the parser of one socket
 * @sk: the socket
 * @ops: whom it works for
 * @len: of the record that comes next, 0 as long as its header is not here
 * @ready: that record is here whole
 * @stopped: an error has ended it
 * @type: content type in the header
 * @copying: the record is being copied out of TCP's queue
 * @copied: bytes so copied
 * @start: sequence number of the record
 * @copy: they
 * @work: copies what could not be copied at once
 */
struct ktls_strp {
	struct sock *sk;
	const struct ktls_strp_ops *ops;
	u32 len;
	bool ready;
	bool stopped;
	u8 type;
	bool copying;
	u32 copied;
	u32 start;
	struct sk_buff_head copy;
	struct work_struct work;
};

void ktls_strp_init(struct ktls_strp *strp, struct sock *sk,
		    const struct ktls_strp_ops *ops);
void ktls_strp_stop(struct ktls_strp *strp);
void ktls_strp_free(struct ktls_strp *strp);
void ktls_strp_check(struct ktls_strp *strp);
void ktls_strp_data_ready(struct ktls_strp *strp);
void ktls_strp_done(struct ktls_strp *strp);
bool ktls_strp_source(struct ktls_strp *strp, struct ktls_source *src);
bool ktls_strp_peek(struct ktls_strp *strp, struct sk_buff **at, u32 seq, u8 *header);

int ktls_strp_module_init(void);
void ktls_strp_module_exit(void);

bool ktls_source_next(const struct ktls_source *src, struct ktls_segment *seg);
bool ktls_source_part(const struct ktls_source *src, u32 begin, u32 end,
		      struct ktls_segment *seg);
int ktls_source_copy(const struct ktls_source *src, u32 at, void *to, u32 len);

static inline bool ktls_strp_ready(const struct ktls_strp *strp)
{
	return READ_ONCE(strp->ready);
}

#endif
