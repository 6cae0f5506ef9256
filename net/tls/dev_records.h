/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Records that a device is to encrypt. They are kept until they are acknowledged:
 * who sends a part of one again, device or fallback, needs what comes before it.
 */
#ifndef KTLS_DEV_RECORDS_H
#define KTLS_DEV_RECORDS_H

#include "ctx.h"

/**
 * struct ktls_dev_record - one record, with room for its tag
 * @info: what drivers see
 * @unit: the same on its way into TCP
 * @number: its number
 * @type: its content type
 * @queued: TCP has not taken all of it yet
 * @acked: the peer has acknowledged it all the same
 */
struct ktls_dev_record {
	struct tls_record_info info;	/* must be first */
	struct ktls_unit unit;
	u64 number;
	u8 type;
	bool queued;
	bool acked;
};

static inline struct ktls_dev_record *ktls_dev_record(struct tls_record_info *info)
{
	return container_of(info, struct ktls_dev_record, info);
}

struct ktls_dev_record *ktls_dev_record_alloc(gfp_t gfp);
void ktls_dev_record_append(struct ktls_dev_record *record, struct page *page,
			    unsigned int offset, unsigned int len);
void ktls_dev_record_copy(const struct tls_record_info *info, unsigned int offset,
			  void *to, unsigned int len);
void ktls_dev_record_free(struct ktls_dev_record *record);

int ktls_dev_records_setup(void);
void ktls_dev_records_cleanup(void);
void ktls_dev_records_init(struct ktls_tx *tx);
int ktls_dev_records_begin(struct ktls_tx *tx, u32 seq);
void ktls_dev_records_add(struct ktls_tx *tx, struct ktls_dev_record *record);
void ktls_dev_records_taken(struct sock *sk, struct ktls_unit *unit);
void ktls_dev_records_acked(struct sock *sk, u32 seq);
void ktls_dev_records_drop_queued(struct ktls_tx *tx);
void ktls_dev_records_free(struct ktls_tx *tx);

#endif
