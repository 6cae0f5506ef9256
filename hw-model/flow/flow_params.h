/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_PARAMS_H
#define FLOW_PARAMS_H

#include <stdint.h>
#include <linux/types.h>

#include "ktlsnic_hw.h"

/* What a context of either direction is made with: the body of TLS_TX_ADD, in
 * host byte order. Who fills one in wipes it. */
struct flow_params {
    enum ktlsnic_tls_version version;
    enum ktlsnic_tls_cipher cipher;
    uint32_t tcp_seq;                   /* first byte of record rec_num */
    uint64_t rec_num;
    uint8_t iv[KTLSNIC_TLS_IV_SIZE];    /* salt, then IV (SPEC.md 11.2) */
    uint8_t key[KTLSNIC_TLS_KEY_MAX];
};

#endif
