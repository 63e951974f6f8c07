// SPDX-License-Identifier: GPL-2.0-or-later
#include "fleet.h"

#include <stdio.h>

static const char *const header[] = { "GROUP", "VERSION", "MADE" };

int cmd_groups(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = { FLEET_OPTIONS };
	char version[24], when[32];
	struct table *table;
	json_t *answer, *row;
	size_t i;
	int c, ret;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1)
		fleet_option(c);
	operands(ctx, argc, argv, 0, 0);
	ret = call("GET", "groups", NULL, 0, &answer);
	if (ret || ctx->json)
		return ret ? ret : print_json(answer, false);
	table = table_new(header, sizeof(header) / sizeof(header[0]));
	json_array_foreach(json_object_get(answer, "groups"), i, row)
	{
		snprintf(version, sizeof(version), "%lld",
			 (long long)json_integer_value(json_object_get(row, "version")));
		table_cell(table, text_of(row, "group"));
		table_cell(table, version);
		table_cell(table, time_of(row, "created", when));
	}
	table_print(table);
	json_decref(answer);
	return EXIT_OK;
}

static int add_member(void *arg, const json_t *row)
{
	if (arg)
		return json_array_append(arg, (json_t *)row) ? EXIT_FAILED : EXIT_OK;
	return puts(json_string_value(row)) == EOF ? EXIT_FAILED : EXIT_OK;
}

static int show_members(struct context *ctx, const char *path)
{
	json_t *array = ctx->json ? json_array() : NULL;
	int ret = call_pages(path, "members", add_member, array);

	if (!ret && array)
		return print_json(array, false);
	json_decref(array);
	return ret;
}

int cmd_group(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "make", no_argument, NULL, 'm' },
		{ "add", required_argument, NULL, 'a' },
		FLEET_OPTIONS,
	};
	const char *device = NULL, *group;
	bool make = false;
	char path[256];
	json_t *answer;
	int c, ret;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		if (c == 'm')
			make = true;
		else if (c == 'a')
			device = check_id(ctx, optarg);
		else
			fleet_option(c);
	}
	group = check_name(ctx, operands(ctx, argc, argv, 1, 1)[0]);
	snprintf(path, sizeof(path), "groups/%s", group);
	if (!make && !device)
		return show_members(ctx, path);
	if (make) {
		ret = call("PUT", path, NULL, 0, &answer);
		if (ret || !device)
			return ret ? ret : finish_with(ctx, answer, "made");
		json_decref(answer);
	}
	snprintf(path, sizeof(path), "groups/%s/members/%s", group, device);
	ret = call("PUT", path, NULL, 0, &answer);
	return ret ? ret : finish_with(ctx, answer, "added");
}
