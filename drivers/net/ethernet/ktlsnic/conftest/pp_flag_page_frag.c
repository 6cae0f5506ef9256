// SPDX-License-Identifier: GPL-2.0-only
#include <net/page_pool.h>

unsigned int probe(void);
unsigned int probe(void)
{
	return PP_FLAG_PAGE_FRAG;
}
