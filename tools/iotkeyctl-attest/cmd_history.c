// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * history: what became of keys, by the records that the kernel measured (Documentation/
 * iotkey.rst, "Measured history"), checked against IMA's PCR.
 */
#include <errno.h>
#include <iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../common/human.h"
#include "story.h"

enum { OPT_LOG = OPT_OWN, OPT_PCR };

static const char *event_name(unsigned int event)
{
	switch (event) {
	case IOTKEY_RECORD_BEGIN:
		return "begin";
	case IOTKEY_RECORD_END:
		return "end";
	case IOTKEY_RECORD_LOST:
		return "lost";
	default:
		return iotkey_event_name(event);
	}
}

static const char *time_text(int64_t seconds, char *buf, size_t size)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(buf, size, "%Y-%m-%d %H:%M:%S", &tm))
		snprintf(buf, size, "?");
	return buf;
}

static bool of_key(const struct iotkey_record *r)
{
	return r->event < IOTKEY_RECORD_BEGIN;
}

static void say_flaws(const struct story *story)
{
	size_t i;

	for (i = 0; i < story->count && is_proven(story, &story->rows[i]); i++) {
		const struct row *row = &story->rows[i];
		uint32_t missing = row->record.sequence - row->expected;

		if (row->changed)
			say("entry %u: does not fit its digest, or is not for PCR %d",
			    row->entry, STORY_PCR);
		if (row->flaws & IOTKEY_FLAW_UNENDED)
			say("entry %u: the end of the module's instance before it is missing",
			    row->entry);
		if (row->flaws & IOTKEY_FLAW_MISSING)
			say("entry %u: before it %u record%s missing, from number %u on",
			    row->entry, missing, missing == 1 ? " is" : "s are",
			    row->expected);
		if (row->flaws & IOTKEY_FLAW_BACK)
			say("entry %u: its number %u was passed: it is a copy, or not in its place",
			    row->entry, row->record.sequence);
		if (row->flaws & IOTKEY_FLAW_AFTER_END)
			say("entry %u: the module's instance had ended before it",
			    row->entry);
	}
}

static bool has_flaw(const struct story *story)
{
	size_t i;

	for (i = 0; i < story->count && is_proven(story, &story->rows[i]); i++)
		if (story->rows[i].flaws || story->rows[i].changed)
			return true;
	return story->odd;
}

static bool print_row(struct table *table, const struct row *row)
{
	char entry[16], number[16], when[32], kind[64], version[16], id[33],
		note[64] = "";
	const struct iotkey_record *r = &row->record;
	const char *const cells[] = { entry,
				      number,
				      when,
				      event_name(r->event),
				      *r->name ? r->name : "-",
				      kind,
				      version,
				      id,
				      note };
	bool root = r->algorithm == IOTKEY_ALGORITHM_NONE;
	size_t i;

	snprintf(entry, sizeof(entry), "%u", row->entry);
	snprintf(number, sizeof(number), "%u", r->sequence);
	time_text(r->time, when, sizeof(when));
	strcpy(kind, "-");
	strcpy(version, "-");
	strcpy(id, "-");
	if (of_key(r)) {
		snprintf(kind, sizeof(kind), "%s %s",
			 root ? "root" : iotkey_algorithm_name(r->algorithm),
			 r->mode ? iotkey_mode_name(r->mode)
				 : iotkey_provider_name(r->provider));
		if (r->version)
			snprintf(version, sizeof(version), "v%u", r->version);
		hex_write(id, r->id, sizeof(r->id));
	}
	if (r->event == IOTKEY_RECORD_LOST)
		snprintf(note, sizeof(note), "%u records: %s", r->count,
			 strerrorname_np((int)r->error) ?: "?");
	else if (r->error)
		snprintf(note, sizeof(note), "%s", strerrorname_np((int)r->error) ?: "?");
	else if (r->flags & IOTKEY_FLAG_UNSAFE)
		snprintf(note, sizeof(note), "unsafe");
	for (i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		if (!table_cell(table, cells[i]))
			return false;
	return true;
}

static int print_table(const struct story *story)
{
	static const char *const header[] = { "ENTRY",	 "NUMBER", "TIME (UTC)",
					      "EVENT",	 "NAME",   "KIND",
					      "VERSION", "ID",	   "NOTE" };
	struct table *table = table_new(header, sizeof(header) / sizeof(header[0]));
	bool ok = table;
	size_t i;

	for (i = 0; ok && i < story->count && is_proven(story, &story->rows[i]); i++)
		ok = print_row(table, &story->rows[i]);
	if (!ok)
		return say_file_error(ENOMEM, "cannot print the history");
	table_print(table);
	return EXIT_OK;
}

static void print_verdict(const struct story *story)
{
	size_t i, younger = 0;

	for (i = 0; i < story->count; i++)
		younger += !is_proven(story, &story->rows[i]);
	if (story->count == younger)
		puts("no record of a key is in this log");
	if (!story->banks)
		puts("not checked: no PCR");
	for (i = 0; i < story->banks; i++) {
		const struct bank *bank = &story->bank[i];

		printf("PCR %d of %s: ", STORY_PCR, iotkey_hash_name(bank->hash));
		if (bank->agrees)
			printf("agrees with entries 1 to %u of %u\n", bank->entries,
			       story->entries);
		else
			puts("does not agree with the log");
	}
	if (younger)
		printf("left out: %zu record%s younger than the PCR\n", younger,
		       younger == 1 ? "" : "s");
	if (story->lost)
		printf("not measured: %llu record%s, where it says \"lost\"\n",
		       (unsigned long long)story->lost, story->lost == 1 ? "" : "s");
}

static const char *flaw_name(unsigned int bit)
{
	static const char *const names[] = { "missing-before", "out-of-place",
					     "no-end-before", "after-end", "changed" };

	return bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
}

static json_t *row_json(const struct row *row)
{
	const struct iotkey_record *r = &row->record;
	bool root = r->algorithm == IOTKEY_ALGORITHM_NONE, key = of_key(r);
	char id[33], root_id[33], instance[17];

	snprintf(instance, sizeof(instance), "%016llx", (unsigned long long)r->instance);
	hex_write(id, r->id, sizeof(r->id));
	hex_write(root_id, r->root_id, sizeof(r->root_id));
	return json_pack(
		"{s:I, s:s, s:I, s:I, s:I, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:I, s:I,"
		" s:s?, s:o, s:o}",
		"entry", (json_int_t)row->entry, "instance", instance, "number",
		(json_int_t)r->sequence, "count", (json_int_t)r->count, "time",
		(json_int_t)r->time, "event", event_name(r->event), "name",
		*r->name ? r->name : NULL, "algorithm",
		key && !root ? iotkey_algorithm_name(r->algorithm) : NULL, "mode",
		key && !root ? iotkey_mode_name(r->mode) : NULL, "provider",
		key ? iotkey_provider_name(r->provider) : NULL, "id", key ? id : NULL,
		"root_id", key ? root_id : NULL, "version", (json_int_t)r->version,
		"epoch", (json_int_t)r->epoch, "error",
		r->error ? strerrorname_np((int)r->error) : NULL, "flags",
		words_json(r->flags, iotkey_flag_name), "flaws",
		words_json(row->flaws | (row->changed ? 16 : 0), flaw_name));
}

static int print_story_json(const struct story *story, bool good)
{
	json_t *records = json_array(), *pcrs = json_array();
	size_t i;

	for (i = 0; i < story->count && is_proven(story, &story->rows[i]); i++)
		json_array_append_new(records, row_json(&story->rows[i]));
	for (i = 0; i < story->banks; i++) {
		const struct bank *bank = &story->bank[i];

		json_array_append_new(pcrs,
				      json_pack("{s:i, s:s, s:b, s:I}", "pcr", STORY_PCR,
						"bank", iotkey_hash_name(bank->hash),
						"agrees", bank->agrees, "entries",
						(json_int_t)bank->entries));
	}
	return print_json(json_pack("{s:o, s:o, s:I, s:I, s:b, s:b}", "records", records,
				    "pcrs", pcrs, "entries", (json_int_t)story->entries,
				    "lost", (json_int_t)story->lost, "checked",
				    story->banks > 0, "good", good),
			  false);
}

static int tell(struct context *ctx, struct story *story)
{
	bool good = !has_flaw(story) && (!story->banks || story->agrees);
	int code = EXIT_OK;
	size_t i;

	for (i = 0; i < story->count && is_proven(story, &story->rows[i]); i++)
		if (story->rows[i].record.event == IOTKEY_RECORD_LOST)
			story->lost += story->rows[i].record.count;
	if (ctx->json) {
		code = print_story_json(story, good);
	} else {
		code = print_table(story);
		if (!ctx->quiet)
			print_verdict(story);
	}
	fflush(stdout);
	say_flaws(story);
	if (story->banks && !story->agrees)
		say("the log is not the one that the TPM knows");
	return code != EXIT_OK ? code : good ? EXIT_OK : EXIT_DAMAGED;
}

int cmd_history(struct context *ctx, int argc, char **argv)
{
	static const struct option options[] = {
		{ "log", required_argument, NULL, OPT_LOG },
		{ "pcr", required_argument, NULL, OPT_PCR },
		GLOBAL_OPTIONS,
	};
	struct story *story = calloc(1, sizeof(*story));
	struct iotkey_attest *attest = iotkey_attest_new();
	const char *log = NULL, *directory, *pcr = NULL;
	int code, c;

	if (!story || !attest)
		return say_file_error(ENOMEM, "cannot read the history");
	while ((c = next_option(ctx, argc, argv, "", options, NULL)) != -1) {
		if (c == OPT_LOG) {
			log = optarg;
			continue;
		}
		if (pcr && !story->banks)
			usage_error(ctx, "--pcr: live, none, or values");
		pcr = optarg;
		if (!parse_pcr(story, pcr) &&
		    ((strcmp(pcr, "live") && strcmp(pcr, "none")) || story->banks))
			usage_error(ctx, "--pcr %s: not BANK:HEX, and once for a bank",
				    pcr);
	}
	directory = operands(ctx, argc, argv, 0, 1)[0];
	if (directory && (log || pcr))
		usage_error(ctx, "a directory has its log and PCRs");
	story->live = pcr ? !strcmp(pcr, "live") : !log && !directory;
	code = directory ? read_quoted(attest, story, directory)
			 : read_story(attest, story, log);
	if (code == EXIT_OK)
		code = tell(ctx, story);
	iotkey_attest_free(attest);
	free(story->rows);
	free(story);
	return code;
}
