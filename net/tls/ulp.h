/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTLS_ULP_H
#define KTLS_ULP_H

#include <net/tcp.h>

extern struct tcp_ulp_ops ktls_ulp_ops;

#endif
