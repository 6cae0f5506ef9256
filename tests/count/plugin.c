// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin of QEMU that counts the guest's instructions between marks (mark.h).
 *
 * Each translation block of the kernel has a counter, to which its number of instructions is
 * added when it is entered between the marks; user space has one counter in all. An
 * instruction that faults is counted again, with the rest of its block, when it is repeated.
 * The end mark writes a line "ADDRESS COUNT" for each block to the file out=FILE; address 0
 * is user space.
 *
 * QEMU's inline counters, which add without a call, are not for a guest with -icount and
 * several CPUs: where all CPUs share a thread, QEMU 10.0 multiplies the number of the CPU
 * that translates, a constant, in place. What CPU 1 translates then has another number
 * wherever it wants a 1: its I/O ends QEMU with "Bad icount read".
 *
 * QEMU's devices work in its main loop, beside the CPU, and how far the guest gets meanwhile
 * is a matter of the host's scheduler. So that each run is the same, between the marks a CPU
 * that has stored to a device stands still until the main loop has nothing left to do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

#include "mark.h"

#define KERNEL_HALF	(UINT64_C(1) << 63)
#define PATIENCE	(10 * G_TIME_SPAN_SECOND)

/* The number of instructions counted at an address; the thread of the CPUs counts. */
struct block {
	uint64_t address;
	uint64_t counted;
};

/* One translation of a block: the same address can have longer and shorter ones. */
struct translation {
	struct block *block;
	size_t size;			/* in instructions */
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static GMutex lock;
static GCond loop_idle;
static gboolean loop_busy;
static GHashTable *blocks;		/* by address */
static GHashTable *translations;	/* by what they hold: kept, they are made anew often */
static gboolean counting;
static unsigned int intervals;
static const char *out;

static guint translation_hash(gconstpointer key)
{
	const struct translation *translation = key;

	return g_direct_hash(translation->block) + translation->size;
}

static gboolean translation_equal(gconstpointer one, gconstpointer other)
{
	return !memcmp(one, other, sizeof(struct translation));
}

/* What is counted when so many instructions at an address are entered. */
static struct translation *translation_at(uint64_t address, size_t size)
{
	struct translation key = { g_hash_table_lookup(blocks, &address), size };
	struct translation *translation;

	if (!key.block) {
		key.block = g_new0(struct block, 1);
		key.block->address = address;
		g_hash_table_insert(blocks, &key.block->address, key.block);
	}
	translation = g_hash_table_lookup(translations, &key);
	if (!translation) {
		translation = g_memdup2(&key, sizeof(key));
		g_hash_table_add(translations, translation);
	}
	return translation;
}

static void entered(unsigned int cpu, void *data)
{
	struct translation *translation = data;

	if (counting) {
		translation->block->counted += translation->size;
	}
}

static void begin(unsigned int cpu, void *data)
{
	counting = TRUE;
}

static void write_all(void)
{
	GHashTableIter iter;
	gpointer value;
	FILE *file = fopen(out, "w");

	if (!file) {
		fprintf(stderr, "count: %s: %s\n", out, strerror(errno));
		return;
	}
	fprintf(file, "intervals %u\n", intervals);
	g_hash_table_iter_init(&iter, blocks);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct block *block = value;

		if (block->counted) {
			fprintf(file, "%" PRIx64 " %" PRIu64 "\n", block->address,
				block->counted);
		}
	}
	if (fclose(file)) {
		fprintf(stderr, "count: %s: %s\n", out, strerror(errno));
	}
}

static void end(unsigned int cpu, void *data)
{
	if (counting) {
		counting = FALSE;
		intervals++;
		write_all();
	}
}

/* In the main loop, in a turn in which nothing of a higher priority was left to do. */
static gboolean when_idle(gpointer data)
{
	g_mutex_lock(&lock);
	loop_busy = FALSE;
	g_cond_broadcast(&loop_idle);
	g_mutex_unlock(&lock);
	return G_SOURCE_REMOVE;
}

/*
 * After a store that may have been to a device. The main loop can itself be waiting for the
 * CPU, when the machine stops or is reset: hence the patience.
 */
static void stored(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t address, void *data)
{
	struct qemu_plugin_hwaddr *where;
	gint64 deadline;

	where = counting ? qemu_plugin_get_hwaddr(info, address) : NULL;
	if (!where || !qemu_plugin_hwaddr_is_io(where)) {
		return;
	}
	deadline = g_get_monotonic_time() + PATIENCE;
	g_mutex_lock(&lock);
	loop_busy = TRUE;
	g_idle_add_full(G_PRIORITY_LOW, when_idle, NULL, NULL);
	while (loop_busy && g_cond_wait_until(&loop_idle, &lock, deadline)) {
	}
	if (loop_busy) {
		fprintf(stderr, "count: the main loop is busy; this run is like no other\n");
	}
	g_mutex_unlock(&lock);
}

static void look_for_mark(struct qemu_plugin_insn *insn)
{
	static const uint8_t opcode[] = { MARK_OPCODE };
	uint8_t data[MARK_SIZE];
	uint32_t which;

	if (qemu_plugin_insn_size(insn) != MARK_SIZE) {
		return;
	}
	qemu_plugin_insn_data(insn, data, sizeof(data));
	if (memcmp(data, opcode, sizeof(opcode))) {
		return;
	}
	memcpy(&which, data + sizeof(opcode), sizeof(which));
	if (which == MARK_BEGIN || which == MARK_END) {
		qemu_plugin_register_vcpu_insn_exec_cb(insn, which == MARK_BEGIN ? begin : end,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
	}
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t count = qemu_plugin_tb_n_insns(tb);
	uint64_t address = qemu_plugin_tb_vaddr(tb);

	if (address < KERNEL_HALF) {
		for (size_t i = 0; i < count; i++) {
			look_for_mark(qemu_plugin_tb_get_insn(tb, i));
		}
		address = 0;
	} else {
		/* An access to a device is always the last instruction of a block. */
		qemu_plugin_register_vcpu_mem_cb(qemu_plugin_tb_get_insn(tb, count - 1), stored,
						 QEMU_PLUGIN_CB_NO_REGS, QEMU_PLUGIN_MEM_W, NULL);
	}
	qemu_plugin_register_vcpu_tb_exec_cb(tb, entered, QEMU_PLUGIN_CB_NO_REGS,
					     translation_at(address, count));
}

QEMU_PLUGIN_EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const qemu_info_t *info,
					   int argc, char **argv)
{
	for (int i = 0; i < argc; i++) {
		if (g_str_has_prefix(argv[i], "out=")) {
			out = argv[i] + strlen("out=");
		}
	}
	if (!out) {
		fprintf(stderr, "count: no out=FILE is given\n");
		return -1;
	}
	blocks = g_hash_table_new(g_int64_hash, g_int64_equal);
	translations = g_hash_table_new(translation_hash, translation_equal);
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
