// SPDX-License-Identifier: GPL-2.0-or-later
/* rdtsc N: reads the time-stamp counter N times; status 1 if it does not go up. */

#include <stdlib.h>
#include <x86intrin.h>

int main(int argc, char **argv)
{
	unsigned long turns;

	if (argc != 2)
		return 2;
	for (turns = strtoul(argv[1], NULL, 10); turns; turns--) {
		unsigned long long before = __rdtsc();

		if (__rdtsc() <= before)
			return 1;
	}
	return 0;
}
