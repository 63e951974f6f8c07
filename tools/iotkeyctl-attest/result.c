// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The result of an appraisal, for programs and for people.
 */
#include "attest.h"

#include <stdio.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
	return *text ? json_string(text) : json_null();
}

static json_t *type_json(uint32_t type)
{
	const char *name = iotkey_log_type_name(type);
	char number[16];

	snprintf(number, sizeof(number), "0x%08x", type);
	return json_string(name ? name : number);
}

static json_t *finding_json(const struct iotkey_finding *finding)
{
	char text[1024];
	json_t *json;

	json = json_pack("{s:s, s:s}", "check", iotkey_check_name(finding->check), "text",
			 iotkey_finding_text(finding, text, sizeof(text)));
	json_object_set_new(json, "bank",
			    finding->hash ? json_string(iotkey_hash_name(finding->hash))
					  : json_null());
	json_object_set_new(json, "pcr",
			    finding->pcr >= 0 ? json_integer(finding->pcr) : json_null());
	json_object_set_new(json, "number",
			    finding->number >= 0 ? json_integer(finding->number)
						 : json_null());
	json_object_set_new(json, "type",
			    finding->has_type ? type_json(finding->type) : json_null());
	json_object_set_new(json, "name", text_or_null(finding->name));
	json_object_set_new(json, "expected", text_or_null(finding->expected));
	json_object_set_new(json, "found", text_or_null(finding->found));
	return json;
}

static json_t *values_json(const struct iotkey_pcr_values *values)
{
	json_t *json = json_object(), *bank;
	char number[8], hex[2 * IOTKEY_DIGEST_MAX + 1];
	unsigned int i, pcr;

	for (i = 0; i < values->count; i++) {
		bank = json_object();
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++) {
			if (!(values->bank[i].set >> pcr & 1))
				continue;
			snprintf(number, sizeof(number), "%u", pcr);
			hex_write(hex, values->bank[i].value[pcr],
				  iotkey_hash_size(values->bank[i].hash));
			json_object_set_new(bank, number, json_string(hex));
		}
		json_object_set_new(json, iotkey_hash_name(values->bank[i].hash), bank);
	}
	return json;
}

json_t *appraisal_json(const struct iotkey_appraisal *appraisal)
{
	const struct iotkey_quote *quote = &appraisal->quote;
	json_t *json, *findings = json_array();
	unsigned int i;

	for (i = 0; i < appraisal->kept; i++)
		json_array_append_new(findings, finding_json(&appraisal->finding[i]));
	json = json_pack("{s:b, s:o, s:i}", "passed", !appraisal->findings, "findings",
			 findings, "more", (int)(appraisal->findings - appraisal->kept));
	json_object_set_new(json, "clock", json_integer((json_int_t)quote->clock));
	json_object_set_new(json, "safe", json_boolean(quote->safe));
	json_object_set_new(json, "resets", json_integer(quote->resets));
	json_object_set_new(json, "restarts", json_integer(quote->restarts));
	json_object_set_new(json, "pcrs", values_json(&appraisal->values));
	json_object_set_new(json, "events", json_integer(appraisal->events));
	json_object_set_new(json, "ima_entries", json_integer(appraisal->ima_entries));
	json_object_set_new(json, "ima_later", json_integer(appraisal->ima_later));
	return json;
}

static void print_pcrs(const struct iotkey_pcr_selection *selection)
{
	unsigned int i, pcr;
	const char *comma;

	for (i = 0; i < selection->count; i++) {
		printf("%s%s", i ? "+" : "", iotkey_hash_name(selection->bank[i].hash));
		for (pcr = 0, comma = ":"; pcr < IOTKEY_PCRS; pcr++)
			if (selection->bank[i].pcrs >> pcr & 1) {
				printf("%s%u", comma, pcr);
				comma = ",";
			}
	}
}

void print_appraisal(const struct iotkey_appraisal *appraisal, bool quiet)
{
	char text[1024];
	unsigned int i;

	for (i = 0; i < appraisal->kept; i++)
		printf("%s: %s\n", iotkey_check_name(appraisal->finding[i].check),
		       iotkey_finding_text(&appraisal->finding[i], text, sizeof(text)));
	if (appraisal->findings > appraisal->kept)
		printf("... and %u more\n", appraisal->findings - appraisal->kept);
	if (quiet)
		return;
	if (appraisal->findings) {
		puts("refused");
		return;
	}
	printf("passed: PCRs ");
	print_pcrs(&appraisal->quote.selection);
	printf(", %u events, %u IMA entries", appraisal->events, appraisal->ima_entries);
	if (appraisal->ima_later)
		printf(" (and %u since the quote)", appraisal->ima_later);
	putchar('\n');
}
