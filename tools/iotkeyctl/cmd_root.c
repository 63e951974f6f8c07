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

	return create_key(ctx, argc, argv, options, IOTKEY_OPTIONS_ROOT);
}
