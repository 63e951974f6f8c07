// SPDX-License-Identifier: GPL-2.0-or-later
#include "clock.h"

#include <stdatomic.h>
#include <time.h>

#define EPOCH_2024 1704067200

static _Atomic int64_t told_offset; /* seconds from the boot clock; 0: not told */

int64_t clock_boot_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool clock_is_set(void)
{
	return time(NULL) >= EPOCH_2024;
}

int64_t clock_now(void)
{
	int64_t offset = told_offset;

	if (clock_is_set())
		return time(NULL);
	return offset ? offset + clock_boot_ms() / 1000 : 0;
}

void clock_told(int64_t now)
{
	if (now >= EPOCH_2024)
		told_offset = now - clock_boot_ms() / 1000;
}
