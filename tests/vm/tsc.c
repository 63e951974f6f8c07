// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints how fast this host's time stamp counter runs, in kHz.
 *
 * QEMU hands the counter through to the guest, whose kernel measures its rate at boot against
 * emulated timers.  On a busy host that may come out wrong by far, and the guest's clock then
 * runs that much too fast or too slow; so the guest is told.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__) || defined(__i386__)
#include <x86intrin.h>

#define TRIES 1000
#define SPAN  50000 /* us */

struct sample {
	int64_t ns;
	uint64_t ticks;
};

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Both at one moment: of many tries the one in which least time passed */
static struct sample take(void)
{
	struct sample best = { 0, 0 };
	int64_t least = INT64_MAX;

	for (int i = 0; i < TRIES; i++) {
		int64_t before = now();
		uint64_t ticks = __rdtsc();
		int64_t passed = now() - before;

		if (passed < least) {
			least = passed;
			best = (struct sample){ before + passed / 2, ticks };
		}
	}
	return best;
}

int main(void)
{
	struct sample a = take(), b;

	usleep(SPAN);
	b = take();
	printf("%.0f\n", (double)(b.ticks - a.ticks) * 1e6 / (double)(b.ns - a.ns));
	return 0;
}
#else
int main(void)
{
	return 1;
}
#endif
