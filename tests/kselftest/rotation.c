// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vm: virtual-time
 * timeout: 10000000
 * sources: tests/unit/ktap.c
 *
 * A few hours (HOURS=) or a week (IOTKEY_LONG=1) in the life of hourly keys. At each
 * moment that matters every key makes a message, and every message made so far is
 * tried: it must open exactly within the window of its version, by this program's
 * own arithmetic. Messages of the future come from the same keys, which have been
 * there and were loaded again from an older blob.
 */
#include <poll.h>
#include <sys/socket.h>
#include "rotation.h"
#include "../unit/ktap.h"

#define PERIOD	     3600
#define SLOT	     600 /* how late an hourly key's events may be told */
#define LATE	     (SLOT + 1)
#define RECENT	     3	/* versions whose messages are tried at every moment */
#define SAMPLE	     16 /* of the older ones, one in so many */
#define MOMENTS_MAX  (4 * 9 + 1)
#define SETUP_MAX    300 /* seconds until the first idle key rotates */
#define WAKEUPS_DAY  200
#define GUARD	     (NS / 100)
#define COMPLAIN_MAX 10

struct life {
	const char *name, *root, *algorithm, *mode;
	int overlap, ahead;

	int32_t key;
	bool aead, random;
	struct message *made;
	size_t count, room;
	uint32_t told; /* the last version whose rotation was told */
};

#define LIFE(n, r, a, m, o, h)                                                           \
	{                                                                                \
		.name = (n), .root = (r), .algorithm = (a), .mode = (m), .overlap = (o), \
		.ahead = (h)                                                             \
	}

static struct life lives[] = {
	LIFE("gcm-random", "soft", "aes-256-gcm", "random", 300, 60),
	LIFE("hmac-random", "soft", "hmac-sha256", "random", 0, 0),
	LIFE("ccm-derive", "soft", "aes-128-ccm", "derive", 1800, 600),
	LIFE("hmac-derive", "soft", "hmac-sha256", "derive", 3600, 3600),
	LIFE("xchacha-ratchet", "soft", "xchacha20-poly1305", "ratchet", 300, 60),
	LIFE("cmac-ratchet", "soft", "aes-128-cmac", "ratchet", 0, 3600),
	LIFE("xchacha-random", "tpm", "xchacha20-poly1305", "random", 3600, 600),
	LIFE("gcm-ratchet", "tpm", "aes-256-gcm", "ratchet", 1, 1),
	LIFE("cmac-derive", "tpm", "aes-128-cmac", "derive", 1, 1),
};

#define LIVES (sizeof(lives) / sizeof(lives[0]))

/* Keys that nobody uses: only the module's own timer moves them. */
struct idle {
	int64_t start;
	uint32_t told;
};

static struct idle *idle;
static long idle_count;

static struct iotkey_events *events;
static int64_t start;
static long hours;

/* What went wrong, by kind; the first few are said. */
static struct {
	unsigned long version, opened, refused, made, event;
} wrong;

static struct {
	unsigned long made, opened, early, late, told;
	int64_t latest;
} seen;

static void complain(unsigned long *counter, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void complain(unsigned long *counter, const char *fmt, ...)
{
	va_list args;

	if ((*counter)++ >= COMPLAIN_MAX)
		return;
	printf("# at %+lld s: ", (long long)(clock_ns(CLOCK_REALTIME) / NS - start));
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

/* The contract's window of a version, at key time @ns. */
static int expected(const struct life *life, uint32_t version, int64_t ns)
{
	int64_t begins = start + (int64_t)(version - 1) * PERIOD;

	if (ns < (begins - life->ahead) * NS)
		return ETIME;
	return ns < (begins + PERIOD + life->overlap) * NS ? 0 : EKEYEXPIRED;
}

static struct message *next_message(struct life *life)
{
	if (life->count == life->room) {
		life->room = life->room ? 2 * life->room : 256;
		life->made = realloc(life->made, life->room * sizeof(*life->made));
		if (!life->made)
			die("memory");
	}
	life->made[life->count].number = life->count;
	return &life->made[life->count];
}

/* One message; its version must be the hour's. */
static void speak(struct life *life)
{
	struct message *m = next_message(life);
	int64_t before = clock_ns(CLOCK_REALTIME) - GUARD, after;
	uint32_t low, high;
	int err = make(life->key, life->aead, m);

	after = clock_ns(CLOCK_REALTIME) + GUARD;
	if (err) {
		complain(&wrong.made, "%s: %s", life->name, strerror(err));
		return;
	}
	seen.made++;
	life->count++;
	low = (before - start * NS) / (PERIOD * NS) + 1;
	high = (after - start * NS) / (PERIOD * NS) + 1;
	if (m->version != low && m->version != high)
		complain(&wrong.version, "%s: version %u, should be %u", life->name,
			 m->version, low);
}

static void try_message(struct life *life, const struct message *m)
{
	int at_first = expected(life, m->version, clock_ns(CLOCK_REALTIME) - GUARD);
	int got = open_message(life->key, life->aead, m);
	int at_last = expected(life, m->version, clock_ns(CLOCK_REALTIME) + GUARD);

	if (got != at_first && got != at_last) {
		complain(got ? &wrong.refused : &wrong.opened,
			 "%s: a message of version %u: %s, should be: %s", life->name,
			 m->version, got < 0 ? "wrong text" : strerror(got),
			 strerror(at_first));
		return;
	}
	seen.opened += !got;
	seen.early += got == ETIME;
	seen.late += got == EKEYEXPIRED;
}

/* All of the recent and coming versions; of the long gone a sample, or all. */
static void try_messages(struct life *life, bool all)
{
	static unsigned int turn;
	uint32_t now = (clock_ns(CLOCK_REALTIME) / NS - start) / PERIOD + 1;

	turn++;
	for (size_t i = 0; i < life->count; i++) {
		const struct message *m = &life->made[i];
		uint32_t distance =
			m->version > now ? m->version - now : now - m->version;

		if (all || distance <= RECENT || (i + turn) % SAMPLE == 0)
			try_message(life, m);
	}
}

/*
 * Goes ahead to every version of the run, makes a message of each, and comes back as it
 * was. A random key knows only the next one.
 */
static void visit_future(struct life *life)
{
	char *blob = save(life->key);
	uint32_t last = life->random ? 2 : hours + 2;

	for (uint32_t version = 2; version <= last; version++) {
		struct message *m = next_message(life);
		int err = life->random ? update(life->key, "rotate", 0)
				       : update(life->key, "epoch=", version - 1);

		if (!err)
			err = make(life->key, life->aead, m);
		errno = err;
		if (err)
			die("%s: version %u", life->name, version);
		if (m->version != version)
			die("%s: version %u, not %u", life->name, m->version, version);
		life->count++;
	}
	life->key = reload(life->key, life->name, blob);
	free(blob);
}

static void create(struct life *life)
{
	life->random = !strcmp(life->mode, "random");
	life->aead = !strstr(life->algorithm, "mac");
	life->key =
		new_key(life->name,
			"new %s root=%s mode=%s rotate=%d overlap=%d ahead=%d start=%lld",
			life->algorithm, life->root, life->mode, PERIOD, life->overlap,
			life->ahead, (long long)start);
	store(life->key);
	visit_future(life);
	life->told = 1;
}

static void create_idle(void)
{
	char name[32];

	idle = calloc(idle_count, sizeof(*idle));
	if (!idle)
		die("memory");
	for (long i = 0; i < idle_count; i++) {
		snprintf(name, sizeof(name), "idle-%ld", i);
		idle[i].start = start - PERIOD + SETUP_MAX +
				i * (PERIOD - SETUP_MAX) / idle_count;
		idle[i].told = 1;
		new_key(name,
			"new hmac-sha256 root=soft mode=derive rotate=%d "
			"overlap=%d start=%lld",
			PERIOD, (int)(i % 7) * 100, (long long)idle[i].start);
	}
}

/* The rotation to @version was told now: in its hour, and in its slot. */
static void told(const char *name, int64_t first, uint32_t *last,
		 const struct iotkey_notice *notice)
{
	int64_t begins = (first + (int64_t)(notice->key.version - 1) * PERIOD) * NS;
	int64_t late = notice->time - begins;

	if (notice->key.version != *last + 1)
		complain(&wrong.event, "%s: told version %u after %u", name,
			 notice->key.version, *last);
	if (late < -GUARD || late > LATE * NS)
		complain(&wrong.event, "%s: told version %u after %lld ms", name,
			 notice->key.version, (long long)(late / 1000000));
	if (late > seen.latest)
		seen.latest = late;
	*last = notice->key.version;
	seen.told++;
}

static void take_event(const struct iotkey_notice *notice)
{
	long number;

	if (notice->event != IOTKEY_EVENT_ROTATED)
		return;
	if (sscanf(notice->key.name, "idle-%ld", &number) == 1 && number < idle_count) {
		told(notice->key.name, idle[number].start, &idle[number].told, notice);
		return;
	}
	for (size_t i = 0; i < LIVES; i++) {
		struct life *life = &lives[i];

		if (notice->key.serial != life->key)
			continue;
		told(life->name, start, &life->told, notice);
		if (life->random)
			store(life->key);
	}
}

static void take_events(void)
{
	struct iotkey_notice notice;
	int ret;

	while ((ret = iotkey_events_next(events, &notice)) == 1)
		take_event(&notice);
	if (ret < 0)
		complain(&wrong.event, "events: %s", strerror(-ret));
}

static void forget_events(void)
{
	struct iotkey_notice notice;

	while (iotkey_events_next(events, &notice))
		;
}

/* Until @at, as an agent: keys whose rotation is told are saved. */
static void sleep_until(int64_t at)
{
	for (;;) {
		struct pollfd p = { .fd = iotkey_events_fd(events), .events = POLLIN };
		int64_t wait = at - clock_ns(CLOCK_REALTIME);
		struct timespec t = { .tv_sec = wait / NS, .tv_nsec = wait % NS };

		if (wait <= 0)
			return;
		if (ppoll(&p, 1, &t, NULL) > 0)
			take_events();
	}
}

/* Seconds of the period at which something changes, and those just before. */
static int moments(int *at)
{
	int count = 0;

	at[count++] = PERIOD / 2;
	for (size_t i = 0; i < LIVES; i++) {
		int ends = lives[i].overlap % PERIOD;
		int begins = (PERIOD - lives[i].ahead) % PERIOD;

		for (int before = 0; before < 2; before++) {
			at[count++] = (ends + PERIOD - before) % PERIOD;
			at[count++] = (begins + PERIOD - before) % PERIOD;
		}
	}
	return count;
}

static int by_value(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static uint64_t wakeups(void)
{
	struct iotkey_stats stats;

	if (iotkey_stats_get(&stats))
		die("statistics");
	return stats.wakeups;
}

static void live_hour(long hour, const int *at, int count)
{
	for (int i = 0; i < count; i++) {
		if (i && at[i] == at[i - 1])
			continue;
		sleep_until((start + hour * PERIOD + at[i]) * NS);
		for (size_t l = 0; l < LIVES; l++) {
			speak(&lives[l]);
			try_messages(&lives[l], hour % 24 == 23 && at[i] == PERIOD / 2);
		}
		take_events();
	}
}

static void live(void)
{
	int at[MOMENTS_MAX], count = moments(at);
	uint64_t first, before, now, most = 0;

	qsort(at, count, sizeof(*at), by_value);
	first = now = wakeups();
	for (long hour = 0; hour < hours; hour++) {
		before = now;
		live_hour(hour, at, count);
		now = wakeups();
		if (now - before > most)
			most = now - before;
		if (hour % 24 == 23)
			printf("# day %ld: %lu messages, %llu wake-ups\n", hour / 24 + 1,
			       seen.made, (unsigned long long)(now - first));
	}
	printf("# %llu wake-ups for %ld keys in %ld hours, at most %llu in one\n",
	       (unsigned long long)(now - first), idle_count + (long)LIVES, hours,
	       (unsigned long long)most);
	ktap_ok(most <= WAKEUPS_DAY / 24 + 1 &&
			(now - first) * 24 <= (uint64_t)WAKEUPS_DAY * hours + 24,
		"at most %d wake-ups of the deadline queue a day", WAKEUPS_DAY);
}

/* Was each key told of each of its hours? */
static bool all_told(void)
{
	int64_t now;
	bool ok = true;

	/* the last slot */
	sleep_until(clock_ns(CLOCK_REALTIME) + (LATE + 1) * NS);
	take_events();
	now = clock_ns(CLOCK_REALTIME) / NS - LATE - 1;
	for (long i = 0; i < idle_count && ok; i++) {
		if (idle[i].told < (now - idle[i].start) / PERIOD + 1) {
			printf("# idle-%ld: told version %u last\n", i, idle[i].told);
			ok = false;
		}
	}
	for (size_t i = 0; i < LIVES && ok; i++)
		ok = lives[i].told >= (now - start) / PERIOD + 1;
	return ok;
}

static int by_nonce(const void *a, const void *b)
{
	const struct message *m = a, *n = b;

	return memcmp(m->bytes + 8, n->bytes + 8, IOTKEY_MESSAGE_OVERHEAD / 2);
}

static bool nonces_differ(struct life *life)
{
	if (!life->aead)
		return true;
	qsort(life->made, life->count, sizeof(*life->made), by_nonce);
	for (size_t i = 1; i < life->count; i++) {
		if (!by_nonce(&life->made[i - 1], &life->made[i])) {
			printf("# %s: version %u has a nonce twice\n", life->name,
			       life->made[i].version);
			return false;
		}
	}
	return true;
}

static void judge(int64_t lead)
{
	int64_t drift = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME) - lead;
	bool nonces = true;

	printf("# %lu messages made; %lu times opened, %lu refused as early, %lu as late\n",
	       seen.made, seen.opened, seen.early, seen.late);
	printf("# %lu rotations told, the latest after %lld ms\n", seen.told,
	       (long long)(seen.latest / 1000000));
	ktap_ok(!wrong.made && seen.made, "every key makes messages at every moment");
	ktap_ok(!wrong.version, "the version is the hour's, to the second: no drift");
	ktap_ok(!wrong.opened && seen.early && (seen.late || hours < 2),
		"nothing opens outside of its window");
	ktap_ok(!wrong.refused && seen.opened, "everything opens within its window");
	ktap_ok(all_told() && !wrong.event,
		"each rotation is told once, within its slot");
	ktap_ok(drift > -GUARD && drift < GUARD,
		"boot time and wall time agree (%lld us)", (long long)(drift / 1000));
	for (size_t i = 0; i < LIVES; i++)
		nonces = nonces_differ(&lives[i]) && nonces;
	ktap_ok(nonces, "no nonce came twice");
}

/* Rotations of all idle keys in one slot come at once. */
static void listen_for_events(void)
{
	int size = 64 << 20;
	int ret = iotkey_events_open(&events);

	if (ret) {
		errno = -ret;
		die("events");
	}
	setsockopt(iotkey_events_fd(events), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		   sizeof(size));
}

int main(int argc, char **argv)
{
	bool longer = option("IOTKEY_LONG", 0);
	int64_t lead;
	pid_t spinner;

	setvbuf(stdout, NULL, _IOLBF, 0);
	hours = argc > 1 ? atol(argv[1]) : option("HOURS", longer ? 168 : 3);
	idle_count = option("KEYS", longer ? 10000 : 1000);

	trust_clock(true);
	listen_for_events();
	new_key("soft", "new root provider=soft");
	spinner = stay_awake();
	new_key("tpm", "new root provider=tpm parent=0x81000001 mkparent");
	may_idle(spinner);
	lead = clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME);
	start = clock_ns(CLOCK_REALTIME) / NS;
	for (size_t i = 0; i < LIVES; i++)
		create(&lives[i]);
	forget_events();
	create_idle();
	if (clock_ns(CLOCK_REALTIME) / NS > start + SETUP_MAX)
		die("creation took too long");
	live();
	judge(lead);
	trust_clock(false);
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
	return ktap_done();
}
