/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef KTLS_SOCKOPT_H
#define KTLS_SOCKOPT_H

#include "ctx.h"

int ktls_set_option(struct sock *sk, int option, sockptr_t value,
		    unsigned int len);
int ktls_get_option(struct sock *sk, int option, char __user *value,
		    int __user *len);

#endif
