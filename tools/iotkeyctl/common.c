// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <stdio.h>

int find_key(const char *text, int32_t *key)
{
	int err = iotkey_find(text, key);

	return err ? say_key_error(err, "cannot find key '%s'", text) : EXIT_OK;
}

int find_keyring(const char *text, int32_t *keyring)
{
	int err = iotkey_keyring(text, keyring);

	return err ? say_key_error(err, "cannot find keyring '%s'", text) : EXIT_OK;
}

int get_status(const char *text, struct iotkey_status *status)
{
	int32_t key;
	int err;

	err = find_key(text, &key);
	if (err)
		return err;
	err = iotkey_status_get(key, status);
	return err ? say_key_error(err, "cannot get the status of key '%s'", text)
		   : EXIT_OK;
}

/* Prints and frees @json; in one line, or for reading */
int print_json(json_t *json, bool line)
{
	int err;

	if (!json)
		return say_key_error(ENOMEM, "cannot make JSON");
	err = json_dumpf(json, stdout, line ? JSON_COMPACT : JSON_INDENT(2));
	json_decref(json);
	if (err || putchar('\n') == EOF)
		return say_file_error(errno, "cannot write to standard output");
	return EXIT_OK;
}

int create_key(struct context *ctx, const char *name, const struct iotkey_spec *spec,
	       const char *keyring, const char *file)
{
	int32_t key, ring;
	int err;

	if (!iotkey_name_ok(name))
		usage_error(
			ctx,
			"NAME '%s': it must be 1 to 255 printable ASCII characters, no spaces",
			name);
	err = find_keyring(keyring, &ring);
	if (err)
		return err;
	err = iotkey_new(name, spec, ring, &key);
	if (err == -ENOKEY && spec->given & IOTKEY_OPTION_ROOT)
		return say_key_error(err, "cannot make key '%s' under root '%s'", name,
				     spec->root);
	if (err)
		return say_key_error(err, "cannot make '%s'", name);
	if (ctx->json)
		err = print_json(json_pack("{s:i, s:s}", "serial", key, "name", name),
				 false);
	else
		printf("%d\n", key);
	return err || !file ? err : save_key(key, file, NULL);
}
