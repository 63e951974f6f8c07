// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text: no crash, and what is taken obeys what <iotkey.h> promises of it.
 *
 * sources: lib/blob.c lib/spec.c lib/words.c
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../../lib/lib_private.h"

static void check_header(const struct iotkey_blob *blob)
{
	bool root = blob->kind == IOTKEY_BLOB_ROOT;

	if (!root && blob->kind != IOTKEY_BLOB_KEY)
		abort();
	if (!iotkey_name_ok(blob->name) || strlen(blob->label) > IOTKEY_LABEL_MAX)
		abort();
	if (root ? blob->root[0] != '\0' : !iotkey_name_ok(blob->root))
		abort();
	if (root != !blob->algorithm || root != !!blob->provider)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_blob blob, nothing = { 0 };
	int err;

	memset(&blob, 0xff, sizeof(blob));
	err = iotkey_blob_parse((const char *)data, size, &blob);
	if (err) {
		if (err != -EBADMSG && err != -EPROTONOSUPPORT && err != -E2BIG)
			abort();
		if (memcmp(&blob, &nothing, sizeof(blob)))
			abort();
	} else if (blob.kind != IOTKEY_BLOB_TSS2) {
		check_header(&blob);
	}
	return 0;
}
