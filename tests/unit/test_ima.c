// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * IMA logs: a real one against the PCRs of its machine, made ones of every template, and
 * all of them cut, changed and in the other byte order.
 *
 * sources: lib/attest/hash.c lib/attest/ima.c tests/unit/ktap.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-attest.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"

/* Debian's 6.12 with ima_policy="tcb|critical_data" and a software TPM, and its PCR 10 */
static const char real_log[] =
	"0a0000007bc63fcff2b5f329bf04b1820ccb5eb55c2be64907000000696d612d736967430000"
	"00280000007368613235363a007b6436b0c98f62380866d9432c2af0ee08ce16a171bda6951a"
	"ecd95ee1307d610f000000626f6f745f61676772656761746500000000000a0000007cf6744b"
	"7d92f39d3dd8c5631b253ee1628c465807000000696d612d6275665c00000028000000736861"
	"3235363a007237bed1abde9087760b42072fd59a7e480e5f4f18c5b351a2483b7f16df552b0f"
	"0000006b65726e656c5f76657273696f6e0019000000362e31322e39352b64656231322d636c"
	"6f75642d616d643634";
static const char *const real_pcr[] = {
	"sha1:8FB0467AFBEC17B2756464B3AF1841C714A6AE11",
	"sha256:D750436A9295B3531B4BDE064B4F38BB22397BA24E4D1AC13EF9DF74DDBD7BCB",
	"sha384:05D0289A79F434656C05FD0AF5C885E898AD78F2E1E1EA795D0056434A97EB71BDCAF0D6EDEF29B2"
	"52994985F1B2A957",
};

static struct iotkey_attest *attest;

static size_t from_hex(const char *text, uint8_t *out)
{
	size_t n = 0;

	for (; text[0] && sscanf(text, "%2hhx", &out[n]) == 1; text += 2)
		n++;
	return n;
}

/* A log being made */
struct log {
	uint8_t data[4096];
	size_t len;
	bool big_endian;
};

static void put_u32(struct log *log, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		log->data[log->len++] = (uint8_t)(v >> 8 * (log->big_endian ? 3 - i : i));
}

static void put(struct log *log, const void *data, size_t len)
{
	memcpy(log->data + log->len, data, len);
	log->len += len;
}

static void put_block(struct log *log, const void *data, size_t len)
{
	put_u32(log, (uint32_t)len);
	put(log, data, len);
}

#define TEXT(text) text, sizeof(text) - 1
#define VIOLATION  (4 + 20 + 4 + 6 + 4 + 4 + 40 + 4 + 14) /* bytes of such an entry */
#define DIGEST32   "0123456789abcdef0123456789abcdef"

/* The head of an entry; its template digest is filled in by the end */
static void put_head(struct log *log, uint32_t pcr, const char *template_name)
{
	put_u32(log, pcr);
	log->len += 20;
	put_block(log, template_name, strlen(template_name));
}

static void put_entry(struct log *log, const char *template_name, const uint8_t *data,
		      size_t len)
{
	size_t at = log->len + 4;
	uint8_t digest[IOTKEY_DIGEST_MAX];

	put_head(log, 10, template_name);
	put_block(log, data, len);
	iotkey_digest(attest, IOTKEY_HASH_SHA1, data, len, digest);
	memcpy(log->data + at, digest, 20);
}

/* An entry of d-ng, n-ng and @more, which may be nothing */
static void put_ng(struct log *log, const char *template_name, const char *name,
		   const char *more)
{
	struct log data = { .big_endian = log->big_endian };
	uint8_t digest[8 + IOTKEY_DIGEST_MAX] = "sha256:\0" DIGEST32;

	if (!strcmp(template_name, "ima-buf"))
		iotkey_digest(attest, IOTKEY_HASH_SHA256, more, strlen(more), digest + 8);
	put_block(&data, digest, 8 + 32);
	put_block(&data, name, strlen(name) + 1);
	if (more)
		put_block(&data, more, strlen(more));
	put_entry(log, template_name, data.data, data.len);
}

/* The oldest template, whose name is padded for its digest */
static void put_old(struct log *log, const char *name)
{
	uint8_t padded[20 + 256] = "0123456789abcdef0123", digest[IOTKEY_DIGEST_MAX];
	size_t at = log->len + 4;

	memcpy(padded + 20, name, strlen(name));
	iotkey_digest(attest, IOTKEY_HASH_SHA1, padded, sizeof(padded), digest);
	put_head(log, 10, "ima");
	put(log, padded, 20);
	put_block(log, name, strlen(name));
	memcpy(log->data + at, digest, 20);
}

static void put_violation(struct log *log)
{
	size_t at = log->len + 4;

	put_ng(log, "ima-ng", "/bin/violated", NULL);
	memset(log->data + at, 0, 20);
}

/*
 * The whole log: how many entries, or the error; @bad is how many do not fit their digest,
 * or tell neither what was measured nor its digest.
 */
static int walk(const void *data, size_t len, struct iotkey_pcrs *pcrs, int *bad)
{
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;
	int err;

	*bad = 0;
	iotkey_ima_open(&log, data, len);
	while ((err = iotkey_ima_next(&log, &entry)) == 1) {
		*bad += iotkey_ima_check(attest, &entry) || !entry.name.len ||
			!entry.digest.len;
		if (pcrs && iotkey_ima_extend(attest, &entry, pcrs))
			return -EIO;
	}
	return err ? err : (int)log.number;
}

static void test_real(void)
{
	uint8_t data[sizeof(real_log) / 2], want[IOTKEY_DIGEST_MAX];
	size_t len = from_hex(real_log, data), i, size;
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;
	struct iotkey_pcrs pcrs;
	const char *colon;
	int bad;

	for (i = 0; i < 3; i++) {
		colon = strchr(real_pcr[i], ':');
		iotkey_pcrs_init(&pcrs,
				 (unsigned int)iotkey_hash_value(
					 real_pcr[i], (size_t)(colon - real_pcr[i])));
		size = from_hex(colon + 1, want);
		ktap_ok(walk(data, len, &pcrs, &bad) == 2 && !bad &&
				pcrs.set == 1 << 10 &&
				size == iotkey_hash_size(pcrs.hash) &&
				!memcmp(pcrs.value[10], want, size),
			"a real log gives PCR 10 of bank %s",
			iotkey_hash_name(pcrs.hash));
	}
	iotkey_ima_open(&log, data, len);
	iotkey_ima_next(&log, &entry);
	ktap_ok(entry.hash == IOTKEY_HASH_SHA256 && entry.name.len == 14 &&
			!memcmp(entry.name.data, "boot_aggregate", 14),
		"boot_aggregate is named");
	iotkey_ima_next(&log, &entry);
	ktap_ok(entry.name.len == 14 && !memcmp(entry.name.data, "kernel_version", 14) &&
			entry.buffer.len == 25,
		"a measured buffer is there");
}

static size_t make(struct log *log, bool big_endian)
{
	memset(log, 0, sizeof(*log));
	log->big_endian = big_endian;
	put_ng(log, "ima-ng", "boot_aggregate", NULL);
	put_ng(log, "ima-sig", "/usr/bin/true", "signature");
	put_ng(log, "ima-buf", "iotkey", "created telemetry");
	put_ng(log, "d-ng|n-ng", "/usr/bin/false", NULL);
	put_old(log, "/sbin/init");
	put_violation(log);
	return log->len;
}

static void test_templates(void)
{
	static const char *const names[] = { "boot_aggregate", "/usr/bin/true",
					     "iotkey",	       "/usr/bin/false",
					     "/sbin/init",     "/bin/violated" };
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log ima;
	struct log log;
	int big, n;
	bool ok;

	for (big = 0; big < 2; big++) {
		iotkey_ima_open(&ima, log.data, make(&log, big));
		ok = true;
		for (n = 0; iotkey_ima_next(&ima, &entry) == 1; n++) {
			ok &= entry.name.len == strlen(names[n]) &&
			      !memcmp(entry.name.data, names[n], entry.name.len);
			ok &= !iotkey_ima_check(attest, &entry) &&
			      entry.number == (unsigned int)n + 1;
			ok &= entry.signature.len == (n == 1 ? 9 : 0) &&
			      entry.buffer.len == (n == 2 ? 17 : 0);
			ok &= entry.violation == (n == 5);
		}
		ktap_ok(ok && n == 6, "every template, %s endian",
			big ? "big" : "little");
	}
}

/* A violation extends ones, whatever the log says of it */
static void test_violation(void)
{
	uint8_t input[64], want[IOTKEY_DIGEST_MAX];
	struct iotkey_pcrs pcrs;
	struct log log = { 0 };
	int bad;

	put_violation(&log);
	memset(input, 0, 32);
	memset(input + 32, 0xff, 32);
	iotkey_digest(attest, IOTKEY_HASH_SHA256, input, 64, want);
	iotkey_pcrs_init(&pcrs, IOTKEY_HASH_SHA256);
	ktap_ok(walk(log.data, log.len, &pcrs, &bad) == 1 &&
			!memcmp(pcrs.value[10], want, 32),
		"a violation extends ones");
}

/* Replayed in two goes */
static void test_resume(void)
{
	struct iotkey_pcrs whole, parts;
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log ima;
	struct log log;
	size_t middle;
	int bad;

	make(&log, false);
	iotkey_pcrs_init(&whole, IOTKEY_HASH_SHA256);
	iotkey_pcrs_init(&parts, IOTKEY_HASH_SHA256);
	walk(log.data, log.len, &whole, &bad);
	iotkey_ima_open(&ima, log.data, log.len);
	iotkey_ima_next(&ima, &entry);
	iotkey_ima_next(&ima, &entry);
	middle = ima.offset;
	ktap_ok(walk(log.data, middle, &parts, &bad) == 2 &&
			walk(log.data + middle, log.len - middle, &parts, &bad) == 4 &&
			!memcmp(&whole, &parts, sizeof(whole)),
		"a log in two pieces");
}

static void test_cut(void)
{
	size_t len, whole = 0, wrong = 0;
	struct log log;
	uint8_t *copy;
	int bad, n;

	make(&log, false);
	for (len = 1; len < log.len; len++) {
		copy = malloc(len);
		memcpy(copy, log.data, len);
		n = walk(copy, len, NULL, &bad);
		whole += n > 0;
		wrong += n != -ENODATA && n <= 0;
		free(copy);
	}
	ktap_ok(whole == 5 && !wrong,
		"cut anywhere it ends early, or between two entries");
}

static void test_changed(void)
{
	struct iotkey_pcrs good, pcrs;
	size_t i, unnoticed = 0;
	struct log log;
	int bad, n;

	/* A violation has no digest: its name may be changed */
	make(&log, false);
	iotkey_pcrs_init(&good, IOTKEY_HASH_SHA1);
	walk(log.data, log.len, &good, &bad);
	for (i = 0; i < log.len - VIOLATION; i++) {
		log.data[i] ^= 1;
		iotkey_pcrs_init(&pcrs, IOTKEY_HASH_SHA1);
		n = walk(log.data, log.len, &pcrs, &bad);
		if (n == 6 && !bad && !memcmp(&good, &pcrs, sizeof(good)))
			unnoticed++;
		log.data[i] ^= 1;
	}
	ktap_ok(!unnoticed, "each byte changed is noticed");
}

static void refused(const char *name, struct log *log)
{
	int bad;

	ktap_ok(walk(log->data, log->len, NULL, &bad) == -EBADMSG, "%s is refused", name);
}

static void test_refused(void)
{
	struct log log = { 0 };

	put_head(&log, 24, "ima-ng");
	put_block(&log, "", 0);
	refused("a PCR that is none", &log);
	log = (struct log){ 0 };
	put_head(&log, 10, "");
	refused("a template without a name", &log);
	log = (struct log){ 0 };
	put_head(&log, 10, "ima-ng");
	put_u32(&log, UINT32_MAX);
	refused("an endless entry", &log);
	log = (struct log){ 0 };
	put_entry(&log, "ima-ng", (const uint8_t *)"\4\0\0\0", 4);
	refused("a field longer than its entry", &log);
	log = (struct log){ 0 };
	put_entry(&log, "ima-ng", (const uint8_t *)"\7\0\0\0sha256:\2\0\0\0x", 17);
	refused("a digest without an end of its hash's name", &log);
	log = (struct log){ 0 };
	put_ng(&log, "ima-ng", "x", "one field too many");
	refused("a field too many", &log);
}

int main(void)
{
	attest = iotkey_attest_new();
	test_real();
	test_templates();
	test_violation();
	test_resume();
	test_cut();
	test_changed();
	test_refused();
	iotkey_attest_free(attest);
	return ktap_done();
}
