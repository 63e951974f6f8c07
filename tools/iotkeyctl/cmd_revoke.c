// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

static int revoke(const char *name)
{
	int32_t key;
	int err;

	err = find_key(name, &key);
	if (err)
		return err;
	err = iotkey_revoke(key);
	return err ? say_key_error(err, "cannot revoke key '%s'", name) : EXIT_OK;
}

int cmd_revoke(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, argc);
	int err, first = EXIT_OK;

	for (; *args; args++) {
		err = revoke(*args);
		if (!first)
			first = err;
	}
	return first;
}
