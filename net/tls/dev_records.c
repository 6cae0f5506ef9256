// SPDX-License-Identifier: GPL-2.0-only
/* Records that a device is to encrypt, from the first byte to the last ACK. */

#include <linux/highmem.h>
#include <linux/slab.h>
#include <net/tcp.h>

#include "dev_records.h"

static_assert(offsetof(struct ktls_dev_record, info) == 0);

static struct kmem_cache *records;

/*
 * Most of a record is fragments, which nobody reads before they are written. With a
 * constructor no kernel clears it each time, as most do by default (init_on_alloc).
 */
static void construct(void *record)
{
	memset(record, 0, sizeof(struct ktls_dev_record));
}

/**
 * ktls_dev_record_alloc() - a record without a byte
 * @gfp: how to allocate it
 *
 * Return: the record or NULL.
 */
struct ktls_dev_record *ktls_dev_record_alloc(gfp_t gfp)
{
	struct ktls_dev_record *record = kmem_cache_alloc(records, gfp);

	if (!record)
		return NULL;
	record->info.len = 0;
	record->info.num_frags = 0;
	record->unit = (struct ktls_unit) {};
	record->queued = false;
	record->acked = false;
	return record;
}

/**
 * ktls_dev_record_append() - let a record have some bytes more
 * @record: the record, which has room for a fragment
 * @page: where the bytes are; the record holds the page
 * @offset: in it
 * @len: bytes
 */
void ktls_dev_record_append(struct ktls_dev_record *record, struct page *page,
			    unsigned int offset, unsigned int len)
{
	struct tls_record_info *info = &record->info;
	skb_frag_t *last = info->frags + info->num_frags - 1;

	info->len += len;
	if (info->num_frags && skb_frag_page(last) == page &&
	    skb_frag_off(last) + skb_frag_size(last) == offset) {
		skb_frag_size_add(last, len);
		return;
	}
	get_page(page);
	skb_frag_fill_page_desc(&info->frags[info->num_frags++], page, offset, len);
}

/* A fragment may have several pages, each of which is mapped by itself. */
static void copy_from_frag(const skb_frag_t *frag, unsigned int offset, u8 *to,
			   unsigned int len)
{
	unsigned int at = skb_frag_off(frag) + offset;

	while (len) {
		unsigned int part = min_t(unsigned int, len,
					  PAGE_SIZE - offset_in_page(at));

		memcpy_from_page(to, skb_frag_page(frag) + (at >> PAGE_SHIFT),
				 offset_in_page(at), part);
		at += part;
		to += part;
		len -= part;
	}
}

/**
 * ktls_dev_record_copy() - copy cleartext bytes out of a record
 * @info: the record
 * @offset: where they begin
 * @to: where they go
 * @len: how many; the record has them
 */
void ktls_dev_record_copy(const struct tls_record_info *info, unsigned int offset,
			  void *to, unsigned int len)
{
	const skb_frag_t *frag;

	for (frag = info->frags; len; frag++) {
		unsigned int size = skb_frag_size(frag);
		unsigned int part;

		if (offset >= size) {
			offset -= size;
			continue;
		}
		part = min(len, size - offset);
		copy_from_frag(frag, offset, to, part);
		to += part;
		len -= part;
		offset = 0;
	}
}

/**
 * ktls_dev_record_free() - free a record that is on no list
 * @record: the record, or NULL
 */
void ktls_dev_record_free(struct ktls_dev_record *record)
{
	int i;

	if (!record)
		return;
	for (i = 0; i < record->info.num_frags; i++)
		put_page(skb_frag_page(&record->info.frags[i]));
	kmem_cache_free(records, record);
}

/**
 * ktls_dev_records_init() - there are no records
 * @tx: whose
 */
void ktls_dev_records_init(struct ktls_tx *tx)
{
	spin_lock_init(&tx->dev.lock);
	INIT_LIST_HEAD(&tx->dev.records_list);
}

/**
 * ktls_dev_records_begin() - the device encrypts from here on, with the key it has now
 * @tx: whose records; those from before are acknowledged
 * @seq: sequence number of the first byte that a device encrypts
 *
 * The list begins with a marker, a record of no bytes. Only it ever has none.
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_dev_records_begin(struct ktls_tx *tx, u32 seq)
{
	struct ktls_dev_record *marker = ktls_dev_record_alloc(GFP_KERNEL);
	unsigned long flags;

	if (!marker)
		return -ENOMEM;
	marker->info.end_seq = seq;
	marker->number = tx->number.seq;
	spin_lock_irqsave(&tx->dev.lock, flags);
	list_add_tail(&marker->info.list, &tx->dev.records_list);
	spin_unlock_irqrestore(&tx->dev.lock, flags);
	return 0;
}

/**
 * ktls_dev_records_add() - make a record known that TCP will get next
 * @tx: whose it is
 * @record: the record, with its number and the sequence number of its end
 */
void ktls_dev_records_add(struct ktls_tx *tx, struct ktls_dev_record *record)
{
	unsigned long flags;

	record->queued = true;
	spin_lock_irqsave(&tx->dev.lock, flags);
	list_add_tail(&record->info.list, &tx->dev.records_list);
	spin_unlock_irqrestore(&tx->dev.lock, flags);
}

/* The lock is held. */
static void remove(struct ktls_tx *tx, struct tls_record_info *info)
{
	if (tx->dev.retransmit_hint == info)
		tx->dev.retransmit_hint = NULL;
	list_del_init(&info->list);
}

/**
 * ktls_dev_records_taken() - TCP has got all of a record
 * @sk: the socket, locked
 * @unit: the record, off the queue
 */
void ktls_dev_records_taken(struct sock *sk, struct ktls_unit *unit)
{
	struct ktls_dev_record *record = container_of(unit, struct ktls_dev_record,
						      unit);

	record->queued = false;
	if (record->acked)
		ktls_dev_record_free(record);
}

/**
 * ktls_dev_records_acked() - the peer has acknowledged something
 * @sk: the socket, locked
 * @seq: all bytes before this one
 *
 * While TCP waits for memory it lets the lock go, so that the first records of a
 * call may be acknowledged before the call returns and accounts for them.
 */
void ktls_dev_records_acked(struct sock *sk, u32 seq)
{
	struct ktls_tx *tx = ktls_tx(ktls_ctx(sk));
	struct tls_record_info *info, *next;
	unsigned long flags;
	LIST_HEAD(done);

	spin_lock_irqsave(&tx->dev.lock, flags);
	list_for_each_entry_safe(info, next, &tx->dev.records_list, list) {
		if (before(seq, info->end_seq))
			break;
		remove(tx, info);
		list_add_tail(&info->list, &done);
	}
	spin_unlock_irqrestore(&tx->dev.lock, flags);

	list_for_each_entry_safe(info, next, &done, list) {
		struct ktls_dev_record *record = ktls_dev_record(info);

		list_del_init(&info->list);
		if (record->queued)
			record->acked = true;
		else
			ktls_dev_record_free(record);
	}
}

/**
 * ktls_dev_records_drop_queued() - forget records that TCP will not take
 * @tx: whose they are
 *
 * One of which TCP has a part stays: the part can be lost and sent again.
 */
void ktls_dev_records_drop_queued(struct ktls_tx *tx)
{
	struct ktls_unit *unit, *next;
	bool partial = tx->push.sent;
	unsigned long flags;

	list_for_each_entry_safe(unit, next, &tx->push.units, list) {
		struct ktls_dev_record *record =
			container_of(unit, struct ktls_dev_record, unit);

		list_del(&unit->list);
		record->queued = false;
		if (partial) {
			partial = false;
			continue;
		}
		spin_lock_irqsave(&tx->dev.lock, flags);
		remove(tx, &record->info);
		spin_unlock_irqrestore(&tx->dev.lock, flags);
		ktls_dev_record_free(record);
	}
	tx->push.sent = 0;
}

/**
 * ktls_dev_records_free() - free all records; nobody can ask for one any more
 * @tx: whose they are
 */
void ktls_dev_records_free(struct ktls_tx *tx)
{
	struct tls_record_info *info, *next;

	list_for_each_entry_safe(info, next, &tx->dev.records_list, list) {
		remove(tx, info);
		ktls_dev_record_free(ktls_dev_record(info));
	}
}

/**
 * tls_get_record() - find the record that a byte belongs to
 * @context: of the connection; its lock is held
 * @seq: the byte's sequence number
 * @p_record_sn: set to the record's number
 *
 * Packets mostly come in order, so the search begins where the last one ended.
 *
 * Return: the record; the start marker, if the byte comes before all records; NULL
 * if the byte is acknowledged, or nobody has sent it.
 */
struct tls_record_info *tls_get_record(struct tls_offload_context_tx *context,
				       u32 seq, u64 *p_record_sn)
{
	struct tls_record_info *info = context->retransmit_hint;

	if (!info || before(seq, tls_record_start_seq(info))) {
		info = list_first_entry_or_null(&context->records_list,
						struct tls_record_info, list);
		if (!info || (!tls_record_is_start_marker(info) &&
			      before(seq, tls_record_start_seq(info))))
			return NULL;
	}
	list_for_each_entry_from(info, &context->records_list, list) {
		if (!before(seq, info->end_seq))
			continue;
		*p_record_sn = ktls_dev_record(info)->number;
		if (!tls_record_is_start_marker(info))
			context->retransmit_hint = info;
		return info;
	}
	return NULL;
}

/**
 * ktls_dev_records_setup() - get ready for records
 *
 * Return: 0 or -ENOMEM.
 */
int ktls_dev_records_setup(void)
{
	records = kmem_cache_create("ktls_dev_record",
				    sizeof(struct ktls_dev_record), 0, 0, construct);
	return records ? 0 : -ENOMEM;
}

/**
 * ktls_dev_records_cleanup() - the opposite of ktls_dev_records_setup(); no record is left
 */
void ktls_dev_records_cleanup(void)
{
	kmem_cache_destroy(records);
}
