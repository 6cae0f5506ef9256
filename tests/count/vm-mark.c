// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm-mark begin|end: what tests/vm --count-instructions counts lies between the two.
 *
 * After the end the host gets the addresses of the kernel's symbols, since only the
 * running kernel knows where it and its modules are.
 */
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mark.h"

#define SYMBOLS	"/proc/kallsyms"
#define PORT	"/dev/vport*p5"		/* as tests/vmlib/count.py numbers it */

/* The assembler's encoding of this is MARK_OPCODE and the displacement. */
#define MARK(which) asm volatile("nopl %c0(%%rax)" : : "i" (which))

static int fail(const char *what)
{
	perror(what);
	return 1;
}

static int send_symbols(void)
{
	static char block[1 << 16];
	glob_t found;
	ssize_t size;
	int in = open(SYMBOLS, O_RDONLY);
	int out = -1;

	if (glob(PORT, 0, NULL, &found) == 0)
		out = open(found.gl_pathv[0], O_WRONLY);
	if (in < 0 || out < 0)
		return fail(in < 0 ? SYMBOLS : PORT);
	while ((size = read(in, block, sizeof(block))) > 0)
		for (char *place = block; size > 0; ) {
			ssize_t done = write(out, place, size);

			if (done < 0)
				return fail(PORT);
			place += done;
			size -= done;
		}
	return size < 0 ? fail(SYMBOLS) : 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "begin")) {
		MARK(MARK_BEGIN);
		return 0;
	}
	if (argc == 2 && !strcmp(argv[1], "end")) {
		MARK(MARK_END);
		return send_symbols();
	}
	fprintf(stderr, "usage: vm-mark begin|end\n");
	return 2;
}
