// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys in the TPM, used by many at once: what a signature costs in TPM commands; somebody
 * who flushes our object, takes its place or fills the TPM; processes that sign beside
 * tpm2-tools; keys that end in the middle of it.
 *
 * timeout: 600
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * sources: tests/kselftest/common/tpm.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "common/iot.h"
#include "common/nl.h"
#include "common/tpm.h"

#define MAKE	  "new ecdsa-p256 parent=0x81000001 mkparent"
#define PROCESSES 24
#define TOOLS	  2
#define SIGNERS	  4 /* of one key that ends */
#define ACCESS_S  10

static struct nl_sock *sock;
static const uint8_t digest[32] = "what is signed, as if by SHA-256";
static char pem[2][4096];

static bool is_long(void)
{
	const char *text = getenv("IOTKEY_LONG");

	return text && *text;
}

static void set_linger(const char *ms)
{
	FILE *f = fopen("/sys/module/iotkey/parameters/linger", "w");

	if (!f || fputs(ms, f) < 0 || fclose(f)) {
		printf("Bail out! linger: %s\n", strerror(errno));
		exit(1);
	}
}

static uint64_t commands(void)
{
	struct nl_stats stats;

	if (nl_stats(sock, &stats)) {
		printf("Bail out! netlink\n");
		exit(1);
	}
	return stats.value[IOTKEY_A_STATS_TPM_COMMANDS];
}

/* 0 or the errno; it is a good one. */
static int sign(key_serial_t key)
{
	uint8_t sig[64];

	if (keyctl_pkey_sign(key, "enc=p1363", digest, sizeof(digest), sig, 64) < 0)
		return errno;
	return keyctl_pkey_verify(key, "enc=p1363", digest, sizeof(digest), sig, 64)
		       ? errno
		       : 0;
}

/* The TPM itself: nobody else may have it open meanwhile. */
static int open_tpm(void)
{
	time_t limit = time(NULL) + ACCESS_S;
	int fd;

	while ((fd = open("/dev/tpm0", O_RDWR | O_CLOEXEC)) < 0 && errno == EBUSY &&
	       time(NULL) < limit)
		usleep(10000);
	if (fd < 0) {
		printf("Bail out! /dev/tpm0: %s\n", strerror(errno));
		exit(1);
	}
	return fd;
}

static unsigned int transient(uint32_t list[TPM_HANDLES_MAX])
{
	int fd = open_tpm();
	unsigned int n = tpm_handles(fd, TPM_TRANSIENT, list);

	close(fd);
	return n;
}

static unsigned int left(void)
{
	uint32_t list[TPM_HANDLES_MAX];

	return transient(list);
}

/* Nothing of ours, within so long. */
static bool empties(unsigned int ms)
{
	unsigned int i;

	for (i = 0; i < ms / 20; i++) {
		if (!left())
			return true;
		usleep(20000);
	}
	return !left();
}

static void flush_all(void)
{
	uint32_t list[TPM_HANDLES_MAX];
	int fd = open_tpm();
	unsigned int n = tpm_handles(fd, TPM_TRANSIENT, list), i;

	for (i = 0; i < n; i++)
		tpm_flush(fd, list[i]);
	close(fd);
}

/* An object of somebody else's, which tpm2-tools leave in the TPM. */
static bool somebody_loads(const char *attributes)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "TPM2TOOLS_TCTI=device:/dev/tpm0 tpm2_createprimary -C o -G ecc256%s "
		 "-a '%s' -c /tmp/somebody.ctx >/tmp/somebody.log 2>&1",
		 strstr(attributes, "restricted") ? ":aes128cfb" : "", attributes);
	return !system(line);
}

#define STORAGE "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|restricted|decrypt"
#define SIGNING "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|sign"

static void costs(key_serial_t a, key_serial_t b)
{
	uint64_t before;
	unsigned int i, bad = 0;

	set_linger("60000");
	sign(a);
	before = commands();
	for (i = 0; i < 20; i++)
		bad += !!sign(a);
	ktap_ok(!bad && commands() - before == 20, "20 signatures: %lu TPM commands",
		commands() - before);
	before = commands();
	for (i = 0; i < 5; i++)
		bad += sign(b) || sign(a);
	ktap_ok(!bad && commands() - before == 30,
		"10 with two keys by turns: %lu, three each", commands() - before);
	ktap_ok(left() == 1, "one object stays in the TPM");
	set_linger("0");
	before = commands();
	bad = !!sign(b);
	ktap_ok(!bad && commands() - before == 4 && !left(),
		"linger=0: nothing stays (%lu commands)", commands() - before);
	before = commands();
	bad = !!sign(b);
	ktap_ok(!bad && commands() - before == 3 && !left(),
		"and the next takes 3: Load, Sign, FlushContext");
	set_linger("300");
	ktap_ok(!sign(a) && left() == 1, "linger=300: it stays");
	ktap_ok(empties(5000), "and then goes");
}

static void strangers(key_serial_t a)
{
	uint32_t list[TPM_HANDLES_MAX];
	uint64_t before;
	unsigned int n;
	int error;

	set_linger("60000");
	sign(a);
	flush_all();
	before = commands();
	error = sign(a);
	ktap_ok(!error && commands() - before == 4,
		"somebody flushes our object: loaded again (%s, %lu commands)",
		errno_name(error), commands() - before);

	flush_all();
	ktap_ok(somebody_loads(STORAGE), "a storage key takes its place");
	error = sign(a);
	n = transient(list);
	ktap_ok(!error && n == 2, "we load ours beside it (%s, %u objects)",
		errno_name(error), n);
	flush_all();
	ktap_ok(somebody_loads(SIGNING), "a signing key takes its place");
	error = sign(a);
	n = transient(list);
	ktap_ok(!error && n == 2, "what it signs is not ours (%s, %u objects)",
		errno_name(error), n);
	flush_all();
}

/*
 * The software TPM has three slots for objects, as the specification has it at least.  To load
 * one under a persistent parent takes two, for the parent is in one meanwhile.
 */
static void slots(key_serial_t a)
{
	char blob[4096] = "load ";
	key_serial_t root;
	long n;
	int error;

	root = iot_add("slots", "new root provider=tpm parent=0x81000001");
	n = keyctl_read(root, blob + 5, sizeof(blob) - 6);
	ktap_ok(root > 0 && n > 0, "a root");
	iot_drop(root);

	sign(a);
	if (!somebody_loads(STORAGE) || left() != 2) {
		ktap_ok(false, "an object of another's and one of ours (%u)", left());
		return;
	}
	root = iot_add("slots", "%s", blob);
	ktap_ok(root > 0, "a full TPM: a root that opens gets our slot (%s)",
		errno_name(errno));
	iot_drop(root);
	ktap_ok(!sign(a) && left() == 2, "and we get it back");
	set_linger("0");
	sign(a);
	ktap_ok(somebody_loads(SIGNING) && left() == 2, "two objects of others");
	error = sign(a);
	ktap_ok(error == EBUSY, "too few slots: %s", errno_name(error));
	flush_all();
	ktap_ok(!sign(a), "as soon as there is one it goes on");
	set_linger("500");
}

/* Many */

struct tally {
	unsigned int done, failed;
	int error;
	unsigned int longest; /* ms */
};

static unsigned int ms_since(const struct timespec *then)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (now.tv_sec - then->tv_sec) * 1000 + now.tv_nsec / 1000000 -
	       then->tv_nsec / 1000000;
}

static void sign_for(const key_serial_t keys[2], unsigned int seed, unsigned int ms,
		     struct tally *t)
{
	struct timespec begin, one;
	unsigned int took;
	int error;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (ms_since(&begin) < ms) {
		clock_gettime(CLOCK_MONOTONIC, &one);
		error = sign(keys[rand_r(&seed) % 8 == 0]);
		took = ms_since(&one);
		t->done++;
		if (took > t->longest)
			t->longest = took;
		if (error) {
			t->failed++;
			t->error = error;
		}
	}
}

/* Others use the TPM through the kernel's resource manager, up to two objects each. */
static void use_tools(unsigned int i, unsigned int ms, struct tally *t)
{
	static const char line[] =
		"cd /tmp && mkdir -p tools%u && cd tools%u && "
		"export TPM2TOOLS_TCTI=device:/dev/tpmrm0 && "
		"tpm2_createprimary -C o -G ecc256 -c p.ctx >log 2>&1 && "
		"tpm2_create -C p.ctx -G ecc256 -u k.pub -r k.priv -c k.ctx >>log 2>&1 && "
		"echo x | tpm2_sign -c k.ctx -g sha256 -o sig >>log 2>&1 && "
		"tpm2_readpublic -c 0x81000001 >>log 2>&1";
	struct timespec begin;
	char text[512];

	snprintf(text, sizeof(text), line, i, i);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	while (ms_since(&begin) < ms) {
		t->done++;
		t->failed += !!system(text);
	}
}

static void many(const key_serial_t keys[2])
{
	unsigned int ms = is_long() ? 60000 : 8000, i, least = ~0u, most = 0, all = 0,
		     failed = 0, tools = 0, tools_failed = 0, longest = 0;
	struct tally *t = mmap(NULL, (PROCESSES + TOOLS) * sizeof(*t),
			       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t before = commands();
	int error = 0;

	for (i = 0; i < PROCESSES + TOOLS; i++) {
		if (fork())
			continue;
		if (i < PROCESSES)
			sign_for(keys, i + 1, ms, &t[i]);
		else
			use_tools(i, ms, &t[i]);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
	for (i = 0; i < PROCESSES; i++) {
		least = t[i].done < least ? t[i].done : least;
		most = t[i].done > most ? t[i].done : most;
		longest = t[i].longest > longest ? t[i].longest : longest;
		all += t[i].done;
		failed += t[i].failed;
		error = t[i].error ? t[i].error : error;
	}
	for (; i < PROCESSES + TOOLS; i++) {
		tools += t[i].done;
		tools_failed += t[i].failed;
	}
	ktap_ok(!failed && all, "%u processes, 2 keys, %u signatures: %u failed (%s)",
		PROCESSES, all, failed, errno_name(error));
	ktap_ok(!tools_failed && tools, "tpm2-tools beside them, %u rounds: %u failed",
		tools, tools_failed);
	if (tools_failed && system("tail -n 3 /tmp/tools*/log | sed 's/^/# /'"))
		printf("# no log\n");
	ktap_ok(least && most <= 3 * least, "in turn: each signed %u to %u times", least,
		most);
	printf("# %lu TPM commands, the longest signature took %u ms\n",
	       commands() - before, longest);
	ktap_ok(empties(5000), "nothing is left in the TPM");
	munmap(t, (PROCESSES + TOOLS) * sizeof(*t));
}

/* Ends */

/* Until it is refused: the errno. */
static int sign_to_the_end(key_serial_t key)
{
	time_t limit = time(NULL) + 60;
	int error;

	while (!(error = sign(key)) && time(NULL) < limit)
		;
	return error;
}

static void unlink_key(key_serial_t key)
{
	keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
}

static void revoke_key(key_serial_t key)
{
	keyctl_revoke(key);
}

static void invalidate(key_serial_t key)
{
	keyctl_invalidate(key);
}

static void time_out(key_serial_t key)
{
	keyctl_set_timeout(key, 1);
}

static void ends(const char *name, void (*end)(key_serial_t key), const char *allowed)
{
	unsigned int rounds = is_long() ? 100 : 8, r, i, wrong = 0, stays = 0;
	int status, error = 0;
	key_serial_t key;

	set_linger("60000");
	for (r = 0; r < rounds; r++) {
		key = iot_add("mortal", "load %s", pem[0]);
		for (i = 0; i < SIGNERS; i++)
			if (!fork())
				_exit(sign_to_the_end(key));
		usleep(20000 + rand() % 50000);
		end(key);
		for (i = 0; i < SIGNERS; i++) {
			wait(&status);
			if (WIFEXITED(status) && errno_in(WEXITSTATUS(status), allowed))
				continue;
			wrong++;
			error = WEXITSTATUS(status);
		}
		unlink_key(key);
		stays += !empties(5000);
	}
	ktap_ok(!wrong, "%s in use, %u times: %u wrong ends (%s)", name, rounds, wrong,
		errno_name(error));
	ktap_ok(!stays, "%s: the object leaves the TPM", name);
	set_linger("500");
}

/* The module goes while its last key's object is still on its way out. */
static void unloads(void)
{
	unsigned int rounds = 5, r, i, wrong = 0;

	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	nl_socket_free(sock);
	for (r = 0; r < rounds; r++) {
		key_serial_t key = iot_add("last", "load %s", pem[1]);

		set_linger("60000");
		wrong += !!sign(key);
		unlink_key(key);
		for (i = 0; i < 500 && system("rmmod iotkey 2>/tmp/rmmod.log"); i++)
			usleep(10000);
		wrong += i == 500 || left();
		wrong += !!system("modprobe iotkey");
	}
	ktap_ok(!wrong, "rmmod right after: nothing stays in the TPM");
}

static bool make(key_serial_t keys[2])
{
	long n;
	int i;

	for (i = 0; i < 2; i++) {
		keys[i] = iot_add(i ? "two" : "one", MAKE);
		n = keys[i] > 0 ? keyctl_read(keys[i], pem[i], sizeof(pem[i]) - 1) : -1;
		if (!ktap_ok(n > 0, "a key (%s)", errno_name(errno)))
			return false;
	}
	return true;
}

int main(void)
{
	key_serial_t keys[2];

	setvbuf(stdout, NULL, _IOLBF, 0);
	srand(time(NULL));
	sock = nl_open();
	if (!ktap_ok(sock, "netlink") || !make(keys))
		return ktap_done();
	costs(keys[0], keys[1]);
	strangers(keys[0]);
	slots(keys[0]);
	many(keys);
	ends("revoke", revoke_key, "EKEYREVOKED EKEYEXPIRED");
	ends("unlink", unlink_key, "ENOKEY EACCES EKEYREVOKED");
	ends("invalidate", invalidate, "ENOKEY EACCES");
	ends("timeout", time_out, "EKEYEXPIRED");
	unloads();
	return ktap_done();
}
