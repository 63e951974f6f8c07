// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blob headers: one of each kind, each length cut, each byte changed.
 *
 * sources: lib/blob.c lib/spec.c lib/words.c tests/unit/ktap.c
 */
#include <errno.h>
#include <iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"

#define BODY 50

static size_t base64(const uint8_t *in, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t i, n = 0;
	uint32_t v;

	for (i = 0; i < len; i += 3) {
		v = (uint32_t)in[i] << 16;
		v |= i + 1 < len ? (uint32_t)in[i + 1] << 8 : 0;
		v |= i + 2 < len ? in[i + 2] : 0;
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? digits[v & 63] : '=';
	}
	return n;
}

/* A key's blob with the header of the contract; the body is anything */
static size_t make(uint8_t *b)
{
	static const char names[] = "telemetrydevice-rootmylabel";
	size_t i;

	memset(b, 0, 148);
	memcpy(b, "IOTK\1\2\1\2\0\0\3", 11);
	b[15] = 9; /* jitter */
	for (i = 0; i < 32; i++)
		b[16 + i] = (uint8_t)i;
	b[55] = 7; /* start */
	b[58] = 1; /* rotate: 256 + 0 */
	b[63] = 60;
	b[67] = 30;
	b[70] = 2;
	b[79] = 100;
	b[87] = 11;
	b[95] = 12;
	b[103] = 13;
	b[111] = 14;
	b[115] = 5;
	b[119] = 6;
	b[123] = 4;
	b[124] = 9;
	b[125] = 11;
	b[126] = 7;
	b[129] = BODY;
	memcpy(b + 148, names, sizeof(names) - 1);
	memset(b + 148 + sizeof(names) - 1, 0xa5, BODY);
	return 148 + sizeof(names) - 1 + BODY;
}

static int parse(const uint8_t *b, size_t len, struct iotkey_blob *blob)
{
	char *text = malloc(2 * len + 4);
	int ret;

	/* no final zero, so that reading on is seen */
	text = realloc(text, base64(b, len, text) + !len);
	ret = iotkey_blob_parse(text, (len + 2) / 3 * 4, blob);
	free(text);
	return ret;
}

static void test_good(void)
{
	struct iotkey_blob blob;
	uint8_t b[512];
	size_t len = make(b);

	ktap_ok(!parse(b, len, &blob), "a key");
	ktap_ok(blob.kind == IOTKEY_BLOB_KEY && blob.algorithm == 1 && blob.mode == 2 &&
			blob.usage == 3 && blob.jitter == 9 && blob.id[15] == 15 &&
			blob.root_id[0] == 16 && blob.start == 7 && blob.rotate == 256 &&
			blob.overlap == 60 && blob.ahead == 30 && blob.lifetime == 512 &&
			blob.max_ops == 100 && blob.created == 11 && blob.saved == 12 &&
			blob.activated == 13 && blob.ops == 14 && blob.version == 5 &&
			blob.newest == 6 && blob.epoch == 4,
		"its numbers");
	ktap_ok(!strcmp(blob.name, "telemetry") && !strcmp(blob.root, "device-root") &&
			!strcmp(blob.label, "mylabel"),
		"its names");

	memcpy(b + 5, "\1\0\0\3", 4); /* a soft root of the same bytes */
	b[125] = 0;
	b[129] += 11;
	ktap_ok(!parse(b, len, &blob) && blob.kind == IOTKEY_BLOB_ROOT && !blob.root[0],
		"a root");
}

static void test_bad(void)
{
	static const struct {
		size_t at;
		uint8_t value;
		int result;
		const char *what;
	} bad[] = {
		{ 0, 'X', -EBADMSG, "magic" },
		{ 4, 2, -EPROTONOSUPPORT, "format 2" },
		{ 5, 3, -EBADMSG, "kind 3" },
		{ 5, 1, -EBADMSG, "a root with an algorithm" },
		{ 6, 0, -EBADMSG, "a key without an algorithm" },
		{ 8, 1, -EBADMSG, "a key with a provider" },
		{ 124, 255, -EBADMSG, "a name too long" },
		{ 124, 0, -EBADMSG, "lengths that do not add up" },
		{ 126, 65, -EBADMSG, "a label too long" },
		{ 128, 255, -EBADMSG, "a body too long" },
		{ 148, ' ', -EBADMSG, "a space in the name" },
		{ 149, 0, -EBADMSG, "a zero in the name" },
		{ 150, 0x1b, -EBADMSG, "an escape in the name" },
	};
	struct iotkey_blob blob;
	uint8_t b[512];
	size_t i, len;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		len = make(b);
		b[bad[i].at] = bad[i].value;
		ktap_ok(parse(b, len, &blob) == bad[i].result && !blob.kind,
			"refused: %s", bad[i].what);
	}
}

static void test_cut_and_changed(void)
{
	bool all = true;
	struct iotkey_blob blob;
	uint8_t b[512];
	size_t i, len = make(b);
	int value;

	for (i = 0; i < len; i++)
		all &= parse(b, i, &blob) < 0;
	b[len] = 0;
	all &= parse(b, len + 1, &blob) < 0;
	ktap_ok(all, "every other length is refused");
	for (i = 0; i < len; i++) {
		for (value = 0; value < 256; value++) {
			make(b);
			b[i] = (uint8_t)value;
			parse(b, len, &blob);
			all &= strlen(blob.name) <= IOTKEY_NAME_MAX &&
			       strlen(blob.label) <= IOTKEY_LABEL_MAX;
		}
	}
	ktap_ok(all, "every byte changed: no crash");
}

static void test_text(void)
{
	static const char pem[] = "\n-----BEGIN TSS2 PRIVATE KEY-----\nMII";
	static const struct {
		const char *text;
		int result;
	} texts[] = {
		{ "", -EBADMSG },
		{ "=", -EBADMSG },
		{ "A", -EBADMSG },
		{ "AA", -EBADMSG },
		{ "AA=", -EBADMSG },
		{ "AB==", -EBADMSG },
		{ "AA==A", -EBADMSG },
		{ "A*==", -EBADMSG },
		{ "SU9USwI=", -EPROTONOSUPPORT },
		{ " S U9\nUS\twI =\r\n", -EPROTONOSUPPORT },
		{ "SU9USwI", -EBADMSG },
	};
	struct iotkey_blob blob;
	char *big;
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ktap_ok(iotkey_blob_parse(texts[i].text, strlen(texts[i].text), &blob) ==
				texts[i].result,
			"text %zu", i);
	ktap_ok(!iotkey_blob_parse(pem, sizeof(pem) - 1, &blob) &&
			blob.kind == IOTKEY_BLOB_TSS2,
		"a TSS2 PRIVATE KEY in PEM");
	ktap_ok(!iotkey_blob_parse("MIIB", 4, &blob) && blob.kind == IOTKEY_BLOB_TSS2,
		"a TSS2 PRIVATE KEY in DER");
	big = calloc(1, IOTKEY_PAYLOAD_MAX + 1);
	ktap_ok(iotkey_blob_parse(big, IOTKEY_PAYLOAD_MAX + 1, &blob) == -E2BIG,
		"a text too long");
	free(big);
}

int main(void)
{
	test_good();
	test_bad();
	test_cut_and_changed();
	test_text();
	return ktap_done();
}
