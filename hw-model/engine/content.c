/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>

#include "engine/content.h"

#define TYPE_HANDSHAKE      22
#define KEY_UPDATE          24      /* the message's type, in its first byte */
#define KEY_UPDATE_LEN      5       /* type, length, request_update */

void content_start(struct content *content)
{
    memset(content, 0, sizeof(*content));
}

void content_take(struct content *content, const uint8_t *plain, size_t len)
{
    size_t end = len;

    if (len && content->seen == 0) {
        content->first = plain[0];
    }
    while (end && plain[end - 1] == 0) {
        end--;
    }
    if (end) {
        content->type = plain[end - 1];
        content->len = content->seen + end - 1;
    }
    content->seen += len;
}

/*
 * A message may be cut over records, and then the key changes with the last of
 * them: the first piece of a KeyUpdate is none yet.
 */
bool content_is_key_update(const struct content *content)
{
    return content->type == TYPE_HANDSHAKE && content->first == KEY_UPDATE &&
           content->len >= KEY_UPDATE_LEN;
}
