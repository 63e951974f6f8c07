// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Sits on the bus between QEMU's TPM (-tpmdev emulator) and swtpm: writes down every
 * command and answer, and spoils those that it is told to.
 *
 * Usage: tpmproxy SWTPM QEMU PROGRAM RECORD
 *	SWTPM    swtpm's control socket, which must exist
 *	QEMU     a socket for QEMU to connect to, in its place
 *	PROGRAM  a socket for whoever says what is to be spoiled: the guest, whose
 *		 /dev/ttyS2 run.sh connects to it
 *	RECORD   the file written to, a line per event:
 *			SECONDS > HEX	a command, as it came
 *			SECONDS >! HEX	the command that the TPM got instead
 *			SECONDS < HEX	an answer of the TPM
 *			SECONDS <! HEX	the answer that QEMU got instead
 *			SECONDS # TEXT	what the program had to say
 * It ends when QEMU does.
 *
 * The program sends lines, each answered by a line "ok ..." or "error":
 *	# TEXT			for the record
 *	clear			forget all rules and counts
 *	on CC N ACTION		at the Nth command CC (0: any) after "clear" (0: at each)
 *	list			gives "0xCC:LENGTH" of each command since, LENGTH its answer's
 *	count			gives the number of commands since
 *	hits			gives the number of actions done since
 *
 * Actions; numbers are C's, BYTE and BIT count from 0:
 *	flip BYTE BIT		of the answer
 *	flip-command BYTE BIT
 *	cut LENGTH		the answer ends there, and its header says so
 *	short LENGTH		the bus reads 0xff from there on
 *	fail RC			the command is not sent; the answer is RC
 *	mask RC			it is sent, and its answer replaced by RC
 *	replay			the answer is that to the last CC before "clear"
 *	resend			the command is the last CC before "clear"
 *	delay MILLISECONDS	the answer comes late
 *	drop			the command is not sent, and answered when QEMU cancels it
 *
 * QEMU 7.2 believes the size in an answer's header: it reads that many bytes into the
 * 3968 of its buffer.  So an answer is always delivered at the size that it states,
 * filled up with 0xff, and one whose size QEMU cannot take is let through unspoilt and
 * not counted as a hit (tests/kselftest/badtpm.c has those).
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HEADER	     10
#define FRAME_MAX    4096
#define QEMU_MAX     3968 /* of tpm-crb */
#define CTRL_CANCEL  9	  /* of swtpm's control channel */
#define RC_CANCELED  0x909
#define RULES	     16
#define COMMANDS_MAX 256 /* remembered for "list" */
#define CODES	     64	 /* different command codes */

enum action {
	NONE,
	FLIP,
	FLIP_COMMAND,
	CUT,
	SHORT,
	FAIL,
	MASK,
	REPLAY,
	RESEND,
	DELAY,
	DROP,
};

static const char *const action_names[] = {
	"",	"flip",	  "flip-command", "cut",   "short", "fail",
	"mask", "replay", "resend",	  "delay", "drop",
};

struct frame {
	size_t len;
	uint8_t data[FRAME_MAX];
};

struct rule {
	uint32_t cc;
	unsigned int nth, seen;
	enum action action;
	long a, b;
};

/* The last exchange of a command code, and the last one before "clear". */
struct past {
	uint32_t cc;
	struct frame command, answer, old_command, old_answer;
};

static struct rule rules[RULES];
static unsigned int rule_count, hits, count;
static struct {
	uint32_t cc;
	size_t len;
} commands[COMMANDS_MAX];
static unsigned int command_count;
static struct past past[CODES];

static int qemu_ctrl = -1, qemu_data = -1, tpm_ctrl = -1, tpm_data = -1;
static int program_listener, program = -1;
static FILE *record;
static struct timespec begin;

static struct rule doing;	/* what is done to the command under way */
static struct frame held;	/* an answer that QEMU does not have yet */
static int64_t held_until = -1; /* milliseconds; -1 none, INT64_MAX until the cancel */

static void die(const char *what)
{
	fprintf(stderr, "tpmproxy: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - begin.tv_sec) +
	       (double)(now.tv_nsec - begin.tv_nsec) / 1e9;
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = v >> 24;
	p[1] = v >> 16;
	p[2] = v >> 8;
	p[3] = v;
}

static void write_down(const char *mark, const struct frame *f)
{
	fprintf(record, "%.6f %s ", seconds(), mark);
	for (size_t i = 0; i < f->len; i++)
		fprintf(record, "%02x", f->data[i]);
	fputc('\n', record);
	fflush(record);
}

/* False at the end of the stream. */
static bool read_all(int fd, uint8_t *p, size_t len)
{
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = read(fd, p, len);
		if (n <= 0)
			return false;
	}
	return true;
}

static bool read_frame(int fd, struct frame *f)
{
	if (!read_all(fd, f->data, HEADER))
		return false;
	f->len = get32(f->data + 2);
	if (f->len < HEADER || f->len > FRAME_MAX) {
		errno = EMSGSIZE;
		die("frame");
	}
	return read_all(fd, f->data + HEADER, f->len - HEADER);
}

static void write_all(int fd, const void *data, size_t len)
{
	const uint8_t *p = data;
	ssize_t n;

	for (; len; p += n, len -= n) {
		n = send(fd, p, len, MSG_NOSIGNAL);
		if (n <= 0)
			return; /* who hung up is found by the next read */
	}
}

static void send_frame(int fd, const struct frame *f)
{
	write_all(fd, f->data, f->len);
}

static bool same(const struct frame *f, const struct frame *g)
{
	return f->len == g->len && !memcmp(f->data, g->data, f->len);
}

/* An answer of ten bytes. */
static void put_code(struct frame *f, uint32_t rc)
{
	f->len = HEADER;
	f->data[0] = 0x80;
	f->data[1] = 0x01;
	put32(f->data + 2, HEADER);
	put32(f->data + 6, rc);
}

static struct past *past_of(uint32_t cc)
{
	struct past *p = past;

	while (p < past + CODES - 1 && p->cc && p->cc != cc)
		p++;
	p->cc = cc;
	return p;
}

/* Every rule counts for itself; the first whose turn it is counts for the command. */
static struct rule rule_for(uint32_t cc)
{
	struct rule chosen = { .action = NONE };

	for (struct rule *r = rules; r < rules + rule_count; r++) {
		if (r->cc && r->cc != cc)
			continue;
		if ((++r->seen == r->nth || !r->nth) && chosen.action == NONE)
			chosen = *r;
	}
	return chosen;
}

static void flip(struct frame *f, size_t byte, unsigned int bit)
{
	if (byte < f->len)
		f->data[byte] ^= 1 << (bit & 7);
}

/* What rule does to an answer; true if it is another one now that QEMU can take. */
static bool spoil_answer(struct frame *f, const struct rule *rule, const struct past *p)
{
	struct frame good = *f;
	size_t says;

	switch (rule->action) {
	case FLIP:
		flip(f, rule->a, rule->b);
		break;
	case CUT:
		if ((size_t)rule->a < f->len)
			put32(f->data + 2, rule->a);
		break;
	case SHORT:
		if ((size_t)rule->a < f->len)
			f->len = rule->a;
		break;
	case MASK:
		put_code(f, rule->a);
		break;
	case REPLAY:
		if (p->old_answer.len)
			*f = p->old_answer;
		break;
	default:
		return false;
	}
	says = get32((rule->action == SHORT ? &good : f)->data + 2);
	if (says < HEADER || says > QEMU_MAX) {
		*f = good;
		return false;
	}
	if (says > f->len)
		memset(f->data + f->len, 0xff, says - f->len);
	f->len = says;
	return !same(f, &good);
}

static void deliver(void)
{
	held_until = -1;
	send_frame(qemu_data, &held);
}

static void hold(int64_t milliseconds)
{
	held_until = (int64_t)(seconds() * 1000) + milliseconds;
}

static void on_command(void)
{
	struct frame f, other;
	struct past *p;
	uint32_t cc;

	if (!read_frame(qemu_data, &f))
		exit(0);
	write_down(">", &f);
	cc = get32(f.data + 6);
	p = past_of(cc);
	p->command = f;
	count++;
	if (command_count < COMMANDS_MAX)
		commands[command_count++].cc = cc;
	doing = rule_for(cc);
	switch (doing.action) {
	case FAIL:
	case DROP:
		put_code(&held, doing.action == FAIL ? doing.a : RC_CANCELED);
		write_down("<!", &held);
		hits++;
		if (doing.action == FAIL)
			deliver();
		else
			held_until = INT64_MAX;
		return;
	case FLIP_COMMAND:
	case RESEND:
		other = f;
		if (doing.action == RESEND && p->old_command.len)
			other = p->old_command;
		if (doing.action == FLIP_COMMAND)
			flip(&other, doing.a, doing.b);
		/* swtpm reads as much as the header says */
		if (get32(other.data + 2) == other.len && !same(&f, &other)) {
			f = other;
			write_down(">!", &f);
			hits++;
		}
		break;
	default:
		break;
	}
	send_frame(tpm_data, &f);
}

static void on_answer(void)
{
	struct past *p;

	if (!read_frame(tpm_data, &held))
		exit(0);
	write_down("<", &held);
	if (!command_count) /* cleared meanwhile */
		commands[command_count++].cc = 0;
	commands[command_count - 1].len = held.len;
	p = past_of(commands[command_count - 1].cc);
	p->answer = held;
	if (spoil_answer(&held, &doing, p)) {
		write_down("<!", &held);
		hits++;
	}
	if (doing.action == DELAY) {
		hits++;
		hold(doing.a);
	} else {
		deliver();
	}
}

/* QEMU hands over one end of its data channel; swtpm gets one of ours instead. */
static void pass_data_fd(const void *data, size_t len)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec iov = { (void *)data, len };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		die("socketpair");
	tpm_data = pair[0];
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &pair[1], sizeof(int));
	if (sendmsg(tpm_ctrl, &msg, 0) != (ssize_t)len)
		die("swtpm");
	close(pair[1]);
}

/* The control channel goes through as it is, except for the data channel in it. */
static void on_qemu_ctrl(void)
{
	uint8_t data[FRAME_MAX];
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	ssize_t n = recvmsg(qemu_ctrl, &msg, 0);

	if (n <= 0)
		exit(0);
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS) {
		memcpy(&qemu_data, CMSG_DATA(c), sizeof(int));
		pass_data_fd(data, n);
		return;
	}
	write_all(tpm_ctrl, data, n);
	if (n >= 4 && get32(data) == CTRL_CANCEL && held_until == INT64_MAX)
		deliver();
}

static void on_tpm_ctrl(void)
{
	uint8_t data[FRAME_MAX];
	ssize_t n = read(tpm_ctrl, data, sizeof(data));

	if (n <= 0)
		exit(0);
	write_all(qemu_ctrl, data, n);
}

static void reply(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void reply(const char *fmt, ...)
{
	char line[FRAME_MAX];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line) - 1, fmt, args);
	va_end(args);
	line[n] = '\n';
	write_all(program, line, n + 1);
}

static bool add_rule(const char *text)
{
	struct rule r = { .action = NONE };
	char name[16];
	int32_t cc;

	if (rule_count == RULES || sscanf(text, "%" SCNi32 " %u %15s %li %li", &cc,
					  &r.nth, name, &r.a, &r.b) < 3)
		return false;
	r.cc = cc;
	for (size_t i = FLIP; i < sizeof(action_names) / sizeof(*action_names); i++)
		if (!strcmp(name, action_names[i]))
			r.action = i;
	if (r.action == NONE)
		return false;
	rules[rule_count++] = r;
	return true;
}

static void clear(void)
{
	rule_count = command_count = hits = count = 0;
	for (struct past *p = past; p < past + CODES; p++) {
		if (p->command.len)
			p->old_command = p->command;
		if (p->answer.len)
			p->old_answer = p->answer;
	}
}

static void list(void)
{
	char text[FRAME_MAX];
	size_t n = 0;

	text[0] = '\0';
	for (unsigned int i = 0; i < command_count && n < sizeof(text) - 32; i++)
		n += sprintf(text + n, " 0x%x:%zu", commands[i].cc, commands[i].len);
	reply("ok%s", text);
}

static void on_line(const char *line)
{
	if (line[0] == '#') {
		fprintf(record, "%.6f %s\n", seconds(), line);
		fflush(record);
		reply("ok");
	} else if (!strcmp(line, "clear")) {
		clear();
		reply("ok");
	} else if (!strcmp(line, "list")) {
		list();
	} else if (!strcmp(line, "count")) {
		reply("ok %u", count);
	} else if (!strcmp(line, "hits")) {
		reply("ok %u", hits);
	} else if (!strncmp(line, "on ", 3) && add_rule(line + 3)) {
		reply("ok");
	} else {
		reply("error");
	}
}

static void on_program(void)
{
	static char line[512];
	static size_t len;
	ssize_t n = read(program, line + len, sizeof(line) - 1 - len);
	char *end;

	if (n <= 0) {
		close(program);
		program = -1;
		len = 0;
		return;
	}
	len += n;
	line[len] = '\0';
	while ((end = strchr(line, '\n'))) {
		*end = '\0';
		on_line(line);
		len -= end + 1 - line;
		memmove(line, end + 1, len + 1);
	}
	if (len == sizeof(line) - 1)
		len = 0;
}

static struct sockaddr_un address(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(a.sun_path)) {
		errno = ENAMETOOLONG;
		die(path);
	}
	strcpy(a.sun_path, path);
	return a;
}

static int listen_on(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) || listen(fd, 1))
		die(path);
	return fd;
}

static int connect_to(const char *path)
{
	struct sockaddr_un a = address(path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)))
		die(path);
	return fd;
}

static int time_left(void)
{
	int64_t left;

	if (held_until < 0 || held_until == INT64_MAX)
		return -1;
	left = held_until - (int64_t)(seconds() * 1000);
	return left < 0 ? 0 : (int)left;
}

static void serve(void)
{
	struct pollfd fds[] = {
		{ .fd = qemu_ctrl, .events = POLLIN },
		{ .fd = tpm_ctrl, .events = POLLIN },
		{ .fd = qemu_data, .events = POLLIN },
		{ .fd = tpm_data, .events = POLLIN },
		{ .fd = program < 0 ? program_listener : program, .events = POLLIN },
	};

	if (poll(fds, sizeof(fds) / sizeof(*fds), time_left()) < 0)
		die("poll");
	if (held_until >= 0 && !time_left())
		deliver();
	if (fds[0].revents)
		on_qemu_ctrl();
	if (fds[1].revents)
		on_tpm_ctrl();
	if (fds[2].revents)
		on_command();
	if (fds[3].revents)
		on_answer();
	if (fds[4].revents && program < 0)
		program = accept(program_listener, NULL, NULL);
	else if (fds[4].revents)
		on_program();
}

int main(int argc, char **argv)
{
	int listener;

	if (argc != 5) {
		fprintf(stderr, "usage: %s SWTPM QEMU PROGRAM RECORD\n", argv[0]);
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &begin);
	record = fopen(argv[4], "w");
	if (!record)
		die(argv[4]);
	program_listener = listen_on(argv[3]);
	tpm_ctrl = connect_to(argv[1]);
	listener = listen_on(argv[2]);
	qemu_ctrl = accept(listener, NULL, NULL);
	if (qemu_ctrl < 0)
		die(argv[2]);
	for (;;)
		serve();
}
