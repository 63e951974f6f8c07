// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_root(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "provider", required_argument, NULL, OPT_SPEC },
		{ "parent", required_argument, NULL, OPT_SPEC },
		{ "mkparent", no_argument, NULL, OPT_SPEC },
		{ "pcrs", required_argument, NULL, OPT_SPEC },
		{ "key", required_argument, NULL, OPT_SPEC },
		{ "keyring", required_argument, NULL, OPT_KEYRING },
		{ "save", required_argument, NULL, OPT_SAVE },
		GLOBAL_OPTIONS
	};
	struct iotkey_spec spec = { 0 };
	const char *keyring = "@u", *file = NULL;
	char **args;
	int c, i;

	while ((c = next_option(ctx, argc, argv, "", options, &i)) != -1) {
		if (c == OPT_KEYRING)
			keyring = optarg;
		else if (c == OPT_SAVE)
			file = optarg;
		else
			spec_option(ctx, &spec, "--", options[i].name, optarg);
	}
	args = operands(ctx, argc, argv, 1, 1);
	spec_check(ctx, &spec, IOTKEY_OPTIONS_ROOT, "--");
	return create_key(ctx, args[0], &spec, keyring, file);
}
