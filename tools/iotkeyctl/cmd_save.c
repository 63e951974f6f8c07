// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_save(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 2, 2);
	uint32_t version;
	int32_t key;
	int err;

	err = find_key(args[0], &key);
	if (!err)
		err = save_key(key, args[1], &version);
	if (err || !ctx->json)
		return err;
	return print_json(json_pack("{s:i, s:s, s:I}", "serial", key, "file", args[1],
				    "stored", (json_int_t)version),
			  false);
}
