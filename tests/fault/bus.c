// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guest of bus.sh: an interposer (tests/vm/tpmproxy.c) spoils what the TPM answers
 * while roots are made, loaded and imported.  No flipped bit, no missing end and no old
 * answer may be believed: EBADMSG, nothing is left in the TPM, and the next try works.
 * What answers nothing but "done", as a flush, may be spoilt at will.
 *
 * Then commands that fail or come late: each response code has its errno.
 *
 * Usage: bus IMPORTABLE	the base64 of a TSS2 PRIVATE KEY under PARENT
 * With IOTKEY_LONG every bit is flipped, and a command is lost; else one bit of each byte,
 * and of every eighth where an operation before has had that command.  SEED: which.
 *
 * sources: kmod/tpmbuf.c tests/unit/ktap.c tests/kselftest/common/iot.c
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include "../kselftest/common/iot.h"
#include "pure.h"
#include "tpmbuf.h"

#define PARENT	    0x81000001u
#define MADE	    0x81000002u /* by mkparent */
#define HEADER	    10
#define PUBLIC_END  110 /* of the public area in an answer to CreatePrimary */
#define ANSWERS_MAX 64
#define HANDLES_MAX 8
#define TEXT_MAX    8192
#define SHOWN_MAX   8

/* What the interposer saw of one operation. */
struct exchange {
	uint32_t cc;
	unsigned int length; /* of the answer */
};

static const struct operation {
	const char *name;
	const char *text; /* NULL: the load of what the operation "of" made */
	const char *of;
	bool makes_parent;
	bool quotes; /* a key that is there before */
	bool fails;  /* its commands are made to fail: has those of the others, too */
} operations[] = {
	{ .name = "create", .text = "new root provider=tpm parent=0x81000001" },
	{ .name = "create with PCRs",
	  .text = "new root provider=tpm parent=0x81000001 pcrs=sha256:16,23" },
	{ .name = "create with its parent",
	  .text = "new root provider=tpm parent=0x81000002 mkparent",
	  .makes_parent = true,
	  .fails = true },
	{ .name = "create in the TPM", .text = "new ecdsa-p256 parent=0x81000001" },
	{ .name = "load", .of = "create" },
	/* which signs, to see whether it can */
	{ .name = "load into the TPM", .of = "create in the TPM", .fails = true },
	{ .name = "quote",
	  .text = "new ecdsa-p256 parent=0x81000001 restricted",
	  .quotes = true },
	{ .name = "load with PCRs", .of = "create with PCRs", .fails = true },
	{ .name = "import", .fails = true },
};

#define OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static char load_text[OPERATIONS][TEXT_MAX];
static struct exchange exchanges[ANSWERS_MAX];
static unsigned int exchange_count;
static FILE *proxy;
static int tpm;
static bool every_bit;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The interposer */

static void open_proxy(void)
{
	struct termios tio;
	int fd = open("/dev/ttyS2", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &tio))
		die("/dev/ttyS2");
	cfmakeraw(&tio);
	cfsetspeed(&tio, B115200);
	tio.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSANOW, &tio);
	tcflush(fd, TCIOFLUSH);
	proxy = fdopen(fd, "r+");
	setvbuf(proxy, NULL, _IONBF, 0);
}

static const char *read_reply(void)
{
	static char reply[4096];

	if (!fgets(reply, sizeof(reply), proxy))
		die("the interposer");
	if (strncmp(reply, "ok", 2)) {
		printf("Bail out! the interposer says %s", reply);
		exit(1);
	}
	return reply + 2;
}

static const char *ask(const char *line)
{
	if (dprintf(fileno(proxy), "%s\n", line) < 0)
		die("the interposer");
	return read_reply();
}

/* Forgets what was, and spoils from here on as RULE says (NULL: nothing). */
static void program(const char *rule)
{
	if (rule)
		dprintf(fileno(proxy), "clear\non %s\n", rule);
	else
		dprintf(fileno(proxy), "clear\n");
	read_reply();
	if (rule)
		read_reply();
}

static unsigned long hits(void)
{
	return strtoul(ask("hits"), NULL, 10);
}

static void list_exchanges(void)
{
	const char *at = ask("list");
	int n;

	for (exchange_count = 0; exchange_count < ANSWERS_MAX; exchange_count++) {
		struct exchange *e = &exchanges[exchange_count];

		if (sscanf(at, " %x:%u%n", &e->cc, &e->length, &n) < 2)
			return;
		at += n;
	}
}

/* The TPM itself, without the kernel's help */

static size_t transmit(uint8_t *frame, size_t len, size_t size)
{
	ssize_t n;

	put_unaligned_be32(len, frame + 2);
	if (write(tpm, frame, len) != (ssize_t)len)
		die("/dev/tpm0");
	n = read(tpm, frame, size);
	if (n < HEADER)
		die("/dev/tpm0");
	return n;
}

static void begin(struct tpmbuf_writer *w, uint16_t tag, uint32_t cc)
{
	w->len = 0;
	tpmbuf_put_u16(w, tag);
	tpmbuf_put_u32(w, 0);
	tpmbuf_put_u32(w, cc);
}

static void flush(uint32_t handle)
{
	uint8_t frame[64];
	struct tpmbuf_writer w = { .data = frame, .size = sizeof(frame) };

	begin(&w, 0x8001, TPMBUF_CC_FLUSH_CONTEXT);
	tpmbuf_put_u32(&w, handle);
	transmit(frame, w.len, sizeof(frame));
}

/* The handles from FIRST on, of its kind. */
static unsigned int handles(uint32_t first, uint32_t *list)
{
	uint8_t frame[256];
	struct tpmbuf_writer w = { .data = frame, .size = sizeof(frame) };
	struct tpmbuf_reader r = { .p = frame };
	unsigned int n;

	begin(&w, 0x8001, 0x17a);
	tpmbuf_put_u32(&w, 1);
	tpmbuf_put_u32(&w, first);
	tpmbuf_put_u32(&w, HANDLES_MAX);
	r.left = transmit(frame, w.len, sizeof(frame));
	tpmbuf_get(&r, HEADER + 1 + 4);
	n = tpmbuf_get_u32(&r);
	for (unsigned int i = 0; i < n && i < HANDLES_MAX; i++)
		list[i] = tpmbuf_get_u32(&r);
	return n < HANDLES_MAX ? n : HANDLES_MAX;
}

/* Cleans up in the TPM; how much there was. */
static unsigned int left_in_tpm(void)
{
	uint32_t list[HANDLES_MAX];
	unsigned int n, all = 0;

	n = handles(0x80000000, list);
	for (unsigned int i = 0; i < n; i++)
		flush(list[i]);
	all += n;
	n = handles(0x02000000, list);
	for (unsigned int i = 0; i < n; i++)
		flush(list[i]);
	return all + n;
}

static void evict(uint32_t handle)
{
	uint8_t frame[256];
	struct tpmbuf_writer w = { .data = frame, .size = sizeof(frame) };

	begin(&w, 0x8002, TPMBUF_CC_EVICT_CONTROL);
	tpmbuf_put_u32(&w, 0x40000001);
	tpmbuf_put_u32(&w, handle);
	tpmbuf_put_u32(&w, 9);
	tpmbuf_put_u32(&w, 0x40000009);
	tpmbuf_put_u16(&w, 0);
	tpmbuf_put_u8(&w, 0);
	tpmbuf_put_u16(&w, 0);
	tpmbuf_put_u32(&w, handle);
	transmit(frame, w.len, sizeof(frame));
}

/* Operations */

static const char *text_of(const struct operation *o)
{
	return o->text ? o->text : load_text[o - operations];
}

static key_serial_t quoting; /* made before the bus is spoilt */

/* Other data each time, or an old quote would do. */
static int quote(void)
{
	static uint8_t ask[] = { 0, 2, 0, 0, 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 };
	uint8_t out[1024];

	if (!++ask[2])
		ask[3]++;
	return keyctl_pkey_sign(quoting, "enc=quote", ask, sizeof(ask), out,
				sizeof(out)) < 0
		       ? errno
		       : 0;
}

/* 0 or the errno; the key is gone again. The save of one that is made goes to *blob. */
static int operate(const struct operation *o, char *blob)
{
	key_serial_t key;
	long len;

	if (o->quotes)
		return quote();
	key = iot_add("swept", "%s", text_of(o));
	if (key < 0)
		return errno;
	if (blob) {
		strcpy(blob, "load ");
		len = keyctl_read(key, blob + 5, TEXT_MAX - 6);
		if (len < 0 || len > TEXT_MAX - 6)
			die("the blob");
		blob[5 + len] = '\0';
	}
	iot_drop(key);
	return 0;
}

/* One operation under a rule, or none. */
static int operate_under(const struct operation *o, const char *rule)
{
	if (o->makes_parent)
		evict(MADE);
	program(rule);
	return operate(o, NULL);
}

/* What a sweep over one answer found. */
struct tally {
	unsigned int done, undeliverable, left, wrong;
	char shown[SHOWN_MAX][96];
};

/*
 * Ten bytes are an error, which nobody can authenticate, or say "done" where nobody
 * relies on it (FlushContext): any outcome will do that is documented.  CreatePrimary comes
 * before there is a key that a session could be salted to: its public area is proven by
 * the session that follows, and the rest of it is not used.
 */
static bool is_right(const struct exchange *e, long byte, int error)
{
	if (e->length == HEADER)
		return !error || errno_in(error, "EBADMSG EIO EBUSY EPERM EINVAL ENXIO "
						 "EKEYREJECTED EOPNOTSUPP");
	if (e->cc == TPMBUF_CC_CREATE_PRIMARY && byte >= PUBLIC_END && !error)
		return true;
	return error == EBADMSG;
}

/* Who spoils a handle, or the header before it, hides from us what is to be flushed. */
static bool hides_handle(uint32_t cc, long byte)
{
	return byte >= 0 && byte < HEADER + 4 &&
	       (cc == TPMBUF_CC_START_AUTH_SESSION || cc == TPMBUF_CC_LOAD ||
		cc == TPMBUF_CC_CREATE_PRIMARY);
}

static void try_rule(const struct operation *o, const struct exchange *e, long byte,
		     const char *rule, struct tally *t)
{
	int error = operate_under(o, rule);
	bool hit = hits();
	unsigned int left = left_in_tpm();

	if (!hit) {
		t->undeliverable++;
		return;
	}
	t->done++;
	if (left && hides_handle(e->cc, byte)) {
		t->left++;
		left = 0;
	}
	if (is_right(e, byte, error) && !left)
		return;
	if (t->wrong < SHOWN_MAX)
		snprintf(t->shown[t->wrong], sizeof(t->shown[0]), "%.50s: %s, %u left",
			 rule, error ? errno_name(error) : "accepted", left);
	t->wrong++;
}

static unsigned long spoilt, failed_commands;

static void judge(const struct operation *o, unsigned int n, const char *what,
		  const struct tally *t)
{
	int again = operate_under(o, NULL);

	spoilt += t->done;
	ktap_ok(!t->wrong && !again && !left_in_tpm(),
		"%s: answer %u (command 0x%x): %s: %u refused, next try works", o->name,
		n, exchanges[n - 1].cc, what, t->done - t->wrong);
	for (unsigned int i = 0; i < t->wrong && i < SHOWN_MAX; i++)
		printf("# %s\n", t->shown[i]);
	if (t->wrong > SHOWN_MAX)
		printf("# and %u more\n", t->wrong - SHOWN_MAX);
	if (again)
		printf("# the next try: %s\n", errno_name(again));
	if (t->left)
		printf("# %u times the interposer hid a handle, which stays in the TPM\n",
		       t->left);
	if (t->undeliverable)
		printf("# %u not done: QEMU cannot take them, or nothing changes\n",
		       t->undeliverable);
}

/* Has an operation before this one had the command? From now on it has. */
static bool is_known(uint32_t cc, const struct operation *o)
{
	static struct {
		uint32_t cc;
		const struct operation *first;
	} known[ANSWERS_MAX];
	size_t i = 0;

	while (known[i].cc && known[i].cc != cc)
		i++;
	if (!known[i].cc) {
		known[i].cc = cc;
		known[i].first = o;
	}
	return known[i].first != o;
}

static void sweep_bits(const struct operation *o, unsigned int n)
{
	const struct exchange e = exchanges[n - 1];
	unsigned int step = !every_bit && is_known(e.cc, o) ? 8 : 1;
	struct tally t = { 0 };
	char rule[64];

	for (unsigned int byte = seeded() % step; byte < e.length; byte += step) {
		unsigned int one = seeded() & 7;

		for (unsigned int bit = 0; bit < 8; bit++) {
			if (!every_bit && bit != one)
				continue;
			snprintf(rule, sizeof(rule), "0 %u flip %u %u", n, byte, bit);
			try_rule(o, &e, byte, rule, &t);
		}
	}
	judge(o, n, "bits flipped", &t);
}

static void sweep_ends(const struct operation *o, unsigned int n)
{
	const struct exchange e = exchanges[n - 1];
	unsigned int step = every_bit ? 1 : 1 + e.length / 6, len;
	struct tally t = { 0 };
	char rule[64];

	for (len = HEADER; len < e.length; len += step) {
		snprintf(rule, sizeof(rule), "0 %u cut %u", n, len);
		try_rule(o, &e, len, rule, &t);
		snprintf(rule, sizeof(rule), "0 %u short %u", n, len);
		try_rule(o, &e, len, rule, &t);
	}
	if (t.done)
		judge(o, n, "cut short", &t);
}

/* The answer to an earlier command of the kind. */
static void replay(const struct operation *o, unsigned int n)
{
	const struct exchange e = exchanges[n - 1];
	struct tally t = { 0 };
	char rule[64];

	snprintf(rule, sizeof(rule), "0 %u replay", n);
	try_rule(o, &e, HEADER, rule, &t);
	if (t.done)
		judge(o, n, "an old answer", &t);
}

static void sweep(const struct operation *o)
{
	unsigned int count;
	char line[128];

	snprintf(line, sizeof(line), "# sweep: %s", o->name);
	ask(line);
	if (!ktap_ok(!operate_under(o, NULL), "%s: works", o->name))
		return;
	list_exchanges();
	count = exchange_count;
	for (unsigned int n = 1; n <= count; n++) {
		sweep_bits(o, n);
		sweep_ends(o, n);
		replay(o, n);
	}
}

/* Failures */

static const struct failure {
	const char *what;
	const char *action;
	bool always; /* not once, but each time */
	int error;
} failures[] = {
	{ "RETRY once", "fail 0x922", false, 0 },
	{ "YIELDED once", "fail 0x908", false, 0 },
	{ "NV_RATE once", "fail 0x920", false, 0 },
	{ "YIELDED for ever", "fail 0x908", true, EBUSY },
	{ "LOCKOUT", "fail 0x921", true, EBUSY },
	{ "OBJECT_MEMORY", "fail 0x902", true, EBUSY },
	{ "SESSION_MEMORY", "fail 0x903", true, EBUSY },
	{ "SESSION_HANDLES", "fail 0x905", true, EBUSY },
	{ "FAILURE", "fail 0x101", true, EIO },
	{ "COMMAND_CODE", "fail 0x143", true, EIO },
	{ "FAILURE in place of success", "mask 0x101", false, EIO },
	{ "late", "delay 200", false, 0 },
};

static void fail_each(const struct operation *o)
{
	unsigned int count, wrong, n;
	const struct failure *f;
	int again;
	char rule[64];

	if (operate_under(o, NULL))
		return;
	list_exchanges();
	count = exchange_count;
	for (f = failures; f < failures + sizeof(failures) / sizeof(failures[0]); f++) {
		wrong = 0;
		for (n = 1; n <= count; n++) {
			bool flushes = exchanges[n - 1].cc == TPMBUF_CC_FLUSH_CONTEXT;
			bool masks = !strncmp(f->action, "mask", 4);
			unsigned int left;
			int error;

			if (f->always)
				snprintf(rule, sizeof(rule), "0x%x 0 %s",
					 exchanges[n - 1].cc, f->action);
			else
				snprintf(rule, sizeof(rule), "0 %u %s", n, f->action);
			error = operate_under(o, rule);
			failed_commands++;
			program(NULL);
			left = left_in_tpm();
			/* a session that missed an answer is out of step */
			if (masks && error == EBADMSG)
				error = f->error;
			if (error == (flushes ? 0 : f->error) &&
			    (!left || flushes || masks))
				continue;
			printf("# %s: %s, %u left\n", rule,
			       error ? errno_name(error) : "accepted", left);
			wrong++;
		}
		again = operate_under(o, NULL);
		ktap_ok(!wrong && !again, "%s: %s: %s, and the next try works", o->name,
			f->what, f->error ? errno_name(f->error) : "no harm");
		if (again)
			printf("# the next try: %s\n", errno_name(again));
	}
}

/* The driver gives up, cancels, and is answered. */
static void drop_flush(const struct operation *o)
{
	int error = operate_under(o, "0x165 1 drop");

	program(NULL);
	ktap_ok(!error && left_in_tpm(),
		"%s: a flush that never arrives does no harm (%s)", o->name,
		errno_name(error));
	ktap_ok(!operate(o, NULL) && !left_in_tpm(), "%s: and the next try works",
		o->name);
}

static void prepare(const char *importable)
{
	size_t i, k;

	for (i = 0; i < OPERATIONS; i++) {
		if (operations[i].quotes)
			quoting = iot_add("quoting", "%s", operations[i].text);
		if (quoting < 0)
			die("a key that quotes");
		if (!operations[i].text)
			continue;
		for (k = 0; k < OPERATIONS; k++) {
			if (!operations[k].of ||
			    strcmp(operations[k].of, operations[i].name))
				continue;
			if (operate(&operations[i], load_text[k]))
				die(operations[i].name);
		}
	}
	snprintf(load_text[OPERATIONS - 1], TEXT_MAX, "load %s", importable);
}

int main(int argc, char **argv)
{
	const char *seed = getenv("SEED"), *every = getenv("IOTKEY_LONG");

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2) {
		fprintf(stderr, "usage: %s IMPORTABLE\n", argv[0]);
		return 2;
	}
	every_bit = every && *every;
	for (unsigned long i = seed ? strtoul(seed, NULL, 10) : 0; i; i--)
		seeded();
	tpm = open("/dev/tpm0", O_RDWR | O_CLOEXEC);
	if (tpm < 0)
		die("/dev/tpm0");
	open_proxy();
	prepare(argv[1]);
	for (size_t i = 0; i < OPERATIONS; i++)
		sweep(&operations[i]);
	for (size_t i = 0; i < OPERATIONS; i++) {
		if (operations[i].fails || every_bit)
			fail_each(&operations[i]);
	}
	if (every_bit) /* it takes the driver two minutes to give up */
		drop_flush(&operations[3]);
	printf("# %lu answers spoilt, %lu commands failed or late\n", spoilt,
	       failed_commands);
	return ktap_done();
}
