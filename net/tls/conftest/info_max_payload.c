// SPDX-License-Identifier: GPL-2.0-only
#include <uapi/linux/tls.h>

int probe(void);
int probe(void)
{
	return TLS_INFO_TX_MAX_PAYLOAD_LEN;
}
