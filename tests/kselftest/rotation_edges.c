// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm: virtual-time
 * timeout: 1000000
 * sources: tests/unit/ktap.c
 *
 * Time's corners, each to the second: the end of a life, its beginning, limits of use,
 * a clock that is set, sleep, news from elsewhere, an agent that forgets to save.
 */
#include <poll.h>
#include "rotation.h"
#include "../unit/ktap.h"

#define HOUR 3600

static struct iotkey_events *events;
static uint64_t number;

/* A second of the wall clock has just begun; the same of the key time of new keys. */
static int64_t at_a_second(void)
{
	int64_t second = clock_ns(CLOCK_REALTIME) / NS + 1;
	struct timespec t = { .tv_sec = second };

	clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
	return second;
}

/* Boot time, which nobody sets. */
static void wait_until(int64_t boot_ns)
{
	struct timespec t = { .tv_sec = boot_ns / NS, .tv_nsec = boot_ns % NS };

	clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
}

static struct message message_of(int32_t key, bool aead)
{
	struct message m = { .number = number++ };
	int err = make(key, aead, &m);

	errno = err;
	if (err)
		die("message of %d", key);
	return m;
}

static int try_make(int32_t key, bool aead)
{
	struct message m = { .number = number++ };

	return make(key, aead, &m);
}

static uint32_t version_of(int32_t key, bool aead)
{
	return message_of(key, aead).version;
}

static void is(const char *name, long got, long expected)
{
	if (!ktap_ok(got == expected, "%s", name))
		printf("# expected %ld, got %ld\n", expected, got);
}

static void is_err(const char *name, int got, int expected)
{
	if (!ktap_ok(got == expected, "%s", name))
		printf("# expected %s, got %s\n", strerror(expected),
		       got < 0 ? "the wrong text" : strerror(got));
}

static void between(const char *name, int64_t got, int64_t low, int64_t high)
{
	if (!ktap_ok(got >= low && got <= high, "%s", name))
		printf("# expected %lld to %lld, got %lld\n", (long long)low,
		       (long long)high, (long long)got);
}

static void forget_events(void)
{
	struct iotkey_notice notice;

	while (iotkey_events_next(events, &notice))
		;
}

/* When an event of @key came, in wall ns, or 0; waits up to @seconds. */
static int64_t event_of(int32_t key, uint32_t event, int seconds,
			struct iotkey_notice *notice)
{
	int64_t end = clock_ns(CLOCK_BOOTTIME) + seconds * NS;

	for (;;) {
		struct pollfd p = { .fd = iotkey_events_fd(events), .events = POLLIN };
		int64_t left = (end - clock_ns(CLOCK_BOOTTIME)) / 1000000;
		int ret = iotkey_events_next(events, notice);

		if (ret == 1 && notice->key.serial == key && notice->event == event)
			return notice->time;
		if (!ret && (left <= 0 || poll(&p, 1, left) == 0))
			return 0;
	}
}

static void test_max_ops(void)
{
	int32_t key = new_key("ops", "new aes-256-gcm root=soft max-ops=3 overlap=10");
	struct message first;
	int64_t now;

	store(key);
	first = message_of(key, true);
	message_of(key, true);
	message_of(key, true);
	at_a_second();
	now = clock_ns(CLOCK_BOOTTIME);
	is("max-ops: the next version after the last use", version_of(key, true), 2);
	wait_until(now + 9 * NS);
	is_err("max-ops: the old version opens in the overlap",
	       open_message(key, true, &first), 0);
	wait_until(now + 10 * NS);
	is_err("max-ops: and not after it", open_message(key, true, &first), EKEYEXPIRED);
	message_of(key, true);
	message_of(key, true);
	is_err("max-ops: no version may follow", try_make(key, true), EOVERFLOW);
	is("max-ops: stored", update(key, "stored=", 3), 0);
	is("max-ops: now one may", version_of(key, true), 3);
	keyctl_invalidate(key);
}

/* Early in its epoch, a derive key is one ahead, and the schedule catches up. */
static void test_max_ops_schedule(void)
{
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME);
	int32_t key = new_key("ops2",
			      "new hmac-sha256 root=soft mode=derive rotate=60 "
			      "max-ops=2 start=%lld",
			      (long long)start);
	struct message first = message_of(key, false);

	message_of(key, false);
	wait_until(boot + 30 * NS);
	is("max-ops: early by half a period", version_of(key, false), 2);
	is_err("max-ops: without an overlap the old one is past at once",
	       open_message(key, false, &first), EKEYEXPIRED);
	wait_until(boot + 60 * NS);
	is("max-ops: it stays for its own epoch", version_of(key, false), 2);
	wait_until(boot + 120 * NS);
	is("max-ops: and then goes", version_of(key, false), 3);
	keyctl_invalidate(key);
}

static void test_lifetime(void)
{
	struct iotkey_notice notice;
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME), told;
	int32_t key = new_key("mortal", "new aes-128-cmac root=soft lifetime=100");
	struct message m;

	store(key);
	m = message_of(key, false);
	wait_until(boot + 89 * NS);
	is("lifetime: active", status_of(key).state, IOTKEY_STATE_ACTIVE);
	wait_until(boot + 90 * NS);
	is("lifetime: the last tenth is expiring", status_of(key).state,
	   IOTKEY_STATE_EXPIRING);
	wait_until(boot + 100 * NS - NS / 10);
	is_err("lifetime: used in its last second", try_make(key, false), 0);
	wait_until(boot + 100 * NS);
	is_err("lifetime: signs no more", try_make(key, false), EKEYEXPIRED);
	is_err("lifetime: verifies no more", open_message(key, false, &m), EKEYEXPIRED);
	is("lifetime: expired", status_of(key).state, IOTKEY_STATE_EXPIRED);
	is_err("lifetime: cannot be prolonged after its end",
	       update(key, "set lifetime=1000", 0), EKEYEXPIRED);
	told = event_of(key, IOTKEY_EVENT_EXPIRING, 30, &notice);
	between("lifetime: expiring is told within its slot", told - (start + 90) * NS, 0,
		12 * NS);
	told = event_of(key, IOTKEY_EVENT_EXPIRED, 30, &notice);
	between("lifetime: expired is told within its slot", told - (start + 100) * NS, 0,
		12 * NS);
	keyctl_invalidate(key);
}

/* Nobody looks: the timer alone tells of the end. */
static void test_lifetime_alone(void)
{
	struct iotkey_notice notice;
	int64_t start = at_a_second(), told;
	int32_t key = new_key("hermit",
			      "new hmac-sha256 root=soft mode=derive rotate=120 "
			      "lifetime=360 start=%lld",
			      (long long)start);

	told = event_of(key, IOTKEY_EVENT_EXPIRING, 400, &notice);
	between("alone: expiring is told one period before the end",
		told - (start + 240) * NS, 0, 25 * NS);
	told = event_of(key, IOTKEY_EVENT_EXPIRED, 400, &notice);
	between("alone: expired is told", told - (start + 360) * NS, 0, 25 * NS);
	keyctl_invalidate(key);
}

static void test_pending(void)
{
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME);
	int32_t key = new_key("later", "new aes-256-gcm root=soft rotate=60 start=%lld",
			      (long long)start + 30);

	store(key);
	is("start: pending", status_of(key).state, IOTKEY_STATE_PENDING);
	is_err("start: too early to encrypt", try_make(key, true), ETIME);
	wait_until(boot + 30 * NS - NS / 10);
	is_err("start: too early to the end", try_make(key, true), ETIME);
	wait_until(boot + 30 * NS);
	is("start: then active", status_of(key).state, IOTKEY_STATE_ACTIVE);
	is("start: with the first version", version_of(key, true), 1);
	wait_until(boot + 90 * NS - NS / 10);
	is("start: for one whole period", version_of(key, true), 1);
	wait_until(boot + 90 * NS);
	is("start: and not longer", version_of(key, true), 2);
	keyctl_invalidate(key);
}

static void test_forgotten(void)
{
	struct iotkey_notice notice;
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME), told;
	int32_t key = new_key("forgotten",
			      "new aes-256-gcm root=soft rotate=60 overlap=20 "
			      "start=%lld",
			      (long long)start);
	struct message first, second;

	is_err("forgotten: a first version waits for its blob", try_make(key, true),
	       EAGAIN);
	store(key);
	first = message_of(key, true);
	wait_until(boot + 60 * NS);
	second = message_of(key, true);
	is("forgotten: what was stored rotates", second.version, 2);
	wait_until(boot + 79 * NS);
	is_err("forgotten: the first opens in the overlap",
	       open_message(key, true, &first), 0);
	wait_until(boot + 80 * NS);
	is_err("forgotten: and not after", open_message(key, true, &first), EKEYEXPIRED);
	forget_events();
	told = event_of(key, IOTKEY_EVENT_FAILED, 60, &notice);
	between("forgotten: the failure is told", told - (start + 120) * NS, 0, 12 * NS);
	is("forgotten: as EAGAIN", notice.error, EAGAIN);
	wait_until(boot + 290 * NS);
	is("forgotten: no rotation without a blob", version_of(key, true), 2);
	is("forgotten: overdue", !!(status_of(key).flags & IOTKEY_FLAG_OVERDUE), 1);
	is_err("forgotten: the version stays open", open_message(key, true, &second), 0);
	store(key);
	is("forgotten: saved, it rotates at once", status_of(key).version, 3);
	is("forgotten: and is not overdue",
	   !!(status_of(key).flags & IOTKEY_FLAG_OVERDUE), 0);
	is("forgotten: saved again", update(key, "stored=", 4), 0);
	wait_until(boot + 300 * NS);
	is("forgotten: back in the schedule", version_of(key, true), 4);
	keyctl_invalidate(key);
}

static void test_by_hand(void)
{
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME);
	int32_t key = new_key("hand",
			      "new aes-128-ccm root=soft rotate=100 overlap=30 "
			      "start=%lld",
			      (long long)start);
	struct message first;

	store(key);
	first = message_of(key, true);
	wait_until(boot + 40 * NS);
	is("rotate: by hand", update(key, "rotate", 0), 0);
	is("rotate: it is the next version", version_of(key, true), 2);
	is_err("rotate: not twice without a blob", update(key, "rotate", 0), EAGAIN);
	store(key);
	wait_until(boot + 69 * NS);
	is_err("rotate: overlap counts from then", open_message(key, true, &first), 0);
	wait_until(boot + 70 * NS);
	is_err("rotate: to its second", open_message(key, true, &first), EKEYEXPIRED);
	wait_until(boot + 100 * NS);
	is("rotate: the schedule goes on", version_of(key, true), 3);
	keyctl_invalidate(key);
}

static void test_jitter(void)
{
	enum { KEYS = 30, JITTER = 500, PERIOD = 1000 };
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME), low = INT64_MAX,
		high = 0, first;
	int32_t key = 0;
	char name[16];
	bool ok = true;

	for (int i = 0; i < KEYS; i++) {
		int64_t got;

		snprintf(name, sizeof(name), "jitter%d", i);
		key = new_key(name, "new hmac-sha256 root=soft rotate=%d jitter=%d",
			      PERIOD, JITTER);
		got = status_of(key).start;
		ok = ok && got >= start - JITTER && got <= start + 10;
		low = got < low ? got : low;
		high = got > high ? got : high;
	}
	ktap_ok(ok, "jitter: within its range");
	between("jitter: and spread in it", high - low, JITTER / 2, JITTER + 10);
	store(key);
	first = status_of(key).start + PERIOD - start;
	wait_until(boot + first * NS - NS / 10);
	is("jitter: a whole period from its start", version_of(key, false), 1);
	wait_until(boot + first * NS);
	is("jitter: and not more", version_of(key, false), 2);
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	new_key("soft", "new root provider=soft");
}

/* A blob of @key's present, and a message of @version. */
static struct message from_future(int32_t *key, const char *name, bool aead,
				  uint32_t version)
{
	char *blob = save(*key);
	struct message m;

	if (update(*key, "epoch=", version - 1))
		die("epoch=");
	m = message_of(*key, aead);
	if (m.version != version)
		die("version %u", m.version);
	*key = reload(*key, name, blob);
	free(blob);
	return m;
}

static void test_news(const char *mode)
{
	int32_t key =
		new_key(mode, "new aes-256-gcm root=soft mode=%s rotate=%d overlap=%d",
			mode, HOUR, HOUR);
	struct message now, later, forged, far;

	store(key);
	now = message_of(key, true);
	later = from_future(&key, mode, true, 6);
	forged = later;
	forged.bytes[40] ^= 1;
	far = later;
	far.bytes[4] = 0x01; /* version 16777222 */
	is_err("news: a forged message", open_message(key, true, &forged), EBADMSG);
	is_err("news: of a version out of reach", open_message(key, true, &far),
	       strcmp(mode, "ratchet") ? EBADMSG : ETIME);
	is("news: moves nothing", version_of(key, true), 1);
	is("news: an authentic one opens", open_message(key, true, &later), 0);
	is("news: and moves the epoch", version_of(key, true), 6);
	is("news: to the beginning of its time", status_of(key).rotates_in >= HOUR - 2,
	   1);
	is_err("news: the past is past", open_message(key, true, &now), EKEYEXPIRED);
	is("news: epoch= moves on", update(key, "epoch=", 9), 0);
	is("news: it is that version", version_of(key, true), 10);
	is("news: never back", update(key, "epoch=", 3), 0);
	is("news: it stays", version_of(key, true), 10);
	is_err("news: by epoch= the previous opens in its overlap",
	       open_message(key, true, &later), EKEYEXPIRED);
	trust_clock(true);
	later = from_future(&key, mode, true, 12);
	is_err("news: none where the clock is trusted", open_message(key, true, &later),
	       ETIME);
	trust_clock(false);
	keyctl_invalidate(key);
}

/*
 * Set back and forth. Last of all, for what a trusted clock once said stays true
 * until the module goes.
 */
static void test_clock_set(void)
{
	int64_t start = at_a_second(), boot = clock_ns(CLOCK_BOOTTIME);
	int64_t lead = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	int32_t ratchet = new_key("set",
				  "new aes-256-gcm root=soft mode=ratchet rotate=%d "
				  "start=%lld",
				  HOUR, (long long)start);
	int32_t random = new_key("set2", "new hmac-sha256 root=soft rotate=%d start=%lld",
				 HOUR, (long long)start);
	struct message m;

	store(ratchet);
	store(random);
	m = message_of(ratchet, true);

	set_wall(clock_ns(CLOCK_REALTIME) - 86400 * NS);
	is("clock: set back a day", version_of(ratchet, true), 1);
	is_err("clock: messages open", open_message(ratchet, true, &m), 0);
	between("clock: the time to the next is the same", status_of(ratchet).rotates_in,
		HOUR - 5, HOUR);
	trust_clock(true);
	is("clock: trusted and behind, nothing", version_of(ratchet, true), 1);
	trust_clock(false);
	wait_until(boot + HOUR * NS - NS / 10);
	is("clock: a whole period", version_of(ratchet, true), 1);
	wait_until(boot + HOUR * NS);
	is("clock: to its second", version_of(ratchet, true), 2);
	is("clock: a random key too", version_of(random, false), 2);
	store(random);

	set_wall(clock_ns(CLOCK_BOOTTIME) + lead + 10 * HOUR * NS);
	is("clock: ahead and not trusted, nothing", version_of(ratchet, true), 2);
	m = message_of(ratchet, true);
	trust_clock(true);
	is("clock: ahead and trusted, the epoch follows", version_of(ratchet, true), 12);
	is("clock: a random key has one next version", version_of(random, false), 3);
	is_err("clock: what was is past", open_message(ratchet, true, &m), EKEYEXPIRED);
	set_wall(clock_ns(CLOCK_BOOTTIME) + lead);
	is("clock: trusted and set back, nothing", version_of(ratchet, true), 12);
	trust_clock(false);
	is("clock: not trusted any more, nothing", version_of(ratchet, true), 12);
	wait_until(boot + 2 * HOUR * NS);
	is("clock: the epoch goes on from there", version_of(ratchet, true), 13);
}

/*
 * The machine sleeps for two hours and a half; its clock runs on. Not by itself: the
 * alarm of QEMU's clock does not wake a machine whose time is virtual (SUSPEND=1 tries).
 */
static void test_suspend(void)
{
	int32_t ratchet = new_key(
		"sleep", "new aes-256-gcm root=soft mode=ratchet rotate=%d", HOUR);
	struct iotkey_notice notice;
	struct message m;
	int64_t before, slept, told;
	char text[32];
	FILE *f;

	store(ratchet);
	m = message_of(ratchet, true);
	forget_events();
	snprintf(text, sizeof(text), "+%d", 5 * HOUR / 2);
	write_text("/sys/class/rtc/rtc0/wakealarm", "0");
	write_text("/sys/class/rtc/rtc0/wakealarm", text);
	before = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC);
	f = fopen("/sys/power/state", "w");
	if (!f || fputs(option("SUSPEND_MEM", 0) ? "mem" : "freeze", f) < 0 ||
	    fclose(f)) {
		ktap_ok(true, "suspend # SKIP %s", strerror(errno));
		return;
	}
	slept = clock_ns(CLOCK_BOOTTIME) - clock_ns(CLOCK_MONOTONIC) - before;
	printf("# asleep for %lld ms\n", (long long)(slept / 1000000));
	between("suspend: the clock of sleep", slept / NS, 2 * HOUR, 3 * HOUR);
	told = event_of(ratchet, IOTKEY_EVENT_ROTATED, 5, &notice);
	ktap_ok(told, "suspend: the rotation is told right after");
	is("suspend: the version of the hour", version_of(ratchet, true), 3);
	is_err("suspend: the old one is past", open_message(ratchet, true, &m),
	       EKEYEXPIRED);
	keyctl_invalidate(ratchet);
}

int main(void)
{
	int ret;

	setvbuf(stdout, NULL, _IOLBF, 0);
	ret = iotkey_events_open(&events);
	if (ret) {
		errno = -ret;
		die("events");
	}
	new_key("soft", "new root provider=soft");
	test_max_ops();
	test_max_ops_schedule();
	test_lifetime();
	test_lifetime_alone();
	test_pending();
	test_forgotten();
	test_by_hand();
	test_jitter();
	test_news("derive");
	test_news("ratchet");
	if (option("SUSPEND", 0))
		test_suspend();
	else
		ktap_ok(true, "suspend # SKIP QEMU's clock does not wake this machine");
	test_clock_set();
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	return ktap_done();
}
