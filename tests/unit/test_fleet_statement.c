// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Statements: their bytes, their chain, and what is none.
 *
 * sources: lib/attest/statement.c lib/attest/policy.c lib/attest/area.c lib/attest/ak.c lib/attest/hash.c lib/attest/pcrs.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-fleet.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "ktap.h"

#define TIME	      1700000000
#define LONG_MAX_NAME 255

static struct iotkey_attest *attest;
static EVP_PKEY *ca;

static struct iotkey_bytes name(const char *text)
{
	return (struct iotkey_bytes){ (const uint8_t *)text, strlen(text) };
}

static const uint8_t one[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };

/* One of each kind, two of the first */
static size_t each_kind(struct iotkey_revocation out[5])
{
	memset(out, 0, 5 * sizeof(*out));
	out[0].type = out[1].type = IOTKEY_REVOKED_DEVICE;
	memcpy(out[0].id, one, 16);
	out[2].type = IOTKEY_REVOKED_KEY;
	out[2].name = name("k");
	out[3].type = IOTKEY_REVOKED_VERSION;
	out[3].version = 0x01020304;
	out[3].name = name("root");
	out[4].type = IOTKEY_REVOKED_MEMBER;
	out[4].name = name("group");
	return 5;
}

static const uint8_t body[] = {
	1,  0, 0, 0, 2, 1, 2,	3,   4,	  5,   6, 7, 8,	  9,   10,  11,	 12,  13, 14, 15,
	16, 0, 0, 0, 0, 0, 0,	0,   0,	  0,   0, 0, 0,	  0,   0,   0,	 0,   2,  0,  0,
	0,  1, 0, 0, 0, 0, 0,	0,   0,	  0,   0, 0, 0,	  0,   0,   0,	 0,   0,  1,  'k',
	3,  0, 0, 0, 1, 0, 0,	0,   0,	  0,   0, 0, 0,	  0,   0,   0,	 0,   0,  0,  0,
	0,  1, 2, 3, 4, 4, 'r', 'o', 'o', 't', 4, 0, 0,	  0,   1,   0,	 0,   0,  0,  0,
	0,  0, 0, 0, 0, 0, 0,	0,   0,	  0,   0, 5, 'g', 'r', 'o', 'u', 'p',
};

static void test_bytes(const uint8_t *data, size_t len)
{
	static const uint8_t head[24] = { 'I', 'O', 'T', 'S', 1,    0,	  0,	4,
					  0,   0,   0,	 0,   0,    0,	  0,	1,
					  0,   0,   0,	 0,   0x65, 0x53, 0xf1, 0 };
	static const uint8_t zeros[32];
	uint8_t fleet[16];

	ktap_ok(!memcmp(data, head, sizeof(head)), "the head's bytes");
	ktap_ok(!iotkey_device_id(ca, fleet) && !memcmp(data + 24, fleet, 16),
		"its fleet");
	ktap_ok(!memcmp(data + 40, zeros, 32), "the first follows nothing");
	ktap_ok(!memcmp(data + 72, body, sizeof(body)), "the sections' bytes");
	ktap_ok(len == 72 + sizeof(body) + 2 + (data[72 + sizeof(body)] << 8) +
				data[72 + sizeof(body) + 1],
		"and a signature ends it");
}

static void test_read(const uint8_t *data, size_t len)
{
	struct iotkey_revocation due[5], got;
	struct iotkey_statement s;
	size_t i, count = each_kind(due);
	bool same = true;

	if (!ktap_ok(!iotkey_statement_parse(data, len, &s) && s.sequence == 1 &&
			     s.time == TIME && s.sections == 4 && s.whole.len == len,
		     "it is read"))
		return;
	for (i = 0; i < count; i++) {
		same &= iotkey_statement_next(&s, &got) == 1 && got.type == due[i].type &&
			!memcmp(got.id, due[i].id, 16) && got.version == due[i].version &&
			got.name.len == due[i].name.len &&
			(!got.name.len ||
			 !memcmp(got.name.data, due[i].name.data, got.name.len));
	}
	ktap_ok(same, "what it revokes");
	ktap_ok(!iotkey_statement_next(&s, &got) && !iotkey_statement_next(&s, &got),
		"no more");
	ktap_ok(!iotkey_statement_verify(attest, &s, ca), "the CA signed it");
}

/* Each in memory of its own size, so that ASan sees what is read behind it */
static int parse(const uint8_t *data, size_t len, struct iotkey_statement *s,
		 uint8_t **copy)
{
	*copy = malloc(len ? len : 1);
	memcpy(*copy, data, len);
	return iotkey_statement_parse(*copy, len, s);
}

static void test_damaged(const uint8_t *data, size_t len)
{
	struct iotkey_statement s;
	uint8_t *copy, *changed = malloc(len + 1);
	size_t i, wrong = 0;
	int bit;

	for (i = 0; i < len; i++) {
		wrong += parse(data, i, &s, &copy) != -ENODATA;
		free(copy);
	}
	ktap_ok(!wrong, "cut off at each byte: -ENODATA");
	for (wrong = 0, i = 0; i < len; i++) {
		for (bit = 0; bit < 8; bit++) {
			memcpy(changed, data, len);
			changed[i] ^= (uint8_t)(1 << bit);
			wrong += !parse(changed, len, &s, &copy) && s.whole.len == len &&
				 !iotkey_statement_verify(attest, &s, ca);
			free(copy);
		}
	}
	ktap_ok(!wrong, "with any bit turned over it is none, or not signed");
	memcpy(changed, data, len);
	changed[4] = 2;
	ktap_ok(parse(changed, len, &s, &copy) == -EPROTONOSUPPORT, "another version");
	free(copy);
	changed[4] = 1;
	changed[72] = 5;
	ktap_ok(parse(changed, len, &s, &copy) == -EPROTONOSUPPORT,
		"a section that is not known");
	free(copy);
	memcpy(changed, data, len);
	changed[len] = 'I';
	ktap_ok(!parse(changed, len + 1, &s, &copy) && s.whole.len == len,
		"more behind it is no matter");
	free(copy);
	free(changed);
}

static int make(const struct iotkey_revocation *revocations, size_t count)
{
	struct iotkey_chain chain = { 0 };
	uint8_t *out;
	size_t len;
	int err = iotkey_statement_make(ca, &chain, TIME, revocations, count, &out, &len);

	if (!err)
		free(out);
	return err;
}

static void test_refused(void)
{
	static char text[LONG_MAX_NAME + 2];
	static struct iotkey_revocation many[70000];
	struct iotkey_revocation r = { .type = IOTKEY_REVOKED_KEY, .name = name("k") };
	size_t i;

	ktap_ok(!make(&r, 1), "a key");
	ktap_ok(make(&r, 0) == -EINVAL, "nothing");
	r.type = 0;
	ktap_ok(make(&r, 1) == -EINVAL, "of no type");
	r.type = 5;
	ktap_ok(make(&r, 1) == -EINVAL, "of a type that there is not");
	r.type = IOTKEY_REVOKED_KEY;
	r.name = name("");
	ktap_ok(make(&r, 1) == -EINVAL, "without a name");
	r.name = name("a b");
	ktap_ok(make(&r, 1) == -EINVAL, "a name with a space");
	r.name = name("a\xc3\xa4");
	ktap_ok(make(&r, 1) == -EINVAL, "a name that is not ASCII");
	memset(text, 'a', sizeof(text) - 1);
	r.name = name(text);
	ktap_ok(make(&r, 1) == -EINVAL, "a name of 256 bytes");
	text[LONG_MAX_NAME] = '\0';
	r.name = name(text);
	ktap_ok(!make(&r, 1), "one of 255");
	for (i = 0; i < 70000; i++)
		many[i].type = IOTKEY_REVOKED_DEVICE;
	ktap_ok(!make(many, 65000), "65,000 devices");
	ktap_ok(make(many, 70000) == -EFBIG, "more than 1 MiB");
}

static void test_chain(void)
{
	struct iotkey_revocation r = { .type = IOTKEY_REVOKED_DEVICE };
	struct iotkey_chain chain = { 0 }, before, reader = { 0 };
	struct iotkey_statement s[3];
	uint8_t *out[3], *all, digest[32];
	size_t len[3], total = 0, at = 0;
	int i, bad = 0;

	for (i = 0; i < 3; i++) {
		r.id[0] = (uint8_t)i;
		bad |= iotkey_statement_make(ca, &chain, TIME, &r, 1, &out[i], &len[i]) ||
		       iotkey_statement_parse(out[i], len[i], &s[i]) ||
		       iotkey_statement_follow(attest, &chain, &s[i]);
		total += len[i];
	}
	SHA256(out[2], len[2], digest);
	ktap_ok(!bad && chain.sequence == 3 && !memcmp(chain.digest, digest, 32),
		"three, each after the one before");
	all = malloc(total);
	for (i = 0, at = 0; i < 3; at += len[i++])
		memcpy(all + at, out[i], len[i]);
	for (i = 0, at = 0; i < 3; i++) {
		bad |= iotkey_statement_parse(all + at, total - at, &s[i]) ||
		       iotkey_statement_follow(attest, &reader, &s[i]);
		at += s[i].whole.len;
	}
	ktap_ok(!bad && at == total && !memcmp(&reader, &chain, sizeof(chain)),
		"read one behind the other");
	before = reader;
	ktap_ok(iotkey_statement_follow(attest, &reader, &s[1]) == -EALREADY,
		"one that was passed");
	memset(&reader, 0, sizeof(reader));
	ktap_ok(iotkey_statement_follow(attest, &reader, &s[1]) == -ERANGE,
		"one too far ahead");
	reader = (struct iotkey_chain){ .sequence = 2 };
	ktap_ok(iotkey_statement_follow(attest, &reader, &s[2]) == -EKEYREJECTED &&
			reader.sequence == 2,
		"one that follows another");
	ktap_ok(before.sequence == 3, "the reader stays where it was");
	for (i = 0; i < 3; i++)
		free(out[i]);
	free(all);
}

static void test_others(const uint8_t *data, size_t len)
{
	struct iotkey_revocation r = { .type = IOTKEY_REVOKED_DEVICE };
	EVP_PKEY *other = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048);
	struct iotkey_chain chain = { 0 };
	struct iotkey_statement s;
	uint8_t *out;
	size_t n;

	ktap_ok(!iotkey_statement_parse(data, len, &s) &&
			iotkey_statement_verify(attest, &s, other) == -EXDEV,
		"another fleet's");
	ktap_ok(iotkey_statement_make(rsa, &chain, TIME, &r, 1, &out, &n) == -ENOTSUP,
		"a CA with RSA");
	if (ktap_ok(!iotkey_statement_make(other, &chain, TIME, &r, 1, &out, &n) &&
			    !iotkey_statement_parse(out, n, &s) &&
			    !iotkey_statement_verify(attest, &s, other),
		    "one with P-384"))
		free(out);
	EVP_PKEY_free(other);
	EVP_PKEY_free(rsa);
}

int main(void)
{
	struct iotkey_revocation revocations[5];
	struct iotkey_chain chain = { 0 };
	uint8_t *data;
	size_t len;

	attest = iotkey_attest_new();
	ca = EVP_EC_gen("P-256");
	if (!ktap_ok(!iotkey_statement_make(ca, &chain, TIME, revocations,
					    each_kind(revocations), &data, &len) &&
			     !chain.sequence,
		     "a statement"))
		return ktap_done();
	test_bytes(data, len);
	test_read(data, len);
	test_damaged(data, len);
	test_refused();
	test_chain();
	test_others(data, len);
	free(data);
	EVP_PKEY_free(ca);
	iotkey_attest_free(attest);
	return ktap_done();
}
