// SPDX-License-Identifier: GPL-2.0-only
/* /proc/net/tls_stat */

#include <linux/percpu.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>
#include <net/net_namespace.h>
#include <net/netns/generic.h>

#include "stat.h"

struct ktls_counters {
	long value[KTLS_STAT_MAX];
};

struct ktls_net {
	struct ktls_counters __percpu *counters;
};

static unsigned int ktls_net_id __read_mostly;

static const char * const names[KTLS_STAT_MAX] = {
	[KTLS_STAT_CURR_TX_SW]		= "TlsCurrTxSw",
	[KTLS_STAT_CURR_RX_SW]		= "TlsCurrRxSw",
	[KTLS_STAT_CURR_TX_DEVICE]	= "TlsCurrTxDevice",
	[KTLS_STAT_CURR_RX_DEVICE]	= "TlsCurrRxDevice",
	[KTLS_STAT_TX_SW]		= "TlsTxSw",
	[KTLS_STAT_RX_SW]		= "TlsRxSw",
	[KTLS_STAT_TX_DEVICE]		= "TlsTxDevice",
	[KTLS_STAT_RX_DEVICE]		= "TlsRxDevice",
	[KTLS_STAT_DECRYPT_ERROR]	= "TlsDecryptError",
	[KTLS_STAT_RX_DEVICE_RESYNC]	= "TlsRxDeviceResync",
	[KTLS_STAT_DECRYPT_RETRY]	= "TlsDecryptRetry",
	[KTLS_STAT_RX_NO_PAD_VIOLATION]	= "TlsRxNoPadViolation",
	[KTLS_STAT_RX_REKEY_OK]		= "TlsRxRekeyOk",
	[KTLS_STAT_RX_REKEY_ERROR]	= "TlsRxRekeyError",
	[KTLS_STAT_TX_REKEY_OK]		= "TlsTxRekeyOk",
	[KTLS_STAT_TX_REKEY_ERROR]	= "TlsTxRekeyError",
	[KTLS_STAT_RX_REKEY_RECEIVED]	= "TlsRxRekeyReceived",
	[KTLS_STAT_TX_REKEY_FALLBACK]	= "TlsTxRekeyFallback",
	[KTLS_STAT_CURR_TX_REKEY]	= "TlsCurrTxRekey",
	[KTLS_STAT_TX_REKEY_ABORTED]	= "TlsTxRekeyAborted",
	[KTLS_STAT_RX_REKEY_FALLBACK]	= "TlsRxRekeyFallback",
	[KTLS_STAT_CURR_RX_REKEY]	= "TlsCurrRxRekey",
	[KTLS_STAT_RX_REKEY_ABORTED]	= "TlsRxRekeyAborted",
	[KTLS_STAT_TX_KEY_LIMIT]	= "TlsTxKeyLimit",
	[KTLS_STAT_RX_KEY_LIMIT]	= "TlsRxKeyLimit",
};

/**
 * ktls_stat_add() - count something, from any context
 * @net: the socket's network namespace
 * @what: which counter
 * @by: how much more, or less
 */
void ktls_stat_add(struct net *net, enum ktls_stat what, long by)
{
	struct ktls_net *own = net_generic(net, ktls_net_id);

	this_cpu_add(own->counters->value[what], by);
}

static int show(struct seq_file *seq, void *v)
{
	struct net *net = seq->private;
	struct ktls_net *own = net_generic(net, ktls_net_id);
	unsigned int i;
	int cpu;

	for (i = 0; i < KTLS_STAT_MAX; i++) {
		unsigned long sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu_ptr(own->counters, cpu)->value[i];
		seq_printf(seq, "%-32s\t%lu\n", names[i], sum);
	}
	return 0;
}

static int __net_init ktls_net_init(struct net *net)
{
	struct ktls_net *own = net_generic(net, ktls_net_id);

	own->counters = alloc_percpu(struct ktls_counters);
	if (!own->counters)
		return -ENOMEM;
	if (IS_ENABLED(CONFIG_PROC_FS) &&
	    !proc_create_net_single("tls_stat", 0444, net->proc_net, show, NULL)) {
		free_percpu(own->counters);
		return -ENOMEM;
	}
	return 0;
}

static void __net_exit ktls_net_exit(struct net *net)
{
	struct ktls_net *own = net_generic(net, ktls_net_id);

	remove_proc_entry("tls_stat", net->proc_net);
	free_percpu(own->counters);
}

static struct pernet_operations ktls_net_ops = {
	.init = ktls_net_init,
	.exit = ktls_net_exit,
	.id = &ktls_net_id,
	.size = sizeof(struct ktls_net),
};

/**
 * ktls_stat_init() - make the counters of all network namespaces
 *
 * Return: 0 or an error.
 */
int ktls_stat_init(void)
{
	return register_pernet_subsys(&ktls_net_ops);
}

/**
 * ktls_stat_exit() - remove the counters; nobody may count any more
 */
void ktls_stat_exit(void)
{
	unregister_pernet_subsys(&ktls_net_ops);
}
