// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verbs about one device, or about all of them together.
 */
#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/file.h"

static const struct option options_only[] = { FLEET_OPTIONS };

static void no_options(struct context *ctx, int argc, char **argv)
{
	int c;

	while ((c = next_option(ctx, argc, argv, "", options_only, NULL)) != -1)
		fleet_option(c);
}

int cmd_status(struct context *ctx, int argc, char **argv)
{
	static const char *const rows[] = { "devices", "pending", "active",
					    "revoked", "failing", "statements" };
	json_t *answer;
	size_t i;
	int ret;

	no_options(ctx, argc, argv);
	operands(ctx, argc, argv, 0, 0);
	ret = call("GET", "counts", NULL, 0, &answer);
	if (ret || ctx->json)
		return ret ? ret : print_json(answer, false);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		printf("%-11s %lld\n", rows[i],
		       (long long)json_integer_value(json_object_get(answer, rows[i])));
	json_decref(answer);
	return EXIT_OK;
}

static void show_line(const char *what, const char *text)
{
	if (*text)
		printf("%-12s %s\n", what, text);
}

static void show_findings(const json_t *findings)
{
	json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding)
		printf("  %s %s: %s\n", text_of(finding, "check"),
		       text_of(finding, "component"), text_of(finding, "text"));
}

static void show(const json_t *device)
{
	const json_t *att = json_object_get(device, "attestation");
	char when[32], other[32];
	json_t *row;
	size_t i;

	show_line("device", text_of(device, "device"));
	show_line("name", text_of(device, "name"));
	show_line("state", text_of(device, "state"));
	show_line("by", text_of(device, "by"));
	show_line("created", time_of(device, "created", when));
	show_line("seen", time_of(device, "seen", when));
	show_line("revoked", time_of(device, "revoked", when));
	show_line("ek", text_of(device, "ek_sha256"));
	show_line("ak", text_of(device, "ak_name"));
	printf("%-12s %s, %s, as %s\n", "attestation", text_of(att, "result"),
	       time_of(att, "time", when),
	       *text_of(att, "reference") ? text_of(att, "reference") : "-");
	show_findings(json_object_get(att, "findings"));
	json_array_foreach(json_object_get(device, "certificates"), i, row) printf(
		"%-12s %s, until %s, revoked %s\n", "certificate", text_of(row, "serial"),
		time_of(row, "not_after", when), time_of(row, "revoked", other));
	json_array_foreach(json_object_get(device, "roots"), i, row)
		printf("%-12s %s version %lld, released %s, revoked %s\n", "root",
		       text_of(row, "name"),
		       (long long)json_integer_value(json_object_get(row, "version")),
		       time_of(row, "released", when), time_of(row, "revoked", other));
	json_array_foreach(json_object_get(device, "groups"), i, row)
		show_line("group", text_of(row, "group"));
}

int cmd_show(struct context *ctx, int argc, char **argv)
{
	char path[128];
	json_t *answer;
	int ret;

	no_options(ctx, argc, argv);
	snprintf(path, sizeof(path), "devices/%s",
		 check_id(ctx, operands(ctx, argc, argv, 1, 1)[0]));
	ret = call("GET", path, NULL, 0, &answer);
	if (ret || ctx->json)
		return ret ? ret : print_json(answer, false);
	show(answer);
	json_decref(answer);
	return EXIT_OK;
}

int cmd_approve(struct context *ctx, int argc, char **argv)
{
	char path[128], **ids;
	json_t *answer;
	int i, ret = EXIT_OK, one;

	no_options(ctx, argc, argv);
	ids = operands(ctx, argc, argv, 1, argc);
	for (i = 0; i < argc - optind; i++)
		check_id(ctx, ids[i]);
	for (i = 0; i < argc - optind; i++) {
		snprintf(path, sizeof(path), "devices/%s/approve", ids[i]);
		one = call("POST", path, "", 0, &answer);
		if (!one)
			one = finish_with(ctx, answer, ids[i]);
		ret = ret ? ret : one;
	}
	return ret;
}

static int write_line(void *arg, const json_t *row)
{
	FILE *file = arg;

	return json_dumpf(row, file, JSON_COMPACT) || fputc('\n', file) == EOF
		       ? EXIT_FAILED
		       : EXIT_OK;
}

/* Under its name only when it is whole */
int cmd_export(struct context *ctx, int argc, char **argv)
{
	struct output out;
	FILE *file;
	int err, ret;

	no_options(ctx, argc, argv);
	err = output_open(&out, operands(ctx, argc, argv, 0, 1)[0], 0644);
	if (err)
		return say_file_error(err, "cannot write the devices");
	file = fdopen(dup(out.fd), "w");
	if (!file) {
		output_abort(&out);
		return say_file_error(ENOMEM, "cannot write '%s'", out.name);
	}
	ret = call_pages("devices", "devices", write_line, file);
	err = fclose(file) ? -errno : 0;
	if (ret || err)
		output_abort(&out);
	else
		err = output_commit(&out);
	return err ? say_file_error(err, "cannot write '%s'", out.name) : ret;
}
