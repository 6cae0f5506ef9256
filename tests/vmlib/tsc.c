// SPDX-License-Identifier: GPL-2.0-or-later
/* Prints the rate of this machine's time stamp counter in kHz. */

#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <x86intrin.h>

#define TRIES		64
#define SPAN_NS		20000000	/* with readings 30 ns apart: a few ppm */

struct sample {
	int64_t ns;
	uint64_t tsc;
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

/* Both clocks at one moment: of many tries the one that nobody interrupted. */
static struct sample take_sample(void)
{
	int64_t closest = INT64_MAX;
	struct sample best = { 0, 0 };

	for (int i = 0; i < TRIES; i++) {
		int64_t before = now();
		uint64_t tsc = __rdtsc();
		int64_t gap = now() - before;

		if (gap < closest) {
			closest = gap;
			best = (struct sample) { before + gap / 2, tsc };
		}
	}
	return best;
}

int main(void)
{
	const struct timespec span = { 0, SPAN_NS };
	struct sample from = take_sample(), to;

	nanosleep(&span, NULL);
	to = take_sample();
	printf("%.0f\n", (to.tsc - from.tsc) * 1e6 / (to.ns - from.ns));
	return 0;
}
