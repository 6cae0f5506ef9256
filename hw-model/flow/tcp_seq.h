/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef FLOW_TCP_SEQ_H
#define FLOW_TCP_SEQ_H

#include <stdint.h>

/*
 * How far sequence a is ahead of b, negative if it is behind. Sequences wrap:
 * what is less than 2^31 away has a direction, and TCP keeps closer than that.
 */
static inline int32_t tcp_seq_ahead(uint32_t a, uint32_t b)
{
    return (int32_t)(a - b);
}

#endif
