// SPDX-License-Identifier: GPL-2.0-only
/* kTLS: the module. */

#include <linux/module.h>
#include <net/tcp.h>

#include "dev.h"
#include "proto.h"
#include "stat.h"
#include "sw_rec.h"
#include "ulp.h"

static int __init ktls_module_init(void)
{
	int err;

	err = ktls_stat_init();
	if (err)
		return err;

	err = ktls_rec_setup();
	if (err)
		goto err_stat;

	err = ktls_strp_module_init();
	if (err)
		goto err_rec;

	err = ktls_dev_tx_init();
	if (err)
		goto err_strp;

	err = ktls_dev_init();
	if (err)
		goto err_dev_tx;

	err = tcp_register_ulp(&ktls_ulp_ops);
	if (err)
		goto err_dev;
	return 0;

err_dev:
	ktls_dev_exit();
err_dev_tx:
	ktls_dev_tx_exit();
err_strp:
	ktls_strp_module_exit();
err_rec:
	ktls_rec_cleanup();
err_stat:
	ktls_stat_exit();
	return err;
}

static void __exit ktls_module_exit(void)
{
	tcp_unregister_ulp(&ktls_ulp_ops);
	ktls_dev_exit();
	ktls_dev_tx_exit();
	ktls_strp_module_exit();
	ktls_rec_cleanup();
	ktls_protos_exit();
	ktls_stat_exit();
}

module_init(ktls_module_init);
module_exit(ktls_module_exit);

MODULE_DESCRIPTION("Kernel TLS");
MODULE_LICENSE("GPL");
MODULE_VERSION(KTLS_VERSION);
MODULE_ALIAS_TCP_ULP("tls");
