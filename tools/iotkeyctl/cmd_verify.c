// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <stdio.h>

static int verify(struct context *ctx, int32_t key, char **args, const char *data,
		  size_t len)
{
	size_t sig_len;
	char *sig;
	int err;

	err = read_file(args[2], IOTKEY_SIGN_MAX, &sig, &sig_len);
	if (err)
		return say_file_error(err, "cannot read '%s'", args[2]);
	err = iotkey_verify(key, data, len, sig, sig_len);
	free_secret(sig, sig_len);
	if (err)
		return say_key_error(err, "'%s' does not verify with key '%s'", args[1],
				     args[0]);
	if (ctx->json)
		return print_json(json_pack("{s:b}", "valid", 1), false);
	if (!ctx->quiet)
		puts("the signature is good");
	return EXIT_OK;
}

int cmd_verify(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 3, 3);
	int32_t key;
	size_t len;
	char *data;
	int err;

	err = find_key(args[0], &key);
	if (err)
		return err;
	err = read_data(key, args[0], args[1], &data, &len);
	if (err)
		return err;
	err = verify(ctx, key, args, data, len);
	free_secret(data, len);
	return err;
}
