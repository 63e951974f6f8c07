// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/iotkey-registrar/audit.c tools/common/hex.c
// pkg: jansson libcrypto
/*
 * The audit log: what verify finds, what a power cut leaves, several workers, moved files.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../tools/iotkey-registrar/audit.h"
#include "../unit/ktap.h"

static char dir[] = "/tmp/iotkey-audit.XXXXXX", path[64], other[64];

static struct audit *open_log(void)
{
	char message[AUDIT_MESSAGE];
	struct audit *audit = NULL;

	if (!audit_open(path, &audit, message))
		return audit;
	printf("Bail out! %s\n", message);
	exit(1);
}

static bool add(struct audit *audit, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		audit_add(audit, "released",
			  json_pack("{s:s, s:i}", "device", "00\n\"ü", "n", i));
	return !audit_commit(audit);
}

/* What verify prints of the file (and of a second one), in @text */
static int verify(const char *second, char text[512])
{
	char *argv[] = { "verify", second ? other : path, path };
	int status, fds[2];
	ssize_t n;

	if (pipe(fds))
		exit(1);
	fflush(stdout);
	if (!fork()) {
		dup2(fds[1], STDOUT_FILENO);
		status = audit_command(second ? 3 : 2, argv);
		fflush(stdout);
		_exit(status);
	}
	close(fds[1]);
	n = read(fds[0], text, 511);
	text[n > 0 ? n : 0] = '\0';
	close(fds[0]);
	wait(&status);
	printf("# %s", text);
	return WEXITSTATUS(status);
}

static char *slurp(size_t *len)
{
	static char data[1 << 20];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, data, sizeof(data) - 1);

	close(fd);
	*len = n > 0 ? (size_t)n : 0;
	data[*len] = '\0';
	return data;
}

static void spill(const char *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	if (write(fd, data, len) != (ssize_t)len)
		exit(1);
	close(fd);
}

static char *line(char *data, unsigned int number)
{
	while (--number)
		data = strchr(data, '\n') + 1;
	return data;
}

static void fresh(unsigned int lines)
{
	struct audit *audit;

	unlink(path);
	audit = open_log();
	add(audit, lines);
	audit_close(audit);
}

static void test_chain(void)
{
	static char big[20000];
	struct audit *audit;
	char text[512];

	fresh(3);
	ktap_ok(!verify(NULL, text) && strstr(text, "3 entries, 1 to 3, unbroken"),
		"three entries");
	audit = open_log();
	ktap_ok(add(audit, 2), "the registrar starts again");
	audit_add(audit, "dropped", NULL);
	audit_rollback(audit);
	ktap_ok(add(audit, 1), "an event that is taken back");
	ktap_ok(audit_add(audit, "bad", json_pack("{s:i}", "seq", 1)) == -EINVAL &&
			audit_commit(audit) == -EINVAL,
		"an event that would be an entry of its own making");
	memset(big, 'x', sizeof(big) - 1);
	audit_add(audit, "long", json_pack("{s:s}", "x", big));
	ktap_ok(audit_commit(audit) == -E2BIG,
		"an event that is too long is not dropped in silence");
	audit_close(audit);
	ktap_ok(!verify(NULL, text) && strstr(text, "6 entries, 1 to 6, unbroken"),
		"one chain");
}

static void test_tampering(void)
{
	char text[512], *data, *second, *third, copy[4096];
	size_t len;

	fresh(5);
	data = slurp(&len);
	strstr(line(data, 2), "released")[0] = 'R';
	spill(data, len);
	ktap_ok(verify(NULL, text) == 1 && strstr(text, ":2: it was changed"),
		"line 2 is changed");

	fresh(5);
	data = slurp(&len);
	second = line(data, 2);
	third = line(data, 3);
	memmove(second, third, len - (size_t)(third - data));
	spill(data, len - (size_t)(third - second));
	ktap_ok(verify(NULL, text) == 1 && strstr(text, ":2: it is entry 3, and 2"),
		"line 2 is taken out");

	fresh(5);
	data = slurp(&len);
	snprintf(copy, sizeof(copy), "%.*s", (int)(line(data, 3) - line(data, 2)),
		 line(data, 2));
	memmove(line(data, 2), line(data, 3), (size_t)(line(data, 4) - line(data, 3)));
	memcpy(line(data, 3), copy, strlen(copy));
	spill(data, len);
	ktap_ok(verify(NULL, text) == 1 && strstr(text, ":2:"),
		"lines 2 and 3 change places");

	fresh(5);
	data = slurp(&len);
	line(data, 4)[0] = '[';
	spill(data, len);
	ktap_ok(verify(NULL, text) == 1 && strstr(text, ":4: it is no JSON"),
		"line 4 is no JSON");
}

static void test_torn(void)
{
	char message[AUDIT_MESSAGE], text[512], *data;
	struct audit *audit = NULL;
	size_t len;
	unsigned int cut, whole, fine = 0;

	for (cut = 1; cut < 120; cut += 7) {
		fresh(3);
		data = slurp(&len);
		spill(data, len - cut);
		if (cut == 1)
			ktap_ok(verify(NULL, text) == 1 &&
					strstr(text, ":3: it is cut off"),
				"verify names a line that is cut off");
		audit = open_log();
		whole = add(audit, 1);
		audit_close(audit);
		fine += whole && !verify(NULL, text) &&
			strstr(text, "4 entries, 1 to 4, unbroken");
	}
	ktap_ok(fine == 17,
		"a last line that is cut off anywhere is repaired, and noted");
	ktap_ok(strstr(slurp(&len), "\"event\":\"audit-repaired\",\"dropped\":") != NULL,
		"with how much was dropped");

	fresh(3);
	data = slurp(&len);
	memset(line(data, 3) + 10, 0, 50);
	memset(data + len, 0, 70000); /* whole blocks that were never written */
	spill(data, len + 70000);
	audit = open_log();
	audit_close(audit);
	ktap_ok(!verify(NULL, text) && strstr(text, "3 entries"),
		"so are blocks that were never written");

	spill("{\"seq\":1", 8);
	audit = open_log();
	audit_close(audit);
	ktap_ok(!verify(NULL, text) && strstr(text, "1 entries, 1 to 1"),
		"and the first line");

	spill("hello\n", 6);
	ktap_ok(audit_open(path, &audit, message) == -EBADMSG,
		"a whole line that is none is left alone");
	printf("# %s\n", message);
}

static void test_moved(void)
{
	struct audit *one, *two;
	char text[512];

	unlink(path);
	one = open_log();
	two = open_log();
	ktap_ok(add(one, 2) && add(two, 2) && add(one, 1), "two workers take turns");
	rename(path, other);
	ktap_ok(add(two, 2) && add(one, 2), "the file is moved away");
	ktap_ok(!verify(other, text) && strstr(text, "9 entries, 1 to 9, unbroken"),
		"the chain goes on in the next");
	ktap_ok(!verify(NULL, text) && strstr(text, "4 entries, 6 to 9, unbroken"),
		"by itself, too");
	audit_close(one);
	audit_close(two);
}

static void test_workers(void)
{
	bool fine = true;
	struct audit *audit;
	unsigned int i, n;
	char text[512];
	int status;

	unlink(path);
	fflush(stdout);
	for (i = 0; i < 3; i++)
		if (!fork()) {
			audit = open_log();
			for (n = 0; n < 50; n++)
				fine &= add(audit, 1 + n % 3);
			_exit(!fine);
		}
	while (wait(&status) > 0)
		fine &= !status;
	ktap_ok(fine, "three workers at once");
	ktap_ok(!verify(NULL, text) && strstr(text, "297 entries, 1 to 297, unbroken"),
		"one chain");
}

static void test_full(void)
{
	struct rlimit limit;
	struct audit *audit;
	unsigned int count = 0;
	char text[512], want[64];
	int err;

	unlink(path);
	audit = open_log();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 5000;
	setrlimit(RLIMIT_FSIZE, &limit);
	for (err = 0; !err && count < 1000; count++) {
		audit_add(audit, "released", NULL);
		err = audit_commit(audit);
	}
	count--;
	ktap_ok(err == -ENOSPC && count, "a full disk is told");
	limit.rlim_cur = RLIM_INFINITY;
	setrlimit(RLIMIT_FSIZE, &limit);
	ktap_ok(add(audit, 1), "and it goes on when there is room");
	audit_close(audit);
	snprintf(want, sizeof(want), "%u entries, 1 to %u, unbroken", count + 1,
		 count + 1);
	ktap_ok(!verify(NULL, text) && strstr(text, want), "with no half line between");
}

int main(void)
{
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/audit.log", dir);
	snprintf(other, sizeof(other), "%s/audit.log.1", dir);
	test_chain();
	test_tampering();
	test_torn();
	test_moved();
	test_workers();
	test_full();
	unlink(path);
	unlink(other);
	rmdir(dir);
	return ktap_done();
}
