/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A program of verbs: its command line, the mistakes there, and what all verbs print.
 */
#ifndef _COMMON_VERB_H
#define _COMMON_VERB_H

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct context;

struct command {
	const char *name;
	int (*run)(struct context *ctx, int argc, char **argv);
	const char *usage; /* what follows the name */
	const char *summary;
};

struct context {
	const struct command *command;
	bool json, quiet;
};

/* Global options, in every table of options; a program's own follow OPT_OWN */
enum {
	OPT_JSON = 256,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION,
	OPT_OWN,
};

/* The last entries of every table of options */
#define GLOBAL_OPTIONS                                         \
	{ "json", no_argument, NULL, OPT_JSON },               \
		{ "quiet", no_argument, NULL, OPT_QUIET },     \
		{ "help", no_argument, NULL, OPT_HELP },       \
		{ "version", no_argument, NULL, OPT_VERSION }, \
	{                                                      \
		NULL, 0, NULL, 0                               \
	}

/*
 * run_program(): global options, then one of the @count verbs with its own; what
 * it printed has arrived.  Returns the exit code.
 */
int run_program(const struct command *commands, size_t count, int argc, char **argv);

/*
 * next_option(): getopt_long(3) that deals with the global options and with
 * mistakes itself; @index as there.  -1 at the end.
 */
int next_option(struct context *ctx, int argc, char **argv, const char *letters,
		const struct option *options, int *index);

/*
 * arguments(): for a verb without options of its own.  The arguments, of which
 * there must be from @min to @max; a missing one is NULL.
 */
char **arguments(struct context *ctx, int argc, char **argv, int min, int max);

/* operands(): the same, after the last option */
char **operands(struct context *ctx, int argc, char **argv, int min, int max);

/* usage_error(): says what is wrong and how it goes, then exits */
void __attribute__((noreturn, format(printf, 2, 3)))
usage_error(struct context *ctx, const char *format, ...);

/* print_help(): what "--help" without a verb prints; every program has its own */
void print_help(void);

/* words_json(): an array of the names of the bits that are set; @name ends with NULL */
json_t *words_json(uint32_t bits, const char *(*name)(unsigned int bit));

/*
 * print_json(): prints and frees @json; in one line, or for reading.  Returns an exit
 * code, and has said what was wrong.
 */
int print_json(json_t *json, bool line);

#endif /* _COMMON_VERB_H */
