/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of iotkeyctl share.
 */
#ifndef _IOTKEYCTL_H
#define _IOTKEYCTL_H

#include <getopt.h>
#include <iotkey.h>
#include <jansson.h>
#include <stdbool.h>

#include "../common/file.h"
#include "../common/human.h"
#include "../common/save.h"
#include "../common/say.h"

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

/* main.c: the verbs, one in each cmd_NAME.c; argv[0] is the verb */
int cmd_decrypt(struct context *ctx, int argc, char **argv);
int cmd_doctor(struct context *ctx, int argc, char **argv);
int cmd_encrypt(struct context *ctx, int argc, char **argv);
int cmd_list(struct context *ctx, int argc, char **argv);
int cmd_load(struct context *ctx, int argc, char **argv);
int cmd_monitor(struct context *ctx, int argc, char **argv);
int cmd_new(struct context *ctx, int argc, char **argv);
int cmd_policy(struct context *ctx, int argc, char **argv);
int cmd_revoke(struct context *ctx, int argc, char **argv);
int cmd_root(struct context *ctx, int argc, char **argv);
int cmd_rotate(struct context *ctx, int argc, char **argv);
int cmd_save(struct context *ctx, int argc, char **argv);
int cmd_show(struct context *ctx, int argc, char **argv);
int cmd_sign(struct context *ctx, int argc, char **argv);
int cmd_stats(struct context *ctx, int argc, char **argv);
int cmd_verify(struct context *ctx, int argc, char **argv);

/* options.c: the command line */

enum {
	OPT_JSON = 256,
	OPT_QUIET,
	OPT_HELP,
	OPT_VERSION,
	OPT_SPEC, /* its long name is that of an option of the payload grammar */
	OPT_KEYRING,
	OPT_SAVE,
	OPT_NAME,
	OPT_COUNT,
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

void print_help(void);
void print_usage(const struct command *command);

/* spec_option(), spec_check(): as in the library; a mistake is a usage_error() */
void spec_option(struct context *ctx, struct iotkey_spec *spec, const char *prefix,
		 const char *name, const char *value);
void spec_check(struct context *ctx, const struct iotkey_spec *spec, uint32_t allowed,
		const char *prefix);

/*
 * The rest return an exit code and have said what was wrong.
 */

/* common.c */
int find_key(const char *text, int32_t *key);
int find_keyring(const char *text, int32_t *keyring);
int print_json(json_t *json, bool line);
int create_key(struct context *ctx, int argc, char **argv, const struct option *options,
	       uint32_t allowed);
int get_status(const char *text, struct iotkey_status *status);

/* status.c: a status for programs and for people */
json_t *status_json(const struct iotkey_status *status);
json_t *policy_json(const struct iotkey_status *status);
void print_status(const struct iotkey_status *status);
void print_policy(const struct iotkey_status *status);
const char *kind_name(const struct iotkey_status *status);
char *flags_text(uint32_t flags, char *buf, size_t size);

/* crypt.c: encrypt and decrypt differ in one call */
typedef int crypt_fn(int32_t key, int in, int out, struct iotkey_stream *stream);
int crypt_files(struct context *ctx, char **args, crypt_fn *fn, mode_t mode);

/* doctor_checks.c */
enum verdict { VERDICT_OK, VERDICT_WARN, VERDICT_FAIL };

/* report_fn: @mend is NULL when there is nothing to do */
typedef void report_fn(void *arg, enum verdict verdict, const char *what,
		       const char *finding, const char *mend);
void run_checks(report_fn *report, void *arg);

#endif /* _IOTKEYCTL_H */
