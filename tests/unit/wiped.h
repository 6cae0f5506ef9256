/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program that uses these has an explicit_bzero() that sees whether a key is
 * in what is wiped.
 */
#ifndef WIPED_H
#define WIPED_H

#include <stdint.h>

extern const uint8_t *wiped_key;    /* its first 16 bytes are looked for; or NULL */
extern unsigned wiped;              /* how often it was there */

#endif
