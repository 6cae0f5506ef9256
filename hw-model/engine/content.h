/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What TLS 1.3 has in the payload of a record: the content, its type, and zeros
 * (RFC 8446 5.2). The type is known only at the payload's end; until then what
 * could be one is remembered, and nothing else but the first byte.
 */
#ifndef ENGINE_CONTENT_H
#define ENGINE_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct content {
    size_t seen;            /* bytes of payload */
    size_t len;             /* of these, before the last one that is not 0 */
    uint8_t type;           /* that one */
    uint8_t first;          /* byte of the payload */
};

/* Before the first byte of a record's payload. */
void content_start(struct content *content);

/* The next bytes of its plaintext, in pieces of any length. */
void content_take(struct content *content, const uint8_t *plain, size_t len);

/* At the payload's end: whether the record is a KeyUpdate (RFC 8446 4.6.3). */
bool content_is_key_update(const struct content *content);

#endif
