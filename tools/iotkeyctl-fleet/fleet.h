/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the verbs of iotkeyctl-fleet share.
 */
#ifndef _FLEET_H
#define _FLEET_H

#include <jansson.h>

#include "../common/hex.h"
#include "../common/human.h"
#include "../common/say.h"
#include "../common/verb.h"

#define ID_TEXT	   32
#define SHA256_LEN 32

/* Where the registrar is, and who asks: options of every verb */
enum { OPT_REGISTRAR = OPT_OWN, OPT_DIR, OPT_VERB };
#define FLEET_OPTIONS                                            \
	{ "registrar", required_argument, NULL, OPT_REGISTRAR }, \
		{ "dir", required_argument, NULL, OPT_DIR }, GLOBAL_OPTIONS

/*
 * fleet_option(): whether @c was one of those (and then it is done).
 */
bool fleet_option(int c);

/*
 * call(): @method ("GET"…) on @path below /.well-known/iotkey/fleet/, with @body (NULL: none)
 * of @len bytes; *@answer, if not NULL, is to be released.  Returns an exit code, and has
 * said what was wrong: in the registrar's own words.
 */
int call(const char *method, const char *path, const void *body, size_t len,
	 json_t **answer);

/* call_json(): the same with a body of JSON, which it takes over */
int call_json(const char *method, const char *path, json_t *body, json_t **answer);

/* call_pages(): GET @path, page by page; each element of the array @key to @each */
int call_pages(const char *path, const char *key,
	       int (*each)(void *arg, const json_t *row), void *arg);

/* path_add(): "?key=value", or '&' when there is one already, percent-encoded */
void path_add(char *path, size_t size, const char *key, const char *value);

/* check_id(): usage_error() unless it is a device id */
const char *check_id(struct context *ctx, const char *text);

/* check_name(): usage_error() unless it is a name as the registrar knows them */
const char *check_name(struct context *ctx, const char *text);

/* text_of(): a member of a row as text, "" when there is none; time_of(): "-" for never */
const char *text_of(const json_t *row, const char *key);
const char *time_of(const json_t *row, const char *key, char text[32]);

/* finish_with(): prints @answer as JSON when asked to, else @text unless quiet; frees it */
int finish_with(const struct context *ctx, json_t *answer, const char *text);

int cmd_approve(struct context *ctx, int argc, char **argv);
int cmd_export(struct context *ctx, int argc, char **argv);
int cmd_group(struct context *ctx, int argc, char **argv);
int cmd_groups(struct context *ctx, int argc, char **argv);
int cmd_import(struct context *ctx, int argc, char **argv);
int cmd_list(struct context *ctx, int argc, char **argv);
int cmd_revoke(struct context *ctx, int argc, char **argv);
int cmd_show(struct context *ctx, int argc, char **argv);
int cmd_status(struct context *ctx, int argc, char **argv);
int cmd_token(struct context *ctx, int argc, char **argv);
int cmd_tokens(struct context *ctx, int argc, char **argv);

#endif /* _FLEET_H */
