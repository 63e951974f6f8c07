// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Damaged blobs: of a key of every mode and a root of every provider, every bit is
 * flipped, every length cut, and names and roots swapped. None may ever load.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/iot.h"

#define BLOB_MAX    5120
#define BLOB_HEADER 148
#define TEXT_MAX    8192
#define TPM_SAMPLE  100 /* flips of a body that costs TPM commands */

/* What a damaged blob of a key may be called, and of a root. */
#define KEY_ERRORS    "EBADMSG EPROTONOSUPPORT EXDEV EKEYREJECTED ENOKEY"
#define ROOT_ERRORS   "EBADMSG EPROTONOSUPPORT EXDEV EKEYREJECTED EOPNOTSUPP"
/* The part of a provider names a key, a policy and a parent. */
#define SOURCE_ERRORS ROOT_ERRORS " ENOKEY"
#define TPM_ERRORS    ROOT_ERRORS " EINVAL EPERM ENXIO EACCES"

/* What fails first goes into the log, with its place. */
struct tally {
	const char *name;
	const char *expected;
	unsigned int tried, loaded, odd;
	size_t first;
	int error;
};

static void tally_end(const struct tally *t)
{
	if (t->loaded || t->odd)
		printf("# first at %zu: %s\n", t->first,
		       t->error ? errno_name(t->error) : "loaded");
	ktap_ok(!t->loaded && t->tried, "%s: none of %u loads", t->name, t->tried);
	ktap_ok(!t->odd, "%s: every errno is as documented", t->name);
}

static int load(const char *name, const uint8_t *blob, size_t len)
{
	char text[TEXT_MAX];

	return iot_add(name, "load %s", iot_base64(blob, len, text)) < 0 ? errno : 0;
}

static void try_one(struct tally *t, const char *name, const uint8_t *blob, size_t len,
		    size_t where)
{
	int error = load(name, blob, len);

	t->tried++;
	if (error && errno_in(error, t->expected))
		return;
	if (!t->loaded && !t->odd) {
		t->first = where;
		t->error = error;
	}
	if (!error) {
		t->loaded++;
		iot_drop(keyctl_search(KEY_SPEC_SESSION_KEYRING, "iot", name, 0));
	} else {
		t->odd++;
	}
}

/* With @sample, only that many of the bits after the header, drawn by a seed. */
static void flip(const char *name, uint8_t *blob, size_t len, const char *expected,
		 unsigned int sample)
{
	size_t bits = (sample ? BLOB_HEADER + strlen(name) : len) * 8, i;
	struct tally t = { .name = name, .expected = expected };

	for (i = 0; i < bits + sample; i++) {
		size_t bit = i < bits ? i : bits + seeded() % (len * 8 - bits);

		blob[bit / 8] ^= 1 << bit % 8;
		try_one(&t, name, blob, len, bit);
		blob[bit / 8] ^= 1 << bit % 8;
	}
	printf("# %s: flips\n", name);
	tally_end(&t);
}

static void cut(const char *name, const uint8_t *blob, size_t len, const char *expected)
{
	struct tally t = { .name = name, .expected = expected };
	uint8_t longer[BLOB_MAX + 64];
	size_t i;

	for (i = 1; i < len; i++)
		try_one(&t, name, blob, i, i);
	memcpy(longer, blob, len);
	memset(longer + len, 0, 64);
	for (i = 1; i <= 64; i++)
		try_one(&t, name, longer, len + i, len + i);
	printf("# %s: lengths\n", name);
	tally_end(&t);
}

static void garbage(const char *name, const uint8_t *blob, size_t len)
{
	static const char *const bad[] = { "=",	    "====", "A===",    "AA=A",
					   "AAAA=", "A",    "AAA!",    "AA==AA==",
					   "-_-_",  "\x01", "AAAA\xff" };
	char text[TEXT_MAX];
	size_t i, n;
	int errors = 0;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		errors += iot_add(name, "load %s", bad[i]) < 0 && errno == EBADMSG;
	ktap_ok(errors == (int)i, "%s: garbage for base64 is EBADMSG (%d of %zu)", name,
		errors, i);
	iot_base64(blob, len, text);
	n = strlen(text);
	errors = 0;
	for (i = 0; i < n; i++) {
		char c = text[i];

		text[i] = '*';
		errors += iot_add(name, "load %s", text) < 0 && errno == EBADMSG;
		text[i] = c;
	}
	ktap_ok(errors == (int)n, "%s: a bad character anywhere is EBADMSG (%d of %zu)",
		name, errors, n);
}

/* The blob is whole: after all that was refused, it loads. */
static void still_loads(const char *name, const uint8_t *blob, size_t len,
			unsigned int count)
{
	unsigned int now = iot_count();
	int error;

	/* fewer, when the collector came to keys of before */
	ktap_ok(now <= count, "%s: no key was left behind (%u, %u before)", name, now,
		count);
	error = load(name, blob, len);
	ktap_ok(!error, "%s: the true blob loads (%s)", name,
		error ? errno_name(error) : "ok");
	error = load(name, blob, len);
	ktap_ok(error == EEXIST, "%s: but only once (%s)", name, errno_name(error));
	iot_drop(keyctl_search(KEY_SPEC_SESSION_KEYRING, "iot", name, 0));
}

static size_t make(const char *name, uint8_t *blob, const char *text)
{
	key_serial_t key = iot_add(name, "%s", text);
	size_t len;

	if (!ktap_ok(key > 0, "%s: %s", name, text))
		return 0;
	len = iot_save(key, blob, BLOB_MAX);
	ktap_ok(load(name, blob, len) == EEXIST,
		"%s: its blob does not load while it lives", name);
	iot_drop(key);
	return len;
}

static void damage(const char *name, const char *text, const char *expected,
		   unsigned int sample)
{
	uint8_t blob[BLOB_MAX];
	size_t len = make(name, blob, text);
	unsigned int count = iot_count();

	if (!len)
		return;
	flip(name, blob, len, expected, sample);
	if (sample) {
		/* lengths that are wrong are seen before the TPM is asked */
		cut(name, blob, len, "EBADMSG");
	} else {
		cut(name, blob, len, "EBADMSG");
		garbage(name, blob, len);
	}
	still_loads(name, blob, len, count);
}

/* Whole blobs in the wrong place. */
static void swap(void)
{
	uint8_t one[BLOB_MAX], two[BLOB_MAX], mixed[BLOB_MAX];
	size_t len1 = make("swap1", one, "new kdf root=soft");
	size_t len2 = make("swap2", two, "new kdf root=soft");
	key_serial_t key, ring;
	uint8_t blob[BLOB_MAX];
	size_t len, body = BLOB_HEADER + 5 + 4;
	int error;

	error = load("swap2", one, len1);
	ktap_ok(error == EXDEV, "a blob under another's name is EXDEV (%s)",
		errno_name(error));
	ktap_ok(len1 == len2, "two alike have blobs of one size");
	memcpy(mixed, one, len1);
	memcpy(mixed + body, two + body, len1 - body);
	error = load("swap1", mixed, len1);
	ktap_ok(error == EBADMSG, "one's header and another's body is EBADMSG (%s)",
		errno_name(error));
	memcpy(mixed, two, len1);
	memcpy(mixed + BLOB_HEADER, one + BLOB_HEADER, 5);
	error = load("swap1", mixed, len1);
	ktap_ok(error == EBADMSG,
		"another's blob with the name written over is EBADMSG (%s)",
		errno_name(error));

	/* the same names under another root of the same name */
	key = iot_add("other", "new root provider=soft");
	len = make("swap3", blob, "new kdf root=other");
	iot_drop(key);
	error = load("swap3", blob, len);
	ktap_ok(error == ENOKEY, "without its root a blob is ENOKEY (%s)",
		errno_name(error));
	key = iot_add("other", "new root provider=soft");
	error = load("swap3", blob, len);
	ktap_ok(error == EKEYREJECTED, "under another root it is EKEYREJECTED (%s)",
		errno_name(error));
	memcpy(blob + 32, (uint8_t[16]){ 0 }, 16);
	len1 = iot_save(key, one, BLOB_MAX);
	memcpy(blob + 32, one + 32, 16);
	error = load("swap3", blob, len);
	ktap_ok(error == EBADMSG, "also if it names that root's identity: EBADMSG (%s)",
		errno_name(error));
	iot_drop(key);

	/* a replay in another keyring of what lives */
	key = iot_add("swap1", "new kdf root=soft");
	len = iot_save(key, blob, BLOB_MAX);
	ring = add_key("keyring", "tray", NULL, 0, KEY_SPEC_SESSION_KEYRING);
	{
		char text[TEXT_MAX], payload[TEXT_MAX + 8];

		snprintf(payload, sizeof(payload), "load %s",
			 iot_base64(blob, len, text));
		error = add_key("iot", "swap1", payload, strlen(payload), ring) < 0
				? errno
				: 0;
	}
	ktap_ok(error == EEXIST,
		"a live key does not load into another keyring: EEXIST (%s)",
		errno_name(error));
	iot_drop(ring);
	iot_drop(key);
}

int main(void)
{
	static const char logon[] = "0123456789abcdef0123456789abcdef";
	key_serial_t soft = iot_add("soft", "new root provider=soft");
	key_serial_t source = add_key("logon", "blob:source", logon, sizeof(logon) - 1,
				      KEY_SPEC_SESSION_KEYRING);

	ktap_ok(soft > 0 && source > 0, "a root to work with");
	damage("random", "new aes-256-gcm root=soft rotate=1h overlap=10m max-ops=1000",
	       KEY_ERRORS, 0);
	damage("derive", "new hmac-sha256 root=soft mode=derive rotate=1d label=fleet",
	       KEY_ERRORS, 0);
	damage("ratchet", "new aes-128-ccm root=soft mode=ratchet lifetime=1w",
	       KEY_ERRORS, 0);
	damage("rootsoft", "new root provider=soft", ROOT_ERRORS, 0);
	damage("rootkey", "new root provider=key key=logon:blob:source", SOURCE_ERRORS,
	       0);
	if (access("/dev/tpm0", F_OK))
		ktap_ok(true, "roots of a TPM # SKIP no TPM");
	else
		damage("roottpm",
		       "new root provider=tpm parent=0x81000001 mkparent "
		       "pcrs=sha256:16,23",
		       TPM_ERRORS, TPM_SAMPLE);
	swap();
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	return ktap_done();
}
