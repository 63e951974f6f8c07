// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any buffer that IMA measured: no crash; and what the library takes for a record of the
 * history is one that the module writes, byte by byte.
 *
 * covers: lib/attest/history.c kmod/record.c
 * sources: lib/attest/history.c
 */
#include <errno.h>
#include <iotkey-attest.h>

#include "fuzz.h"
#include "record.h"

static void check_same(const struct iotkey_record *r, const uint8_t *data, size_t size)
{
	struct iot_record theirs = {
		.event = r->event,
		.algorithm = r->algorithm,
		.mode = r->mode,
		.provider = r->provider,
		.instance = r->instance,
		.sequence = r->sequence,
		.count = r->count,
		.version = r->version,
		.epoch = r->epoch,
		.time = r->time,
		.error = r->error,
		.flags = r->flags,
		.name = r->name,
	};
	uint8_t *written = room(IOT_RECORD_MAX);

	memcpy(theirs.id, r->id, sizeof(theirs.id));
	memcpy(theirs.root_id, r->root_id, sizeof(theirs.root_id));
	must(iot_record_encode(&theirs, written) == size);
	must(!memcmp(written, data, size));
	must(iot_record_event(data) == r->event &&
	     iot_record_sequence(data) == r->sequence);
	free(written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_ima_entry entry = {
		.name = { (const uint8_t *)"iotkey-event", 12 },
		.buffer = { data, size },
	};
	struct iotkey_history history = { 0 };
	struct iotkey_record record;
	int err = iotkey_record_decode(entry.buffer, &record);

	if (err)
		must(err == -ENOMSG || err == -EBADMSG || err == -EPROTONOSUPPORT);
	else
		check_same(&record, data, size);
	must(iotkey_history_next(&history, &entry, &record) == (err == -ENOMSG ? 0
								: err	       ? err
									       : 1));
	return 0;
}
