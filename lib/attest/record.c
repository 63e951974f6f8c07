// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A reference from evidence that passed.
 */
#include "finding.h"

#include <stdio.h>
#include <stdlib.h>

#define IMA_PCR 10

/* A name to the end of the line, so that the parser reads it as it was */
static void write_name(FILE *file, struct iotkey_bytes name)
{
	const uint8_t *p = name.data;
	size_t i;

	for (i = 0; i < name.len; i++) {
		if (p[i] == '\\')
			fputs("\\\\", file);
		else if (p[i] < ' ' || p[i] > '~' ||
			 (p[i] == ' ' && (!i || i == name.len - 1)) ||
			 (p[i] == '*' && i == name.len - 1))
			fprintf(file, "\\x%02x", p[i]);
		else
			fputc(p[i], file);
	}
	fputc('\n', file);
}

static void write_digest(FILE *file, unsigned int hash, const uint8_t *value, size_t size)
{
	char text[IOTKEY_FINDING_TEXT];

	finding_digest(text, hash, value, size);
	fputs(text, file);
}

static void write_pcrs(FILE *file, const struct iotkey_evidence *evidence,
		       const struct iotkey_pcr_values *values)
{
	const struct iotkey_pcrs *pcrs;
	unsigned int i, pcr;

	for (i = 0; i < values->count; i++) {
		pcrs = &values->bank[i];
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++) {
			/* What IMA measures comes in no fixed order */
			if (!(pcrs->set >> pcr & 1) ||
			    (pcr == IMA_PCR && evidence->ima.data))
				continue;
			fprintf(file, "pcr %s:%u ", iotkey_hash_name(pcrs->hash), pcr);
			write_digest(file, 0, pcrs->value[pcr],
				     iotkey_hash_size(pcrs->hash));
			fputc('\n', file);
		}
	}
}

/* The bank in which to name an event: one that is quoted, and the best of those */
static unsigned int best_bank(const struct iotkey_pcr_values *values,
			      const struct iotkey_log_event *event)
{
	static const unsigned int order[] = { IOTKEY_HASH_SHA256, IOTKEY_HASH_SHA384,
					      IOTKEY_HASH_SHA512, IOTKEY_HASH_SM3_256,
					      IOTKEY_HASH_SHA1 };
	const struct iotkey_pcrs *pcrs;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(order); i++) {
		pcrs = iotkey_pcr_bank(values, order[i]);
		if (pcrs && pcrs->set >> event->pcr & 1 &&
		    iotkey_log_event_digest(event, order[i]))
			return order[i];
	}
	return 0;
}

static void write_event(FILE *file, unsigned int bank,
			const struct iotkey_log_event *event)
{
	const char *type = iotkey_log_type_name(event->type);
	char text[IOTKEY_FINDING_TEXT];
	struct iotkey_bytes name;

	if (type)
		fprintf(file, "event %u %s ", event->pcr, type);
	else
		fprintf(file, "event %u 0x%08x ", event->pcr, event->type);
	write_digest(file, bank, iotkey_log_event_digest(event, bank),
		     iotkey_hash_size(bank));
	iotkey_log_event_text(event, text, sizeof(text));
	if (text[0])
		fputc(' ', file);
	name.data = (const uint8_t *)text;
	name.len = strlen(text);
	write_name(file, name);
}

static void write_events(FILE *file, const struct iotkey_evidence *evidence,
			 const struct iotkey_pcr_values *values)
{
	struct iotkey_log_event event;
	struct iotkey_eventlog log;
	unsigned int bank;

	iotkey_eventlog_open(&log, evidence->eventlog.data, evidence->eventlog.len);
	while (iotkey_eventlog_next(&log, &event) == 1) {
		if (event.type == IOTKEY_EV_NO_ACTION)
			continue;
		bank = best_bank(values, &event);
		if (bank)
			write_event(file, bank, &event);
	}
}

/* A record of the measured history (history.c), which is another on every boot */
static bool is_history(const struct iotkey_ima_entry *entry)
{
	return entry->buffer.len && entry->name.len > 7 &&
	       !memcmp(entry->name.data, "iotkey-", 7);
}

static void write_imas(FILE *file, const struct iotkey_evidence *evidence, size_t len)
{
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;
	bool history = false;

	iotkey_ima_open(&log, evidence->ima.data, len);
	while (iotkey_ima_next(&log, &entry) == 1) {
		if (is_history(&entry)) {
			if (!history)
				fputs("ima any iotkey-*\n", file);
			history = true;
			continue;
		}
		/* Those that pass no reference are for people to decide on */
		if (entry.violation || !entry.hash || !entry.name.len) {
			fprintf(file, "# %s: ima any ",
				entry.violation ? "it changed while it was measured"
						: "not understood");
		} else {
			fputs("ima ", file);
			write_digest(file, entry.hash, entry.digest.data,
				     entry.digest.len);
			fputc(' ', file);
		}
		write_name(file, entry.name);
	}
}

int iotkey_reference_record(const struct iotkey_evidence *evidence,
			    const struct iotkey_appraisal *appraisal, char **text,
			    size_t *len)
{
	FILE *file = open_memstream(text, len);
	int err;

	if (!file)
		return -ENOMEM;
	write_pcrs(file, evidence, &appraisal->values);
	if (evidence->eventlog.data)
		write_events(file, evidence, &appraisal->values);
	if (evidence->ima.data)
		write_imas(file, evidence, appraisal->ima_len);
	err = ferror(file) ? -ENOMEM : 0;
	if (fclose(file))
		err = -ENOMEM;
	if (err)
		free(*text);
	return err;
}
