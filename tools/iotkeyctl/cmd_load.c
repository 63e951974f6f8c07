// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <stdio.h>

/* The name is in the blob; a TSS2 PRIVATE KEY has none */
static int blob_name(struct context *ctx, const char *file, const char *text, size_t len,
		     struct iotkey_blob *blob, const char **name)
{
	int err;

	err = iotkey_blob_parse(text, len, blob);
	if (err)
		return say_key_error(err, "cannot understand '%s'", file);
	if (*name)
		return EXIT_OK; /* a wrong one the kernel refuses */
	if (blob->kind == IOTKEY_BLOB_TSS2)
		usage_error(ctx, "'%s' is a TSS2 PRIVATE KEY: say --name", file);
	*name = blob->name;
	return EXIT_OK;
}

static int load(struct context *ctx, const char *file, const char *name, int32_t keyring,
		json_t *loaded)
{
	struct iotkey_blob blob;
	size_t len;
	int32_t key;
	char *text;
	int err;

	err = read_file(file, IOTKEY_PAYLOAD_MAX, &text, &len);
	if (err)
		return say_file_error(err, "cannot read '%s'", file);
	err = blob_name(ctx, file, text, len, &blob, &name);
	if (!err) {
		err = iotkey_load(name, text, len, keyring, &key);
		if (err)
			err = say_key_error(err, "cannot load '%s' as '%s'", file, name);
		else if (ctx->json)
			json_array_append_new(loaded, json_pack("{s:i, s:s}", "serial",
								key, "name", name));
		else
			printf("%d\n", key);
	}
	free_secret(text, len);
	return err;
}

int cmd_load(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "keyring", required_argument, NULL, OPT_KEYRING },
		{ "name", required_argument, NULL, OPT_NAME },
		GLOBAL_OPTIONS
	};
	const char *keyring = "@u", *name = NULL;
	int c, err, first = EXIT_OK;
	json_t *loaded;
	int32_t ring;
	char **args;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_KEYRING)
			keyring = optarg;
		else
			name = optarg;
	}
	args = operands(ctx, argc, argv, 1, argc);
	if (name && args[1])
		usage_error(ctx, "--name '%s': it goes with one FILE", name);
	if (name && !iotkey_name_ok(name))
		usage_error(
			ctx,
			"--name '%s': it must be 1 to 255 printable ASCII characters, no spaces",
			name);
	err = find_keyring(keyring, &ring);
	if (err)
		return err;
	loaded = json_array();
	for (; *args; args++) {
		err = load(ctx, *args, name, ring, loaded);
		if (!first)
			first = err;
	}
	if (!ctx->json) {
		json_decref(loaded);
		return first;
	}
	err = print_json(loaded, false);
	return first ? first : err;
}
