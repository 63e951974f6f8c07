// SPDX-License-Identifier: GPL-2.0-or-later
#include "fleet.h"

#include <stdio.h>

static const char *const header[] = {
	"DEVICE", "NAME", "STATE", "BY", "ATTESTED", "SEEN"
};

static int add_row(void *arg, const json_t *row)
{
	struct table *table = arg;
	char when[32];

	return table_cell(table, text_of(row, "device")) &&
			       table_cell(table, text_of(row, "name")) &&
			       table_cell(table, text_of(row, "state")) &&
			       table_cell(table, text_of(row, "by")) &&
			       table_cell(table,
					  text_of(json_object_get(row, "attestation"),
						  "result")) &&
			       table_cell(table, time_of(row, "seen", when))
		       ? EXIT_OK
		       : EXIT_FAILED;
}

static int add_json(void *arg, const json_t *row)
{
	return json_array_append(arg, (json_t *)row) ? EXIT_FAILED : EXIT_OK;
}

int cmd_list(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "state", required_argument, NULL, OPT_VERB },
		{ "result", required_argument, NULL, OPT_VERB },
		{ "name", required_argument, NULL, OPT_VERB },
		{ "group", required_argument, NULL, OPT_VERB },
		FLEET_OPTIONS,
	};
	char path[1024] = "devices";
	struct table *table;
	json_t *array;
	int c, index, ret;

	while ((c = next_option(ctx, argc, argv, "", options, &index)) != -1)
		if (!fleet_option(c))
			path_add(path, sizeof(path), options[index].name, optarg);
	operands(ctx, argc, argv, 0, 0);
	if (ctx->json) {
		array = json_array();
		ret = call_pages(path, "devices", add_json, array);
		if (!ret)
			return print_json(array, false);
		json_decref(array);
		return ret;
	}
	table = table_new(header, sizeof(header) / sizeof(header[0]));
	ret = call_pages(path, "devices", add_row, table);
	if (!ret)
		table_print(table);
	return ret;
}
