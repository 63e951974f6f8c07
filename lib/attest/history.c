// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Documentation/iotkey.rst, "Measured history".
 */
#include "attest_private.h"

#define NAME "iotkey-" /* how the entries of an IMA log that are records begin */

static bool name_ok(struct iotkey_bytes name)
{
	size_t i;

	for (i = 0; i < name.len; i++)
		if (name.data[i] <= ' ' || name.data[i] > '~')
			return false;
	return true;
}

int iotkey_record_decode(struct iotkey_bytes buffer, struct iotkey_record *record)
{
	struct reader reader = { buffer.data, buffer.len, 4, true, false };
	const uint8_t *id, *root_id;
	struct iotkey_bytes name;

	if (buffer.len < 4 || memcmp(buffer.data, "iKm", 3))
		return -ENOMSG;
	if (buffer.data[3] != '1')
		return -EPROTONOSUPPORT;
	memset(record, 0, sizeof(*record));
	record->event = read_u8(&reader);
	record->algorithm = read_u8(&reader);
	record->mode = read_u8(&reader);
	record->provider = read_u8(&reader);
	record->instance = read_u64(&reader);
	record->sequence = read_u32(&reader);
	record->count = read_u32(&reader);
	id = read_bytes(&reader, sizeof(record->id));
	root_id = read_bytes(&reader, sizeof(record->root_id));
	record->version = read_u32(&reader);
	record->epoch = read_u32(&reader);
	record->time = (int64_t)read_u64(&reader);
	record->error = read_u32(&reader);
	record->flags = read_u32(&reader);
	name = read_block(&reader, read_u8(&reader));
	if (reader.bad || reader.offset != buffer.len || !name_ok(name) ||
	    !record->count || (record->count > 1 && record->event != IOTKEY_RECORD_LOST))
		return -EBADMSG;
	memcpy(record->id, id, sizeof(record->id));
	memcpy(record->root_id, root_id, sizeof(record->root_id));
	memcpy(record->name, name.data, name.len);
	return 0;
}

/* A record of another instance than the last: it should be that one's first. */
static void begin(struct iotkey_history *history, uint64_t instance)
{
	if (history->begun && !history->ended)
		history->flaws |= IOTKEY_FLAW_UNENDED;
	history->begun = true;
	history->ended = false;
	history->instance = instance;
	history->next = 0;
}

int iotkey_history_next(struct iotkey_history *history,
			const struct iotkey_ima_entry *entry,
			struct iotkey_record *record)
{
	uint32_t next;
	int err;

	if (entry->name.len < strlen(NAME) ||
	    memcmp(entry->name.data, NAME, strlen(NAME)))
		return 0;
	err = iotkey_record_decode(entry->buffer, record);
	if (err)
		return err == -ENOMSG ? 0 : err;

	history->flaws = 0;
	if (!history->begun || record->instance != history->instance)
		begin(history, record->instance);
	else if (history->ended)
		history->flaws |= IOTKEY_FLAW_AFTER_END;
	history->expected = history->next;
	if (record->sequence > history->expected)
		history->flaws |= IOTKEY_FLAW_MISSING;
	if (record->sequence < history->expected)
		history->flaws |= IOTKEY_FLAW_BACK;
	next = record->sequence + record->count;
	if (next > history->next)
		history->next = next;
	if (record->event == IOTKEY_RECORD_END)
		history->ended = true;
	return 1;
}
