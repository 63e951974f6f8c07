// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_decrypt(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, 3);

	return crypt_files(ctx, args, iotkey_stream_decrypt, 0600);
}
