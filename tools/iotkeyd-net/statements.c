// SPDX-License-Identifier: GPL-2.0-or-later
#include "statements.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "../common/hex.h"
#include "../common/say.h"
#include "clock.h"
#include "registrar.h"
#include "report.h"
#include "schedule.h"
#include "work.h"

#define SPREAD	 60   /* seconds in which all of a fleet fetch new roots */
#define LAST	 300  /* seconds between tries at most: a statement is urgent */
#define TOO_SOON 1000 /* ms: no poll ends so early without news */

struct reader {
	struct keeper *keeper;
	struct http *http;
	uint64_t sequence;
	uint8_t id[IOTKEY_DEVICE_ID];
	bool has_id;
	struct backoff backoff;
};

/* When it says that the device's next release has something new, have that fetched */
static void look_for_roots(const struct reader *reader, struct iotkey_statement statement)
{
	static const uint8_t all[IOTKEY_DEVICE_ID];
	struct iotkey_revocation revocation;

	while (iotkey_statement_next(&statement, &revocation) > 0) {
		if (revocation.type != IOTKEY_REVOKED_VERSION &&
		    revocation.type != IOTKEY_REVOKED_MEMBER)
			continue;
		if (reader->has_id && !memcmp(revocation.id, reader->id, sizeof(all)))
			work_fetch_roots(0);
		else if (!memcmp(revocation.id, all, sizeof(all)))
			work_fetch_roots(SPREAD);
	}
}

/* It may have enrolled meanwhile */
static void learn_id(struct reader *reader)
{
	struct hello hello;
	struct fault f;

	if (reader->has_id || !keeper_hello(reader->keeper, &hello, &f))
		return;
	reader->has_id = hex_read(hello.device, strlen(hello.device), reader->id,
				  sizeof(reader->id));
	hello_clear(&hello);
}

/* From the keeper: the CA, and where the statements stand */
static bool begin(struct reader *reader, struct fault *f)
{
	struct hello hello;
	bool good;

	if (!keeper_hello(reader->keeper, &hello, f))
		return false;
	if (!reader->http)
		reader->http = http_open(hello.registrar);
	reader->sequence = hello.sequence;
	good = hello.ca && reader->http && http_trust(reader->http, hello.ca);
	hello_clear(&hello);
	return good || fault(f, FAULT_LOCAL, "cannot begin to listen for statements");
}

/* All that came, in order; those that the keeper took stay taken */
static bool deliver(struct reader *reader, const uint8_t *data, size_t len,
		    struct fault *f)
{
	struct iotkey_statement statement;

	while (len) {
		if (iotkey_statement_parse(data, len, &statement))
			return fault(
				f, FAULT_ANSWER,
				"what the registrar sends after statement %llu is none",
				(unsigned long long)reader->sequence);
		if (!keeper_statement(reader->keeper, statement.whole, &reader->sequence,
				      f))
			return false;
		say("statement %llu", (unsigned long long)reader->sequence);
		report_sequence(reader->sequence);
		learn_id(reader);
		look_for_roots(reader, statement);
		data += statement.whole.len;
		len -= statement.whole.len;
	}
	return true;
}

static bool turn(struct reader *reader, struct fault *f)
{
	int64_t began = clock_boot_ms();
	uint64_t place = reader->sequence;
	uint8_t *data;
	size_t len;
	bool good;

	if (!registrar_statements(reader->http, place, &data, &len, f))
		return false;
	report_contact();
	good = deliver(reader, data, len, f);
	free(data);
	if (good && reader->sequence <= place && clock_boot_ms() - began < TOO_SOON)
		return fault(f, FAULT_ANSWER,
			     "the registrar's answer brings no statement, too soon");
	return good;
}

static void rest(const struct reader *reader, unsigned int seconds)
{
	struct pollfd keeper = { .fd = reader->keeper->fd };

	poll(&keeper, 1, (int)seconds * 1000);
}

void statements_run(struct keeper *keeper)
{
	struct reader reader = { .keeper = keeper };
	unsigned int seconds;
	struct fault f;

	work_trusted();
	for (;;) {
		if (begin(&reader, &f)) {
			while (turn(&reader, &f)) {
				reader.backoff.failures = 0;
				report_fault("statements", NULL, 0);
				work_report();
			}
		}
		if (reader.http)
			http_rest(reader.http);
		seconds = schedule_failed(&reader.backoff, LAST, f.after);
		report_fault("statements", &f, seconds);
		work_report();
		rest(&reader, seconds);
	}
}
