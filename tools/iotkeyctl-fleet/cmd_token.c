// SPDX-License-Identifier: GPL-2.0-or-later
#include "fleet.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const header[] = { "DEVICE", "NAME", "KEYS", "EXPIRES", "USED" };

static int add_row(void *arg, const json_t *row)
{
	struct table *table = arg;
	char expires[32], used[32];

	table_cell(table, text_of(row, "device"));
	table_cell(table, text_of(row, "name"));
	table_cell(table,
		   json_is_true(json_object_get(row, "software")) ? "software" : "tpm");
	table_cell(table, time_of(row, "expires", expires));
	return table_cell(table, time_of(row, "used", used)) ? EXIT_OK : EXIT_FAILED;
}

static int add_json(void *arg, const json_t *row)
{
	return json_array_append(arg, (json_t *)row) ? EXIT_FAILED : EXIT_OK;
}

int cmd_tokens(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = { FLEET_OPTIONS };
	struct table *table = NULL;
	json_t *array = NULL;
	int c, ret;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1)
		fleet_option(c);
	operands(ctx, argc, argv, 0, 0);
	if (ctx->json)
		array = json_array();
	else
		table = table_new(header, sizeof(header) / sizeof(header[0]));
	ret = ctx->json ? call_pages("tokens", "tokens", add_json, array)
			: call_pages("tokens", "tokens", add_row, table);
	if (!ret && ctx->json)
		return print_json(array, false);
	if (!ret)
		table_print(table);
	return ret;
}

static int delete (struct context *ctx, const char *device)
{
	char path[128];
	json_t *answer;
	int ret;

	snprintf(path, sizeof(path), "tokens/%s", device);
	ret = call("DELETE", path, NULL, 0, &answer);
	return ret ? ret : finish_with(ctx, answer, "deleted");
}

/* What a device needs: its id and the secret, as "ID:SECRET", to stdout and nowhere else */
int cmd_token(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "name", required_argument, NULL, 'n' },
		{ "software", no_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "device", required_argument, NULL, 'd' },
		{ "delete", required_argument, NULL, 'x' },
		FLEET_OPTIONS,
	};
	const char *gone = NULL;
	json_t *body = json_object(), *answer;
	int c, ret;

	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			json_object_set_new(body, "name",
					    json_string(check_name(ctx, optarg)));
		else if (c == 's')
			json_object_set_new(body, "software", json_true());
		else if (c == 't')
			json_object_set_new(body, "seconds", json_integer(atoll(optarg)));
		else if (c == 'd')
			json_object_set_new(body, "device",
					    json_string(check_id(ctx, optarg)));
		else if (c == 'x')
			gone = check_id(ctx, optarg);
		else
			fleet_option(c);
	}
	operands(ctx, argc, argv, 0, 0);
	if (gone) {
		json_decref(body);
		return delete (ctx, gone);
	}
	ret = call_json("POST", "tokens", body, &answer);
	if (ret || ctx->json)
		return ret ? ret : print_json(answer, false);
	printf("%s:%s\n", text_of(answer, "device"), text_of(answer, "secret"));
	json_decref(answer);
	return EXIT_OK;
}
