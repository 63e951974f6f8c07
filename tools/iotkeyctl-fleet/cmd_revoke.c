// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Devices, or what is theirs.  A list of devices goes in pieces, each of which is one statement and
 * happens or does not; once more changes nothing, so after a failure the same command goes on.
 */
#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 10000 /* devices; more the registrar does not take at a time */

struct revoke {
	const char *key, *root, *group, *file;
	long version;
	char (*ids)[ID_TEXT + 1]; /* all of them are read before the first is revoked */
	size_t count, room;
};

static int add(struct revoke *what, const char *id)
{
	void *more;

	if (what->count == what->room) {
		what->room = what->room ? 2 * what->room : 256;
		more = realloc(what->ids, what->room * sizeof(*what->ids));
		if (!more)
			return say_file_error(ENOMEM, "cannot keep %zu devices",
					      what->room);
		what->ids = more;
	}
	memcpy(what->ids[what->count++], id, ID_TEXT + 1);
	return EXIT_OK;
}

/* Blank lines and those that begin with '#' are nothing */
static int add_line(struct revoke *what, char *line, unsigned long number)
{
	uint8_t id[ID_TEXT / 2];
	size_t len = strlen(line);

	while (len && strchr(" \t\r\n", line[len - 1]))
		line[--len] = '\0';
	if (!len || line[0] == '#')
		return EXIT_OK;
	if (hex_read(line, len, id, sizeof(id)))
		return add(what, line);
	say("%s:%lu: no device id: 32 hex digits", what->file, number);
	return EXIT_DAMAGED;
}

static int add_file(struct revoke *what)
{
	FILE *file = strcmp(what->file, "-") ? fopen(what->file, "re") : stdin;
	unsigned long number = 0;
	char *line = NULL;
	size_t room = 0;
	int ret = EXIT_OK;

	if (!file)
		return say_file_error(errno, "cannot read '%s'", what->file);
	while (!ret && getline(&line, &room, file) > 0)
		ret = add_line(what, line, ++number);
	if (!ret && ferror(file))
		ret = say_file_error(errno, "cannot read '%s'", what->file);
	free(line);
	if (file != stdin)
		fclose(file);
	return ret;
}

static int revoke_piece(const struct revoke *what, size_t from, size_t count,
			json_int_t *revoked, json_int_t *already)
{
	json_t *list = json_array(), *answer;
	size_t i;
	int ret;

	for (i = from; i < from + count; i++)
		json_array_append_new(list, json_string(what->ids[i]));
	ret = call_json("POST", "devices/revoke", json_pack("{s:o}", "devices", list),
			&answer);
	if (ret)
		return ret;
	*revoked += json_integer_value(json_object_get(answer, "revoked"));
	*already += json_integer_value(json_object_get(answer, "already"));
	json_decref(answer);
	return EXIT_OK;
}

static int revoke_devices(const struct context *ctx, const struct revoke *what)
{
	const bool show = what->count > PIECE && !ctx->quiet && isatty(STDERR_FILENO);
	json_int_t revoked = 0, already = 0;
	size_t at, n;
	char text[96];
	int ret;

	for (at = 0; at < what->count; at += n) {
		n = what->count - at < PIECE ? what->count - at : PIECE;
		ret = revoke_piece(what, at, n, &revoked, &already);
		if (ret && at)
			say("before that %lld were revoked; the same list once more goes on",
			    (long long)revoked);
		if (ret)
			return ret;
		if (show)
			fprintf(stderr, "\r%zu of %zu devices%s", at + n, what->count,
				at + n == what->count ? "\n" : "");
	}
	n = (size_t)snprintf(text, sizeof(text), "%lld revoked", (long long)revoked);
	if (already)
		snprintf(text + n, sizeof(text) - n, ", %lld already",
			 (long long)already);
	return finish_with(
		ctx, json_pack("{s:I, s:I}", "revoked", revoked, "already", already),
		text);
}

/* What is one device's, or, but for a membership, everyone's */
static int revoke_part(struct context *ctx, const struct revoke *what, const char *device)
{
	json_t *answer, *body;
	char path[256];
	int ret;

	if (what->group || strcmp(device, "all"))
		check_id(ctx, device);
	if (what->group) {
		snprintf(path, sizeof(path), "groups/%s/members/%s", what->group, device);
		ret = call("DELETE", path, NULL, 0, &answer);
	} else {
		body = json_pack("{s:s, s:s}", "device", device, "name",
				 what->key ? what->key : what->root);
		if (what->root)
			json_object_set_new(body, "version", json_integer(what->version));
		ret = call_json("POST", what->key ? "keys/revoke" : "versions/revoke",
				body, &answer);
	}
	return ret ? ret : finish_with(ctx, answer, "revoked");
}

static void take_option(struct context *ctx, struct revoke *what, int c)
{
	if (c == 'k')
		what->key = check_name(ctx, optarg);
	else if (c == 'r')
		what->root = check_name(ctx, optarg);
	else if (c == 'g')
		what->group = check_name(ctx, optarg);
	else if (c == 'v')
		what->version = strtol(optarg, NULL, 10);
	else if (c == 'f')
		what->file = optarg;
	else
		fleet_option(c);
}

int cmd_revoke(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "key", required_argument, NULL, 'k' },
		{ "root", required_argument, NULL, 'r' },
		{ "root-version", required_argument, NULL, 'v' },
		{ "group", required_argument, NULL, 'g' },
		{ "file", required_argument, NULL, 'f' },
		FLEET_OPTIONS,
	};
	struct revoke what = { 0 };
	int c, kinds, ret = EXIT_OK;
	char **ids;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1)
		take_option(ctx, &what, c);
	kinds = !!what.key + !!what.root + !!what.group;
	if (kinds + !!what.file > 1)
		usage_error(ctx, "one of --key, --root, --group and --file at a time");
	if (!!what.root != (what.version > 0))
		usage_error(ctx, "--root and --root-version (from 1) go together");
	if (kinds)
		return revoke_part(ctx, &what, operands(ctx, argc, argv, 1, 1)[0]);
	ids = operands(ctx, argc, argv, what.file ? 0 : 1, argc);
	/* not "all": a fleet is not revoked by a word */
	for (; *ids && !ret; ids++)
		ret = add(&what, check_id(ctx, *ids));
	if (!ret && what.file)
		ret = add_file(&what);
	if (!ret)
		ret = revoke_devices(ctx, &what);
	free(what.ids);
	return ret;
}
