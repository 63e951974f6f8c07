// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The command line, and its mistakes.
 */
#include "iotkeyctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void print_usage(const struct command *command)
{
	printf("Usage: iotkeyctl %s%s%s\n", command->name, *command->usage ? " " : "",
	       command->usage);
}

void usage_error(struct context *ctx, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (ctx->command)
		say("%s: %s (see 'iotkeyctl %s --help')", ctx->command->name, text,
		    ctx->command->name);
	else
		say("%s (see 'iotkeyctl --help')", text);
	exit(EXIT_USAGE);
}

static void __attribute__((noreturn)) help(const struct context *ctx)
{
	if (ctx->command) {
		print_usage(ctx->command);
		printf("\n%c%s.\n", ctx->command->summary[0] - 'a' + 'A',
		       ctx->command->summary + 1);
	} else {
		print_help();
	}
	exit(fflush(stdout) ? EXIT_FAILED : EXIT_OK);
}

int next_option(struct context *ctx, int argc, char **argv, const char *letters,
		const struct option *options, int *index)
{
	int c;

	opterr = 0;
	for (;;) {
		c = getopt_long(argc, argv, letters, options, index);
		switch (c) {
		case OPT_JSON:
			ctx->json = true;
			break;
		case OPT_QUIET:
			ctx->quiet = true;
			break;
		case OPT_HELP:
			help(ctx);
		case OPT_VERSION:
			puts("iotkeyctl " IOTKEY_VERSION_STRING);
			exit(fflush(stdout) ? EXIT_FAILED : EXIT_OK);
		case '?':
			usage_error(
				ctx,
				"no such option, or its value is missing or too much: '%s'",
				argv[optind - 1]);
		default:
			return c;
		}
	}
}

char **operands(struct context *ctx, int argc, char **argv, int min, int max)
{
	if (argc - optind < min)
		usage_error(ctx, "an argument is missing");
	if (argc - optind > max)
		usage_error(ctx, "one argument too many: '%s'", argv[optind + max]);
	return argv + optind;
}

char **arguments(struct context *ctx, int argc, char **argv, int min, int max)
{
	static const struct option options[] = { GLOBAL_OPTIONS };

	while (next_option(ctx, argc, argv, "", options, NULL) != -1)
		;
	return operands(ctx, argc, argv, min, max);
}

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
