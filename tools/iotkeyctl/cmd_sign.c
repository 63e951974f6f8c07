// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <unistd.h>

static int write_signature(int32_t key, const char *name, const char *data, size_t len,
			   const char *file)
{
	char sig[IOTKEY_SIGNATURE_MAX];
	ssize_t n;
	int err;

	n = iotkey_sign(key, data, len, sig, sizeof(sig));
	if (n < 0)
		return say_key_error((int)n, "cannot sign with key '%s'", name);
	err = write_file(file, sig, (size_t)n, 0666);
	return err ? say_file_error(err, "cannot write the signature") : EXIT_OK;
}

int cmd_sign(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS };
	const char *file = NULL;
	char **args, *data;
	int32_t key;
	size_t len;
	int err;

	while (next_option(ctx, argc, argv, "o:", options, NULL) != -1)
		file = optarg;
	args = operands(ctx, argc, argv, 1, 2);
	if (!file && isatty(STDOUT_FILENO))
		usage_error(
			ctx,
			"the signature is binary and standard output a terminal: say -o FILE, or redirect it");
	err = find_key(args[0], &key);
	if (err)
		return err;
	err = read_data(key, args[0], args[1], &data, &len);
	if (err)
		return err;
	err = write_signature(key, args[0], data, len, file);
	free_secret(data, len);
	return err;
}
