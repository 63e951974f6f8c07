// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The quota of keys, met in the middle: each operation that adds a key is refused for
 * their number (by the core, after preparse did all its work) and for their bytes (by the
 * module, when it instantiates).  EDQUOT, nothing has changed, and the next try works.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * sources: tests/kselftest/common/campaign.c tests/kselftest/common/operations.c
 * sources: tests/kselftest/common/world.c tests/kselftest/common/tpm.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/campaign.h"
#include "common/iot.h"

#define MAX_KEYS  "/proc/sys/kernel/keys/root_maxkeys"
#define MAX_BYTES "/proc/sys/kernel/keys/root_maxbytes"

/* Room for the name of the key "it" and its link, but not for the key. */
#define ROOM 100

static unsigned int refused;

static void set_limit(const char *path, unsigned int limit)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "%u\n", limit) < 0 || fclose(f)) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

struct quota {
	unsigned int keys, max_keys, bytes, max_bytes;
};

static struct quota root_quota(void)
{
	struct quota q = { 0 };
	FILE *f = fopen("/proc/key-users", "r");
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " 0: %*u %*u/%*u %u/%u %u/%u", &q.keys, &q.max_keys,
			   &q.bytes, &q.max_bytes) == 4)
			break;
	if (f)
		fclose(f);
	return q;
}

static bool refuse(struct operation *op, bool keys)
{
	struct quota q;
	char *before;
	bool ok = true;
	int error;

	op_prepare(op);
	before = world(op);
	q = root_quota();
	if (keys)
		set_limit(MAX_KEYS, q.keys);
	else
		set_limit(MAX_BYTES, q.bytes + ROOM);
	error = op->act(op);
	set_limit(MAX_KEYS, q.max_keys);
	set_limit(MAX_BYTES, q.max_bytes);
	refused++;
	if (error != EDQUOT) {
		complain("%s: %s", op->name, errno_name(error));
		ok = false;
	}
	if (error && !world_is(op, before))
		ok = false;
	if (error && op->act(op))
		ok = false;
	op_undo(op);
	free(before);
	return world_is_empty(op) && ok;
}

int main(void)
{
	unsigned int count = 0, i;

	if (system(MAKE_PEMS))
		return 1;
	campaign_tpm = open("/dev/tpm0", O_RDWR | O_CLOEXEC);
	if (campaign_tpm < 0) {
		printf("Bail out! /dev/tpm0: %s\n", strerror(errno));
		return 1;
	}
	campaign_open();
	for (i = 0; i < operation_count; i++) {
		struct operation *op = &operations[i];

		if (op->make || !(op->text || op->saved || op->pem))
			continue;
		count++;
		ktap_ok(refuse(op, true), "%s: no room for a key", op->name);
		ktap_ok(refuse(op, false), "%s: no room for its bytes", op->name);
	}
	campaign_close();
	printf("# campaign: %u operations, refused for quota %u times\n", count, refused);
	return ktap_done();
}
