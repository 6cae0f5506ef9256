// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TCG plugin of QEMU that counts the guest's instructions between marks (mark.h).
 *
 * Each translation block of the kernel has a counter for each virtual CPU, to which its
 * number of instructions is added when it is entered; user space has one counter in all.
 * An instruction that faults is counted again, with the rest of its block, when it is
 * repeated. The end mark writes a line "ADDRESS COUNT" for each block to the file out=FILE;
 * address 0 is user space.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <qemu-plugin.h>

#include "mark.h"

#define KERNEL_HALF	(UINT64_C(1) << 63)
#define CHUNK		4096		/* counters in a scoreboard, which has them for 16 CPUs */

struct block {
	uint64_t address;
	qemu_plugin_u64 counter;
	uint64_t at_begin;
	uint64_t counted;
};

QEMU_PLUGIN_EXPORT int qemu_plugin_version = QEMU_PLUGIN_VERSION;

static GMutex lock;
static GHashTable *blocks;		/* by address */
static struct qemu_plugin_scoreboard *chunk;
static size_t used = CHUNK;
static gboolean counting;
static unsigned int intervals;
static const char *out;

/* The block that begins at an address; the caller holds the lock. */
static struct block *block_at(uint64_t address)
{
	struct block *block = g_hash_table_lookup(blocks, &address);

	if (block) {
		return block;
	}
	if (used == CHUNK) {
		chunk = qemu_plugin_scoreboard_new(CHUNK * sizeof(uint64_t));
		used = 0;
	}
	block = g_new0(struct block, 1);
	block->address = address;
	block->counter.score = chunk;
	block->counter.offset = used++ * sizeof(uint64_t);
	g_hash_table_insert(blocks, &block->address, block);
	return block;
}

static void begin(unsigned int cpu, void *data)
{
	GHashTableIter iter;
	gpointer value;

	g_mutex_lock(&lock);
	g_hash_table_iter_init(&iter, blocks);
	while (g_hash_table_iter_next(&iter, NULL, &value)) {
		struct block *block = value;

		block->at_begin = qemu_plugin_u64_sum(block->counter);
	}
	counting = TRUE;
	g_mutex_unlock(&lock);
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
	GHashTableIter iter;
	gpointer value;

	g_mutex_lock(&lock);
	if (counting) {
		g_hash_table_iter_init(&iter, blocks);
		while (g_hash_table_iter_next(&iter, NULL, &value)) {
			struct block *block = value;

			block->counted += qemu_plugin_u64_sum(block->counter) - block->at_begin;
		}
		counting = FALSE;
		intervals++;
		write_all();
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
	struct block *block;

	if (address < KERNEL_HALF) {
		for (size_t i = 0; i < count; i++) {
			look_for_mark(qemu_plugin_tb_get_insn(tb, i));
		}
		address = 0;
	}
	g_mutex_lock(&lock);
	block = block_at(address);
	g_mutex_unlock(&lock);
	qemu_plugin_register_vcpu_tb_exec_inline_per_vcpu(tb, QEMU_PLUGIN_INLINE_ADD_U64,
							  block->counter, count);
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
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
