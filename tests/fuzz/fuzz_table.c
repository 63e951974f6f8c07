// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any table of secrets (its blob's authentication broken, or its root's owner hostile):
 * what is taken encodes to the very same bytes, and there is nothing else in it.
 *
 * covers: kmod/blob.c
 */
#include <errno.h>
#include "blob.h"
#include "fuzz.h"

static void check_absent(const struct iot_table *t, int role)
{
	static const u8 nothing[IOT_SECRET_SIZE];

	must(!memcmp(t->secret[role], nothing, IOT_SECRET_SIZE));
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct iot_table t;
	int role, ret;
	u8 *again;

	memset(&t, 0xff, sizeof(t));
	ret = iot_table_decode(&t, data, size);
	must(!ret || ret == -EBADMSG);
	if (ret)
		return 0;
	must(size <= IOT_TABLE_MAX && iot_table_size(&t) == size);
	for (role = 0; role < IOT_ROLES; role++) {
		if (!t.version[role])
			check_absent(&t, role);
	}
	again = room(size);
	must(iot_table_encode(&t, again) == size && !memcmp(again, data, size));
	free(again);
	return 0;
}
