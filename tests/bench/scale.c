// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Many scheduled keys: what one takes of memory, what a rotation costs, how often the timer
 * wakes the machine, and for how long it keeps the machine from anything else.
 *
 * All keys of a row come due at once.  Time jumps while the guest is idle, so who wants to
 * count instructions must not sleep: see others().
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"
#include "iotkey.h"

#define HOUR	   3600
#define SLOT	   600 /* hourly keys may be late by as much */
#define MS	   1000000LL
#define PAGE	   4096
#define BYTES_AIM  400
#define WAKEUP_AIM 200
#define OFF_AIM	   100 /* microseconds */
#define WATCHED	   6   /* hours of a day */
#define CROWD	   100000
#define PROBE_NS   50000

static struct iotkey_stats stats(void)
{
	struct iotkey_stats s;
	int ret = iotkey_stats_get(&s);

	if (ret) {
		errno = -ret;
		die("stats");
	}
	return s;
}

/* What is in use of the slab allocator's memory, each object with its share of a slab. */
static double slab(void)
{
	FILE *f = fopen("/proc/slabinfo", "r");
	long used, per_slab, pages;
	char line[512];
	double sum = 0;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%*s %ld %*d %*d %ld %ld", &used, &per_slab, &pages) ==
		    3)
			sum += (double)used * pages * PAGE / per_slab;
	}
	if (!sum)
		die("/proc/slabinfo");
	fclose(f);
	return sum;
}

/* Keys of root, as /proc/key-users says. */
static long live_keys(void)
{
	FILE *f = fopen("/proc/key-users", "r");
	long uid, keys;
	char line[128];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%ld: %*d %ld/", &uid, &keys) == 2 && !uid) {
			fclose(f);
			return keys;
		}
	}
	die("/proc/key-users");
}

static void empty(serial keyring, long down_to)
{
	if (keyctl_clear(keyring))
		die("clear");
	for (int i = 0; live_keys() > down_to; i++) {
		if (i > 100000)
			die("keys are not collected");
		usleep(10000);
	}
}

static void sleep_until(int clock, int64_t ns)
{
	struct timespec t = { .tv_sec = ns / NS_PER_SECOND,
			      .tv_nsec = ns % NS_PER_SECOND };

	while (clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL))
		;
}

static void be(int policy, int priority)
{
	struct sched_param param = { .sched_priority = priority };

	if (sched_setscheduler(0, policy, &param))
		die("scheduler");
}

/*
 * Instructions of all others on this CPU until they have been quiet for a while: the pauses that
 * this thread, which runs only when nobody else wants to, finds in its own run.
 */
static double others(void)
{
	const uint64_t quiet = 100 * MS, pause_ns = 400, work_ns = 50000;
	uint64_t last = now(), busy = last, t;
	double sum = 0;

	be(SCHED_IDLE, 0);
	for (;;) {
		t = now();
		if (t - last > pause_ns)
			sum += t - last;
		if (t - last > work_ns)
			busy = t;
		if (t - busy > quiet)
			break;
		last = t;
	}
	be(SCHED_OTHER, 0);
	return sum / NS_PER_INSTRUCTION;
}

/* The next slot of the queue that leaves @ns to prepare for it, in boot time. */
static int64_t next_slot(int64_t ns)
{
	int64_t slot = SLOT * NS_PER_SECOND;

	return (clock_ns(CLOCK_BOOTTIME) + ns) / slot * slot + slot;
}

/* Hourly keys that rotate just before the boot time @due, and are seen to then. */
static void fill(const char *type, long n, int64_t due, serial keyring)
{
	char payload[160] = "0123456789abcdef0123456789abcdef", name[32];
	int64_t lead = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);

	if (!strcmp(type, "iot"))
		snprintf(payload, sizeof(payload),
			 "new hmac-sha256 root=soft mode=derive rotate=1h start=%lld",
			 (long long)((due + lead) / NS_PER_SECOND - HOUR - 30));
	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "key-%ld", i);
		add(type, name, payload, keyring);
	}
}

/* Bytes per key of a bare user key. */
static double user_bytes(long n, serial keyring)
{
	long before = live_keys();
	double base = slab(), bytes;

	fill("user", n, 0, keyring);
	bytes = (slab() - base) / n;
	empty(keyring, before);
	return bytes;
}

struct cost {
	double bytes, user_bytes, rotation;
};

static struct cost crowd(long n)
{
	serial keyring = keyring_of("crowd", KEY_SPEC_SESSION_KEYRING);
	struct cost cost = { .user_bytes = user_bytes(n, keyring) };
	long before = live_keys();
	uint64_t rotations;
	int64_t due;
	double base;

	due = next_slot(n * 200000 + 10 * NS_PER_SECOND);
	base = slab();
	fill("iot", n, due, keyring);
	cost.bytes = (slab() - base) / n;

	rotations = stats().rotations;
	if (clock_ns(CLOCK_BOOTTIME) >= due - 2 * MS)
		die("%ld keys took too long to make", n);
	sleep_until(CLOCK_BOOTTIME, due - 2 * MS);
	cost.rotation = others() / n;
	if (stats().rotations - rotations != (uint64_t)n)
		die("%ld keys: %ld rotations", n, (long)(stats().rotations - rotations));
	empty(keyring, before);
	return cost;
}

static void crowd_rows(long n, double few)
{
	struct cost cost = crowd(n);
	char name[64];

	snprintf(name, sizeof(name), "memory/%ld-keys", n);
	row(name, "bytes per key", cost.bytes, "user", cost.user_bytes);
	snprintf(name, sizeof(name), "memory/%ld-keys-over-user", n);
	row(name, "bytes per key", cost.bytes - cost.user_bytes, "aim", BYTES_AIM);
	snprintf(name, sizeof(name), "rotation/%ld-keys", n);
	row(name, "instructions", cost.rotation, "1000 keys", few ? few : cost.rotation);
}

static void bench_wakeups(void)
{
	serial keyring = keyring_of("wakeups", KEY_SPEC_SESSION_KEYRING);
	int64_t start = clock_ns(CLOCK_REALTIME) / NS_PER_SECOND;
	long before = live_keys();
	uint64_t wakeups, rotations;
	char name[32], payload[128];

	for (long i = 0; i < 10000; i++) {
		snprintf(name, sizeof(name), "key-%ld", i);
		snprintf(payload, sizeof(payload),
			 "new hmac-sha256 root=soft mode=derive rotate=1h start=%lld",
			 (long long)(start - i * HOUR / 10000));
		add("iot", name, payload, keyring);
	}
	wakeups = stats().wakeups;
	rotations = stats().rotations;
	sleep(WATCHED * HOUR);
	wakeups = stats().wakeups - wakeups;
	rotations = stats().rotations - rotations;
	if (rotations < 10000 * (WATCHED - 1) || rotations > 10000 * (WATCHED + 1))
		die("%ld rotations", (long)rotations);
	row("wakeups/10000-hourly-keys", "per day", wakeups * 24.0 / WATCHED, "aim",
	    WAKEUP_AIM);
	empty(keyring, before);
}

/*
 * How late the most urgent thread is woken by a timer, at worst, in microseconds: while interrupts
 * are off or a spinlock is held, it waits.  (The kernel is told to be fully preemptible, so
 * it waits for nothing else.)
 */
static double worst_wait(int64_t duration)
{
	int64_t at = clock_ns(CLOCK_MONOTONIC), end = at + duration, late, worst = 0;

	be(SCHED_FIFO, 99);
	while (at < end) {
		at += PROBE_NS;
		sleep_until(CLOCK_MONOTONIC, at);
		late = clock_ns(CLOCK_MONOTONIC) - at;
		if (late > worst)
			worst = late;
		if (late > PROBE_NS)
			at += late;
	}
	be(SCHED_OTHER, 0);
	return worst / 1000.0;
}

static void preempt(const char *mode)
{
	FILE *f = fopen("/sys/kernel/debug/sched/preempt", "w");

	if (!f || fputs(mode, f) < 0 || fclose(f))
		die("preempt=%s", mode);
}

static void bench_off(void)
{
	serial keyring = keyring_of("off", KEY_SPEC_SESSION_KEYRING);
	uint64_t rotations = stats().rotations;
	long before = live_keys();
	double idle, worst;
	int64_t due;

	due = next_slot(CROWD * 200000LL + 10 * NS_PER_SECOND);
	fill("iot", CROWD, due, keyring);
	preempt("full");
	sleep_until(CLOCK_BOOTTIME, due - 60 * NS_PER_SECOND);
	idle = worst_wait(2 * NS_PER_SECOND);
	sleep_until(CLOCK_BOOTTIME, due - 2 * MS);
	worst = worst_wait(8 * NS_PER_SECOND);
	preempt("voluntary");
	if (stats().rotations - rotations != CROWD)
		die("%ld rotations", (long)(stats().rotations - rotations));
	row("off/100000-due-at-once", "microseconds", worst, "aim", OFF_AIM);
	row("off/100000-due-at-once-beside-idle", "microseconds", worst, "idle", idle);
	empty(keyring, before);
}

void bench_scale(void)
{
	struct cost few;

	raise_quota();
	soft_root();
	few = crowd(1000);
	crowd_rows(1000, few.rotation);
	crowd_rows(100000, few.rotation);

	crowd_rows(1000000, few.rotation);
}

void bench_time(void)
{
	raise_quota();
	soft_root();
	bench_off();
	bench_wakeups();
}
