/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_PARAMS_H
#define FLOW_PARAMS_H

#include <stdint.h>

#include "engine/engine.h"

/* What a context of either direction is made with: the body of TLS_TX_ADD, in
 * host byte order. Who fills one in wipes it. */
struct flow_params {
    struct engine_params keys;
    uint32_t tcp_seq;                   /* first byte of record rec_num */
    uint64_t rec_num;
};

#endif
