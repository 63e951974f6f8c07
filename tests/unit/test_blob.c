// SPDX-License-Identifier: GPL-2.0-or-later
/* The blob's bytes: round trips, a vector, and what is refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base64.h"
#include "blob.h"
#include "ktap.h"

static struct iot_blob sample(void)
{
	static const u8 body[60] = "body";
	struct iot_blob b = {
		.kind = IOT_BLOB_KEY,
		.name = "telemetry",
		.name_len = 9,
		.root = "device-root",
		.root_len = 11,
		.label = "fleet",
		.label_len = 5,
		.body = body,
		.body_len = sizeof(body),
		.saved = 1700000100,
		.instance = 0x0123456789abcdef,
		.lead = 1699999999999999999,
		.policy = {
			.algorithm = IOTKEY_ALGORITHM_AES_256_GCM,
			.mode = IOTKEY_MODE_DERIVE,
			.usage = IOT_USAGE_ENCRYPT | IOT_USAGE_DECRYPT,
			.rotate = 3600,
			.overlap = 600,
			.ahead = 60,
			.lifetime = 864000,
			.start = 1700000000,
			.max_ops = 1ULL << 40,
		},
		.state = {
			.created = 1700000000,
			.activated = 1700003600,
			.ops = 77,
			.version = 2,
			.newest = 2,
			.epoch = 1,
		},
	};

	memset(b.id, 0x11, sizeof(b.id));
	memset(b.root_id, 0x22, sizeof(b.root_id));
	return b;
}

static size_t encode(const struct iot_blob *b, u8 *out)
{
	size_t len = iot_blob_encode(b, out);

	memcpy(out + len, b->body, b->body_len);
	return len + b->body_len;
}

static const char vector[] =
	"494f544b0102010200000300000000001111111111111111111111111111111122222222"
	"222222222222222222222222000000006553f10000000e10000002580000003c000d2f00"
	"0000010000000000000000006553f100000000006553f164000000006553ff1000000000"
	"0000004d000000020000000200000001090b0500003c00000123456789abcdef"
	"17979cfe3629ffff"
	"74656c656d65747279"
	"6465766963652d726f6f74"
	"666c656574"
	"626f6479";

static void test_vector(void)
{
	struct iot_blob b = sample();
	u8 out[IOT_BLOB_MAX];
	char hex[2 * IOT_BLOB_MAX + 1];
	size_t len = encode(&b, out), i;

	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", out[i]);
	ktap_ok(!strncmp(hex, vector, strlen(vector)), "the documented bytes");
	if (strncmp(hex, vector, strlen(vector)))
		printf("# %s\n", hex);
}

static void test_round_trip(void)
{
	struct iot_blob a = sample(), b;
	u8 out[IOT_BLOB_MAX];
	size_t len = encode(&a, out);

	ktap_ok(!iot_blob_decode(&b, out, len), "decode");
	ktap_ok(!memcmp(&a.policy, &b.policy, sizeof(a.policy)), "policy");
	ktap_ok(b.state.created == a.state.created && b.state.ops == 77 &&
			b.state.version == 2 && b.state.newest == 2 &&
			b.state.stored == 2 && b.state.epoch == 1 &&
			b.state.activated == a.state.activated && b.saved == a.saved &&
			b.instance == a.instance && b.lead == a.lead,
		"state; what is in a blob is stored");
	ktap_ok(b.name_len == 9 && !memcmp(b.name, "telemetry", 9) &&
			!memcmp(b.root, "device-root", 11) &&
			!memcmp(b.label, "fleet", 5) && b.body_len == 60 &&
			!memcmp(b.body, a.body, 60),
		"names and body");
}

/* Byte @at becomes @value: what then? */
static const struct {
	const char *what;
	size_t at;
	u8 value;
	int error;
} damages[] = {
	{ "magic", 0, 'X', -EBADMSG },
	{ "format", 4, 2, -EPROTONOSUPPORT },
	{ "kind", 5, 3, -EBADMSG },
	{ "kind root", 5, 1, -EBADMSG },
	{ "algorithm", 6, 8, -EBADMSG },
	{ "algorithm of the TPM", 6, IOTKEY_ALGORITHM_ECDSA_P256, -EBADMSG },
	{ "algorithm none", 6, 0, -EBADMSG },
	{ "mode", 7, 4, -EBADMSG },
	{ "mode none", 7, 0, -EBADMSG },
	{ "provider of a key", 8, 1, -EBADMSG },
	{ "reserved 9", 9, 1, -EBADMSG },
	{ "usage", 10, 4, -EBADMSG },
	{ "reserved 11", 11, 1, -EBADMSG },
	{ "jitter of derive", 15, 1, -EBADMSG },
	{ "start", 48, 0x80, -EBADMSG },
	{ "rotate", 56, 0xff, -EBADMSG },
	{ "overlap", 60, 0xff, -EBADMSG },
	{ "ahead", 64, 0xff, -EBADMSG },
	{ "lifetime", 68, 0xff, -EBADMSG },
	{ "max-ops", 72, 0xff, -EBADMSG },
	{ "created", 80, 0x80, -EBADMSG },
	{ "saved", 88, 0x80, -EBADMSG },
	{ "activated", 96, 0x80, -EBADMSG },
	{ "version 0", 115, 0, -EBADMSG },
	{ "version and epoch", 115, 1, -EBADMSG },
	{ "newest below", 119, 1, -EBADMSG },
	{ "newest far above", 119, 9, -EBADMSG },
	{ "name empty", 124, 0, -EBADMSG },
	{ "name long", 124, 255, -EBADMSG },
	{ "root empty", 125, 0, -EBADMSG },
	{ "label long", 126, 65, -EBADMSG },
	{ "reserved 127", 127, 1, -EBADMSG },
	{ "body length", 129, 61, -EBADMSG },
	{ "reserved 130", 130, 1, -EBADMSG },
	{ "reserved 131", 131, 1, -EBADMSG },
	{ "name with a space", 148, ' ', -EBADMSG },
	{ "root with a NUL", 157, 0, -EBADMSG },
	{ "label not ASCII", 168, 0xc3, -EBADMSG },
};

/* What names may say of roots */
static void test_roots(void)
{
	static const char key_root[] = "aaa+bbb+ccc"; /* as long as the sample's */
	struct iot_blob a = sample(), b;
	u8 out[IOT_BLOB_MAX];
	size_t len = encode(&a, out);

	memcpy(out + 157, key_root, 11);
	ktap_ok(!iot_blob_decode(&b, out, len), "a key under a combined root");
	memcpy(out + 157, "aaa+bbb+aaa", 11);
	ktap_ok(iot_blob_decode(&b, out, len) == -EBADMSG, "under one part twice");

	memset(&a.policy, 0, sizeof(a.policy));
	memset(&a.state, 0, sizeof(a.state));
	a.kind = IOT_BLOB_ROOT;
	a.provider = IOTKEY_PROVIDER_SOFT;
	a.root_len = 0;
	a.label_len = 0;
	len = encode(&a, out);
	ktap_ok(!iot_blob_decode(&b, out, len), "a root");
	out[8] = IOTKEY_PROVIDER_COMBINED;
	ktap_ok(iot_blob_decode(&b, out, len) == -EBADMSG, "a combined one has no blob");
	out[8] = IOTKEY_PROVIDER_SOFT;
	out[150] = '+';
	ktap_ok(iot_blob_decode(&b, out, len) == -EBADMSG, "its name says two");
}

static void test_damage(void)
{
	struct iot_blob a = sample(), b;
	u8 out[IOT_BLOB_MAX + 1];
	size_t len = encode(&a, out), i;
	bool ok = true;

	for (i = 0; i < ARRAY_SIZE(damages); i++) {
		u8 saved = out[damages[i].at];

		out[damages[i].at] = damages[i].value;
		ktap_ok(iot_blob_decode(&b, out, len) == damages[i].error, "damaged: %s",
			damages[i].what);
		out[damages[i].at] = saved;
	}
	for (i = 0; i < len; i++) {
		u8 *exact = malloc(i ?: 1);

		memcpy(exact, out, i);
		ok &= iot_blob_decode(&b, exact, i) == -EBADMSG;
		free(exact);
	}
	ktap_ok(ok, "truncated at every length");
	ktap_ok(iot_blob_decode(&b, out, len + 1) == -EBADMSG, "one byte more");
}

static void test_table(void)
{
	struct iot_table a = { .version = { 6, 7, 8, 0 } }, b;
	u8 out[IOT_TABLE_MAX];
	size_t len;

	memset(a.secret, 0x5a, sizeof(a.secret[0]) * 3);
	len = iot_table_encode(&a, out);
	ktap_ok(len == 1 + 3 * 37 && iot_table_size(&a) == len &&
			!iot_table_decode(&b, out, len) && !memcmp(&a, &b, sizeof(a)),
		"three secrets");
	ktap_ok(iot_table_decode(&b, out, len - 1) == -EBADMSG, "truncated");
	out[1 + 37] = 0;
	ktap_ok(iot_table_decode(&b, out, len) == -EBADMSG, "a role twice");
	out[1 + 37] = 4;
	ktap_ok(iot_table_decode(&b, out, len) == -EBADMSG, "a role unknown");
	out[0] = 0;
	ktap_ok(!iot_table_decode(&b, out, 1) && !b.version[0], "no secrets");
	out[0] = 4;
	ktap_ok(iot_table_decode(&b, out, sizeof(out)) == -EBADMSG, "too many");
	ktap_ok(iot_table_decode(&b, out, 0) == -EBADMSG, "nothing");
}

static void test_base64(void)
{
	static const struct {
		const char *plain, *text;
	} rows[] = {
		/* RFC 4648 section 10 */
		{ "", "" },
		{ "f", "Zg==" },
		{ "fo", "Zm8=" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" },
		{ "fooba", "Zm9vYmE=" },
		{ "foobar", "Zm9vYmFy" },
	};
	static const char *const bad[] = {
		"Z",	"Zg",	"Zg=",	    "Zg===", "Zh==",	 "Zm9=",	"Z===",
		"====", "=Zg=", "Zg==Zg==", "Zm9v!", "Zm9v-_==", "Zm9vYg=\n=x",
	};
	char text[64];
	u8 plain[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t len = strlen(rows[i].plain);
		size_t n = iot_base64_encode(text, (const u8 *)rows[i].plain, len);

		ktap_ok(n == strlen(rows[i].text) && n == IOT_BASE64_LEN(len) &&
				!memcmp(text, rows[i].text, n),
			"encode '%s'", rows[i].plain);
		ktap_ok(iot_base64_decode(plain, len, rows[i].text, n) == (int)len &&
				!memcmp(plain, rows[i].plain, len),
			"decode '%s'", rows[i].text);
	}
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ktap_ok(iot_base64_decode(plain, sizeof(plain), bad[i], strlen(bad[i])) ==
				-EINVAL,
			"refused '%s'", bad[i]);
	ktap_ok(iot_base64_decode(plain, 2, "Zm9v", 4) == -EINVAL, "no room");
	ktap_ok(iot_base64_decode(plain, 3, " Zm\t9\r\nv \n", 10) == 3, "white space");
	ktap_ok(iot_base64_decode(plain, 64, "Zg==\0", 5) == -EINVAL, "a NUL behind");
}

int main(void)
{
	test_vector();
	test_round_trip();
	test_damage();
	test_roots();
	test_table();
	test_base64();
	return ktap_done();
}
