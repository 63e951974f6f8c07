// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <errno.h>
#include <stdio.h>

static const char *const header[] = { "SERIAL",	 "NAME",    "KIND",    "STATE",
				      "VERSION", "ROTATES", "EXPIRES", "FLAGS" };

static const char *in(int64_t seconds, char span[HUMAN_SPAN])
{
	if (seconds == IOTKEY_NEVER)
		return "-";
	return human_span(seconds > 0 ? (uint64_t)seconds : 0, span);
}

static int add_row(const struct iotkey_status *s, void *arg)
{
	bool root = s->flags & IOTKEY_FLAG_ROOT;
	char serial[16], kind[64], version[16], rotates[HUMAN_SPAN], expires[HUMAN_SPAN],
		flags[96];
	const char *const cells[] = { serial,
				      s->name,
				      kind,
				      iotkey_state_name(s->state),
				      version,
				      in(s->rotates_in, rotates),
				      in(s->expires_in, expires),
				      flags };
	size_t i;

	snprintf(serial, sizeof(serial), "%d", s->serial);
	snprintf(kind, sizeof(kind), "%s %s",
		 root ? "root" : iotkey_algorithm_name(s->algorithm),
		 root || in_tpm(s) ? iotkey_provider_name(s->provider)
				   : iotkey_mode_name(s->mode));
	if (root || in_tpm(s))
		snprintf(version, sizeof(version), "-");
	else
		snprintf(version, sizeof(version), "v%u", s->version);
	flags_text(s->flags, flags, sizeof(flags));
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		if (!table_cell(arg, cells[i]))
			return -ENOMEM;
	return 0;
}

static int add_json(const struct iotkey_status *status, void *arg)
{
	return json_array_append_new(arg, status_json(status)) ? -ENOMEM : 0;
}

static int list_json(void)
{
	json_t *array = json_array();
	int err;

	err = array ? iotkey_status_dump(add_json, array) : -ENOMEM;
	if (!err)
		return print_json(array, false);
	json_decref(array);
	return say_key_error(err, "cannot list the keys");
}

int cmd_list(struct context *ctx, int argc, char **argv)
{
	struct table *table;
	int err;

	arguments(ctx, argc, argv, 0, 0);
	if (ctx->json)
		return list_json();
	table = table_new(header, sizeof(header) / sizeof(header[0]));
	if (!table)
		return say_key_error(ENOMEM, "cannot list the keys");
	err = iotkey_status_dump(add_row, table);
	if (err)
		return say_key_error(err, "cannot list the keys");
	table_print(table);
	return EXIT_OK;
}
