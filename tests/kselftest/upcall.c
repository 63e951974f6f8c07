// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Keys that /sbin/request-key makes: this program is the test, and is put there as
 * the helper too.
 *
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "common/iot.h"

#define HELPER "/sbin/request-key"

/* create KEY UID GID THREAD-RING PROCESS-RING SESSION-RING */
static int help(char **argv)
{
	key_serial_t key = atoi(argv[2]), ring = atoi(argv[7]);
	void *text;
	long len;

	if (keyctl_assume_authority(key) < 0)
		return 1;
	len = keyctl_read_alloc(KEY_SPEC_REQKEY_AUTH_KEY, &text);
	if (len < 0 || keyctl_instantiate(key, text, len, ring))
		return keyctl_reject(key, 60, errno, ring) ? 1 : 0;
	return 0;
}

static int ask(const char *name, const char *text)
{
	key_serial_t key = request_key("iot", name, text, KEY_SPEC_SESSION_KEYRING);

	return key < 0 ? -errno : key;
}

static void proc_line(key_serial_t key, char *line, size_t size)
{
	FILE *f = fopen("/proc/keys", "r");
	char serial[16];

	snprintf(serial, sizeof(serial), "%08x ", key);
	while (f && fgets(line, size, f)) {
		if (!strncmp(line, serial, 9))
			break;
		line[0] = '\0';
	}
	if (f)
		fclose(f);
}

static void test(void)
{
	char line[1024] = "";
	key_serial_t root, again;
	int ret;

	root = ask("asked", "new root provider=soft");
	ktap_ok(root > 0, "an upcall makes a root (%d)", root);
	proc_line(root, line, sizeof(line));
	ktap_ok(strstr(line, " asked: root soft unsafe active\n"), "it is one");
	again = ask("asked", "new root provider=soft");
	ktap_ok(again == root, "asked again it is found");
	ret = ask("child", "new kdf root=asked");
	ktap_ok(ret > 0, "an upcall makes a key under a root of whoever asked (%s)",
		ret < 0 ? errno_name(-ret) : "ok");
	ret = ask("orphan", "new kdf root=nowhere");
	ktap_ok(ret == -ENOKEY, "no root: ENOKEY (%s)", errno_name(-ret));
	ret = ask("nonsense", "new nonsense");
	ktap_ok(ret == -EINVAL, "a bad text: EINVAL (%s)", errno_name(-ret));
	ret = ask("update", "rotate");
	ktap_ok(ret == -EINVAL, "an update of nothing: EINVAL (%s)", errno_name(-ret));
	keyctl_clear(KEY_SPEC_SESSION_KEYRING);
}

int main(int argc, char **argv)
{
	if (argc == 8 && !strcmp(argv[1], "create"))
		return help(argv);
	if (access(HELPER, F_OK)) {
		if (symlink(realpath(argv[0], NULL), HELPER)) {
			ktap_ok(false, "put the helper in place");
			return ktap_done();
		}
		test();
		unlink(HELPER);
	} else {
		ktap_ok(true, "upcalls # SKIP there is a request-key");
	}
	return ktap_done();
}
