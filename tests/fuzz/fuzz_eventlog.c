// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any event log: what is found lies in it, and the log goes forward.
 *
 * covers: lib/attest/eventlog.c
 * sources: lib/attest/eventlog.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-attest.h>

#include "fuzz.h"

static struct iotkey_attest *attest;

static void check_event(const struct iotkey_log_event *event, const uint8_t *data,
			size_t size)
{
	char text[40];
	unsigned int i;

	must(event->pcr < IOTKEY_PCRS || event->type == IOTKEY_EV_NO_ACTION);
	must(event->digests <= IOTKEY_LOG_DIGESTS_MAX);
	must(lies_in(event->data.data, event->data.len, data, size));
	for (i = 0; i < event->digests; i++) {
		must(lies_in(event->digest[i].value, event->digest[i].size, data, size));
		must(iotkey_log_event_digest(event, event->digest[i].hash) ==
		     event->digest[i].value);
	}
	iotkey_log_event_text(event, text, sizeof(text));
	for (i = 0; text[i]; i++)
		must(text[i] >= ' ' && text[i] <= '~');
	must(i < sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_log_event event;
	struct iotkey_eventlog log;
	struct iotkey_pcrs pcrs;
	size_t offset = 0;
	int err;

	if (!attest)
		attest = iotkey_attest_new();
	iotkey_pcrs_init(&pcrs, IOTKEY_HASH_SHA256);
	iotkey_eventlog_open(&log, data, size);
	while ((err = iotkey_eventlog_next(&log, &event)) == 1) {
		must(log.offset > offset && log.offset <= size);
		must(log.number == event.number + 1);
		offset = log.offset;
		check_event(&event, data, size);
		err = iotkey_log_event_check(attest, &event);
		must(!err || err == -EBADMSG || err == -ENOTSUP);
		must(!iotkey_log_event_extend(attest, &event, &pcrs));
	}
	must(err ? err == -EBADMSG : log.offset == size);
	must(log.offset == offset && iotkey_eventlog_next(&log, &event) == err);
	return 0;
}
