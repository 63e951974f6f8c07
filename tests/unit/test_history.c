// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Records of the measured history: as the module writes them, as the library reads them,
 * as Documentation/iotkey.rst shows one; and records out of their place.
 *
 * sources: lib/attest/history.c tests/unit/ktap.c
 */
#include <errno.h>
#include <iotkey-attest.h>
#include <stdio.h>
#include <string.h>

#include "ktap.h"
#include "record.h"

/* The example of Documentation/iotkey.rst */
static const char vector[] = "694b6d31" /* magic */
			     "03"	/* rotated */
			     "01"	/* aes-256-gcm */
			     "02"	/* derive */
			     "01"	/* tpm */
			     "bf6d68a17f123d91"
			     "00000003"
			     "00000001"
			     "dacf4459fe6e0214cfdf0445111c0494"
			     "24b6fb9282a69cad9719eebbc0472a85"
			     "00000002"
			     "00000001"
			     "000000006a250f80" /* 2026-06-07 06:28:16 UTC */
			     "00000000"
			     "00000010" /* clock-trusted */
			     "09"
			     "74656c656d65747279";

static struct iot_record example = {
	.event = IOTKEY_EVENT_ROTATED,
	.algorithm = IOTKEY_ALGORITHM_AES_256_GCM,
	.mode = IOTKEY_MODE_DERIVE,
	.provider = IOTKEY_PROVIDER_TPM,
	.instance = 0xbf6d68a17f123d91,
	.sequence = 3,
	.count = 1,
	.id = { 0xda, 0xcf, 0x44, 0x59, 0xfe, 0x6e, 0x02, 0x14, 0xcf, 0xdf, 0x04, 0x45,
		0x11, 0x1c, 0x04, 0x94 },
	.root_id = { 0x24, 0xb6, 0xfb, 0x92, 0x82, 0xa6, 0x9c, 0xad, 0x97, 0x19, 0xee,
		     0xbb, 0xc0, 0x47, 0x2a, 0x85 },
	.version = 2,
	.epoch = 1,
	.time = 0x6a250f80,
	.flags = IOTKEY_FLAG_CLOCK_TRUSTED,
	.name = "telemetry",
};

static const char *hex(const uint8_t *data, size_t len)
{
	static char text[2 * IOT_RECORD_MAX + 1];
	size_t i;

	for (i = 0; i < len; i++)
		sprintf(text + 2 * i, "%02x", data[i]);
	return text;
}

static bool same(const struct iotkey_record *a, const struct iot_record *b)
{
	return a->event == b->event && a->algorithm == b->algorithm &&
	       a->mode == b->mode && a->provider == b->provider &&
	       a->instance == b->instance && a->sequence == b->sequence &&
	       a->count == b->count && !memcmp(a->id, b->id, sizeof(a->id)) &&
	       !memcmp(a->root_id, b->root_id, sizeof(a->root_id)) &&
	       a->version == b->version && a->epoch == b->epoch && a->time == b->time &&
	       a->error == b->error && a->flags == b->flags && !strcmp(a->name, b->name);
}

static int decode(const void *data, size_t len, struct iotkey_record *record)
{
	struct iotkey_bytes buffer = { data, len };

	return iotkey_record_decode(buffer, record);
}

static void test_example(void)
{
	struct iotkey_record record;
	uint8_t data[IOT_RECORD_MAX];
	size_t len = iot_record_encode(&example, data);

	ktap_ok(!strcmp(hex(data, len), vector), "the documented record is written");
	ktap_ok(!decode(data, len, &record) && same(&record, &example), "and read");
	ktap_ok(iot_record_event(data) == example.event &&
			iot_record_sequence(data) == example.sequence,
		"event and number are found in it");
}

static void test_names(void)
{
	char name[IOT_NAME_MAX + 1] = "";
	struct iot_record r = example;
	struct iotkey_record record;
	uint8_t data[IOT_RECORD_MAX];
	bool ok = true;
	size_t len;

	r.name = name;
	for (len = 0; len <= IOT_NAME_MAX; len++) {
		ok &= !decode(data, iot_record_encode(&r, data), &record) &&
		      same(&record, &r);
		if (len < IOT_NAME_MAX)
			name[len] = '!' + len % 94;
	}
	ktap_ok(ok, "names of 0 to 255 characters");
}

/* Every shorter, longer or odd one is refused. */
static void test_damaged(void)
{
	struct iotkey_record record;
	uint8_t data[IOT_RECORD_MAX + 1];
	size_t i, len = iot_record_encode(&example, data);
	bool ok = true;

	for (i = 0; i < len; i++)
		ok &= decode(data, i, &record) == (i < 4 ? -ENOMSG : -EBADMSG);
	ktap_ok(ok, "a record that is cut");
	data[len] = 0;
	ktap_ok(decode(data, len + 1, &record) == -EBADMSG, "one that goes on");
	data[IOT_RECORD_HEADER] = ' ';
	ktap_ok(decode(data, len, &record) == -EBADMSG, "a space in the name");
	data[IOT_RECORD_HEADER] = 0;
	ktap_ok(decode(data, len, &record) == -EBADMSG, "a zero in the name");
	data[IOT_RECORD_HEADER] = 't';
	data[3] = '2';
	ktap_ok(decode(data, len, &record) == -EPROTONOSUPPORT, "another format");
	data[0] = 'I';
	ktap_ok(decode(data, len, &record) == -ENOMSG, "another magic");
	data[0] = 'i';
	data[3] = '1';
	data[23] = 0;
	ktap_ok(decode(data, len, &record) == -EBADMSG, "a count of 0");
	data[23] = 2;
	ktap_ok(decode(data, len, &record) == -EBADMSG, "two events in one record");
	data[4] = IOT_RECORD_LOST;
	ktap_ok(!decode(data, len, &record) && record.count == 2, "two lost ones");
}

/* A log, and the flaws that each of its records has. */
struct step {
	uint64_t instance;
	uint32_t sequence, count;
	uint8_t event;
	unsigned int flaws;
};

static bool follow(const struct step *step, size_t steps)
{
	struct iotkey_history history = { 0 };
	struct iotkey_record record;
	uint8_t data[IOT_RECORD_MAX];
	bool ok = true;
	size_t i;

	for (i = 0; i < steps; i++) {
		struct iot_record r = example;
		struct iotkey_ima_entry entry = {
			.name = { (const uint8_t *)"iotkey-event", 12 },
			.buffer = { data, 0 },
		};

		r.instance = step[i].instance;
		r.sequence = step[i].sequence;
		r.count = step[i].count;
		r.event = step[i].event;
		entry.buffer.len = iot_record_encode(&r, data);
		ok &= iotkey_history_next(&history, &entry, &record) == 1 &&
		      record.sequence == step[i].sequence &&
		      history.flaws == step[i].flaws;
	}
	return ok;
}

#define FOLLOW(name, ...)                                                    \
	do {                                                                 \
		const struct step step[] = { __VA_ARGS__ };                  \
		ktap_ok(follow(step, sizeof(step) / sizeof(step[0])), name); \
	} while (0)

#define R(instance, sequence, flaws)                               \
	{                                                          \
		instance, sequence, 1, IOTKEY_EVENT_ROTATED, flaws \
	}
#define BEGIN(instance, flaws)                          \
	{                                               \
		instance, 0, 1, IOT_RECORD_BEGIN, flaws \
	}
#define END(instance, sequence)                          \
	{                                                \
		instance, sequence, 1, IOT_RECORD_END, 0 \
	}
#define LOST(instance, sequence, count)                       \
	{                                                     \
		instance, sequence, count, IOT_RECORD_LOST, 0 \
	}

#define MISSING	  IOTKEY_FLAW_MISSING
#define BACK	  IOTKEY_FLAW_BACK
#define UNENDED	  IOTKEY_FLAW_UNENDED
#define AFTER_END IOTKEY_FLAW_AFTER_END

static void test_places(void)
{
	FOLLOW("records in their places", BEGIN(7, 0), R(7, 1, 0), END(7, 2));
	FOLLOW("two instances", BEGIN(7, 0), END(7, 1), BEGIN(8, 0), R(8, 1, 0));
	FOLLOW("records that the kernel lost", BEGIN(7, 0), LOST(7, 1, 4), R(7, 5, 0));
	FOLLOW("one taken out", BEGIN(7, 0), R(7, 2, MISSING), R(7, 3, 0));
	FOLLOW("the first taken out", R(7, 1, MISSING), R(7, 2, 0));
	FOLLOW("two exchanged", BEGIN(7, 0), R(7, 2, MISSING), R(7, 1, BACK), R(7, 3, 0));
	FOLLOW("one doubled", BEGIN(7, 0), R(7, 1, 0), R(7, 1, BACK), R(7, 2, 0));
	FOLLOW("an end taken out", BEGIN(7, 0), R(7, 1, 0), BEGIN(8, UNENDED));
	FOLLOW("one after the end", BEGIN(7, 0), END(7, 1), R(7, 2, AFTER_END));
	FOLLOW("an instance that comes back", BEGIN(7, 0), END(7, 1), BEGIN(8, 0),
	       R(7, 2, UNENDED | MISSING));
	FOLLOW("numbers that would overflow", BEGIN(7, 0), LOST(7, 1, 0xfffffffe),
	       R(7, 0xffffffff, 0), R(7, 5, BACK));
}

static void test_others(void)
{
	static const char text[] = "iKm1 is no record", other[] = "6.12.0";
	struct iotkey_history history = { 0 };
	struct iotkey_record record;
	struct iotkey_ima_entry entry = {
		.name = { (const uint8_t *)"kernel_version", 14 },
		.buffer = { (const uint8_t *)text, sizeof(text) - 1 },
	};

	ktap_ok(!iotkey_history_next(&history, &entry, &record),
		"what is called otherwise is not looked at");
	entry.name = (struct iotkey_bytes){ (const uint8_t *)"iotkey-", 7 };
	ktap_ok(iotkey_history_next(&history, &entry, &record) == -EBADMSG,
		"what is called so and is no record");
	entry.buffer = (struct iotkey_bytes){ (const uint8_t *)other, 6 };
	ktap_ok(!iotkey_history_next(&history, &entry, &record),
		"what is called so by somebody else");
	entry.buffer = (struct iotkey_bytes){ 0 };
	ktap_ok(!iotkey_history_next(&history, &entry, &record),
		"a file that is called so");
}

int main(void)
{
	test_example();
	test_names();
	test_damaged();
	test_places();
	test_others();
	return ktap_done();
}
