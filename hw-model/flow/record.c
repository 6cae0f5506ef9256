/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include <glib.h>

#include "flow/record.h"

void record_init(struct record *record, const struct engine *engine,
                 uint64_t num)
{
    memset(record, 0, sizeof(*record));
    record->engine = engine;
    record->layout = engine_layout(engine);
    record->num = num;
}

void record_next(struct record *record)
{
    record->pos = 0;
    record->broken = false;
    record->num++;
    record->exhausted = record->num == 0;
}

bool record_take_prefix(struct record *record, const uint8_t *data, size_t len,
                        size_t *take)
{
    size_t end = record_has_header(record) ? record->layout->prefix_len
                                           : ENGINE_HEADER_LEN;

    *take = MIN(len, end - record->pos);
    if (record->exhausted) {
        return false;
    }
    memcpy(record->prefix + record->pos, data, *take);
    record->pos += *take;
    return record->pos != ENGINE_HEADER_LEN ||
           engine_parse_header(record->engine, record->prefix,
                               &record->payload_len);
}

size_t record_pass(struct record *record, size_t len)
{
    size_t take = MIN(len, record_end(record) - record->pos);

    record->pos += take;
    if (record->pos == record_end(record)) {
        record_next(record);
    }
    return take;
}

bool record_leap(struct record *record, uint32_t len)
{
    if (!record_has_header(record) || len > record_end(record) - record->pos) {
        return false;
    }
    record->broken = true;
    record_pass(record, len);
    return true;
}
