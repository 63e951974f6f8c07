// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <string.h>

#define OPTIONS_MAX 16

/* overlap=, ahead= and jitter= lie within the period; 0 is none */
static bool explain_within(const char *name, const char *option, uint32_t given,
			   uint32_t value, uint32_t rotate)
{
	char span[HUMAN_SPAN], period[HUMAN_SPAN];

	if (!given || value <= rotate)
		return false;
	say("cannot change the policy of key '%s': %s= is %s, more than its rotate=, %s",
	    name, option, human_span(value, span), human_span(rotate, period));
	return true;
}

/* The kernel said EINVAL: which of the options does not go with what the key is? */
static bool explain(const char *name, int32_t key, const struct iotkey_spec *spec)
{
	const uint32_t given = spec->given;
	struct iotkey_status s;
	uint32_t rotate;

	if (iotkey_status_get(key, &s))
		return false;
	if (s.mode != IOTKEY_MODE_RANDOM &&
	    given & (IOTKEY_OPTION_ROTATE | IOTKEY_OPTION_JITTER)) {
		say("cannot change the policy of key '%s': rotate= and jitter= of a %s key stay as they were made; make a new key",
		    name, iotkey_mode_name(s.mode));
		return true;
	}
	rotate = given & IOTKEY_OPTION_ROTATE ? spec->rotate : s.rotate;
	return (rotate && explain_within(name, "overlap", given & IOTKEY_OPTION_OVERLAP,
					 spec->overlap, rotate)) ||
	       explain_within(name, "ahead", given & IOTKEY_OPTION_AHEAD, spec->ahead,
			      rotate) ||
	       explain_within(name, "jitter", given & IOTKEY_OPTION_JITTER, spec->jitter,
			      rotate);
}

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
	if (err == -EINVAL && explain(name, key, &spec))
		return EXIT_FAILED;
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
