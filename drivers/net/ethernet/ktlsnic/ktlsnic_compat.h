/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels that the driver builds against. The HAVE_
 * macros come from compile tests of the kernel at hand (conftest/), never from
 * its version: stable kernels change too.
 */
#ifndef KTLSNIC_COMPAT_H
#define KTLSNIC_COMPAT_H

#include <linux/limits.h>

#include "ktlsnic_conftest.h"

#ifdef HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#ifndef HAVE_ETHTOOL_PUTS
#include <linux/ethtool.h>
#include <linux/string.h>

static inline void ethtool_puts(u8 **data, const char *str)
{
	strscpy(*data, str, ETH_GSTRING_LEN);
	*data += ETH_GSTRING_LEN;
}
#endif

/*
 * BIG TCP over IPv6 puts a header into the skb that must not go out; newer
 * kernels no longer do, older ones do not say how to take it away.
 */
#if defined(HAVE_HOPOPT_JUMBO) && !defined(HAVE_HOPOPT_JUMBO_REMOVE)
#define KTLSNIC_TSO_LIMIT		65536U
#else
#define KTLSNIC_TSO_LIMIT		UINT_MAX
#endif

#endif /* KTLSNIC_COMPAT_H */
