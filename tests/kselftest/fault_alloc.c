// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The allocation campaign, on a kernel that injects faults: for each operation the 1st,
 * the 2nd, ... allocation of this task fails, the core's as well as the module's, until
 * there is none left to fail.  After each: the errno is ENOMEM (or one of those that the
 * operation allows), nothing has changed, and the next try works.  An allocation may also
 * be one that the operation can do without; then it has done its work.
 *
 * Then the same for the loading of the module, its unloading, and the first use of the
 * modes of AES, for which the module keeps transforms.
 *
 * By default a sample of the module's loading, which SEED picks; all with IOTKEY_LONG=1.
 *
 * vm: alone
 * kernel: debug
 * timeout: 3600
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/nl.c
 * sources: tests/kselftest/common/campaign.c tests/kselftest/common/operations.c
 * sources: tests/kselftest/common/world.c tests/kselftest/common/tpm.c
 * libs: -lnl-genl-3 -lnl-3
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>
#include "common/campaign.h"
#include "common/iot.h"

#define DEBUGFS	      "/sys/kernel/debug/"
#define SAMPLE	      20      /* of the allocations of the module's loading, */
#define LAST	      20      /* and these at its end: there the module's own are */
#define MANY	      1000000 /* more allocations than loading takes */
#define NEVER_ENDING  5000    /* allocations of one operation */
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static int nth_fd;
static unsigned int failed, absorbed;

/* What fails: allocations, of slabs and of pages, also those that could wait. */
static const struct {
	const char *file, *text;
} knobs[] = {
	{ "failslab/verbose", "0" },
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/cache-filter", "N" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	/* what never is on the stack is required there */
	{ "fail_usercopy/stacktrace-depth", "0" },
	{ "fail_usercopy/require-end", "0" },
};

static bool set_knob(const char *file, const char *text)
{
	char path[128];
	bool ok;
	int fd;

	snprintf(path, sizeof(path), DEBUGFS "%s", file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (!ok)
		complain("%s: %s", path, strerror(errno));
	close(fd);
	return ok;
}

static bool set_knobs(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(knobs); i++)
		if (!set_knob(knobs[i].file, knobs[i].text))
			return false;
	return true;
}

/* Where a function of the kernel begins and ends; false without it. */
static bool find_function(const char *function, unsigned long *begin, unsigned long *end)
{
	FILE *f = fopen("/proc/kallsyms", "r");
	unsigned long at;
	char line[256], name[128];

	*begin = 0;
	while (f && !*begin && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx %*c %127s", &at, name) == 2 &&
		    !strcmp(name, function))
			*begin = at;
	*end = ULONG_MAX;
	if (f)
		rewind(f);
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx", &at) == 1 && at > *begin && at < *end)
			*end = at;
	if (f)
		fclose(f);
	return *begin;
}

/*
 * Fail only what is allocated inside the function @only, or anywhere if that is NULL, but
 * not inside @but, if there is one.  False if there are no such functions.
 */
static bool choose(const char *only, const char *but)
{
	static const char *const what[] = { "failslab", "fail_page_alloc" };
	unsigned long range[4] = { 0, ULONG_MAX, 0, 0 };
	static const char *const knob[] = { "require-start", "require-end",
					    "reject-start", "reject-end" };
	char file[64], text[32];
	bool ok = true;
	size_t i, j;

	if ((only && !find_function(only, &range[0], &range[1])) ||
	    (but && !find_function(but, &range[2], &range[3])))
		return false;
	for (i = 0; i < ARRAY_SIZE(what); i++) {
		snprintf(file, sizeof(file), "%s/stacktrace-depth", what[i]);
		ok &= set_knob(file, only || but ? "32" : "0");
		for (j = 0; j < ARRAY_SIZE(knob); j++) {
			snprintf(file, sizeof(file), "%s/%s", what[i], knob[j]);
			snprintf(text, sizeof(text), "%lu", range[j]);
			ok &= set_knob(file, text);
		}
	}
	return ok;
}

/* All, but for what the detector of leaks needs for itself, and can do without. */
static void choose_all(void)
{
	if (!choose(NULL, "kmemleak_alloc"))
		choose(NULL, NULL);
}

/* From here on the nth allocation of this task fails; 0: none. */
static void fail_nth(unsigned int n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	if (pwrite(nth_fd, text, len, 0) != len) {
		printf("Bail out! fail-nth: %s\n", strerror(errno));
		exit(1);
	}
}

/* How many are still to come before it fails. */
static unsigned int to_come(void)
{
	char text[16] = "";

	if (pread(nth_fd, text, sizeof(text) - 1, 0) <= 0) {
		printf("Bail out! fail-nth: %s\n", strerror(errno));
		exit(1);
	}
	return strtoul(text, NULL, 10);
}

static bool has_failed(void)
{
	return !to_come();
}

static bool wrong(const struct operation *op, unsigned int n, const char *why, int error)
{
	complain("%s: allocation %u: %s: %s", op->name, n, why,
		 error == WRONG ? "said yes, did not" : errno_name(error));
	return false;
}

static bool as_ordered(struct operation *op, unsigned int n)
{
	char *now = world_it(op);
	bool same;

	if (!op->good)
		op->good = strdup(now);
	same = !strcmp(now, op->good);
	if (!same)
		complain("%s: allocation %u:\n#   is: %s\n#  not: %s", op->name, n, now,
			 op->good);
	free(now);
	return same;
}

/* With the nth allocation failing. Return: was there an nth? */
static bool try_fault(struct operation *op, unsigned int n, bool *ok)
{
	bool had, spared;
	char *before;
	int error;

	op_prepare(op);
	before = world(op);
	fail_nth(n);
	error = op->act(op);
	had = has_failed();
	fail_nth(0);
	failed += had;
	spared = had && !error;
	absorbed += spared;
	if (error &&
	    !(had && (error == ENOMEM || (op->also && errno_in(error, op->also)))))
		*ok = wrong(op, n, "the errno", error);
	if (error)
		op_failed(op);
	if (error && !world_is(op, before))
		*ok = wrong(op, n, "not as before", error);
	if (error)
		error = op->act(op);
	if (error)
		*ok = wrong(op, n, "the next try", error);
	else if (!as_ordered(op, n) || (spared && !op_proved(op)))
		*ok = wrong(op, n, "not what was ordered", error);
	op_undo(op);
	if (!world_is_empty(op))
		*ok = wrong(op, n, "something is left", 0);
	free(before);
	return had;
}

static void campaign(struct operation *op)
{
	unsigned int n, before = failed, spared = absorbed;
	bool ok = true, goes_on = true;

	/* what is allocated only once is not in the way; and how it looks after success */
	op_prepare(op);
	if (op->act(op) || !as_ordered(op, 0) || !op_proved(op))
		ok = wrong(op, 0, "without a fault", 0);
	op_undo(op);

	for (n = 1; ok && goes_on && n < NEVER_ENDING; n++)
		goes_on = try_fault(op, n, &ok);
	ktap_ok(ok && !goes_on, "%s: %u allocations failed, %u of them could be spared",
		op->name, failed - before, absorbed - spared);
}

/* Loading and unloading. */

static char module_path[256];

static int load_module(void)
{
	int fd = open(module_path, O_RDONLY | O_CLOEXEC), error = 0;

	if (fd < 0 || syscall(SYS_finit_module, fd, "measure=all", 0))
		error = errno;
	close(fd);
	return error;
}

static int unload_module(void)
{
	return syscall(SYS_delete_module, "iotkey", O_NONBLOCK) ? errno : 0;
}

/* The last key goes when the collector has seen it. */
static int unload_when_free(void)
{
	int error, tries;

	for (tries = 0; tries < 1000; tries++) {
		error = unload_module();
		if (error != EAGAIN && error != EBUSY)
			break;
		usleep(5000);
	}
	return error;
}

static bool loaded(void)
{
	return !access("/sys/module/iotkey", F_OK);
}

static bool has_type(void)
{
	return iot_add("probe", "nonsense") < 0 && errno != ENODEV;
}

static bool try_loading(unsigned int n, bool *ok)
{
	bool had;
	int error;

	fail_nth(n);
	error = load_module();
	had = has_failed();
	fail_nth(0);
	failed += had;
	absorbed += had && !error;
	if (error && (!had || error != ENOMEM || loaded() || has_type())) {
		complain("loading: allocation %u: %s%s", n, errno_name(error),
			 loaded() ? ", and is there" : "");
		*ok = false;
	}
	if (error)
		error = load_module();
	if (error || !has_type()) {
		complain("loading: after allocation %u: the next try: %s", n,
			 errno_name(error));
		*ok = false;
	}
	error = unload_when_free();
	if (error || loaded()) {
		complain("loading: after allocation %u: it does not go: %s", n,
			 errno_name(error));
		*ok = false;
	}
	return had;
}

/*
 * Only from the module's own init on: the core of 6.12 is not made for running out of memory
 * while it reads a module (warnings of its tracing), nor while it makes a cache of slabs
 * (it says so with a trace, and leaks the name).
 */
static void campaign_loading(void)
{
	unsigned int n, total, before = failed, i;
	bool ok;

	if (!choose("do_one_initcall", "__kmem_cache_create_args")) {
		ktap_ok(false, "the faults of loading the module");
		return;
	}
	/* how many are there? */
	fail_nth(MANY);
	ok = !load_module();
	total = MANY - to_come();
	fail_nth(0);
	ok &= !unload_when_free();
	for (n = 1; ok && campaign_long() && try_loading(n, &ok); n++)
		;
	for (i = 0; ok && !campaign_long() && i < SAMPLE; i++)
		try_loading(1 + campaign_random() % total, &ok);
	for (i = 0; ok && !campaign_long() && i < LAST; i++)
		try_loading(total - i, &ok);
	choose_all();
	ktap_ok(ok, "loading the module: %u of %u allocations failed", failed - before,
		total);
}

static void campaign_unloading(void)
{
	unsigned int n, before = failed;
	bool ok = true, had = true;
	int error;

	for (n = 1; ok && had && n < NEVER_ENDING; n++) {
		ok = !load_module();
		fail_nth(n);
		error = unload_module();
		had = has_failed();
		fail_nth(0);
		failed += had;
		if (error) {
			complain("unloading: allocation %u: %s", n, errno_name(error));
			ok = !unload_when_free();
		}
		ok &= !loaded();
	}
	ktap_ok(ok, "unloading it: %u allocations failed", failed - before);
}

/* In a module that has not used that mode yet. Return: was there an nth? */
static bool try_first_use(const char *algorithm, unsigned int n, bool *ok)
{
	key_serial_t key;
	bool had;
	int error;

	if (load_module() || iot_add("soft", "new root provider=soft") < 0) {
		*ok = false;
		return false;
	}
	fail_nth(n);
	key = add_key("iot", "it", algorithm, strlen(algorithm),
		      KEY_SPEC_SESSION_KEYRING);
	error = key < 0 ? errno : 0;
	had = has_failed();
	fail_nth(0);
	failed += had;
	absorbed += had && !error;
	if (error && (!had || error != ENOMEM)) {
		complain("%s: allocation %u: %s", algorithm, n, errno_name(error));
		*ok = false;
	}
	if (error)
		key = iot_add("it", "%s", algorithm);
	if (key < 0) {
		complain("%s: after allocation %u: the next try: %s", algorithm, n,
			 strerror(errno));
		*ok = false;
	}
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	error = unload_when_free();
	if (error) {
		complain("%s: after allocation %u: unloading: %s", algorithm, n,
			 errno_name(error));
		*ok = false;
	}
	return had;
}

static void campaign_first_use(const char *algorithm)
{
	unsigned int n = 1, before = failed;
	bool ok = true;

	while (ok && n < NEVER_ENDING && try_first_use(algorithm, n, &ok))
		n++;
	ktap_ok(ok, "first %s: %u allocations failed", algorithm, failed - before);
}

/* A look for leaks needs the detector to have got its own memory. */
static bool leak_detector_lives(void)
{
	int fd = open(DEBUGFS "kmemleak", O_RDWR | O_CLOEXEC);
	bool lives = fd < 0 || write(fd, "scan", 4) == 4;

	close(fd);
	return lives;
}

int main(void)
{
	struct utsname name;
	unsigned int i;

	nth_fd = open("/proc/thread-self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0 || !set_knobs()) {
		printf("Bail out! this kernel injects no faults\n");
		return 1;
	}
	choose_all();
	campaign_seed();
	uname(&name);
	snprintf(module_path, sizeof(module_path), "/lib/modules/%s/updates/iotkey.ko",
		 name.release);
	if (!access("/dev/tpm0", F_OK) && system(MAKE_PEMS))
		return 1;
	campaign_tpm = open("/dev/tpm0", O_RDWR | O_CLOEXEC);
	/* or a fault might be one of a page of ours */
	if (campaign_tpm < 0 || mlockall(MCL_CURRENT | MCL_FUTURE)) {
		printf("Bail out! /dev/tpm0 or mlockall: %s\n", strerror(errno));
		return 1;
	}
	campaign_open();
	for (i = 0; i < operation_count; i++) {
		campaign(&operations[i]);
		fflush(stdout);
	}
	campaign_close();
	if (unload_when_free())
		ktap_ok(false, "unloads when no key is left");
	campaign_unloading();
	campaign_loading();
	campaign_first_use("new aes-256-gcm root=soft");
	campaign_first_use("new aes-128-ccm root=soft");
	load_module();
	ktap_ok(leak_detector_lives(), "the look for leaks goes on");
	printf("# campaign: %u operations, %u allocations failed, %u of them could be spared\n",
	       operation_count + 4, failed, absorbed);
	return ktap_done();
}
