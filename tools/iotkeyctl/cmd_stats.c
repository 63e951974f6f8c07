// SPDX-License-Identifier: GPL-2.0-or-later
#include "iotkeyctl.h"

#include <stdio.h>

int cmd_stats(struct context *ctx, int argc, char **argv)
{
	struct iotkey_stats s;
	const struct {
		const char *name;
		const uint64_t *value;
	} rows[] = {
		{ "keys", &s.keys },
		{ "roots", &s.roots },
		{ "rotations", &s.rotations },
		{ "wakeups", &s.wakeups },
		{ "operations", &s.operations },
		{ "refusals", &s.refusals },
		{ "tpm_commands", &s.tpm_commands },
		{ "tpm_errors", &s.tpm_errors },
		{ "unseals", &s.unseals },
		{ "scheduled", &s.scheduled },
		{ "records_measured", &s.records_measured },
		{ "records_lost", &s.records_lost },
	};
	json_t *json;
	size_t i;
	int err;

	arguments(ctx, argc, argv, 0, 0);
	err = iotkey_stats_get(&s);
	if (err)
		return say_key_error(err, "cannot get the counters");
	json = json_object();
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (ctx->json)
			json_object_set_new(json, rows[i].name,
					    json_integer((json_int_t)*rows[i].value));
		else
			printf("%-18s%llu\n", rows[i].name,
			       (unsigned long long)*rows[i].value);
	}
	if (ctx->json)
		return print_json(json, false);
	json_decref(json);
	return EXIT_OK;
}
