// SPDX-License-Identifier: GPL-2.0-or-later
#include "shared.h"

#include <stddef.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>

struct shared *shared_open(void)
{
	struct shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
				     MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (shared == MAP_FAILED)
		return NULL;
	shared->started = time(NULL);
	shared->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (shared->bell >= 0)
		return shared;
	munmap(shared, sizeof(*shared));
	return NULL;
}

struct shared_place *shared_take(struct shared *shared)
{
	size_t i;

	for (i = 0; i < SHARED_PLACES - 1 && shared->places[i].pid; i++)
		;
	return &shared->places[i];
}

void shared_leave(struct shared *shared, pid_t pid)
{
	size_t i, gauge;

	for (i = 0; i < SHARED_PLACES; i++) {
		if (shared->places[i].pid != pid)
			continue;
		for (gauge = 0; gauge < GAUGES; gauge++)
			atomic_store(&shared->places[i].gauges[gauge], 0);
		shared->places[i].pid = 0;
	}
}

void shared_ring(struct shared *shared)
{
	/* nobody reads it: each write is an edge for all who wait */
	(void)eventfd_write(shared->bell, 1);
}
