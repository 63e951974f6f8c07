// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Plays the agent's process with the net: a test says what it asks the keeper.
 *
 * Usage: iotkeyd-net                 (by this name, as the keeper starts it)
 *	  playnet SOCKET TYPE DIRECTORY FIELD...
 *
 * SOCKET is 3 or 4, TYPE a number, and FIELD one of text:TEXT, u64:N, file:FILE, hex:HEX and
 * beside:FILE, which goes as a file in memory, and plain:FILE, which goes as it is.  Prints "ok", or
 * the name of the error; the fields of the answer go to DIRECTORY/0, 1 ..., what came beside it
 * to DIRECTORY/beside0, beside1, and how long it took, in microseconds, to DIRECTORY/us0.
 *
 * sources: tools/iotkeyd/request.c
 */
#include "../../tools/iotkeyd/request.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static struct request m;

static struct sockaddr_un name_of(int number, socklen_t *len)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX };

	*len = (socklen_t)(sizeof(sa_family_t) + 1 +
			   (size_t)sprintf(name.sun_path + 1, "iotkeyd-net-%d", number));
	return name;
}

/*
 * As the process with the net
 */

static void close_all(int *fds, unsigned int n)
{
	while (n--)
		if (fds[n] >= 0)
			close(fds[n]);
}

static void serve_one(int from, int keeper)
{
	int given[REQUEST_FILES_MAX], got[REQUEST_FILES_MAX];
	unsigned int n = 0;

	if (request_receive(from, &m, given, REQUEST_FILES_MAX))
		return;
	while (n < REQUEST_FILES_MAX && given[n] >= 0)
		n++;
	if (request_send(keeper, &m, given, n) ||
	    request_receive(keeper, &m, got, REQUEST_FILES_MAX))
		exit(0); /* the keeper has closed */
	close_all(given, n);
	for (n = 0; n < REQUEST_FILES_MAX && got[n] >= 0; n++)
		;
	request_send(from, &m, got, n);
	close_all(got, n);
}

static void serve(int number)
{
	socklen_t len;
	struct sockaddr_un name = name_of(number, &len);
	int from, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	while (bind(fd, (struct sockaddr *)&name, len))
		usleep(10000); /* who was here before ends */
	if (listen(fd, 8))
		err(1, "listen");
	for (;;) {
		from = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (from < 0)
			err(1, "accept");
		serve_one(from, number);
		close(from);
	}
}

/*
 * As the test
 */

static void add_file(const char *path, int *fds, unsigned int *n, bool beside)
{
	static char data[8 << 20];
	FILE *file = fopen(path, "rb");
	size_t len;

	if (!file)
		err(2, "%s", path);
	len = fread(data, 1, sizeof(data), file);
	fclose(file);
	if (!beside)
		request_add(&m, data, len);
	else
		fds[(*n)++] = request_file(data, len);
}

static void add_hex(const char *text)
{
	uint8_t data[1024];
	size_t n = 0;
	unsigned int byte;

	for (; sscanf(text, "%2x", &byte) == 1 && n < sizeof(data); text += 2)
		data[n++] = (uint8_t)byte;
	request_add(&m, data, n);
}

static void add(const char *field, int *fds, unsigned int *n)
{
	const char *value = strchr(field, ':');

	if (!value++)
		errx(2, "%s", field);
	if (!strncmp(field, "text:", 5))
		request_add_text(&m, value);
	else if (!strncmp(field, "u64:", 4))
		request_add_u64(&m, strtoull(value, NULL, 0));
	else if (!strncmp(field, "hex:", 4))
		add_hex(value);
	else if (!strncmp(field, "file:", 5))
		add_file(value, fds, n, false);
	else if (!strncmp(field, "beside:", 7))
		add_file(value, fds, n, true);
	else if (!strncmp(field, "plain:", 6))
		fds[(*n)++] = open(value, O_RDONLY);
	else
		errx(2, "%s", field);
}

static void save(const char *directory, const char *prefix, unsigned int i,
		 const void *data, size_t len)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s%u", directory, prefix, i);
	file = fopen(path, "wb");
	if (!file || fwrite(data, 1, len, file) != len || fclose(file))
		err(2, "%s", path);
}

static void save_answer(const char *directory, int *got)
{
	const uint8_t *data;
	uint8_t *copy;
	unsigned int i;
	size_t len;

	for (i = 0; !request_field(&m, i, &data, &len); i++)
		save(directory, "", i, data, len);
	for (i = 0; i < REQUEST_FILES_MAX && got[i] >= 0; i++) {
		if (request_read_file(got[i], REQUEST_FILE_MAX, &copy, &len))
			errx(2, "no sealed file");
		save(directory, "beside", i, copy, len);
	}
}

static void save_time(const char *directory, const struct timespec *begin)
{
	struct timespec now;
	char text[32];

	clock_gettime(CLOCK_MONOTONIC, &now);
	save(directory, "us", 0, text,
	     (size_t)sprintf(text, "%ld\n",
			     (now.tv_sec - begin->tv_sec) * 1000000L +
				     (now.tv_nsec - begin->tv_nsec) / 1000));
}

static int ask(int argc, char **argv)
{
	int i, e, number, tries, fd, fds[8], got[REQUEST_FILES_MAX];
	unsigned int n = 0;
	struct sockaddr_un name;
	struct timespec begin;
	socklen_t len;

	if (argc < 4)
		errx(2, "usage: playnet SOCKET TYPE DIRECTORY FIELD...");
	number = atoi(argv[1]);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	name = name_of(number, &len);
	/* it may be just being started */
	tries = getenv("PLAYNET_TRIES") ? atoi(getenv("PLAYNET_TRIES")) : 600;
	for (i = 0; connect(fd, (struct sockaddr *)&name, len); i++) {
		if (i == tries)
			err(2, "nobody plays the net");
		usleep(50000);
	}
	request_begin(&m, (uint8_t)atoi(argv[2]));
	for (i = 4; i < argc; i++)
		add(argv[i], fds, &n);
	clock_gettime(CLOCK_MONOTONIC, &begin);
	e = request_call(fd, &m, fds, n, got, REQUEST_FILES_MAX);
	save_time(argv[3], &begin);
	printf("%s\n", e ? strerrorname_np(-e) : "ok");
	if (!e)
		save_answer(argv[3], got);
	return e ? 1 : 0;
}

int main(int argc, char **argv)
{
	const char *base = strrchr(argv[0], '/');

	if (strcmp(base ? base + 1 : argv[0], "iotkeyd-net"))
		return ask(argc, argv);
	if (!fork()) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		serve(4);
	}
	serve(3);
	return 0;
}
