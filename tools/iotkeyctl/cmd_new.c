// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

int cmd_new(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "algorithm", required_argument, NULL, OPT_SPEC }, /* --alg */
		{ "root", required_argument, NULL, OPT_SPEC },
		{ "mode", required_argument, NULL, OPT_SPEC },
		{ "rotate", required_argument, NULL, OPT_SPEC },
		{ "overlap", required_argument, NULL, OPT_SPEC },
		{ "ahead", required_argument, NULL, OPT_SPEC },
		{ "lifetime", required_argument, NULL, OPT_SPEC },
		{ "max-ops", required_argument, NULL, OPT_SPEC },
		{ "jitter", required_argument, NULL, OPT_SPEC },
		{ "start", required_argument, NULL, OPT_SPEC },
		{ "usage", required_argument, NULL, OPT_SPEC },
		{ "label", required_argument, NULL, OPT_SPEC },
		{ "parent", required_argument, NULL, OPT_SPEC },
		{ "mkparent", no_argument, NULL, OPT_SPEC },
		{ "restricted", no_argument, NULL, OPT_SPEC },
		{ "keyring", required_argument, NULL, OPT_KEYRING },
		{ "save", required_argument, NULL, OPT_SAVE },
		GLOBAL_OPTIONS
	};

	return create_key(ctx, argc, argv, options, IOTKEY_OPTIONS_KEY);
}
