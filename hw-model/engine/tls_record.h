/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lengths of TLS records, in bytes, over all versions and ciphers. */
#ifndef ENGINE_TLS_RECORD_H
#define ENGINE_TLS_RECORD_H

#define ENGINE_HEADER_LEN   5       /* type, version, length (big-endian) */
#define ENGINE_PREFIX_MAX   13      /* header, explicit nonce */
#define ENGINE_TAG_LEN      16
#define ENGINE_RECORD_MAX   (ENGINE_HEADER_LEN + 16384 + 256)   /* RFC 8446 */

/* Of the payload: RFC 5246 6.2.1; RFC 8446 5.2, where length counts the tag. */
#define ENGINE_TLS12_PAYLOAD_MAX    16384
#define ENGINE_TLS13_PAYLOAD_MAX    (16384 + 256 - ENGINE_TAG_LEN)

#endif
