// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <unistd.h>

int cmd_encrypt(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, 3);

	if ((!args[1] || !args[2]) && isatty(STDOUT_FILENO))
		usage_error(
			ctx,
			"the result is binary and standard output a terminal: say OUT, or redirect it");
	return crypt_files(ctx, args, iotkey_stream_encrypt, 0666);
}
