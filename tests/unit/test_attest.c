// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Appraisal: evidence passes as it was made, and each way to tamper with it is refused by
 * name.
 *
 * sources: lib/attest/hash.c lib/attest/ima.c lib/attest/pcrs.c lib/attest/quote.c lib/attest/ak.c lib/attest/area.c lib/attest/eventlog.c lib/attest/reference.c lib/attest/finding.c lib/attest/appraise.c lib/attest/record.c tests/host/evidence.c tests/unit/ktap.c
 * libs: -lcrypto
 */
#include "../host/evidence.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"

#define PCRS "sha256:0,1,2,3,4,5,6,7,8,9,10"

static struct iotkey_appraisal result;

/* Input of exactly its length, so that ASan sees every byte that is read behind it */
static struct iotkey_bytes exactly(struct iotkey_bytes bytes)
{
	uint8_t *copy = malloc(bytes.len ? bytes.len : 1);

	memcpy(copy, bytes.data, bytes.len);
	return (struct iotkey_bytes){ copy, bytes.len };
}

static int appraise(const struct made *made, struct iotkey_evidence evidence,
		    const char *ak, const struct iotkey_reference *reference)
{
	struct iotkey_bytes *all[] = { &evidence.quote, &evidence.signature,
				       &evidence.pcrs, &evidence.eventlog,
				       &evidence.ima };
	struct iotkey_expected expected = {
		.reference = reference, .nonce = { made->nonce, sizeof(made->nonce) }
	};
	struct iotkey_ak *key;
	size_t i;
	int ret;

	if (iotkey_ak_parse(ak, strlen(ak), &key))
		return -EIO;
	expected.ak = key;
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i]->data)
			*all[i] = exactly(*all[i]);
	ret = iotkey_appraise(made->attest, &evidence, &expected, &result);
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free((void *)all[i]->data);
	iotkey_ak_free(key);
	return ret;
}

static int as_made(const struct made *made, const struct iotkey_reference *reference)
{
	return appraise(made, made_evidence(made), made->ak, reference);
}

static struct iotkey_reference *parse(const char *text)
{
	struct iotkey_reference_mistake why;
	struct iotkey_reference *reference;
	int err = iotkey_reference_parse(text, strlen(text), &reference, &why);

	if (err)
		printf("# line %u: '%s': %s\n", why.line, why.word, why.mend);
	return err ? NULL : reference;
}

static char *record(const struct made *made)
{
	struct iotkey_evidence evidence = made_evidence(made);
	size_t len;
	char *text;

	if (as_made(made, NULL) != 1)
		return NULL;
	/* The appraisal's pointers are into copies that are gone; its values are not */
	return iotkey_reference_record(&evidence, &result, &text, &len) ? NULL : text;
}

static const struct iotkey_finding *find(enum iotkey_check check)
{
	unsigned int i;

	for (i = 0; i < result.kept; i++)
		if (result.finding[i].check == check)
			return &result.finding[i];
	return NULL;
}

static void say_findings(void)
{
	char text[1024];
	unsigned int i;

	for (i = 0; i < result.kept; i++)
		printf("# %s: %s\n", iotkey_check_name(result.finding[i].check),
		       iotkey_finding_text(&result.finding[i], text, sizeof(text)));
}

/* Refused, for that reason; about that PCR, number and name (-1, -1, NULL: never mind) */
static void refused(int ret, const char *what, enum iotkey_check check, int pcr,
		    int number, const char *name)
{
	const struct iotkey_finding *finding = find(check);
	bool ok = ret == 0 && finding && (pcr < 0 || finding->pcr == pcr) &&
		  (number < 0 || finding->number == number) &&
		  (!name || !strcmp(finding->name, name));

	if (!ktap_ok(ok, "%s: %s", what, iotkey_check_name(check)))
		say_findings();
}

static void test_passes(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference;
	struct iotkey_evidence evidence;
	char *text = record(made);

	ktap_ok(text && strstr(text, "event 7 EV_EFI_VARIABLE_DRIVER_CONFIG sha256:") &&
			strstr(text, " SecureBoot\n") && strstr(text, "pcr sha256:0 ") &&
			strstr(text, " /usr/bin/sensor daemon\n"),
		"a reference is recorded");
	reference = parse(text);
	ktap_ok(reference && as_made(made, reference) == 1 && result.events == 17 &&
			result.ima_entries == 3 && !result.ima_later &&
			result.quote.resets == 7,
		"what was recorded passes");
	evidence = made_evidence(made);
	evidence.eventlog.data = evidence.ima.data = NULL;
	ktap_ok(appraise(made, evidence, made->ak, NULL) == 1, "without logs");
	refused(appraise(made, evidence, made->ak, reference),
		"the event log is held back", IOTKEY_CHECK_EVENTLOG_MISSING, -1, -1,
		NULL);
	refused(0, "the IMA log is held back", IOTKEY_CHECK_IMA_MISSING, -1, -1, NULL);
	evidence.pcrs.data = NULL;
	refused(appraise(made, evidence, made->ak, NULL), "the values are held back",
		IOTKEY_CHECK_PCRS_MISSING, -1, -1, NULL);
	iotkey_reference_free(reference);
	free(text);
	made_free(made);
}

static void test_quote(void)
{
	struct made *made = made_boot(PCRS), *other = made_boot(PCRS);
	struct iotkey_evidence evidence;
	size_t len;
	int n;

	made->nonce[3] ^= 1;
	refused(as_made(made, NULL), "another nonce", IOTKEY_CHECK_NONCE, -1, -1, NULL);
	made->nonce[3] ^= 1;
	made->quote[made->quote_len - 1] ^= 1;
	refused(as_made(made, NULL), "a changed quote", IOTKEY_CHECK_SIGNATURE, -1, -1,
		NULL);
	made->quote[made->quote_len - 1] ^= 1;
	made->signature[20] ^= 1;
	refused(as_made(made, NULL), "a changed signature", IOTKEY_CHECK_SIGNATURE, -1,
		-1, NULL);
	made->signature[20] ^= 1;
	evidence = made_evidence(made);
	refused(appraise(made, evidence, other->ak, NULL), "signed by another key",
		IOTKEY_CHECK_WRONG_KEY, -1, -1, NULL);
	evidence.ak.data = NULL;
	refused(appraise(made, evidence, other->ak, NULL),
		"signed by another key, which is not said", IOTKEY_CHECK_SIGNATURE, -1,
		-1, NULL);
	made->quote[5] = 0x17; /* TPM2_Certify */
	made_sign(made);
	refused(as_made(made, NULL), "a certification", IOTKEY_CHECK_QUOTE_TYPE, -1, -1,
		NULL);
	made->quote[5] = 0x18;
	made->quote[0] = 0;
	made_sign(made);
	refused(as_made(made, NULL), "no TPM's magic", IOTKEY_CHECK_QUOTE_MALFORMED, -1,
		-1, NULL);
	made->quote[0] = 0xff;
	made_sign(made);
	made->signature[3] = IOTKEY_HASH_SHA1;
	refused(as_made(made, NULL), "SHA-1", IOTKEY_CHECK_SIGNATURE_WEAK, -1, -1, NULL);
	made->signature[3] = IOTKEY_HASH_SHA256;
	made->signature[1] = 0x14;
	made->signature_len = 6 + 32;
	refused(as_made(made, NULL), "RSA's signature", IOTKEY_CHECK_WRONG_KEY, -1, -1,
		NULL);
	made_sign(made);
	for (len = n = 0; len < made->signature_len; len++) {
		evidence = made_evidence(made);
		evidence.signature.len = len;
		n += appraise(made, evidence, made->ak, NULL) == 0 &&
		     find(IOTKEY_CHECK_SIGNATURE_MALFORMED);
	}
	ktap_ok(n == (int)made->signature_len, "a signature cut anywhere is none");
	for (len = n = 0; len < made->quote_len; len++) {
		evidence = made_evidence(made);
		evidence.quote.len = len;
		n += appraise(made, evidence, made->ak, NULL) == 0 &&
		     find(IOTKEY_CHECK_QUOTE_MALFORMED);
	}
	ktap_ok(n == (int)made->quote_len, "a quote cut anywhere is none");
	made_free(other);
	made_free(made);
}

/* The same values as tpm2_quote -F marshaled writes them: big endian, nothing left empty */
static void test_marshaled(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_evidence evidence = made_evidence(made);
	uint8_t file[1024];
	size_t len = iotkey_pcr_selection_marshal(&made->selection, file);
	int pcr;

	memcpy(file + len, "\0\0\0\2", 4);
	len += 4;
	for (pcr = 0; pcr < 11; pcr++) {
		if (pcr % 8 == 0) {
			memcpy(file + len, pcr ? "\0\0\0\3" : "\0\0\0\10", 4);
			len += 4;
		}
		memcpy(file + len, "\0\40", 2);
		memcpy(file + len + 2, made->values.bank[0].value[pcr], 32);
		len += 34;
	}
	evidence.pcrs = (struct iotkey_bytes){ file, len };
	ktap_ok(appraise(made, evidence, made->ak, NULL) == 1, "marshaled values");
	file[len - 1] ^= 1;
	refused(appraise(made, evidence, made->ak, NULL), "changed ones",
		IOTKEY_CHECK_PCR_DIGEST, -1, -1, NULL);
	made_free(made);
}

static void test_pcrs(void)
{
	struct made *made = made_boot(PCRS),
		    *other = made_boot("sha256:0,1,2,3,4,5,6,7,8,9,11");
	struct iotkey_reference *reference;
	struct iotkey_evidence evidence;
	char *text = record(made);
	size_t len;
	int n;

	reference = parse(text);
	made->pcrs[132 + 4 + 4 + 2 + 66 * 7] ^= 1; /* PCR 7 */
	refused(as_made(made, reference), "a changed value", IOTKEY_CHECK_PCR_DIGEST, -1,
		-1, NULL);
	refused(0, "a changed value against the reference", IOTKEY_CHECK_PCR, 7, -1,
		NULL);
	refused(0, "a changed value against the log", IOTKEY_CHECK_EVENTLOG_REPLAY, 7, -1,
		NULL);
	made->pcrs[132 + 4 + 4 + 2 + 66 * 7] ^= 1;
	evidence = made_evidence(made);
	evidence.pcrs = made_evidence(other).pcrs;
	refused(appraise(made, evidence, made->ak, NULL), "values of another selection",
		IOTKEY_CHECK_PCR_SELECTION, -1, -1, NULL);
	refused(as_made(other, reference), "a PCR that was not quoted",
		IOTKEY_CHECK_PCR_NOT_QUOTED, 10, -1, NULL);
	for (len = n = 0; len < made->pcrs_len; len++) {
		evidence = made_evidence(made);
		evidence.pcrs.len = len;
		n += appraise(made, evidence, made->ak, NULL) == 0 &&
		     (find(IOTKEY_CHECK_PCRS_MALFORMED) || find(IOTKEY_CHECK_PCR_DIGEST));
	}
	ktap_ok(n == (int)made->pcrs_len, "values cut anywhere are refused");
	/* Marshaled: no bank, 4 billion lists, and not even one is there */
	evidence = made_evidence(made);
	evidence.pcrs =
		(struct iotkey_bytes){ (const uint8_t *)"\0\0\0\0\xff\xff\xff\xff\0", 9 };
	refused(appraise(made, evidence, made->ak, NULL), "4 billion lists",
		IOTKEY_CHECK_PCRS_MALFORMED, -1, -1, NULL);
	made_event(made, 5, IOTKEY_EV_SEPARATOR, "\0\0\0\0", 4);
	made_seal(made);
	refused(as_made(made, reference), "an extended PCR", IOTKEY_CHECK_PCR, 5, -1,
		NULL);
	iotkey_reference_free(reference);
	free(text);
	made_free(other);
	made_free(made);
}

/* Where event @number begins */
static size_t event_at(const struct made *made, unsigned int number)
{
	struct iotkey_log_event event;
	struct iotkey_eventlog log;

	iotkey_eventlog_open(&log, made->eventlog.data, made->eventlog.len);
	while (log.number < number && iotkey_eventlog_next(&log, &event) == 1)
		;
	return log.offset;
}

static size_t entry_at(const struct made *made, unsigned int number)
{
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;

	iotkey_ima_open(&log, made->ima.data, made->ima.len);
	while (log.number + 1 < number && iotkey_ima_next(&log, &entry) == 1)
		;
	return log.offset;
}

static void cut_out(struct made_log *log, size_t from, size_t to)
{
	memmove(log->data + from, log->data + to, log->len - to);
	log->len -= to - from;
}

/* The pieces [a, b) and [b, c) change places */
static void swap(struct made_log *log, size_t a, size_t b, size_t c)
{
	static uint8_t copy[4096];

	memcpy(copy, log->data + a, b - a);
	memmove(log->data + a, log->data + b, c - b);
	memcpy(log->data + a + (c - b), copy, b - a);
}

/*
 * Events 3 to 6 are those of PCR 7 before its separator.  Tampered with after the quote,
 * the log does not lead to the PCR; before it, the reference tells.
 */
static void test_events(void)
{
	struct made *made, *good = made_boot(PCRS);
	char *text = record(good);
	struct iotkey_reference *reference = parse(text);
	int sealed;
	size_t len;
	char what[64];
	int n = 0;

	for (sealed = 0; sealed < 2; sealed++) {
		const char *when = sealed ? "booted so" : "in the log";

		made = made_boot(PCRS);
		cut_out(&made->eventlog, event_at(made, 4), event_at(made, 5));
		if (sealed)
			made_seal(made);
		snprintf(what, sizeof(what), "an event removed, %s", when);
		refused(as_made(made, reference), what, IOTKEY_CHECK_EVENT_MISSING, 7, -1,
			"PK");
		if (!sealed)
			refused(0, what, IOTKEY_CHECK_EVENTLOG_REPLAY, 7, -1, NULL);
		made_free(made);

		made = made_boot(PCRS);
		made_variable(made, 7, "dbx", "forbidden");
		swap(&made->eventlog, event_at(made, 5), event_at(made, 17),
		     made->eventlog.len);
		if (sealed)
			made_seal(made);
		snprintf(what, sizeof(what), "an event added, %s", when);
		refused(as_made(made, reference), what, IOTKEY_CHECK_EVENT_UNEXPECTED, 7,
			5, "dbx");
		made_free(made);

		made = made_boot(PCRS);
		swap(&made->eventlog, event_at(made, 4), event_at(made, 5),
		     event_at(made, 6));
		if (sealed)
			made_seal(made);
		snprintf(what, sizeof(what), "events in another order, %s", when);
		refused(as_made(made, reference), what, IOTKEY_CHECK_EVENT, 7, 4, "PK");
		made_free(made);

		made = made_boot(PCRS);
		made->eventlog.data[event_at(made, 5) + 12 + 2 + 20 + 2] ^= 1;
		if (sealed)
			made_seal(made);
		snprintf(what, sizeof(what), "an event's digest, %s", when);
		refused(as_made(made, reference), what, IOTKEY_CHECK_EVENT, 7, 5, "KEK");
		refused(0, what, IOTKEY_CHECK_EVENT_DATA, 7, 5, "KEK");
		made_free(made);
	}

	made = made_boot(PCRS);
	made->eventlog.data[event_at(made, 6) - 1] ^= 1;
	refused(as_made(made, NULL), "an event's data", IOTKEY_CHECK_EVENT_DATA, 7, 5,
		"KEK");
	made_free(made);

	made = made_boot(PCRS);
	made->eventlog.data[event_at(made, 2) - 1] ^= 1;
	refused(as_made(made, NULL), "the startup locality", IOTKEY_CHECK_EVENTLOG_REPLAY,
		0, -1, NULL);
	made_free(made);

	/* All events of a PCR */
	made = made_boot(PCRS);
	cut_out(&made->eventlog, event_at(made, 10), event_at(made, 11));
	refused(as_made(made, NULL), "a PCR left out", IOTKEY_CHECK_EVENTLOG_REPLAY, 3,
		-1, NULL);
	made_free(made);

	made = made_boot(PCRS);
	for (len = made->eventlog.len; --len > 0;) {
		struct iotkey_evidence evidence = made_evidence(made);

		evidence.eventlog.len = len;
		n += appraise(made, evidence, made->ak, reference) != 0;
	}
	ktap_ok(!n, "an event log cut anywhere is refused");
	made_free(made);
	made_free(good);
	iotkey_reference_free(reference);
	free(text);
}

static void test_ima(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference;
	struct iotkey_evidence evidence;
	struct iotkey_pcr_values first;
	char *text = record(made), *listed;
	size_t len, before;
	int n = 0, ret;

	reference = parse(text);
	made->ima.data[entry_at(made, 2) + 60] ^= 1;
	refused(as_made(made, reference), "an entry's data", IOTKEY_CHECK_IMA_ENTRY, -1,
		2, "/bin/sh");
	refused(0, "an entry's data", IOTKEY_CHECK_IMA_REPLAY, 10, -1, NULL);
	made->ima.data[entry_at(made, 2) + 60] ^= 1;
	made->ima.data[entry_at(made, 2) + 5] ^= 1;
	refused(as_made(made, reference), "an entry's digest", IOTKEY_CHECK_IMA_ENTRY, -1,
		2, "/bin/sh");
	made_free(made);

	made = made_boot(PCRS);
	cut_out(&made->ima, entry_at(made, 2), entry_at(made, 3));
	refused(as_made(made, reference), "an entry removed", IOTKEY_CHECK_IMA_REPLAY, 10,
		-1, NULL);
	made_free(made);

	made = made_boot(PCRS);
	swap(&made->ima, entry_at(made, 1), entry_at(made, 2), entry_at(made, 3));
	refused(as_made(made, reference), "entries in another order",
		IOTKEY_CHECK_IMA_REPLAY, 10, -1, NULL);
	made_free(made);

	made = made_boot(PCRS);
	made_file(made, "/tmp/evil", "evil");
	swap(&made->ima, entry_at(made, 2), entry_at(made, 4), made->ima.len);
	refused(as_made(made, reference), "an entry added", IOTKEY_CHECK_IMA_REPLAY, 10,
		-1, NULL);
	refused(0, "an entry added", IOTKEY_CHECK_IMA_UNKNOWN, -1, 2, "/tmp/evil");
	made_free(made);

	made = made_boot(PCRS);
	made_file(made, "/tmp/evil", "evil");
	made_file(made, "/bin/sh", "another shell");
	made_seal(made);
	refused(as_made(made, reference), "a file that nobody knows",
		IOTKEY_CHECK_IMA_UNKNOWN, -1, 4, "/tmp/evil");
	refused(0, "another content", IOTKEY_CHECK_IMA_FILE, -1, 5, "/bin/sh");
	ktap_ok(result.findings == 2, "and nothing else");
	if (asprintf(&listed, "%sima any /tmp/*\nima any /bin/sh\n", text) > 0) {
		iotkey_reference_free(reference);
		reference = parse(listed);
		free(listed);
	}
	ktap_ok(as_made(made, reference) == 1, "any content, by path or prefix");

	/* The log has grown since the quote */
	before = made->ima.len;
	made_file(made, "/root/evil", "later");
	ktap_ok(as_made(made, reference) == 1 && result.ima_entries == 5 &&
			result.ima_later == 1 && result.ima_len == before,
		"what came after the quote is not appraised");

	/* Later, another quote, and only what is new of the log */
	first = result.values;
	made_seal(made);
	evidence = made_evidence(made);
	evidence.ima.data += before;
	evidence.ima.len -= before;
	evidence.ima_from = &first;
	evidence.ima_entries = 5;
	evidence.eventlog.data = NULL;
	ret = appraise(made, evidence, made->ak, NULL);
	ktap_ok(ret == 1 && result.ima_entries == 6, "the log goes on");
	evidence.ima_from = NULL;
	refused(appraise(made, evidence, made->ak, NULL), "a log without its beginning",
		IOTKEY_CHECK_IMA_REPLAY, 10, -1, NULL);
	for (len = made->ima.len; --len > 0;) {
		evidence = made_evidence(made);
		evidence.ima.len = len;
		n += appraise(made, evidence, made->ak, NULL) != 0;
	}
	ktap_ok(!n, "an IMA log cut anywhere is refused");
	made_free(made);
	iotkey_reference_free(reference);
	free(text);
}

/* Two findings are kept of each of 100 files: 32, and a count */
static void test_many(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference = parse("ima any /sbin/init\n");
	char path[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(path, sizeof(path), "/tmp/%d", i);
		made_file(made, path, "x");
	}
	made_seal(made);
	ktap_ok(as_made(made, reference) == 0 && result.findings == 102 &&
			result.kept == IOTKEY_FINDINGS_MAX,
		"findings are counted, 32 kept");
	iotkey_reference_free(reference);
	made_free(made);
}

/*
 * An event that was never measured, told with digests of another bank only: nothing was
 * extended, so the log leads to what was quoted.
 */
static void test_unmeasured(void)
{
	struct made *made = made_boot("sha256:0,1,2,3,4,5,6,7,8,9,10");
	struct iotkey_reference *reference = parse("event 9 EV_IPL any\n");
	size_t at = made->eventlog.len;

	made_event(made, 9, 0xd, "never", 5);
	/* PCR, type, count, SHA-1, then SHA-256, which goes */
	cut_out(&made->eventlog, at + 12 + 22, at + 12 + 22 + 34);
	made->eventlog.data[at + 8] = 1;
	made_seal(made);
	refused(as_made(made, reference), "an event without a digest that counts",
		IOTKEY_CHECK_EVENT, 9, 17, NULL);
	iotkey_reference_free(reference);
	made_free(made);
}

/* What no bank that was quoted vouches for, nothing is believed of */
static void test_other_bank(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference;
	uint8_t digest[IOTKEY_DIGEST_MAX];
	char text[256], *end = text;
	int i;

	iotkey_digest(made->attest, IOTKEY_HASH_SHA1, "root=/dev/sda1 quiet", 21, digest);
	end += sprintf(end, "event 8 EV_IPL sha1:");
	for (i = 0; i < 20; i++)
		end += sprintf(end, "%02x", digest[i]);
	reference = parse(text);
	refused(as_made(made, reference), "a SHA-1 digest beside a quote over SHA-256",
		IOTKEY_CHECK_EVENT, 8, 16, NULL);
	iotkey_reference_free(reference);
	made_free(made);

	/* The same, with both banks quoted */
	made = made_boot("sha1:8+" PCRS);
	reference = parse(text);
	ktap_ok(as_made(made, reference) == 1, "a SHA-1 digest with a quote over both");
	iotkey_reference_free(reference);
	made_free(made);
}

static void test_optional(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference;
	int i;
	static const char *const texts[] = {
		"optional-event 8 EV_ACTION any\nevent 8 EV_IPL any the kernel's arguments\n",
		"event 8 EV_IPL any\noptional-event 8 EV_IPL any\n",
		"optional-event 8 0x0d any\n",
		"# nothing\n\n   \npcr sha256:8 any arguments\r\npcr sha256:10 any",
	};

	for (i = 0; i < 4; i++) {
		reference = parse(texts[i]);
		ktap_ok(as_made(made, reference) == 1, "reference %d passes", i + 1);
		iotkey_reference_free(reference);
	}
	reference = parse("event 8 EV_IPL any\nevent 8 EV_SEPARATOR any the end\n");
	refused(as_made(made, reference), "an event that never came",
		IOTKEY_CHECK_EVENT_MISSING, 8, -1, "the end");
	iotkey_reference_free(reference);
	made_free(made);
}

static void test_mistakes(void)
{
	static const struct {
		const char *text;
		unsigned int line;
		const char *word;
	} bad[] = {
		{ "pcr sha256:0 any\nprc sha256:7 any", 2, "prc" },
		{ "pcr sha256 any", 1, "sha256" },
		{ "pcr sha257:0 any", 1, "sha257:0" },
		{ "pcr sha256:24 any", 1, "24" },
		{ "pcr sha256:0 00", 1, "00" },
		{ "pcr sha1:0 000000000000000000000000000000000000000g", 1,
		  "000000000000000000000000000000000000000g" },
		{ "pcr sha256:0 any\n# x\npcr sha256:0 any", 3, "sha256:0" },
		{ "event 4 EV_NOTHING any", 1, "EV_NOTHING" },
		{ "event 4 EV_IPL 00", 1, "00" },
		{ "event x EV_IPL any", 1, "x" },
		{ "ima any", 1, "" },
		{ "ima any /tmp/\\x0", 1, "\\x0" },
		{ "ima any /tmp/\\x00", 1, "\\x00" },
	};
	struct iotkey_reference_mistake why;
	struct iotkey_reference *reference;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int err = iotkey_reference_parse(bad[i].text, strlen(bad[i].text),
						 &reference, &why);

		if (!ktap_ok(err == -EINVAL && why.line == bad[i].line &&
				     !strcmp(why.word, bad[i].word) && why.mend,
			     "mistake %zu is found", i + 1))
			printf("# %d line %u '%s'\n", err, why.line, why.word);
	}
}

/* Names come back as they were, whatever is in them */
static void test_names(void)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_reference *reference;
	char *text;

	made_file(made, " leading", "1");
	made_file(made, "/back\\slash", "2");
	made_file(made, "/new\nline", "3");
	made_file(made, "# no comment *", "4");
	made_file(made, "/\xc3\xa4 trailing ", "5");
	made_seal(made);
	text = record(made);
	reference = parse(text);
	ktap_ok(as_made(made, reference) == 1 && strstr(text, "/new\\x0aline"),
		"names of any kind");
	iotkey_reference_free(reference);
	free(text);
	made_free(made);
}

static void test_keys(void)
{
	static const uint8_t junk[] =
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
	EVP_PKEY *weak = EVP_RSA_gen(1024);
	struct iotkey_ak *ak;
	uint8_t *der = NULL;
	int len = i2d_PUBKEY(weak, &der);

	ktap_ok(iotkey_ak_parse(der, (size_t)len, &ak) == -ENOTSUP,
		"RSA-1024 is refused");
	ktap_ok(iotkey_ak_parse(junk, sizeof(junk) - 1, &ak) == -EBADMSG,
		"no key is refused");
	EVP_PKEY_free(weak);
	OPENSSL_free(der);
}

static void test_selection(void)
{
	static const char *const bad[] = {
		"",	     "sha256",	   "sha256:",	"sha256:24",
		"sha256:1,", "sha256:1,1", "sha256:1+", "sha256:1+sha256:2",
		"md5:1",     "sha256: 1",  "sha256:-1", "sha256:1 "
	};
	struct iotkey_pcr_selection selection;
	size_t i, n = 0;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		n += iotkey_pcr_selection_parse(bad[i], &selection) == -EINVAL;
	ktap_ok(n == i, "bad selections");
	ktap_ok(!iotkey_pcr_selection_parse("sha1:23+sha256:0,7", &selection) &&
			selection.count == 2 &&
			selection.bank[0].hash == IOTKEY_HASH_SHA1 &&
			selection.bank[1].pcrs == 0x81,
		"a good selection");
}

int main(void)
{
	test_passes();
	test_quote();
	test_pcrs();
	test_marshaled();
	test_events();
	test_ima();
	test_many();
	test_unmeasured();
	test_other_bank();
	test_optional();
	test_mistakes();
	test_names();
	test_keys();
	test_selection();
	return ktap_done();
}
