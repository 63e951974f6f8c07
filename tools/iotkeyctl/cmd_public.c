// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <string.h>

int cmd_public(struct context *ctx, int argc, char **argv)
{
	static const char label[] = "PUBLIC KEY";
	char **args = arguments(ctx, argc, argv, 1, 2);
	char pem[PEM_SIZE(IOTKEY_PUBLIC_SIZE, sizeof(label))];
	uint8_t der[IOTKEY_PUBLIC_SIZE];
	int32_t key;
	ssize_t n;
	int err;

	err = find_key(args[0], &key);
	if (err)
		return err;
	n = iotkey_public(key, der, sizeof(der));
	if (n < 0)
		return say_key_error((int)n, "cannot get the public half of key '%s'",
				     args[0]);
	make_pem(label, der, (size_t)n, pem);
	if (ctx->json)
		return print_json(json_pack("{s:i, s:s}", "serial", key, "public", pem),
				  false);
	err = write_file(args[1], pem, strlen(pem), 0666);
	return err ? say_file_error(err, "cannot write the public key") : EXIT_OK;
}
