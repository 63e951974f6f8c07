// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Options of keys and roots, and mistakes there.
 */
#include "iotkeyctl.h"

static void __attribute__((noreturn))
bad_value(struct context *ctx, const char *prefix, const struct iotkey_problem *why)
{
	if (!why->option)
		usage_error(ctx, "there is no option '%s'", why->value);
	if (why->value[0])
		usage_error(ctx, "%s%s '%s': it must be %s", prefix, why->option,
			    why->value, why->range);
	usage_error(ctx, "%s%s: it must be %s", prefix, why->option, why->range);
}

void spec_option(struct context *ctx, struct iotkey_spec *spec, const char *prefix,
		 const char *name, const char *value)
{
	struct iotkey_problem why;

	if (iotkey_spec_set(spec, name, value ? value : "", &why))
		bad_value(ctx, prefix, &why);
}

void spec_check(struct context *ctx, const struct iotkey_spec *spec, uint32_t allowed,
		const char *prefix)
{
	struct iotkey_problem why;

	if (iotkey_spec_check(spec, allowed, &why))
		bad_value(ctx, prefix, &why);
}
