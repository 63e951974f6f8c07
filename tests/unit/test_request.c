// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the agent's processes say to each other, over a real socketpair.
 *
 * sources: tools/iotkeyd/request.c tests/unit/ktap.c
 */
#include "../../tools/iotkeyd/request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ktap.h"

static struct request out, in;
static int pair[2];
static uint8_t big[REQUEST_MAX];

static unsigned int open_files(void)
{
	unsigned int n = 0;
	int fd;

	for (fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static bool field_is(unsigned int i, const void *data, size_t len)
{
	const uint8_t *found;
	size_t found_len;

	return !request_field(&in, i, &found, &found_len) && found_len == len &&
	       !memcmp(found, data, len);
}

static void test_fields(void)
{
	uint64_t number = 0;
	char text[8];

	request_begin(&out, REQUEST_ROOT);
	request_add(&out, "a\0b", 3);
	request_add_u64(&out, 0x0102030405060708);
	request_add_text(&out, "seventy");
	request_add(&out, NULL, 0);
	ktap_ok(!request_send(pair[0], &out, NULL, 0), "sent");
	ktap_ok(!request_receive(pair[1], &in, NULL, 0), "received");
	ktap_ok(request_type(&in) == REQUEST_ROOT && in.count == 4, "type and count");
	ktap_ok(field_is(0, "a\0b", 3) && field_is(2, "seventy", 7) && field_is(3, "", 0),
		"fields");
	ktap_ok(!request_u64(&in, 1, &number) && number == 0x0102030405060708,
		"a number");
	ktap_ok(request_u64(&in, 0, &number) == -EBADMSG, "no number");
	ktap_ok(!request_text(&in, 2, text, sizeof(text)) && !strcmp(text, "seventy"),
		"a text");
	ktap_ok(request_text(&in, 2, text, 7) == -EBADMSG, "a text that is too long");
	ktap_ok(request_text(&in, 0, text, 8) == -EBADMSG, "a text with a zero byte");
	ktap_ok(!field_is(4, "", 0), "no such field");
}

static void test_bounds(void)
{
	unsigned int i;

	request_begin(&out, 1);
	request_add(&out, big, REQUEST_MAX - 8);
	ktap_ok(!request_send(pair[0], &out, NULL, 0) &&
			!request_receive(pair[1], &in, NULL, 0) &&
			field_is(0, big, REQUEST_MAX - 8),
		"the longest packet");
	request_begin(&out, 1);
	request_add(&out, big, REQUEST_MAX - 7);
	ktap_ok(request_send(pair[0], &out, NULL, 0) == -EMSGSIZE, "one byte more");
	request_begin(&out, 1);
	for (i = 0; i < REQUEST_FIELDS_MAX; i++)
		request_add(&out, "", 0);
	ktap_ok(!request_send(pair[0], &out, NULL, 0) &&
			!request_receive(pair[1], &in, NULL, 0) &&
			in.count == REQUEST_FIELDS_MAX,
		"the most fields");
	request_add(&out, "", 0);
	ktap_ok(request_send(pair[0], &out, NULL, 0) == -EMSGSIZE, "one field more");
	request_begin(&out, 1);
	request_add(&out, "", SIZE_MAX);
	ktap_ok(request_send(pair[0], &out, NULL, 0) == -EMSGSIZE, "a field without end");
}

/* What nobody here would send */
static int given(const void *data, size_t len)
{
	return send(pair[0], data, len, 0) == (ssize_t)len
		       ? request_receive(pair[1], &in, NULL, 0)
		       : 1;
}

static void test_malformed(void)
{
	static uint8_t huge[REQUEST_MAX + 4];

	ktap_ok(!given("\1\0\0\0", 4), "no field");
	ktap_ok(given("\1\0\0", 3) == -EBADMSG, "half a head");
	ktap_ok(given("\1\0\1\0", 4) == -EBADMSG, "what has to be zero");
	ktap_ok(given("\1\1\0\0\0\0\0", 7) == -EBADMSG, "half a length");
	ktap_ok(given("\1\1\0\0\0\0\0\2x", 9) == -EBADMSG, "half a field");
	ktap_ok(given("\1\1\0\0\xff\xff\xff\xffx", 9) == -EBADMSG, "a huge field");
	ktap_ok(given("\1\1\0\0\0\0\0\1xy", 10) == -EBADMSG, "something behind");
	ktap_ok(given("\1\x19\0\0", 4) == -EBADMSG, "too many fields");
	ktap_ok(given(huge, sizeof(huge)) == -EBADMSG, "too long");
	ktap_ok(!in.count && request_u64(&in, 0, &(uint64_t){ 0 }) == -EBADMSG,
		"and nothing is left of it");
}

static void test_errors(void)
{
	char text[64];

	request_begin(&in, REQUEST_TRUST | REQUEST_ANSWER);
	ktap_ok(!request_answered(&in, REQUEST_TRUST), "an answer");
	ktap_ok(request_answered(&in, REQUEST_HELLO) == -EBADMSG, "another's");
	request_error(&in, -EACCES, "no");
	ktap_ok(request_answered(&in, REQUEST_TRUST) == -EACCES &&
			!request_text(&in, 1, text, sizeof(text)) && !strcmp(text, "no"),
		"an error");
	request_error(&in, 0, NULL);
	ktap_ok(request_answered(&in, REQUEST_TRUST) == -EBADMSG,
		"an error that is none");
}

static void test_files(void)
{
	unsigned int before = open_files();
	int give[2], take[2], many[3], plain;
	uint8_t *data;
	size_t len;

	give[0] = request_file("log", 3);
	give[1] = request_file(NULL, 0);
	ktap_ok(give[0] >= 0 && give[1] >= 0, "files are made");
	ktap_ok(write(give[0], "x", 1) < 0 && ftruncate(give[0], 0) < 0,
		"and cannot be changed");
	request_begin(&out, REQUEST_EVIDENCE);
	ktap_ok(!request_send(pair[0], &out, give, 2) &&
			!request_receive(pair[1], &in, take, 2),
		"they are given");
	ktap_ok(!request_read_file(take[0], 3, &data, &len) && len == 3 &&
			!memcmp(data, "log", 3),
		"and read");
	free(data);
	ktap_ok(request_read_file(take[0], 2, &data, &len) == -EFBIG, "too long a file");
	ktap_ok(!request_read_file(take[1], 0, &data, &len) && !len, "an empty one");
	free(data);
	ktap_ok(fcntl(take[0], F_GETFD) & FD_CLOEXEC, "a program started has none");
	close(take[0]);
	close(take[1]);
	ktap_ok(!request_send(pair[0], &out, give, 2) &&
			request_receive(pair[1], &in, take, 1) == -EBADMSG &&
			take[0] == -1,
		"more than are wanted");
	ktap_ok(!request_send(pair[0], &out, give, 1) &&
			!request_receive(pair[1], &in, take, 2) && take[0] >= 0 &&
			take[1] == -1,
		"fewer");
	close(take[0]);
	many[0] = many[1] = many[2] = give[0];
	ktap_ok(request_send(pair[0], &out, many, 3) == -EMSGSIZE, "three");
	plain = memfd_create("plain", MFD_ALLOW_SEALING);
	ktap_ok(request_read_file(plain, 9, &data, &len) == -EBADMSG,
		"one that can be changed");
	ktap_ok(request_read_file(pair[0], 9, &data, &len) == -EBADMSG, "none");
	close(plain);
	close(give[0]);
	close(give[1]);
	ktap_ok(open_files() == before, "nothing stays open");
}

static void test_end(void)
{
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	ktap_ok(request_receive(pair[1], &in, NULL, 0) == -EAGAIN, "nothing there");
	close(pair[0]);
	ktap_ok(request_receive(pair[1], &in, NULL, 0) == -EPIPE, "nobody there");
	ktap_ok(request_send(pair[1], &out, NULL, 0) == -EPIPE, "nobody listens");
}

int main(void)
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return 1;
	memset(big, 0x5a, sizeof(big));
	test_fields();
	test_bounds();
	test_malformed();
	test_errors();
	test_files();
	test_end();
	return ktap_done();
}
