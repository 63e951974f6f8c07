// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_rotate(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "save", required_argument, NULL, OPT_SAVE }, GLOBAL_OPTIONS
	};
	const char *file = NULL;
	char **args;
	int32_t key;
	int err;

	while (next_option(ctx, argc, argv, "", options, NULL) != -1)
		file = optarg;
	args = operands(ctx, argc, argv, 1, 1);
	err = find_key(args[0], &key);
	if (err)
		return err;
	err = iotkey_rotate(key);
	if (err)
		return say_key_error(err, "cannot rotate key '%s'", args[0]);
	return file ? save_key(key, file, NULL) : EXIT_OK;
}
