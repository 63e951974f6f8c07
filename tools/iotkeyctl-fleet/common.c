// SPDX-License-Identifier: GPL-2.0-or-later
#include "fleet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

const char *check_id(struct context *ctx, const char *text)
{
	uint8_t id[ID_TEXT / 2];

	if (!hex_read(text, strlen(text), id, sizeof(id)))
		usage_error(ctx, "'%s' is no device id: 32 hex digits", text);
	return text;
}

const char *check_name(struct context *ctx, const char *text)
{
	size_t i, len = strlen(text);

	for (i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._:@+-", text[i]))
			break;
	if (!len || len > 64 || i < len)
		usage_error(ctx, "'%s' is no name: 1 to 64 of A-Z a-z 0-9 . _ : @ + -",
			    text);
	return text;
}

const char *text_of(const json_t *row, const char *key)
{
	const char *text = json_string_value(json_object_get(row, key));

	return text ? text : "";
}

const char *time_of(const json_t *row, const char *key, char text[32])
{
	const time_t when = (time_t)json_integer_value(json_object_get(row, key));
	struct tm tm;

	if (!when || !gmtime_r(&when, &tm) ||
	    !strftime(text, 32, "%Y-%m-%d %H:%M:%SZ", &tm))
		strcpy(text, "-");
	return text;
}

int finish_with(const struct context *ctx, json_t *answer, const char *text)
{
	if (ctx->json)
		return print_json(answer, false);
	json_decref(answer);
	if (!ctx->quiet)
		puts(text);
	return EXIT_OK;
}
