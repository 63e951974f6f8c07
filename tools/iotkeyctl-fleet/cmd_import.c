// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A factory's batch in pieces.  Each of them is on the registrar's disk when it answers, and once
 * more changes nothing: after a failure the same command goes on.
 */
#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE 10000 /* lines; the registrar takes 1 MiB at a time */
#define LINE  (2 * SHA256_LEN + 1)

struct import {
	const char *name, *batch;
	FILE *file;
	unsigned long line;
	json_int_t added, known;
	char piece[PIECE * LINE];
	size_t len;
};

static int send_piece(struct context *ctx, struct import *import)
{
	char path[256] = "eks";
	json_t *answer;
	int ret;

	path_add(path, sizeof(path), "batch", import->batch);
	ret = call("POST", path, import->piece, import->len, &answer);
	if (ret)
		return ret;
	import->added += json_integer_value(json_object_get(answer, "added"));
	import->known += json_integer_value(json_object_get(answer, "known"));
	json_decref(answer);
	import->len = 0;
	if (!ctx->quiet && isatty(STDERR_FILENO))
		fprintf(stderr, "\r%lu lines, %lld new", import->line,
			(long long)import->added);
	return EXIT_OK;
}

/* Blank lines and those that begin with '#' are nothing */
static int take_line(struct import *import, const char *line, size_t len)
{
	uint8_t hash[SHA256_LEN];

	while (len && strchr(" \t\r\n", line[len - 1]))
		len--;
	if (!len || line[0] == '#')
		return EXIT_OK;
	if (!hex_read(line, len, hash, sizeof(hash))) {
		say("%s:%lu: not the SHA-256 of an EK's public key in 64 hex digits",
		    import->name, import->line);
		return EXIT_DAMAGED;
	}
	memcpy(import->piece + import->len, line, len);
	import->piece[import->len + len] = '\n';
	import->len += LINE;
	return EXIT_OK;
}

static int import_file(struct context *ctx, struct import *import)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = EXIT_OK;

	while (!ret && (len = getline(&line, &room, import->file)) > 0) {
		import->line++;
		ret = take_line(import, line, (size_t)len);
		if (!ret && import->len == sizeof(import->piece))
			ret = send_piece(ctx, import);
	}
	if (!ret && ferror(import->file))
		ret = say_file_error(errno, "cannot read '%s'", import->name);
	if (!ret && import->len)
		ret = send_piece(ctx, import);
	if (!ctx->quiet && isatty(STDERR_FILENO) && import->line >= PIECE)
		fputc('\n', stderr);
	free(line);
	return ret;
}

int cmd_import(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "batch", required_argument, NULL, 'b' },
		FLEET_OPTIONS,
	};
	static struct import import;
	char text[96];
	int c, ret;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		if (c == 'b')
			import.batch = check_name(ctx, optarg);
		else
			fleet_option(c);
	}
	import.name = operands(ctx, argc, argv, 1, 1)[0];
	if (!import.batch)
		usage_error(ctx, "--batch is missing");
	import.file = strcmp(import.name, "-") ? fopen(import.name, "re") : stdin;
	if (!import.file)
		return say_file_error(errno, "cannot read '%s'", import.name);
	ret = import_file(ctx, &import);
	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%lld new, %lld known", (long long)import.added,
		 (long long)import.known);
	return finish_with(ctx,
			   json_pack("{s:s, s:I, s:I}", "batch", import.batch, "added",
				     import.added, "known", import.known),
			   text);
}
