/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of iotkeyctl share.
 */
#ifndef _IOTKEYCTL_H
#define _IOTKEYCTL_H

#include <iotkey.h>
#include <stdbool.h>

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/human.h"
#include "../common/key.h"
#include "../common/pem.h"
#include "../common/save.h"
#include "../common/say.h"
#include "../common/verb.h"

/* main.c: the verbs, one in each cmd_NAME.c; argv[0] is the verb */
int cmd_attest(struct context *ctx, int argc, char **argv);
int cmd_fleet(struct context *ctx, int argc, char **argv);
int cmd_decrypt(struct context *ctx, int argc, char **argv);
int cmd_derive(struct context *ctx, int argc, char **argv);
int cmd_doctor(struct context *ctx, int argc, char **argv);
int cmd_encrypt(struct context *ctx, int argc, char **argv);
int cmd_list(struct context *ctx, int argc, char **argv);
int cmd_load(struct context *ctx, int argc, char **argv);
int cmd_monitor(struct context *ctx, int argc, char **argv);
int cmd_new(struct context *ctx, int argc, char **argv);
int cmd_pem(struct context *ctx, int argc, char **argv);
int cmd_policy(struct context *ctx, int argc, char **argv);
int cmd_public(struct context *ctx, int argc, char **argv);
int cmd_revoke(struct context *ctx, int argc, char **argv);
int cmd_root(struct context *ctx, int argc, char **argv);
int cmd_rotate(struct context *ctx, int argc, char **argv);
int cmd_save(struct context *ctx, int argc, char **argv);
int cmd_show(struct context *ctx, int argc, char **argv);
int cmd_sign(struct context *ctx, int argc, char **argv);
int cmd_stats(struct context *ctx, int argc, char **argv);
int cmd_verify(struct context *ctx, int argc, char **argv);

/* options.c: options of keys and roots */

enum {
	OPT_SPEC =
		OPT_OWN, /* its long name is that of an option of the payload grammar */
	OPT_KEYRING,
	OPT_SAVE,
	OPT_NAME,
	OPT_COUNT,
};

/* spec_option(), spec_check(): as in the library; a mistake is a usage_error() */
void spec_option(struct context *ctx, struct iotkey_spec *spec, const char *prefix,
		 const char *name, const char *value);
void spec_check(struct context *ctx, const struct iotkey_spec *spec, uint32_t allowed,
		const char *prefix);

/*
 * The rest return an exit code and have said what was wrong.
 */

/* create.c */
int create_key(struct context *ctx, int argc, char **argv, const struct option *options,
	       uint32_t allowed);

/* status.c: a status for programs and for people */
json_t *status_json(const struct iotkey_status *status);
json_t *policy_json(const struct iotkey_status *status);
void print_status(const struct iotkey_status *status);
void print_policy(const struct iotkey_status *status);
bool in_tpm(const struct iotkey_status *status); /* no root, no versions */
const char *kind_name(const struct iotkey_status *status);
char *flags_text(uint32_t flags, char *buf, size_t size);

/*
 * data.c: what is signed of @file (NULL or "-": stdin), to be freed with free_secret():
 * all of it, or its SHA-256 if @key signs digests; @name is the key's for messages.
 */
int read_data(int32_t key, const char *name, const char *file, char **data, size_t *len);

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
