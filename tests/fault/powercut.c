// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest of powercut.sh: a device that is switched off again and again. It loads its
 * keys from /data, tries every message that it ever logged there, says how that went,
 * and lives on, as an agent by the crash rule, until somebody pulls the plug.
 *
 * From the kernel's command line: TRUSTED= (the clock), CUT_AT= (seconds of life),
 * CUT_STEP= (a step of the agent's work), LAST= (only look), SEED=.
 *
 * For the host: "wrong ..." lines, one "checked ..." line, and "until SECONDS" before
 * each sleep: boot time will not be later than that.
 */
#include <sys/stat.h>
#include "../kselftest/rotation.h"

#define PERIOD	   3600
#define GUARD	   (NS / 4) /* the module is loaded within it */
#define PAUSE_MAX  400
#define WRONG_MAX  10
#define BLOB_MAX   16384
#define LOG_FILE   "/data/log"
#define SCHEDULE   "rotate=3600 overlap=1800 ahead=60"
#define MIX_ONE_IN 20

struct record {
	uint32_t key; /* index in keys[] */
	struct message message;
};

/* The contract's view of a key, kept apart from the module's. */
struct model {
	int64_t start;
	int64_t lead; /* key time less boot time, ns */
	int64_t activated;
	uint32_t version, epoch;
};

static struct key {
	const char *name, *text;
	bool aead;
	enum iotkey_mode mode;
	bool mixes;
	int32_t serial;
	uint32_t saved; /* the last version the agent saw and saved */
	struct model model;
} keys[] = {
	{ .name = "random-gcm",
	  .text = "new aes-256-gcm root=root mode=random " SCHEDULE,
	  .aead = true,
	  .mode = IOTKEY_MODE_RANDOM },
	{ .name = "random-hmac",
	  .text = "new hmac-sha256 root=root mode=random " SCHEDULE,
	  .mode = IOTKEY_MODE_RANDOM },
	{ .name = "derive-ccm",
	  .text = "new aes-128-ccm root=root mode=derive " SCHEDULE,
	  .aead = true,
	  .mode = IOTKEY_MODE_DERIVE },
	{ .name = "ratchet-xchacha",
	  .text = "new xchacha20-poly1305 root=root mode=ratchet " SCHEDULE,
	  .aead = true,
	  .mode = IOTKEY_MODE_RATCHET },
	{ .name = "ratchet-mix",
	  .text = "new aes-256-gcm root=root mode=ratchet " SCHEDULE,
	  .aead = true,
	  .mode = IOTKEY_MODE_RATCHET,
	  .mixes = true },
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

static struct record *records;
static size_t record_count;
static int log_fd;
static long cut_step, step;
static int64_t module_loaded; /* boot time, ns */
static bool trusted;
static unsigned long wrong;

static void power_cut(void)
{
	write_text(getenv("IOTKEY_RESULT"), "CUT\n");
	/* time that is virtual must not run away until the plug is out */
	for (;;)
		;
}

/* Here the agent may lose its power. */
static void cut_point(void)
{
	if (cut_step && ++step >= cut_step)
		power_cut();
}

static void complain(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void complain(const char *fmt, ...)
{
	va_list args;

	if (wrong++ >= WRONG_MAX)
		return;
	printf("wrong ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf("\n");
}

static const char *path_of(const char *name, const char *ending)
{
	static char path[128];

	snprintf(path, sizeof(path), "/data/%s%s", name, ending);
	return path;
}

static void sync_dir(void)
{
	int fd = open("/data", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd))
		die("/data");
	close(fd);
}

/* A blob on the disk, in the order that survives a power cut at every step. */
static void save_to_disk(const char *name, int32_t serial)
{
	char *blob = save(serial), temporary[128];
	int fd;

	strcpy(temporary, path_of(name, ".new"));
	cut_point();
	fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, blob, strlen(blob)) < 0)
		die("%s", temporary);
	cut_point();
	if (fsync(fd))
		die("%s", temporary);
	close(fd);
	cut_point();
	if (rename(temporary, path_of(name, "")))
		die("%s", temporary);
	cut_point();
	sync_dir();
	cut_point();
	free(blob);
}

static bool load_text(const char *name, char *text)
{
	int fd = open(path_of(name, ""), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, text, BLOB_MAX - 1);
	if (n <= 0)
		die("%s", name);
	text[n] = '\0';
	close(fd);
	return true;
}

/* What is on the disk is loaded; what is not there is made, and saved before use. */
static int32_t load_or_make(const char *name, const char *text, char *blob)
{
	char payload[BLOB_MAX + 8];
	int32_t serial;

	if (load_text(name, blob)) {
		snprintf(payload, sizeof(payload), "load %s", blob);
		serial = try_key(name, payload);
		if (serial < 0)
			die("%s does not load", name);
		return serial;
	}
	serial = new_key(name, "%s", text);
	save_to_disk(name, serial);
	free(save(serial));
	load_text(name, blob);
	return serial;
}

static int64_t begin_of(const struct model *m, uint32_t epoch)
{
	return m->start + (int64_t)epoch * PERIOD;
}

static int64_t key_time(const struct model *m)
{
	int64_t wall = clock_ns(CLOCK_REALTIME), own = clock_ns(CLOCK_BOOTTIME) + m->lead;

	return trusted && wall > own ? wall : own;
}

/* Bring the model up to key time @ns. */
static void settle(const struct key *key, struct model *m, int64_t ns)
{
	int64_t now = ns / NS;
	uint32_t epoch = now < m->start ? 0 : (now - m->start) / PERIOD;

	if (epoch <= m->epoch)
		return;
	if (key->mode == IOTKEY_MODE_RANDOM) {
		m->activated = begin_of(m, m->epoch + 1);
		m->version++;
	} else {
		m->activated = begin_of(m, epoch);
		m->version = epoch + 1;
	}
	m->epoch = epoch;
}

/* A blob of another boot: at least the time since the module is here has passed. */
static void start_model(struct key *key, const char *blob)
{
	struct iotkey_blob b;

	if (iotkey_blob_parse(blob, strlen(blob), &b))
		die("%s: no blob", key->name);
	key->model = (struct model){ .start = b.start,
				     .activated = b.activated,
				     .version = b.version,
				     .epoch = b.epoch,
				     .lead = (int64_t)b.saved * NS - module_loaded };
	key->saved = b.version;
}

static void load_keys(void)
{
	char blob[BLOB_MAX];
	pid_t spinner;

	spinner = stay_awake();
	load_or_make("root", "new root provider=tpm parent=0x81000001 mkparent", blob);
	may_idle(spinner);
	for (size_t i = 0; i < KEYS; i++) {
		struct key *key = &keys[i];

		key->serial = load_or_make(key->name, key->text, blob);
		start_model(key, blob);
		if (update(key->serial, "stored=", status_of(key->serial).newest) &&
		    errno != EINVAL)
			die("stored= of %s", key->name);
	}
}

/* What the contract says of @version at key time @ns; @news: it moves the key. */
static int expected(const struct key *key, uint32_t version, int64_t ns, bool *news)
{
	struct model m = key->model;
	int64_t now = ns / NS;

	*news = false;
	settle(key, &m, ns);
	if (version == m.version)
		return 0;
	if (version < m.version)
		return version + 1 == m.version && now < m.activated + 1800 ? 0
									    : EKEYEXPIRED;
	if (version == m.version + 1 && now >= begin_of(&m, m.epoch + 1) - 60)
		return 0;
	*news = !trusted && (key->mode != IOTKEY_MODE_RANDOM || version == m.version + 1);
	return *news ? 0 : ETIME;
}

static void follow_news(const struct key *key, struct model *m, uint32_t version)
{
	int64_t now = key_time(m);

	settle(key, m, now);
	m->epoch = key->mode == IOTKEY_MODE_RANDOM ? m->epoch + 1 : version - 1;
	m->version = version;
	m->activated = now / NS;
	if (m->activated < begin_of(m, m->epoch)) {
		m->lead += (begin_of(m, m->epoch) - now / NS) * NS;
		m->activated = begin_of(m, m->epoch);
	}
}

static struct {
	unsigned long opened, early, late, news;
} seen;

static void try_record(const struct record *r)
{
	struct key *key = &keys[r->key];
	uint32_t version = r->message.version;
	bool news, news_later;
	int at_first = expected(key, version, key_time(&key->model) - GUARD, &news);
	int got = open_message(key->serial, key->aead, &r->message);
	int at_last = expected(key, version, key_time(&key->model) + GUARD, &news_later);

	if (got != at_first && got != at_last)
		complain("%s: version %u: %s, should be: %s (it is version %u)",
			 key->name, version, got < 0 ? "another text" : strerror(got),
			 strerror(at_first), status_of(key->serial).version);
	if (!got && news && news_later) {
		follow_news(key, &key->model, version);
		seen.news++;
	}
	seen.opened += !got;
	seen.early += got == ETIME;
	seen.late += got == EKEYEXPIRED;
}

static int by_nonce(const void *a, const void *b)
{
	const struct record *r = *(struct record *const *)a,
			    *s = *(struct record *const *)b;

	if (r->key != s->key)
		return r->key < s->key ? -1 : 1;
	return memcmp(r->message.bytes + 4, s->message.bytes + 4, 28);
}

/* Of one key and version, over all its lives. */
static void check_nonces(void)
{
	const struct record **sorted = calloc(record_count + 1, sizeof(*sorted));

	if (!sorted)
		die("memory");
	for (size_t i = 0; i < record_count; i++)
		sorted[i] = &records[i];
	qsort(sorted, record_count, sizeof(*sorted), by_nonce);
	for (size_t i = 1; i < record_count; i++) {
		if (keys[sorted[i]->key].aead && !by_nonce(&sorted[i - 1], &sorted[i]))
			complain("%s: a nonce of version %u came twice",
				 keys[sorted[i]->key].name, sorted[i]->message.version);
	}
	free(sorted);
}

/* A record that was cut off in the middle never was. */
static void open_log(void)
{
	struct stat st;

	log_fd = open(LOG_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (log_fd < 0 || fstat(log_fd, &st))
		die(LOG_FILE);
	record_count = st.st_size / sizeof(*records);
	records = calloc(record_count + 1, sizeof(*records));
	if (!records || pread(log_fd, records, record_count * sizeof(*records), 0) !=
				(ssize_t)(record_count * sizeof(*records)))
		die(LOG_FILE);
	if (ftruncate(log_fd, record_count * sizeof(*records)) ||
	    lseek(log_fd, 0, SEEK_END) < 0)
		die(LOG_FILE);
	sync_dir();
}

static void check(void)
{
	for (size_t i = 0; i < record_count; i++)
		try_record(&records[i]);
	check_nonces();
	printf("checked %zu: %lu open, %lu early, %lu late, %lu news, %lu wrong\n",
	       record_count, seen.opened, seen.early, seen.late, seen.news, wrong);
}

static void speak(struct key *key)
{
	struct record r = { .key = key - keys };
	int err;

	r.message.number = random();
	err = make(key->serial, key->aead, &r.message);
	if (err) {
		complain("%s: %s", key->name, strerror(err));
		return;
	}
	if (write(log_fd, &r, sizeof(r)) != sizeof(r) || fdatasync(log_fd))
		die(LOG_FILE);
}

/* The crash rule: on the disk, then stored=. */
static void save_if_new(struct key *key)
{
	uint32_t version = status_of(key->serial).version;

	if (version == key->saved)
		return;
	save_to_disk(key->name, key->serial);
	errno = update(key->serial, "stored=", status_of(key->serial).newest);
	if (errno)
		die("stored= of %s", key->name);
	cut_point();
	key->saved = version;
}

static void mix(struct key *key)
{
	char text[] = "mix=00000000000000000000000000000000";
	static const char digits[] = "0123456789abcdef";

	for (char *p = text + 4; *p; p++)
		*p = digits[random() % 16];
	if (keyctl_update(key->serial, text, strlen(text)))
		die("mix= of %s", key->name);
	cut_point();
}

static void live(int64_t end)
{
	for (;;) {
		int64_t now = clock_ns(CLOCK_BOOTTIME), next;
		struct timespec t;

		next = now + (1 + random() % PAUSE_MAX) * NS;
		if (end && next > end)
			next = end;
		printf("until %lld\n", (long long)(next / NS + 1));
		t = (struct timespec){ .tv_sec = next / NS, .tv_nsec = next % NS };
		clock_nanosleep(CLOCK_BOOTTIME, TIMER_ABSTIME, &t, NULL);
		if (end && next == end)
			power_cut();
		for (size_t i = 0; i < KEYS; i++) {
			if (keys[i].mixes && random() % MIX_ONE_IN == 0)
				mix(&keys[i]);
			/* a version that came from a blob is used before it is saved again */
			if (!keys[i].mixes)
				speak(&keys[i]);
			save_if_new(&keys[i]);
			speak(&keys[i]);
		}
	}
}

int main(void)
{
	long cut_at = option("CUT_AT", 0);

	setvbuf(stdout, NULL, _IOLBF, 0);
	srandom(option("SEED", 1));
	if (system("modprobe iotkey"))
		die("modprobe");
	module_loaded = clock_ns(CLOCK_BOOTTIME);
	trusted = option("TRUSTED", 1);
	trust_clock(trusted);
	cut_step = option("CUT_STEP", 0);
	open_log();
	load_keys();
	check();
	if (option("LAST", 0) || wrong)
		return wrong ? 1 : 0;
	for (size_t i = 0; i < KEYS; i++)
		save_if_new(&keys[i]);
	live(cut_at ? clock_ns(CLOCK_BOOTTIME) + cut_at * NS : 0);
}
