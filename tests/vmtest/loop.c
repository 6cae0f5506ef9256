// SPDX-License-Identifier: GPL-2.0-or-later
/* loop N CALLS: executes N times two instructions, and calls getppid so many times. */

#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	unsigned long turns, calls;

	if (argc != 3)
		return 2;
	turns = strtoul(argv[1], NULL, 10);
	calls = strtoul(argv[2], NULL, 10);
	asm volatile("1: dec %0\n"
		     "jnz 1b" : "+r" (turns));
	while (calls--)
		syscall(SYS_getppid);
	return 0;
}
