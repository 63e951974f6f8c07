// SPDX-License-Identifier: GPL-2.0-or-later
/* Payload texts: by the grammar of Documentation/iotkey.rst, and not quite by it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "caller.h"

/* Few names, so that callers meet. */
void any_name(struct thread *t, char name[64])
{
	struct random *r = &t->random;

	if (chance(r, 40))
		snprintf(name, 64, "%s", chance(r, 2) ? "" : "with space");
	else
		snprintf(name, 64, "%s%u", chance(r, 3) ? "root" : "key", below(r, 24));
}

static void put(struct thread *t, size_t *len, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void put(struct thread *t, size_t *len, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->text + *len, TEXT_MAX - *len, fmt, args);
	va_end(args);
	if (n > 0)
		*len += (size_t)n < TEXT_MAX - *len ? (size_t)n : TEXT_MAX - *len - 1;
}

/* Of the TPM few, for it is slow. */
size_t new_root(struct thread *t)
{
	static const char *const keys[] = { "logon:iot:source", "logon:iot:none",
					    "encrypted:none", "user:none" };
	struct random *r = &t->random;
	size_t len = 0;

	switch (below(r, 16)) {
	case 0:
		put(t, &len, "new root provider=tpm parent=0x8100%04x",
		    chance(r, 4) ? below(r, 65536) : 1);
		if (chance(r, 2))
			put(t, &len, " mkparent");
		if (chance(r, 3))
			put(t, &len, " pcrs=%s:%u,%u", chance(r, 2) ? "sha256" : "sha1",
			    below(r, 12), 12 + below(r, 13));
		break;
	case 1:
	case 2:
		put(t, &len, "new root provider=key key=%s", PICK(r, keys));
		break;
	default:
		put(t, &len, "new root provider=soft");
	}
	return len;
}

static void put_duration(struct thread *t, size_t *len, const char *option, uint32_t max)
{
	static const char *const units[] = { "", "s", "m", "h", "d", "w" };
	struct random *r = &t->random;

	if (chance(r, 4))
		put(t, len, " %s=%u%s", option, (uint32_t)next(r) >> below(r, 31),
		    PICK(r, units));
	else
		put(t, len, " %s=%u", option, below(r, max) + 1);
}

static void put_schedule(struct thread *t, size_t *len)
{
	struct random *r = &t->random;
	uint32_t rotate = chance(r, 2) ? 1 + below(r, 3) : 1 + below(r, 100000);

	if (chance(r, 2))
		put(t, len, " rotate=%u", rotate);
	if (chance(r, 3))
		put_duration(t, len, "overlap", rotate);
	if (chance(r, 6))
		put_duration(t, len, "ahead", rotate);
	if (chance(r, 4))
		put_duration(t, len, "lifetime", 10);
	if (chance(r, 4))
		put(t, len, " max-ops=%u", 1 + below(r, 5));
	if (chance(r, 8))
		put_duration(t, len, "jitter", rotate);
}

static void put_usage(struct thread *t, size_t *len)
{
	static const char *const usages[] = { "encrypt",  "decrypt", "encrypt,decrypt",
					      "sign",	  "verify",  "verify,sign",
					      "sign,sign" };

	put(t, len, " usage=%s", PICK(&t->random, usages));
}

/* In the TPM, mostly under the parent that the tests know. */
static size_t new_resident(struct thread *t)
{
	struct random *r = &t->random;
	size_t len = 0;

	put(t, &len, "new ecdsa-p256 parent=0x8100%04x",
	    chance(r, 8) ? below(r, 0x10000) : 1);
	if (chance(r, 2))
		put(t, &len, " mkparent");
	if (chance(r, 4))
		put(t, &len, " restricted");
	if (chance(r, 6))
		put_usage(t, &len);
	return len;
}

size_t new_key(struct thread *t)
{
	static const char *const algorithms[] = {
		"aes-256-gcm", "aes-128-ccm",  "xchacha20-poly1305",
		"hmac-sha256", "aes-128-cmac", "kdf",
	};
	static const char *const modes[] = { "random", "derive", "ratchet" };
	struct random *r = &t->random;
	const char *mode = PICK(r, modes);
	size_t len = 0;

	if (chance(r, 12))
		return new_resident(t);
	put(t, &len, "new %s root=root%u", PICK(r, algorithms), below(r, 24));
	while (chance(r, 6))
		put(t, &len, "+root%u", below(r, 24));
	put(t, &len, " mode=%s", mode);
	if (chance(r, 2))
		put_schedule(t, &len);
	if (chance(r, 6))
		put_usage(t, &len);
	if (chance(r, 8))
		put(t, &len, " start=%lld", (long long)time(NULL) + below(r, 200) - 100);
	if (!strcmp(mode, "derive") && chance(r, 3))
		put(t, &len, " label=label%u", below(r, 4));
	return len;
}

static void put_mix(struct thread *t, size_t *len)
{
	struct random *r = &t->random;
	unsigned int i, n = chance(r, 8) ? below(r, 80) : 16 + below(r, 49);

	put(t, len, "mix=");
	for (i = 0; i < n; i++)
		put(t, len, "%02x", below(r, 256));
}

size_t update_text(struct thread *t)
{
	struct random *r = &t->random;
	size_t len = 0;

	switch (below(r, 9)) {
	case 8:
		put(t, &len, "publish fuzz:%u", below(r, 8));
		if (chance(r, 3))
			put(t, &len, " size=%u", 8 + below(r, 64));
		if (chance(r, 3))
			put(t, &len, " epoch=%u", below(r, 4));
		break;
	case 0:
	case 1:
		put(t, &len, "rotate");
		break;
	case 2:
	case 3:
		put(t, &len, "stored=%u", chance(r, 4) ? (uint32_t)next(r) : below(r, 9));
		break;
	case 4:
		put_mix(t, &len);
		break;
	case 5:
		put(t, &len, "epoch=%u",
		    chance(r, 8) ? (uint32_t)next(r) >> below(r, 31) : below(r, 50));
		break;
	case 6:
		put(t, &len, "set");
		put_schedule(t, &len);
		if (chance(r, 4))
			put_usage(t, &len);
		break;
	default:
		return chance(r, 2) ? new_key(t) : new_root(t);
	}
	return len;
}

/* A blob that some process has read, and the name that it bears. */
size_t load_text(struct thread *t, char name[64])
{
	unsigned int i = below(&t->random, BLOBS);
	size_t len = 5;

	memcpy(t->text, "load ", len);
	pthread_mutex_lock(&shared->lock);
	memcpy(t->text + len, shared->blobs[i].text, shared->blobs[i].len);
	len += shared->blobs[i].len;
	memcpy(name, shared->blobs[i].name, 64);
	pthread_mutex_unlock(&shared->lock);
	if (chance(&t->random, 10))
		any_name(t, name);
	return len;
}

void keep_blob(key_serial_t key, const char *text, size_t len)
{
	char description[512], name[64];

	if (len > BLOB_MAX ||
	    keyctl_describe(key, description, sizeof(description)) < 0 ||
	    sscanf(description, "iot;%*d;%*d;%*x;%63[^:;]", name) != 1)
		return;
	pthread_mutex_lock(&shared->lock);
	memcpy(shared->blobs[key % BLOBS].text, text, len);
	shared->blobs[key % BLOBS].len = len;
	strcpy(shared->blobs[key % BLOBS].name, name);
	pthread_mutex_unlock(&shared->lock);
}

/* One of the ways in which bytes go wrong; never more than @max. */
static size_t spoil_once(struct thread *t, char *bytes, size_t len, size_t max)
{
	static const char *const words[] = {
		" ",	      "=",	 "root",     "new ",	   "load ",
		"rotate=",    "\n",	 "mode=",    "4294967296", "-1",
		"label=x",    "usage=",	 "\xff",     "0x",	   "IOTK",
		"provider=",  "pcrs=",	 "parent=",  "key=",	   "set ",
		"lifetime=0", "start=1", "stored=0", "epoch=",	   "99999999999999999999",
	};
	struct random *r = &t->random;
	const char *word = PICK(r, words);
	size_t at = below(r, len + 1), n = strlen(word);

	switch (below(r, 6)) {
	case 0: /* a bit */
		if (at < len)
			bytes[at] ^= 1 << below(r, 8);
		return len;
	case 1: /* a byte */
		if (at < len)
			bytes[at] = next(r);
		return len;
	case 2: /* cut */
		return at;
	case 3: /* drop a piece */
		n = below(r, len - at + 1);
		memmove(bytes + at, bytes + at + n, len - at - n);
		return len - n;
	case 4: /* a word in between */
		if (len + n > max)
			return len;
		memmove(bytes + at + n, bytes + at, len - at);
		memcpy(bytes + at, word, n);
		return len + n;
	default: /* a piece twice */
		n = below(r, len - at + 1);
		if (len + n > max)
			return len;
		memmove(bytes + at + n, bytes + at, len - at);
		return len + n;
	}
}

size_t spoil(struct thread *t, char *bytes, size_t len, size_t max)
{
	do {
		len = spoil_once(t, bytes, len, max);
	} while (chance(&t->random, 2));
	return len;
}
