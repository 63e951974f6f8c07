// SPDX-License-Identifier: GPL-2.0-or-later
#include "story.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIVE_LOG  "/sys/kernel/security/ima/binary_runtime_measurements"
#define LIVE_TPM  "/sys/class/tpm/tpm0"
#define QUOTE_MAX 65536
#define TRIES	  20 /* of a log that grows while it is read, 0.1 s apart */

/* PCRs */

static struct bank *bank_of(struct story *story, unsigned int hash)
{
	size_t i;

	for (i = 0; i < story->banks; i++)
		if (story->bank[i].hash == hash)
			return &story->bank[i];
	return NULL;
}

/* @hex may go on behind its end; a bank that this library does not know is none */
static bool add_bank(struct story *story, const char *name, size_t name_len,
		     const char *hex)
{
	int hash = iotkey_hash_value(name, name_len);
	struct bank *bank = &story->bank[story->banks];

	if (hash < 0 || bank_of(story, (unsigned int)hash))
		return false;
	bank->hash = (uint16_t)hash;
	if (!hex_read(hex, strcspn(hex, "\n"), bank->value,
		      iotkey_hash_size((unsigned int)hash)))
		return false;
	story->banks++;
	return true;
}

bool parse_pcr(struct story *story, const char *text)
{
	const char *colon = strchr(text, ':'), *hex = colon + 1;

	if (!colon)
		return false;
	if (!strncmp(hex, "0x", 2))
		hex += 2;
	return add_bank(story, text, (size_t)(colon - text), hex);
}

/* Those of this machine's TPM, if there is one */
static void read_pcrs(struct story *story)
{
	DIR *dir = opendir(LIVE_TPM);
	struct dirent *entry;
	char path[512], *text;
	size_t len;

	story->banks = 0;
	while (dir && (entry = readdir(dir))) {
		const char *name = entry->d_name + strlen("pcr-");

		if (strncmp(entry->d_name, "pcr-", strlen("pcr-")))
			continue;
		snprintf(path, sizeof(path), LIVE_TPM "/%s/%d", entry->d_name, STORY_PCR);
		if (read_file(path, 256, &text, &len))
			continue;
		add_bank(story, name, strlen(name), text);
		free(text);
	}
	if (dir)
		closedir(dir);
}

/* Has the log, up to entry @number, come to what a PCR is? */
static void compare(struct story *story, unsigned int number)
{
	size_t i;

	for (i = 0; i < story->banks; i++) {
		struct bank *bank = &story->bank[i];

		if (memcmp(bank->replayed.value[STORY_PCR], bank->value,
			   iotkey_hash_size(bank->hash)))
			continue;
		bank->agrees = true;
		bank->entries = number;
	}
}

/* How far all PCRs agree with the log. */
static void conclude(struct story *story)
{
	size_t i;

	story->agrees = story->banks > 0;
	story->proven = story->entries;
	for (i = 0; i < story->banks; i++) {
		story->agrees &= story->bank[i].agrees;
		if (story->bank[i].entries < story->proven)
			story->proven = story->bank[i].entries;
	}
	if (!story->agrees)
		story->proven = story->entries;
}

/* The log */

static struct row *add_row(struct story *story)
{
	if (story->count == story->room) {
		size_t room = story->room ? 2 * story->room : 64;
		struct row *rows = realloc(story->rows, room * sizeof(*rows));

		if (!rows)
			return NULL;
		story->rows = rows;
		story->room = room;
	}
	return &story->rows[story->count];
}

static int read_entry(struct iotkey_attest *attest, struct story *story,
		      struct iotkey_history *history,
		      const struct iotkey_ima_entry *entry)
{
	bool changed = iotkey_ima_check(attest, entry) == -EBADMSG;
	struct row *row = add_row(story);
	size_t i;
	int err = 0;

	if (!row)
		return -ENOMEM;
	story->entries = entry->number;
	for (i = 0; !err && i < story->banks; i++)
		err = iotkey_ima_extend(attest, entry, &story->bank[i].replayed);
	if (err)
		return err;
	compare(story, entry->number);
	err = iotkey_history_next(history, entry, &row->record);
	if (err == 1) {
		row->entry = entry->number;
		row->flaws = history->flaws;
		row->expected = history->expected;
		row->changed = changed || entry->pcr != STORY_PCR;
		story->count++;
	} else if (err < 0 || changed) {
		say("entry %u: %s", entry->number,
		    changed ? "does not fit its digest"
			    : "is no record that this version knows");
		story->odd++;
	}
	return 0;
}

static int read_entries(struct iotkey_attest *attest, struct story *story,
			const char *data, size_t len)
{
	struct iotkey_history history = { 0 };
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;
	size_t i;
	int err;

	story->count = 0;
	story->entries = story->odd = 0;
	for (i = 0; i < story->banks; i++) {
		story->bank[i].agrees = false;
		story->bank[i].entries = 0;
		iotkey_pcrs_init(&story->bank[i].replayed, story->bank[i].hash);
	}
	iotkey_ima_open(&log, data, len);
	while ((err = iotkey_ima_next(&log, &entry)) == 1) {
		err = read_entry(attest, story, &history, &entry);
		if (err)
			return err;
	}
	conclude(story);
	return err;
}

/*
 * The PCR is read before the log, which holds at least what the PCR has then; an entry is
 * in the log a moment before it is in the PCR, so there may be more of them.
 */
int read_story(struct iotkey_attest *attest, struct story *story, const char *path)
{
	char *data;
	size_t len;
	int err = 0, i;

	if (!path)
		path = LIVE_LOG;
	for (i = 0; i < TRIES; i++) {
		if (story->live)
			read_pcrs(story);
		err = read_file(path, IMA_MAX, &data, &len);
		if (err)
			return say_file_error(err, "cannot read '%s'", path);
		err = read_entries(attest, story, data, len);
		free(data);
		if (err)
			break;
		if (!story->live || !story->agrees || story->proven == story->entries)
			break;
		usleep(100000);
	}
	if (err == -EBADMSG || err == -ENODATA) {
		say("'%s': %s after entry %u", path,
		    err == -ENODATA ? "ends in the midst of one" : "is no IMA log",
		    story->entries);
		return EXIT_DAMAGED;
	}
	if (err)
		return say_file_error(err, "cannot replay '%s'", path);
	return EXIT_OK;
}

/* The PCRs that were quoted; what signed the quote is for "appraise" to say. */
static int quoted_pcrs(struct iotkey_attest *attest, struct story *story,
		       const char *message, size_t message_len, const char *pcrs,
		       size_t pcrs_len)
{
	static struct iotkey_pcr_values values;
	struct iotkey_quote quote;
	unsigned int i;
	int err;

	err = iotkey_quote_parse(message, message_len, &quote);
	if (!err)
		err = iotkey_pcr_values_parse(pcrs, pcrs_len, &quote.selection, &values);
	if (!err)
		err = iotkey_quote_check(attest, &quote, &values);
	if (err)
		return err;
	for (i = 0; i < values.count; i++) {
		const struct iotkey_pcrs *bank = &values.bank[i];

		if (!(bank->set & 1u << STORY_PCR))
			continue;
		story->bank[story->banks].hash = bank->hash;
		memcpy(story->bank[story->banks++].value, bank->value[STORY_PCR],
		       sizeof(bank->value[STORY_PCR]));
	}
	return story->banks ? 0 : -ENOENT;
}

int read_quoted(struct iotkey_attest *attest, struct story *story, const char *directory)
{
	char quote[PATH_MAX], pcrs[PATH_MAX], log[PATH_MAX], *message, *values;
	size_t message_len, values_len;
	int err;

	snprintf(quote, sizeof(quote), "%s/%s", directory, EVIDENCE_QUOTE);
	snprintf(pcrs, sizeof(pcrs), "%s/%s", directory, EVIDENCE_PCRS);
	snprintf(log, sizeof(log), "%s/%s", directory, EVIDENCE_IMA);
	err = read_file(quote, QUOTE_MAX, &message, &message_len);
	if (err)
		return say_file_error(err, "cannot read '%s'", quote);
	err = read_file(pcrs, QUOTE_MAX, &values, &values_len);
	if (err) {
		free(message);
		return say_file_error(err, "cannot read '%s'", pcrs);
	}
	err = quoted_pcrs(attest, story, message, message_len, values, values_len);
	free(message);
	free(values);
	if (err == -ENOENT) {
		say("'%s': the quote is not over PCR %d", directory, STORY_PCR);
		return EXIT_FAILED;
	}
	if (err) {
		say("'%s': these are not the PCRs of that quote", directory);
		return EXIT_DAMAGED;
	}
	return read_story(attest, story, log);
}

bool is_proven(const struct story *story, const struct row *row)
{
	return row->entry <= story->proven;
}
