// SPDX-License-Identifier: GPL-2.0-or-later
#include "verb.h"

#include <errno.h>
#include <iotkey.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"

static void print_usage(const struct command *command)
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

json_t *words_json(uint32_t bits, const char *(*name)(unsigned int bit))
{
	json_t *array = json_array();
	unsigned int i;

	for (i = 0; name(i); i++)
		if (bits & 1u << i)
			json_array_append_new(array, json_string(name(i)));
	return array;
}

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

static const struct command *find_command(const struct command *commands, size_t count,
					  const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* What was printed has to have arrived */
static int finish(int code)
{
	if (fflush(stdout) || ferror(stdout))
		return say_file_error(errno, "cannot write to standard output");
	return code;
}

int run_program(const struct command *commands, size_t count, int argc, char **argv)
{
	static const struct option options[] = { GLOBAL_OPTIONS };
	struct context ctx = { 0 };

	signal(SIGPIPE, SIG_IGN);
	while (next_option(&ctx, argc, argv, "+", options, NULL) != -1)
		;
	if (optind == argc)
		usage_error(&ctx, "which verb?");
	ctx.command = find_command(commands, count, argv[optind]);
	if (!ctx.command)
		usage_error(&ctx, "there is no verb '%s'", argv[optind]);
	argc -= optind;
	argv += optind;
	optind = 0;
	return finish(ctx.command->run(&ctx, argc, argv));
}
