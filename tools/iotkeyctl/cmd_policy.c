// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <string.h>

#define OPTIONS_MAX 16

static int change(struct context *ctx, const char *name, char **args)
{
	struct iotkey_spec spec = { 0 };
	int32_t key;
	char *value;
	int err;

	for (; *args; args++) {
		value = strchr(*args, '=');
		if (!value)
			usage_error(ctx, "'%s' is not OPTION=VALUE", *args);
		*value++ = '\0';
		spec_option(ctx, &spec, "", *args, value);
	}
	spec_check(ctx, &spec, IOTKEY_OPTIONS_SET, "");
	err = find_key(name, &key);
	if (err)
		return err;
	err = iotkey_set(key, &spec);
	return err ? say_key_error(err, "cannot change the policy of key '%s'", name)
		   : EXIT_OK;
}

int cmd_policy(struct context *ctx, int argc, char **argv)
{
	char **args = arguments(ctx, argc, argv, 1, 1 + OPTIONS_MAX);
	struct iotkey_status status;
	int err;

	if (args[1])
		return change(ctx, args[0], args + 1);
	err = get_status(args[0], &status);
	if (err)
		return err;
	if (ctx->json)
		return print_json(policy_json(&status), false);
	print_policy(&status);
	return EXIT_OK;
}
