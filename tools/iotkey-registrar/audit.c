// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../common/hex.h"

#define HASH_TEXT (2 * SHA256_DIGEST_LENGTH + 1)

/* Where the chain is */
struct tail {
	json_int_t seq;	      /* of the last line */
	char hash[HASH_TEXT]; /* of the last line */
};

struct audit {
	char *path;
	int fd;
	off_t size; /* up to where @tail is true */
	struct tail tail;
	json_t *added; /* an array of objects */
	int failed;    /* audit_add() did */
};

static const struct tail beginning = {
	0, "0000000000000000000000000000000000000000000000000000000000000000"
};

/* ---- lines ---- */

static void hash_line(const char *line, size_t len, char hash[HASH_TEXT])
{
	uint8_t digest[SHA256_DIGEST_LENGTH];

	SHA256((const uint8_t *)line, len, digest);
	hex_write(hash, digest, sizeof(digest));
}

struct line {
	json_int_t seq;
	char prev[HASH_TEXT];
};

/* NULL, or what is wrong with it */
static const char *read_line(const char *text, size_t len, struct line *line)
{
	uint8_t digest[SHA256_DIGEST_LENGTH];
	json_t *json, *seq, *prev;
	const char *wrong = NULL;

	if (len > AUDIT_LINE_MAX)
		return "it is longer than lines are";
	json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
	seq = json_object_get(json, "seq");
	prev = json_object_get(json, "prev");
	if (!json)
		wrong = "it is no JSON";
	else if (!json_is_integer(seq) || json_integer_value(seq) < 1)
		wrong = "it has no 'seq'";
	else if (!json_is_string(prev) ||
		 !hex_read(json_string_value(prev), json_string_length(prev), digest,
			   sizeof(digest)))
		wrong = "it has no 'prev', a SHA-256 in hex";
	else if (!json_is_string(json_object_get(json, "event")))
		wrong = "it has no 'event'";
	else if (!json_is_string(json_object_get(json, "time")))
		wrong = "it has no 'time'";
	if (!wrong) {
		line->seq = json_integer_value(seq);
		hex_write(line->prev, digest, sizeof(digest));
	}
	json_decref(json);
	return wrong;
}

static void time_text(char text[32])
{
	struct timespec ts;
	char seconds[24];
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, 32, "%s.%03dZ", seconds, (int)(ts.tv_nsec / 1000000));
}

/* The line of @event, the next after @tail, which moves on to it */
static char *write_line(const json_t *event, struct tail *tail, size_t *len)
{
	json_t *line = json_object(), *value;
	const char *key;
	char *text;

	json_object_set_new(line, "seq", json_integer(tail->seq + 1));
	json_object_set(line, "time", json_object_get(event, "time"));
	json_object_set_new(line, "prev", json_string(tail->hash));
	json_object_foreach((json_t *)event, key, value)
		json_object_set(line, key, value);
	text = json_dumps(line, JSON_COMPACT | JSON_ENSURE_ASCII);
	json_decref(line);
	if (!text)
		return NULL;
	*len = strlen(text);
	hash_line(text, *len, tail->hash);
	tail->seq++;
	text[(*len)++] = '\n'; /* in place of the zero */
	return text;
}

/* ---- the file ---- */

static int write_all(int fd, const char *data, size_t len, off_t at)
{
	ssize_t n;

	while (len) {
		n = pwrite(fd, data, len, at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EFBIG || errno == EDQUOT ? -ENOSPC : -errno;
		data += n;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static ssize_t read_at(int fd, char *data, size_t len, off_t at)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = pread(fd, data + done, len - done, at + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/*
 * The end of a batch that a power cut took apart: it has no newline, or blocks that never were
 * written.  Nobody was told that it is there, for it was not synced.
 */
static size_t whole_length(const char *data, size_t len)
{
	const char *hole = memchr(data, '\0', len), *end;

	if (hole)
		len = (size_t)(hole - data);
	end = len ? memrchr(data, '\n', len) : NULL;
	return end ? (size_t)(end - data) + 1 : 0;
}

/*
 * Room for the longest line that a batch may have left half, and the one before.  A batch is
 * larger than that; its whole lines are good as they are.
 */
#define WINDOW (4 * AUDIT_LINE_MAX)

/* Up to where the file is whole */
static int find_whole(int fd, off_t size, off_t *whole, char *window, size_t *len)
{
	off_t from;
	ssize_t n;

	for (;;) {
		from = size > WINDOW ? size - WINDOW : 0;
		n = read_at(fd, window, (size_t)(size - from), from);
		if (n < 0)
			return (int)n;
		*len = whole_length(window, (size_t)n);
		*whole = from + (off_t)*len;
		if (*len || !from)
			return 0;
		size = from; /* a hole of many blocks */
	}
}

static int last_line(const char *window, size_t len, struct tail *tail)
{
	const char *begin;
	struct line line;

	len--; /* its newline */
	begin = len ? memrchr(window, '\n', len) : NULL;
	begin = begin ? begin + 1 : window;
	len -= (size_t)(begin - window);
	if (read_line(begin, len, &line))
		return -EBADMSG;
	tail->seq = line.seq;
	hash_line(begin, len, tail->hash);
	return 0;
}

static json_t *new_event(const char *event)
{
	char now[32];

	time_text(now);
	return json_pack("{s:s, s:s}", "time", now, "event", event);
}

static int note_repair(struct audit *audit, off_t dropped)
{
	json_t *event = new_event("audit-repaired");
	size_t len;
	char *line;
	int err;

	json_object_set_new(event, "dropped", json_integer(dropped));
	line = write_line(event, &audit->tail, &len);
	json_decref(event);
	if (!line)
		return -ENOMEM;
	err = write_all(audit->fd, line, len, audit->size);
	free(line);
	audit->size += (off_t)len;
	if (!err && fdatasync(audit->fd))
		err = -errno;
	return err;
}

/* What others wrote since, and what a power cut left; the lock is held */
static int catch_up(struct audit *audit)
{
	char *window;
	struct stat st;
	off_t whole = 0;
	size_t len = 0;
	int err;

	if (fstat(audit->fd, &st))
		return -errno;
	if (st.st_size == audit->size)
		return 0;
	window = malloc(WINDOW);
	if (!window)
		return -ENOMEM;
	err = find_whole(audit->fd, st.st_size, &whole, window, &len);
	if (!err && len)
		err = last_line(window, len, &audit->tail);
	else if (!err)
		audit->tail = beginning;
	free(window);
	if (err)
		return err;
	audit->size = whole;
	if (whole == st.st_size)
		return 0;
	if (ftruncate(audit->fd, whole))
		return -errno;
	return note_repair(audit, st.st_size - whole);
}

static int open_file(struct audit *audit)
{
	int fd = open(audit->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);

	if (fd < 0)
		return -errno;
	if (audit->fd >= 0)
		close(audit->fd);
	audit->fd = fd;
	audit->size = 0;
	return flock(fd, LOCK_EX) ? -errno : 0;
}

static bool was_moved(const struct audit *audit)
{
	struct stat now, ours;

	return fstat(audit->fd, &ours) || stat(audit->path, &now) ||
	       now.st_ino != ours.st_ino || now.st_dev != ours.st_dev;
}

/* The lock on the file that is at the path now, and the end of the chain known */
static int enter(struct audit *audit)
{
	struct tail before;
	int err;

	if (flock(audit->fd, LOCK_EX))
		return -errno;
	err = catch_up(audit);
	while (!err && was_moved(audit)) {
		before = audit->tail;
		err = open_file(audit);
		if (!err)
			err = catch_up(audit);
		if (!err && !audit->size)
			audit->tail = before;
	}
	return err;
}

static void leave(struct audit *audit)
{
	flock(audit->fd, LOCK_UN);
}

/* ---- what the registrar calls ---- */

int audit_open(const char *path, struct audit **out, char message[AUDIT_MESSAGE])
{
	struct audit *audit = calloc(1, sizeof(*audit));
	int err;

	if (!audit)
		return -ENOMEM;
	audit->fd = -1;
	audit->tail = beginning;
	audit->added = json_array();
	audit->path = strdup(path);
	err = audit->path && audit->added ? open_file(audit) : -ENOMEM;
	if (!err)
		err = catch_up(audit);
	if (!err) {
		leave(audit);
		*out = audit;
		return 0;
	}
	snprintf(message, AUDIT_MESSAGE, "cannot go on with the audit log %s: %s", path,
		 err == -EBADMSG
			 ? "its last line is damaged (iotkey-registrar audit verify "
			   "tells more; move the file away to begin another)"
			 : strerror(-err));
	audit_close(audit);
	return err;
}

void audit_close(struct audit *audit)
{
	if (!audit)
		return;
	if (audit->fd >= 0)
		close(audit->fd);
	json_decref(audit->added);
	free(audit->path);
	free(audit);
}

static int add(struct audit *audit, const char *event, json_t *fields)
{
	json_t *line = new_event(event);
	int err = 0;

	if (!line)
		return -ENOMEM;
	if (fields && (!json_is_object(fields) || json_object_get(fields, "seq") ||
		       json_object_get(fields, "prev")))
		err = -EINVAL;
	else if (fields && json_object_update_missing(line, fields))
		err = -ENOMEM;
	else if (json_dumpb(line, NULL, 0, JSON_COMPACT | JSON_ENSURE_ASCII) >
		 AUDIT_LINE_MAX - 128) /* seq and prev */
		err = -E2BIG;
	if (!err && json_array_append(audit->added, line))
		err = -ENOMEM;
	json_decref(line);
	return err;
}

int audit_add(struct audit *audit, const char *event, json_t *fields)
{
	int err = add(audit, event, fields);

	json_decref(fields);
	if (err && !audit->failed)
		audit->failed = err;
	return err;
}

void audit_rollback(struct audit *audit)
{
	json_array_clear(audit->added);
	audit->failed = 0;
}

static int write_lines(struct audit *audit, FILE *out, struct tail *tail)
{
	size_t i, len;
	char *line;

	for (i = 0; i < json_array_size(audit->added); i++) {
		line = write_line(json_array_get(audit->added, i), tail, &len);
		if (!line)
			return -ENOMEM;
		fwrite(line, 1, len, out);
		free(line);
	}
	return fflush(out) ? -ENOMEM : 0;
}

/* All lines, or as it was before */
static int append(struct audit *audit, const char *lines, size_t len,
		  const struct tail *tail)
{
	int err = write_all(audit->fd, lines, len, audit->size);

	if (!err && fdatasync(audit->fd))
		err = -errno;
	if (err) {
		if (ftruncate(audit->fd, audit->size))
			audit->size = -1; /* catch_up() has to look */
		return err;
	}
	audit->size += (off_t)len;
	audit->tail = *tail;
	return 0;
}

static int commit(struct audit *audit)
{
	struct tail tail = audit->tail;
	char *lines = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&lines, &len);
	int err;

	if (!out)
		return -ENOMEM;
	err = write_lines(audit, out, &tail);
	if (fclose(out) && !err)
		err = -ENOMEM;
	if (!err)
		err = append(audit, lines, len, &tail);
	free(lines);
	return err;
}

int audit_commit(struct audit *audit)
{
	int err = audit->failed;

	if (!err && json_array_size(audit->added)) {
		err = enter(audit);
		if (!err)
			err = commit(audit);
		leave(audit);
	}
	audit_rollback(audit);
	return err;
}

/* ---- verify ---- */

struct verify {
	const char *path;
	unsigned long number; /* of the line in its file */
	bool begun;
	struct tail tail;
	unsigned long lines; /* in all */
	json_int_t first;
};

static int bad(const struct verify *verify, const char *why)
{
	printf("%s:%lu: %s\n", verify->path, verify->number, why);
	return 1;
}

static int bad_seq(const struct verify *verify, json_int_t seq)
{
	printf("%s:%lu: it is entry %lld, and %lld should come here: lines are missing, or not in "
	       "order\n",
	       verify->path, verify->number, (long long)seq,
	       (long long)verify->tail.seq + 1);
	return 1;
}

/* What follows it has its hash, so of two lines that do not fit the first is the bad one */
static int bad_hash(const struct verify *verify)
{
	if (verify->number > 1)
		printf("%s:%lu: it was changed: line %lu has another hash of it\n",
		       verify->path, verify->number - 1, verify->number);
	else
		printf("%s:1: it does not follow the last line of the file before\n",
		       verify->path);
	return 1;
}

static int verify_line(struct verify *verify, const char *text, size_t len)
{
	const char *wrong;
	struct line line;

	verify->number++;
	if (text[len - 1] != '\n')
		return bad(verify,
			   "it is cut off (the registrar repairs that when it starts)");
	len--;
	wrong = read_line(text, len, &line);
	if (wrong)
		return bad(verify, wrong);
	if (!verify->begun && line.seq == 1)
		verify->tail = beginning;
	if (verify->begun || line.seq == 1) {
		if (line.seq != verify->tail.seq + 1)
			return bad_seq(verify, line.seq);
		if (strcmp(line.prev, verify->tail.hash))
			return verify->begun ? bad_hash(verify)
					     : bad(verify,
						   "it is the first, so 'prev' is zeros");
	} else {
		verify->first = line.seq;
	}
	verify->begun = true;
	verify->tail.seq = line.seq;
	hash_line(text, len, verify->tail.hash);
	verify->lines++;
	return 0;
}

static int verify_file(struct verify *verify, const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int ret = 0;

	verify->path = path;
	verify->number = 0;
	if (!file) {
		printf("%s: %s\n", path, strerror(errno));
		return 1;
	}
	while (!ret && (len = getline(&line, &room, file)) > 0)
		ret = verify_line(verify, line, (size_t)len);
	if (!ret && ferror(file)) {
		printf("%s: %s\n", path, strerror(errno));
		ret = 1;
	}
	free(line);
	fclose(file);
	return ret;
}

int audit_command(int argc, char **argv)
{
	struct verify verify = { .first = 1 };
	int i;

	if (argc < 2 || strcmp(argv[0], "verify")) {
		fprintf(stderr, "usage: iotkey-registrar audit verify FILE...\n");
		return 2;
	}
	for (i = 1; i < argc; i++)
		if (verify_file(&verify, argv[i]))
			return 1;
	if (!verify.lines) {
		puts("no entries");
		return 0;
	}
	printf("%lu entries, %lld to %lld, unbroken; the last is %s\n", verify.lines,
	       (long long)verify.first, (long long)verify.tail.seq, verify.tail.hash);
	return 0;
}
