// SPDX-License-Identifier: GPL-2.0-only
/* What the module cannot do without: kernels that have it can run it. */
#include <linux/socket.h>
#include <linux/workqueue.h>
#include <net/tls.h>

bool probe(const struct proto_ops *ops, struct delayed_work *work);
bool probe(const struct proto_ops *ops, struct delayed_work *work)
{
	return disable_delayed_work_sync(work) && ops->splice_eof && MSG_SPLICE_PAGES;
}
