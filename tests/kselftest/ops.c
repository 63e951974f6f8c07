// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Encrypt, decrypt, sign and verify: sizes, bytes, nonces, damage, lies about
 * lengths, threads, and the calls of 32-bit programs.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -lpthread
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/iot.h"

#define BUF	 40000
#define DATA_MAX 32768

static const struct algorithm {
	const char *name;
	uint8_t id;
	size_t sig; /* 0 for a cipher */
} algorithms[] = {
	{ "aes-256-gcm", 1, 0 },	{ "aes-128-ccm", 2, 0 },
	{ "xchacha20-poly1305", 3, 0 }, { "hmac-sha256", 4, 40 },
	{ "aes-128-cmac", 5, 24 },
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static uint8_t data[BUF], message[BUF], opened[BUF];

static key_serial_t make(const struct algorithm *a, const char *mode)
{
	key_serial_t key = iot_add(a->name, "new %s root=ops mode=%s", a->name, mode);

	if (key > 0 && strcmp(mode, "derive"))
		iot_update(key, "stored=1");
	return key;
}

static bool head_ok(const struct algorithm *a, const uint8_t *m, uint32_t version)
{
	const uint8_t head[8] = { 'i',		'K',	       1,
				  a->id,	version >> 24, version >> 16,
				  version >> 8, version };

	return !memcmp(m, head, sizeof(head));
}

static bool round_trip(const struct algorithm *a, key_serial_t key, size_t len)
{
	long n = iot_encrypt(key, data, len, message, BUF);

	if (n != (long)len + OVERHEAD || !head_ok(a, message, 1))
		return false;
	memset(opened, 0xee, len + 1);
	return iot_decrypt(key, message, n, opened, BUF) == (long)len &&
	       !memcmp(opened, data, len) && opened[len] == 0xee;
}

/* With room for this message and no other. */
static bool exact_round_trip(key_serial_t key, size_t len)
{
	char info[32], less[32];

	snprintf(info, sizeof(info), "enc=%zu", len + OVERHEAD);
	snprintf(less, sizeof(less), "enc=%zu", len + OVERHEAD - 1);
	memset(message, 0xee, len + OVERHEAD + 1);
	memset(opened, 0xee, len + 1);
	return keyctl_pkey_encrypt(key, less, data, len, message, len + OVERHEAD) < 0 &&
	       errno == EINVAL &&
	       keyctl_pkey_encrypt(key, info, data, len, message, len + OVERHEAD) ==
		       (long)len + OVERHEAD &&
	       message[len + OVERHEAD] == 0xee &&
	       keyctl_pkey_decrypt(key, less, message, len + OVERHEAD, opened, len) < 0 &&
	       errno == EINVAL &&
	       keyctl_pkey_decrypt(key, info, message, len + OVERHEAD, opened, len) ==
		       (long)len &&
	       !memcmp(opened, data, len) && opened[len] == 0xee;
}

static void cipher_sizes(const struct algorithm *a, key_serial_t key)
{
	static const size_t sizes[] = { 0,    1,    15,	  16,	17,    31,   32,
					4095, 4096, 4097, 8192, 32719, 32720 };
	long ret;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		ktap_ok(round_trip(a, key, sizes[i]) && exact_round_trip(key, sizes[i]),
			"%s: %zu bytes there and back", a->name, sizes[i]);
	ret = keyctl_pkey_encrypt(key, "", data, 4096, message, 4144);
	ktap_ok(ret == 4144, "%s: enc=raw takes 4096 bytes", a->name);
	ret = keyctl_pkey_encrypt(key, "", data, 4097, message, 4144);
	ktap_ok(ret < 0 && errno == EINVAL, "%s: but not 4097", a->name);
	ret = keyctl_pkey_encrypt(key, "enc=large", data, 32721, message, 32768);
	ktap_ok(ret < 0 && errno == EINVAL, "%s: enc=large does not take 32721", a->name);
	ret = iot_encrypt(key, data, 4097, message, BUF);
	ret = keyctl_pkey_decrypt(key, "enc=raw", message, ret, opened, 4144);
	ktap_ok(ret < 0 && errno == EINVAL, "%s: enc=raw does not open a large message",
		a->name);
}

static void mac_sizes(const struct algorithm *a, key_serial_t key)
{
	static const size_t sizes[] = { 0,  1,	15,   16,   17,	   63,
					64, 65, 4096, 4097, 32767, 32768 };
	long ret;
	size_t i;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		uint8_t sig[64];

		ret = iot_sign(key, data, sizes[i], sig, a->sig);
		ktap_ok(ret == (long)a->sig && head_ok(a, sig, 1) &&
				!iot_verify(key, data, sizes[i], sig, ret),
			"%s: signs and verifies %zu bytes", a->name, sizes[i]);
	}
	ret = iot_sign(key, data, DATA_MAX + 1, message, a->sig);
	ktap_ok(ret == -EINVAL, "%s: but not 32769", a->name);
	iot_sign(key, data, 100, message, a->sig);
	iot_sign(key, data, 100, opened, a->sig);
	ktap_ok(!memcmp(message, opened, a->sig), "%s: the same data, the same signature",
		a->name);
	ret = iot_verify(key, data, 99, message, a->sig);
	ktap_ok(ret == EKEYREJECTED, "%s: of less data is EKEYREJECTED (%s)", a->name,
		errno_name(ret));
}

static void test_sizes(void)
{
	size_t i;

	for (i = 0; i < ALGORITHMS; i++) {
		key_serial_t key = make(&algorithms[i], "random");

		if (algorithms[i].sig)
			mac_sizes(&algorithms[i], key);
		else
			cipher_sizes(&algorithms[i], key);
		iot_drop(key);
	}
}

/* Nonces */

static int compare_nonces(const void *a, const void *b)
{
	return memcmp(a, b, 24);
}

#define NONCES 10000

static uint8_t nonces[NONCES + 3000][24];

static size_t collect(key_serial_t key, size_t at, size_t n)
{
	uint8_t m[OVERHEAD];

	for (; n; n--) {
		if (iot_encrypt(key, "", 0, m, sizeof(m)) != OVERHEAD)
			return at;
		memcpy(nonces[at++], m + 8, 24);
	}
	return at;
}

static void test_nonces(const struct algorithm *a)
{
	key_serial_t key = iot_add("nonce", "new %s root=ops", a->name);
	uint8_t salts[4][16], blob[1024];
	size_t n, i, same = 0;
	char text[2048];

	iot_update(key, "stored=2");
	n = collect(key, 0, NONCES);
	memcpy(salts[0], nonces[0], 16);
	ktap_ok(n == NONCES && !memcmp(nonces[n - 1], salts[0], 16) &&
			!memcmp(nonces[n - 1] + 16, "\0\0\0\0\0\0\x27\x0f", 8),
		"%s: nonces are a salt and a counter", a->name);
	iot_base64(blob, iot_save(key, blob, sizeof(blob)), text);
	for (i = 1; i < 3; i++) {
		iot_drop(key);
		key = iot_add("nonce", "load %s", text);
		n = collect(key, n, 1000);
		memcpy(salts[i], nonces[n - 1], 16);
	}
	iot_update(key, "rotate");
	n = collect(key, n, 1000);
	memcpy(salts[3], nonces[n - 1], 16);
	for (i = 0; i < 16; i++)
		same += i / 4 != i % 4 && !memcmp(salts[i / 4], salts[i % 4], 16);
	ktap_ok(!same, "%s: each load of a blob and each version has a salt of its own",
		a->name);
	qsort(nonces, n, 24, compare_nonces);
	for (i = 1; i < n; i++)
		same += !memcmp(nonces[i - 1], nonces[i], 24);
	ktap_ok(n == NONCES + 3000 && !same, "%s: no nonce comes twice in %zu", a->name,
		n);
	iot_drop(key);
}

/* Damage */

static const char *errors_of_bit(const struct algorithm *a, size_t bit)
{
	switch (bit / 8) {
	case 0:
	case 1:
	case 3:
		return "EBADMSG";
	case 2:
		return "EPROTONOSUPPORT";
	case 4 ... 7:
		return a->sig ? "EBADMSG EKEYREJECTED ETIME EKEYEXPIRED"
			      : "EBADMSG ETIME EKEYEXPIRED";
	default:
		return a->sig ? "EKEYREJECTED" : "EBADMSG";
	}
}

static void test_damage(const struct algorithm *a, const char *mode)
{
	key_serial_t key = make(a, mode), other;
	size_t len = a->sig ?: 33 + OVERHEAD, bit, bad = 0, accepted = 0;
	int error;

	if (a->sig)
		error = iot_sign(key, data, 33, message, len);
	else
		error = iot_encrypt(key, data, 33, message, BUF);
	ktap_ok(error == (int)len, "%s %s: a message", a->name, mode);
	for (bit = 0; bit < len * 8; bit++) {
		message[bit / 8] ^= 1 << bit % 8;
		error = a->sig ? iot_verify(key, data, 33, message, len)
			       : -iot_decrypt(key, message, len, opened, BUF);
		message[bit / 8] ^= 1 << bit % 8;
		if (error <= 0)
			accepted++;
		else if (!errno_in(error, errors_of_bit(a, bit)) && !bad++)
			printf("# bit %zu: %s\n", bit, errno_name(error));
	}
	ktap_ok(!accepted, "%s %s: no message with one of %zu bits flipped opens",
		a->name, mode, bit);
	ktap_ok(!bad, "%s %s: every errno is as documented", a->name, mode);
	error = a->sig ? iot_verify(key, data, 33, message, len)
		       : (iot_decrypt(key, message, len, opened, BUF) != 33);
	ktap_ok(!error, "%s %s: the true one still does", a->name, mode);

	for (bit = 0; !a->sig && bit < len; bit++)
		bad += iot_decrypt(key, message, bit, opened, BUF) != -EBADMSG;
	if (!a->sig)
		ktap_ok(!bad, "%s %s: cut at any length it is EBADMSG", a->name, mode);

	other = iot_add("other", "new %s root=ops mode=%s", a->name, mode);
	iot_update(other, "stored=1");
	if (a->sig)
		error = iot_verify(other, data, 33, message, len) == EKEYREJECTED;
	else
		error = iot_decrypt(other, message, len, opened, BUF) == -EBADMSG;
	ktap_ok(error, "%s %s: another key refuses it", a->name, mode);
	iot_drop(other);
	iot_drop(key);
}

/*
 * Lies about lengths, and info strings.
 *
 * What the kernel's core looks at before the key type: no buffer may be larger than
 * the largest there is. It takes no notice of one that is too small: as much is
 * written as the result has, and a signature is read whole.
 */

static void is_errno(long ret, int expected, const char *what)
{
	int error = ret < 0 ? errno : 0;

	ktap_ok(error == expected, "%s: %s (%s)", what,
		expected ? errno_name(expected) : "ok", error ? errno_name(error) : "ok");
}

static void test_lies(void)
{
	const struct algorithm *gcm = &algorithms[0], *hmac = &algorithms[3];
	key_serial_t key = make(gcm, "derive"), mac = make(hmac, "derive");
	void *nowhere = (void *)8;
	uint8_t sig[64] = "";

	memset(message, 0xee, 200);
	is_errno(keyctl_pkey_encrypt(key, "", data, 100, message, 148), 0,
		 "encrypt: just enough");
	ktap_ok(message[148] == 0xee, "and not a byte more is written");
	is_errno(keyctl_pkey_encrypt(key, "", data, 100, opened, 4145), EINVAL,
		 "encrypt: output larger than the largest message");
	is_errno(keyctl_pkey_encrypt(key, "", data, 0xffffffff, opened, 4144), EINVAL,
		 "encrypt: 4 GiB");
	is_errno(keyctl_pkey_encrypt(key, "", nowhere, 100, opened, 4144), EFAULT,
		 "encrypt: input from nowhere");
	is_errno(keyctl_pkey_encrypt(key, "", data, 100, nowhere, 4144), EFAULT,
		 "encrypt: output to nowhere");
	is_errno(keyctl_pkey_encrypt(key, nowhere, data, 100, opened, 4144), EFAULT,
		 "encrypt: info from nowhere");
	memset(opened, 0xee, 200);
	is_errno(keyctl_pkey_decrypt(key, "", message, 148, opened, 100), 0,
		 "decrypt: just enough");
	ktap_ok(opened[100] == 0xee, "and not a byte more is written");
	is_errno(keyctl_pkey_decrypt(key, "", message, 147, opened, 4144), EBADMSG,
		 "decrypt: input cut");
	is_errno(keyctl_pkey_decrypt(key, "", message, 0, opened, 4144), EBADMSG,
		 "decrypt: no input");
	is_errno(keyctl_pkey_decrypt(key, "", message, 149, opened, 4144), EBADMSG,
		 "decrypt: input longer than the message");
	is_errno(keyctl_pkey_sign(mac, "", data, 100, sig, 41), EINVAL,
		 "sign: output larger than a signature");
	memset(sig, 0xee, sizeof(sig));
	is_errno(keyctl_pkey_sign(mac, "", data, 100, sig, 40), 0, "sign: just enough");
	ktap_ok(sig[40] == 0xee, "and not a byte more is written");
	is_errno(keyctl_pkey_verify(mac, "", data, 100, sig, 41), EINVAL,
		 "verify: more than a signature");
	is_errno(keyctl_pkey_verify(mac, "", data, 100, nowhere, 40), EFAULT,
		 "verify: signature from nowhere");
	is_errno(keyctl_pkey_verify(mac, "", data, 100, sig, 40), 0, "verify: right");
	is_errno(keyctl_pkey_encrypt(0x7ffffff0, "", data, 100, opened, 4144), ENOKEY,
		 "encrypt: no such key");
	iot_drop(mac);
	iot_drop(key);
}

static void test_info(void)
{
	static const struct {
		const char *info;
		int error;
	} rows[] = {
		{ "", 0 },
		{ " ", 0 },
		{ "enc=raw", 0 },
		{ "enc=large", 0 },
		{ "  enc=raw  ", 0 },
		{ "enc=48", 0 },
		{ "enc=32768", 0 },
		{ "enc=47", EINVAL },
		{ "enc=32769", EINVAL },
		{ "enc=+48", EINVAL },
		{ "enc=-48", EINVAL },
		{ "enc=48x", EINVAL },
		{ "enc=0x30", EINVAL },
		{ "enc=4294967344", EINVAL },
		{ "enc=", EINVAL },
		{ "enc", EINVAL },
		{ "enc=raw enc=raw", EINVAL },
		{ "enc=raw enc=large", EINVAL },
		{ "enc=Raw", EINVAL },
		{ "enc=rawx", EINVAL },
		{ "enc=pkcs1", EINVAL },
		{ "hash=sha256", EINVAL },
		{ "hash=", EINVAL },
		{ "hash=sha256 hash=sha256", EINVAL },
		{ "enc=raw hash=sha256", EINVAL },
		{ "enc=large hash=none", EINVAL },
		{ "raw", EINVAL },
		{ "junk=1", EINVAL },
		{ "enc=raw;hash=x", EINVAL },
		{ "\xff\xfe", EINVAL },
	};
	key_serial_t key = make(&algorithms[0], "derive");
	struct keyctl_pkey_query query;
	char *huge;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char what[64];

		snprintf(what, sizeof(what), "query with info \"%.40s\"",
			 (uint8_t)rows[i].info[0] < 0x7f ? rows[i].info : "(not ASCII)");
		is_errno(keyctl_pkey_query(key, rows[i].info, &query), rows[i].error,
			 what);
		if (rows[i].error) {
			snprintf(what, sizeof(what), "encrypt with it");
			is_errno(keyctl_pkey_encrypt(key, rows[i].info, data, 1, message,
						     4144),
				 rows[i].error, what);
		}
	}
	huge = malloc(65536);
	memset(huge, 'a', 65535);
	memcpy(huge, "enc=", 4);
	huge[65535] = '\0';
	is_errno(keyctl_pkey_query(key, huge, &query), EINVAL,
		 "query with 64 KiB of info");
	free(huge);
	iot_drop(key);
}

/* Threads */

#define USERS 8

struct user {
	pthread_t thread;
	key_serial_t key;
	const struct algorithm *algorithm;
	unsigned long opened, refused;
	unsigned int odd;
	int error;
};

static atomic_bool stop;

static void user_saw(struct user *u, long error, const char *allowed)
{
	if (!error)
		u->opened++;
	else if (errno_in(error, allowed))
		u->refused++;
	else if (!u->odd++)
		u->error = error;
}

static void *use(void *arg)
{
	static const char late[] = "EKEYEXPIRED EKEYREVOKED ENOKEY";
	struct user *u = arg;
	uint8_t in[64], m[256], out[256];
	uint32_t n = (uintptr_t)arg;
	long ret;

	while (!atomic_load(&stop)) {
		n = n * 1664525 + 1013904223;
		memset(in, n >> 24, sizeof(in));
		if (u->algorithm->sig) {
			ret = iot_sign(u->key, in, sizeof(in), m, u->algorithm->sig);
			if (ret > 0)
				ret = -iot_verify(u->key, in, sizeof(in), m, ret);
		} else {
			ret = iot_encrypt(u->key, in, sizeof(in), m, sizeof(m));
			if (ret > 0)
				ret = iot_decrypt(u->key, m, ret, out, sizeof(out));
			if (ret > 0)
				ret = ret == sizeof(in) && !memcmp(in, out, ret) ? 0
										 : -EIO;
		}
		user_saw(u, -ret, late);
	}
	return NULL;
}

/* One key: many users, and one who changes it all the time. */
static void test_threads(const struct algorithm *a, const char *mode, const char *overlap)
{
	struct user users[USERS];
	key_serial_t key = iot_add("busy", "new %s root=ops mode=%s overlap=%s", a->name,
				   mode, overlap);
	unsigned long good = 0, odd = 0, refused = 0;
	unsigned int version = 1, i;
	uint8_t blob[1024];
	time_t end = time(NULL) + 2;
	bool changed = true;

	if (strcmp(mode, "derive"))
		iot_update(key, "stored=%d", strcmp(mode, "random") ? 1 : 2);
	atomic_store(&stop, false);
	for (i = 0; i < USERS; i++) {
		users[i] = (struct user){ .key = key, .algorithm = a };
		pthread_create(&users[i].thread, NULL, use, &users[i]);
	}
	while (time(NULL) < end) {
		changed &= !iot_update(key, "rotate");
		changed &= !iot_update(key, "set overlap=%s", overlap);
		changed &= iot_save(key, blob, sizeof(blob)) > 0;
		version++;
		if (strcmp(mode, "derive"))
			changed &= !iot_update(key, "stored=%u",
					       version + !strcmp(mode, "random"));
		changed &= iot_count() >= 2;
		usleep(1000);
	}
	ktap_ok(changed, "%s %s overlap=%s: %u rotations, stores and saves", a->name,
		mode, overlap, version - 1);
	keyctl_revoke(key);
	usleep(10000);
	atomic_store(&stop, true);
	for (i = 0; i < USERS; i++) {
		pthread_join(users[i].thread, NULL);
		good += users[i].opened;
		refused += users[i].refused;
		odd += users[i].odd;
		if (users[i].odd)
			printf("# thread %u: %s\n", i, errno_name(users[i].error));
	}
	ktap_ok(good > 100 && !odd,
		"%s %s overlap=%s: every message opens or is refused for age", a->name,
		mode, overlap);
	printf("# %lu opened, %lu refused\n", good, refused);
	iot_drop(key);
}

/* The key that is made, loaded, used, revoked and dropped by all at once. */
static void *come_and_go(void *arg)
{
	struct user *u = arg;
	key_serial_t ring, key;
	char text[2048], payload[2100];
	uint8_t blob[1024], m[128];

	while (!atomic_load(&stop)) {
		ring = add_key("keyring", "mine", NULL, 0, KEY_SPEC_THREAD_KEYRING);
		key = add_key("iot", "gone", "new aes-256-gcm root=ops mode=derive", 36,
			      ring);
		if (key < 0) {
			user_saw(u, errno, "EEXIST");
			continue;
		}
		user_saw(u, iot_encrypt(key, "", 0, m, sizeof(m)) == OVERHEAD ? 0 : EIO,
			 "");
		iot_base64(blob, iot_save(key, blob, sizeof(blob)), text);
		snprintf(payload, sizeof(payload), "load %s", text);
		keyctl_revoke(key);
		user_saw(u,
			 iot_decrypt(key, m, OVERHEAD, m, sizeof(m)) == -EKEYREVOKED
				 ? 0
				 : EIO,
			 "");
		keyctl_clear(ring);
		key = add_key("iot", "gone", payload, strlen(payload), ring);
		user_saw(u, key < 0 ? errno : 0, "");
		if (key > 0)
			keyctl_invalidate(key);
	}
	return NULL;
}

static void test_coming_and_going(void)
{
	struct user users[USERS] = { 0 };
	unsigned long good = 0, odd = 0;
	unsigned int i;

	atomic_store(&stop, false);
	for (i = 0; i < USERS; i++)
		pthread_create(&users[i].thread, NULL, come_and_go, &users[i]);
	sleep(2);
	atomic_store(&stop, true);
	for (i = 0; i < USERS; i++) {
		pthread_join(users[i].thread, NULL);
		good += users[i].opened;
		odd += users[i].odd;
		if (users[i].odd)
			printf("# thread %u: %s\n", i, errno_name(users[i].error));
	}
	ktap_ok(good > 100 && !odd,
		"keys come, are revoked, loaded and dropped by %d threads", USERS);
}

/* The system calls of a 32-bit program */

#if defined(__x86_64__)

#define I386_GETPID  20
#define I386_ADD_KEY 286
#define I386_KEYCTL  288

/* Everything a 32-bit call points to lies in here. */
static struct low {
	char name[64], text[16384], info[64];
	uint8_t in[36000], out[36000];
	struct keyctl_pkey_params params;
	struct keyctl_pkey_query query;
} * low;

static long call32(long nr, uintptr_t a, uintptr_t b, uintptr_t c, uintptr_t d,
		   uintptr_t e)
{
	long ret;

	asm volatile("int $0x80"
		     : "=a"(ret)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)ret;
}

static bool have_32bit(void)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid)
		_exit(call32(I386_GETPID, 0, 0, 0, 0, 0) == getpid() ? 0 : 1);
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static long pkey32(int op, key_serial_t key, size_t in_len, size_t out_len)
{
	low->params = (struct keyctl_pkey_params){ .key_id = key, .in_len = in_len };
	low->params.out_len = out_len;
	return call32(I386_KEYCTL, op, (uintptr_t)&low->params, (uintptr_t)low->info,
		      (uintptr_t)low->in, (uintptr_t)low->out);
}

static long add32(const char *name, const char *text)
{
	strcpy(low->name, name);
	strcpy(low->text, text);
	strcpy((char *)low->in, "iot");
	return call32(I386_ADD_KEY, (uintptr_t)low->in, (uintptr_t)low->name,
		      (uintptr_t)low->text, strlen(text), KEY_SPEC_SESSION_KEYRING);
}

static void query32(key_serial_t key)
{
	struct keyctl_pkey_query query;
	long ret;

	keyctl_pkey_query(key, "", &query);
	ret = call32(I386_KEYCTL, KEYCTL_PKEY_QUERY, key, 0, (uintptr_t)low->info,
		     (uintptr_t)&low->query);
	ktap_ok(!ret && !memcmp(&query, &low->query, sizeof(query)),
		"32 bit: the same query");
}

static void cipher32(void)
{
	key_serial_t key = add32("compat", "new aes-256-gcm root=ops mode=derive");
	long n, len;

	ktap_ok(key > 0, "32 bit: add_key");
	ktap_ok(add32("compat", "new kdf root=ops") == -EEXIST, "32 bit: EEXIST");
	ktap_ok(add32("bad", "new nothing") == -EINVAL, "32 bit: EINVAL");
	query32(key);
	memcpy(low->in, data, 4096);
	n = pkey32(KEYCTL_PKEY_ENCRYPT, key, 4096, 4144);
	ktap_ok(n == 4144, "32 bit: encrypt");
	ktap_ok(iot_decrypt(key, low->out, n, opened, BUF) == 4096 &&
			!memcmp(opened, data, 4096),
		"opens in 64 bit");
	n = iot_encrypt(key, data, 1000, message, BUF);
	memcpy(low->in, message, n);
	ktap_ok(pkey32(KEYCTL_PKEY_DECRYPT, key, n, 4144) == 1000 &&
			!memcmp(low->out, data, 1000),
		"32 bit: decrypt opens what 64 bit made");
	low->in[50] ^= 1;
	ktap_ok(pkey32(KEYCTL_PKEY_DECRYPT, key, n, 4144) == -EBADMSG, "32 bit: EBADMSG");
	ktap_ok(pkey32(KEYCTL_PKEY_ENCRYPT, key, 4097, 4144) == -EINVAL,
		"32 bit: 4097 bytes");
	ktap_ok(pkey32(KEYCTL_PKEY_ENCRYPT, key, 0xffffffff, 4144) == -EINVAL,
		"32 bit: 4 GiB");

	strcpy(low->text, "rotate");
	ktap_ok(!call32(I386_KEYCTL, KEYCTL_UPDATE, key, (uintptr_t)low->text, 6, 0),
		"32 bit: update");
	len = call32(I386_KEYCTL, KEYCTL_READ, key, (uintptr_t)low->text,
		     sizeof(low->text), 0);
	ktap_ok(len > 0 && len == keyctl_read(key, NULL, 0), "32 bit: read");
	memmove(low->text + 5, low->text, len);
	memcpy(low->text, "load ", 5);
	low->text[len + 5] = '\0';
	iot_drop(key);
	strcpy((char *)low->in, "iot");
	low->name[0] = '\0';
	key = call32(I386_ADD_KEY, (uintptr_t)low->in, (uintptr_t)low->name,
		     (uintptr_t)low->text, len + 5, KEY_SPEC_SESSION_KEYRING);
	ktap_ok(key > 0 && key == keyctl_search(KEY_SPEC_SESSION_KEYRING, "iot", "compat",
						0),
		"32 bit: load (%d)", key);
	iot_drop(key);
}

static void mac32(void)
{
	key_serial_t key = make(&algorithms[3], "derive");
	uint8_t sig[40];

	iot_sign(key, data, DATA_MAX, sig, sizeof(sig));
	memcpy(low->in, data, DATA_MAX);
	ktap_ok(pkey32(KEYCTL_PKEY_SIGN, key, DATA_MAX, 40) == 40 &&
			!memcmp(low->out, sig, 40),
		"32 bit: the same signature");
	ktap_ok(!pkey32(KEYCTL_PKEY_VERIFY, key, DATA_MAX, 40), "32 bit: verify");
	low->out[39] ^= 1;
	ktap_ok(pkey32(KEYCTL_PKEY_VERIFY, key, DATA_MAX, 40) == -EKEYREJECTED,
		"32 bit: EKEYREJECTED");
	iot_drop(key);
}

static void test_32bit(void)
{
	low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED || !have_32bit()) {
		ktap_ok(true, "32-bit calls # SKIP the kernel has none");
		return;
	}
	cipher32();
	mac32();
}

#else

static void test_32bit(void)
{
	ktap_ok(true, "32-bit calls # SKIP not on this machine");
}

#endif

int main(void)
{
	static const char *const modes[] = { "random", "derive", "ratchet" };
	key_serial_t root = iot_add("ops", "new root provider=soft");
	size_t i;

	for (i = 0; i < BUF; i++)
		data[i] = seeded();
	ktap_ok(root > 0, "a root to work with");
	test_sizes();
	for (i = 0; i < 3; i++)
		test_nonces(&algorithms[i]);
	for (i = 0; i < ALGORITHMS; i++)
		test_damage(&algorithms[i], modes[i % 3]);
	for (i = 0; i < 3; i++)
		test_damage(&algorithms[2], modes[i]);
	test_lies();
	test_info();
	test_threads(&algorithms[0], "random", "1h");
	test_threads(&algorithms[1], "ratchet", "0");
	test_threads(&algorithms[3], "derive", "0");
	test_coming_and_going();
	test_32bit();
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	return ktap_done();
}
