// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_show(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, 1);
	struct iotkey_status status;
	int err;

	err = get_status(args[0], &status);
	if (err)
		return err;
	if (ctx->json)
		return print_json(status_json(&status), false);
	print_status(&status);
	return EXIT_OK;
}
