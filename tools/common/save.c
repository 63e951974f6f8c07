// SPDX-License-Identifier: GPL-2.0-or-later
#include "save.h"

#include "file.h"
#include "say.h"

#include <iotkey.h>

int save_key(int32_t key, const char *path, uint32_t *version)
{
	struct iotkey_blob blob;
	size_t len;
	char *text;
	int err;

	err = iotkey_read_blob(key, &text, &len);
	if (err)
		return say_key_error(err, "cannot read the blob of key %d", key);
	err = iotkey_blob_parse(text, len, &blob);
	if (err) {
		free_secret(text, len);
		return say_key_error(err, "cannot understand the blob of key %d", key);
	}
	err = write_file(path, text, len, 0600);
	free_secret(text, len);
	if (err)
		return say_file_error(err, "cannot write '%s'", path);
	if (version)
		*version = blob.newest;
	if (blob.kind != IOTKEY_BLOB_KEY)
		return EXIT_OK;
	/* not before this: the kernel encrypts with it from here on */
	err = iotkey_stored(key, blob.newest);
	if (err)
		return say_key_error(err, "'%s' is written, but key %d refuses stored=%u",
				     path, key, blob.newest);
	return EXIT_OK;
}
