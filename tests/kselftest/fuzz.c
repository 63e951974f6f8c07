// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Random calls on keys of type iot and on the netlink family: see tests/fuzz/vm/caller.h.
 * No call may hang, end in an errno that nobody documented, or open what was spoilt; and
 * in the end nothing is left.  What the kernel says of it the VM's console knows.
 *
 * FUZZ_VM_SECONDS (20), SEED (1).  The same seed makes the same calls of each thread, but
 * which thread comes first is up to the scheduler.
 *
 * vm: fuzz
 * timeout: 100000
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/fuzz/vm/random.c
 * sources: tests/fuzz/vm/text.c tests/fuzz/vm/keys.c tests/fuzz/vm/use.c
 * sources: tests/fuzz/vm/wire.c tests/fuzz/vm/system.c tests/fuzz/vm/tally.c
 * libs: -lnl-genl-3 -lnl-3 -lpthread
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "../fuzz/vm/caller.h"
#include "common/iot.h"

#define PATIENCE    120 /* seconds that one call may take, the TPM's queue and all */
#define PER_PROCESS 2
#define OFTEN	    200

struct shared *shared;

/* Who calls. */
static const struct caller {
	uid_t uid;
	bool own_namespaces; /* of users and of the network */
} callers[] = {
	{ .uid = 0 },
	{ .uid = 0 },
	{ .uid = 1000 },
	{ .uid = 65534 },
	{ .uid = 1000, .own_namespaces = true },
	{ .uid = 0, .own_namespaces = true },
};

#define CALLERS (sizeof(callers) / sizeof(callers[0]))

static uint64_t seed;
static long patience = PATIENCE;

static void write_to(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		printf("# %s: %s\n", path, strerror(errno));
	close(fd);
}

/* On a kernel that can: let any allocation fail, and say nothing of it. */
static void allow_failures(void)
{
	static const char *const files[][2] = {
		{ "/sys/kernel/debug/failslab/verbose", "0" },
		{ "/sys/kernel/debug/failslab/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/verbose", "0" },
		{ "/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait", "N" },
		{ "/sys/kernel/debug/fail_page_alloc/min-order", "0" },
		{ "/sys/kernel/debug/fail_usercopy/verbose", "0" },
	};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		write_to(files[i][0], files[i][1]);
}

static unsigned int any_kind(struct random *r)
{
	static unsigned int sum;
	unsigned int i, at, total = 0;

	if (!sum) {
		for (i = 0; i < kind_count; i++)
			total += kinds[i].weight;
		sum = total;
	}
	at = below(r, sum);
	for (i = 0; at >= kinds[i].weight; i++)
		at -= kinds[i].weight;
	return i;
}

/* The kernel counts this thread's allocations down, and fails one. */
static void begin_failing(struct thread *t)
{
	char text[16];
	int len;

	t->failing = false;
	if (t->fail_fd < 0 || !chance(&t->random, 6))
		return;
	len = snprintf(text, sizeof(text), "%u", 1 + below(&t->random, 40));
	t->failing = pwrite(t->fail_fd, text, len, 0) == len;
}

static void end_failing(struct thread *t)
{
	char text[16] = "";
	int tries = 20;

	if (!t->failing)
		return;
	if (pread(t->fail_fd, text, sizeof(text) - 1, 0) > 0 && !atoi(text))
		shared->injected++;
	/* what is to fail may be this */
	while (pwrite(t->fail_fd, "0", 1, 0) != 1 && tries--)
		;
}

static void *call(void *arg)
{
	struct thread *t = arg;
	long ret;

	t->fail_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	while (!shared->enough) {
		t->kind = any_kind(&t->random);
		shared->doing[t->number] = t->kind;
		t->last = NULL;
		t->text_len = 0;
		begin_failing(t);
		ret = kinds[t->kind].call(t);
		end_failing(t);
		if (ret == -ENOKEY)
			forget_serial(t);
		count(t, ret);
		shared->done[t->number]++;
	}
	return NULL;
}

/* Root in there, nobody outside of it. */
static void enter_namespaces(uid_t uid)
{
	char map[32];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
		printf("# namespaces of uid %u: %s\n", uid, strerror(errno));
		return;
	}
	snprintf(map, sizeof(map), "0 %u 1", uid);
	write_to("/proc/self/setgroups", "deny");
	write_to("/proc/self/uid_map", map);
}

static int be_caller(unsigned int number)
{
	static struct thread threads[PER_PROCESS];
	static const char source[32] = "what a root is made of";
	static const struct rlimit no_limit = { RLIM_INFINITY, RLIM_INFINITY };
	const struct caller *c = &callers[number];
	pthread_t ids[PER_PROCESS];
	unsigned int i;

	setrlimit(RLIMIT_MEMLOCK, &no_limit);
	if (setresgid(c->uid, c->uid, c->uid) || setresuid(c->uid, c->uid, c->uid))
		return 1;
	prctl(PR_SET_DUMPABLE, 1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* no page of a caller's own is to be missing when an allocation fails */
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		printf("# mlockall: %s\n", strerror(errno));
	if (c->own_namespaces)
		enter_namespaces(c->uid);
	keyctl_join_session_keyring(NULL);
	keyctl_link(KEY_SPEC_USER_KEYRING, KEY_SPEC_SESSION_KEYRING);
	/* for roots with provider=key */
	add_key("logon", "iot:source", source, sizeof(source), KEY_SPEC_USER_KEYRING);
	for (i = 0; i < PER_PROCESS; i++) {
		threads[i].number = number * PER_PROCESS + i;
		threads[i].random.state = seed * 1000003 + threads[i].number;
		pthread_create(&ids[i], NULL, call, &threads[i]);
	}
	for (i = 0; i < PER_PROCESS; i++)
		pthread_join(ids[i], NULL);
	/* what was linked there outlives the session */
	keyctl_setperm(KEY_SPEC_USER_KEYRING, 0x3f3f3f3f);
	keyctl_clear(KEY_SPEC_USER_KEYRING);
	keyctl_setperm(KEY_SPEC_USER_SESSION_KEYRING, 0x3f3f3f3f);
	keyctl_clear(KEY_SPEC_USER_SESSION_KEYRING);
	return 0;
}

static void start(pid_t pids[CALLERS])
{
	fflush(stdout);
	for (unsigned int i = 0; i < CALLERS; i++) {
		pids[i] = fork();
		if (!pids[i])
			_exit(be_caller(i));
	}
}

static long now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec;
}

/* Waits @seconds; false when a thread has not come back from a call for too long. */
static bool watch(long seconds)
{
	uint64_t before[THREADS] = { 0 }, done;
	long end = now() + seconds, since[THREADS];
	unsigned int i;

	for (i = 0; i < THREADS; i++)
		since[i] = now();
	while (now() < end) {
		sleep(1);
		for (i = 0; i < CALLERS * PER_PROCESS; i++) {
			done = shared->done[i];
			if (done != before[i]) {
				before[i] = done;
				since[i] = now();
			} else if (now() - since[i] > patience) {
				printf("# thread %u hangs: call %llu, %s\n", i,
				       (unsigned long long)done,
				       kinds[shared->doing[i]].name);
				return false;
			}
		}
	}
	return true;
}

static bool all_ended(pid_t pids[CALLERS])
{
	bool ended[CALLERS] = { false }, well = true;
	unsigned int i, left = CALLERS;
	long end = now() + patience;
	int status;

	while (left && now() < end) {
		for (i = 0; i < CALLERS; i++) {
			if (ended[i] || waitpid(pids[i], &status, WNOHANG) <= 0)
				continue;
			ended[i] = true;
			left--;
			if (status) {
				printf("# caller %u: status %#x\n", i, status);
				well = false;
			}
		}
		usleep(20000);
	}
	if (left)
		write_to("/proc/sysrq-trigger", "w");
	return well && !left;
}

/* Those that are left, and the keyrings that may hold them. */
static void print_keys(void)
{
	FILE *f = fopen("/proc/keys", "r");
	char line[1024];

	while (f && fgets(line, sizeof(line), f))
		printf("#   %s", line);
	if (f)
		fclose(f);
}

/* The collector works at its own pace. */
static bool all_gone(void)
{
	int i;

	for (i = 0; i < 1500 && module_refs(); i++)
		usleep(20000);
	printf("# references to the module in the end: %d\n", module_refs());
	if (!module_refs())
		return true;
	print_keys();
	return false;
}

/* Of a kind that can succeed, and was called often enough: it did. */
static void check_reach(void)
{
	static const char *const seldom[] = { "instantiate", "negate", "restrict",
					      "security",    "watch",  "rmmod" };
	const unsigned int seldoms = sizeof(seldom) / sizeof(seldom[0]);
	unsigned int i, j, dry = 0;
	uint64_t failed;
	int error;

	for (i = 0; i < kind_count; i++) {
		for (j = 0; j < seldoms && strcmp(kinds[i].name, seldom[j]); j++)
			;
		for (error = failed = 0; error < ERRNOS_MAX; error++)
			failed += shared->failed[i][error];
		if (j < seldoms || shared->ok[i] || failed < OFTEN)
			continue;
		printf("# never well: %s\n", kinds[i].name);
		dry++;
	}
	ktap_ok(!dry, "every kind of call came off that was made often");
}

static bool set_up(void)
{
	pthread_mutexattr_t attributes;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED)
		return false;
	pthread_mutexattr_init(&attributes);
	pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
	pthread_mutex_init(&shared->lock, &attributes);
	shared->clock = time(NULL) - now();
	/* soon, so that much is collected */
	write_to("/proc/sys/kernel/keys/gc_delay", "1");
	write_to("/proc/sys/kernel/keys/maxkeys", "600");
	write_to("/proc/sys/kernel/keys/maxbytes", "300000");
	allow_failures();
	return !load_module();
}

int main(void)
{
	const char *seconds = getenv("FUZZ_VM_SECONDS"), *from = getenv("SEED");
	const char *slow = getenv("IOTKEY_SLOW");
	pid_t pids[CALLERS];
	bool goes_on;

	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = from && *from ? strtoull(from, NULL, 0) : 1;
	printf("# SEED=%llu\n", (unsigned long long)seed);
	if (slow && atol(slow) > 0)
		patience *= atol(slow);
	if (!ktap_ok(set_up(), "the module and its family are there"))
		return ktap_done();
	start(pids);
	goes_on = watch(seconds && *seconds ? atol(seconds) : 20);
	shared->enough = true;
	ktap_ok(all_ended(pids) && goes_on, "no call hangs, no caller dies");
	print_tally();
	ktap_ok(!shared->complaints, "every call ended as documented (%u did not)",
		shared->complaints);
	check_reach();
	ktap_ok(all_gone(), "no key is left");
	ktap_ok(!system("rmmod iotkey && modprobe iotkey"),
		"the module unloads, and loads");
	return ktap_done();
}
