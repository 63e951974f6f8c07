// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Instead of fleet.c where there is no OpenSSL: the agent keeps keys, and the configuration
 * takes no registrar.
 */
#include "fleet.h"
#include "keep.h"
#include "status.h"

#include <stdio.h>

int fleet_open(const struct config *config)
{
	(void)config;
	return 0;
}

int fleet_begin(void)
{
	return 0;
}

void fleet_poll(struct pollfd *fds)
{
	int i;

	for (i = 0; i < FLEET_FDS; i++)
		fds[i] = (struct pollfd){ .fd = -1 };
}

void fleet_ready(const struct pollfd *fds)
{
	(void)fds;
}

int64_t fleet_at(void)
{
	return INT64_MAX;
}

void fleet_tick(int64_t now)
{
	(void)now;
}

void fleet_ended(void)
{
}

void fleet_reload(void)
{
}

void fleet_tell(void)
{
	struct keep_counts counts = keep_counts();
	char text[128];

	snprintf(text, sizeof(text), "{\"keys\":%u,\"not_loaded\":%u,\"not_saved\":%u}\n",
		 counts.kept, counts.missing, counts.unsaved);
	status_write("status", text);
}

void fleet_stop(void)
{
}
