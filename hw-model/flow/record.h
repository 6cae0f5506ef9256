/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A place in a run of TLS records that go by in pieces of any length: what the
 * TX and RX contexts and the search for headers have in common (SPEC.md 9.4).
 * It knows how long the parts of a record are, and nothing of what is in them
 * but the prefix.
 */
#ifndef FLOW_RECORD_H
#define FLOW_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "engine/engine.h"

struct record {
    const struct engine *engine;
    const struct engine_layout *layout;
    uint64_t num;               /* of this record */
    bool exhausted;             /* num has used its last value */
    bool broken;                /* bytes of this record did not come by */
    size_t pos;                 /* bytes of it that went by */
    size_t payload_len;         /* valid once its header went by */
    uint8_t prefix[ENGINE_PREFIX_MAX];
};

/* The place before the first byte of record num. */
void record_init(struct record *record, const struct engine *engine,
                 uint64_t num);

/* On to the first byte of the next record. */
void record_next(struct record *record);

/*
 * Collects bytes of the prefix, up to the end of the header or of the prefix,
 * for they may come in pieces; *take is how many. Returns false if what stands
 * here is no header (or a header without a number left for its record): then
 * *take bytes show it, and the place is of no use any more.
 *
 * The header is judged as soon as it is whole: after a bad one nothing can be
 * trusted, the length of the explicit nonce included.
 */
bool record_take_prefix(struct record *record, const uint8_t *data, size_t len,
                        size_t *take);

/*
 * Passes over up to len bytes, to the end of the record at most, and then to
 * the next one. The header must be known. Returns how many bytes were passed.
 */
size_t record_pass(struct record *record, size_t len);

/*
 * Leaps over len bytes that did not come by. Returns false, with the place
 * unchanged, if a header is among them: then nobody knows where it leads.
 */
bool record_leap(struct record *record, uint32_t len);

static inline bool record_has_header(const struct record *record)
{
    return record->pos >= ENGINE_HEADER_LEN;
}

static inline bool record_has_prefix(const struct record *record)
{
    return record->pos >= record->layout->prefix_len;
}

/* Both need the header. */
static inline size_t record_payload_end(const struct record *record)
{
    return record->layout->prefix_len + record->payload_len;
}

static inline size_t record_end(const struct record *record)
{
    return record_payload_end(record) + record->layout->tag_len;
}

#endif
