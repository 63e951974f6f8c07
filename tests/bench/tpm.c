// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * TPM commands that keys cost when a machine comes up: those that go over the bus between
 * QEMU and the TPM, where tests/vm/tpmproxy.c counts them for both sides.
 *
 * A blob was made for each key before.  It takes a kernel that has trusted keys.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>
#include "bench.h"

#define BUS	   "/dev/ttyS2"
#define PARENT	   "0x81000001"
#define MANY	   10000
#define MINUTE	   60000 /* of milliseconds */
#define KEYRING_AS KEY_SPEC_SESSION_KEYRING

static const long numbers[] = { 1, 100, MANY };
static FILE *bus;

static void open_bus(void)
{
	struct termios tio;
	int fd = open(BUS, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &tio))
		die(BUS);
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL;
	bus = fdopen(fd, "r+");
	if (tcsetattr(fd, TCSANOW, &tio) || !bus)
		die(BUS);
	setvbuf(bus, NULL, _IONBF, 0);
}

/* Commands since the last call. */
static long commands(void)
{
	char answer[64];
	long n;

	fputs("count\n", bus);
	if (!fgets(answer, sizeof(answer), bus) || sscanf(answer, "ok %ld", &n) != 1)
		die("%s: count", BUS);
	fputs("clear\n", bus);
	if (!fgets(answer, sizeof(answer), bus) || strncmp(answer, "ok", 2))
		die("%s: clear", BUS);
	return n;
}

/* "load BLOB" of a key that is then gone. */
static char *saved(serial key, const char *rest)
{
	char *text;
	void *blob;

	if (keyctl_read_alloc(key, &blob) < 0 ||
	    asprintf(&text, "load %s%s", (char *)blob, rest) < 0 || keyctl_revoke(key) ||
	    keyctl_unlink(key, KEYRING_AS))
		die("save");
	free(blob);
	return text;
}

/* A root's identity is free once the old key was collected. */
static serial load_root(const char *blob)
{
	for (int i = 0; i < MINUTE; i++) {
		serial key = add_key("iot", "tpm", blob, strlen(blob), KEYRING_AS);

		if (key >= 0)
			return key;
		if (errno != EEXIST)
			break;
		usleep(1000);
	}
	die("load root");
}

static void drop(serial key, const char *name)
{
	keyctl_revoke(key);
	if (keyctl_unlink(key, KEYRING_AS))
		die("unlink %s", name);
}

/* The root, and the keys under it, from their blobs. */
static long iot_commands(const char *root, char **blobs, long n)
{
	serial key, keyring = keyring_of("iot", KEYRING_AS);
	char name[32];
	long cost;

	commands();
	key = load_root(root);
	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "key-%ld", i);
		for (int tries = 0;
		     add_key("iot", name, blobs[i], strlen(blobs[i]), keyring) < 0;
		     tries++) {
			if (errno != EEXIST || tries == MINUTE)
				die("load %s", name);
			usleep(1000);
		}
	}
	cost = commands();
	if (keyctl_clear(keyring))
		die("clear");
	drop(key, "tpm");
	return cost;
}

static long trusted_commands(const char *blob, long n)
{
	serial keyring = keyring_of("trusted", KEYRING_AS);
	char name[32];
	long cost;

	commands();
	for (long i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "key-%ld", i);
		add("trusted", name, blob, keyring);
	}
	cost = commands();
	if (keyctl_clear(keyring))
		die("clear");
	return cost;
}

static char **iot_blobs(void)
{
	char **blobs = calloc(MANY, sizeof(*blobs)), name[32];

	for (long i = 0; blobs && i < MANY; i++) {
		snprintf(name, sizeof(name), "key-%ld", i);
		blobs[i] = saved(add("iot", name, "new aes-256-gcm root=tpm", KEYRING_AS),
				 "");
	}
	return blobs;
}

void bench_tpm(void)
{
	long one = 0, iot;
	char *root, *trusted, **blobs, name[64];
	serial key;

	raise_quota();
	open_bus();
	key = add("iot", "tpm", "new root provider=tpm parent=" PARENT " mkparent",
		  KEYRING_AS);
	blobs = iot_blobs();
	root = saved(key, "");
	trusted = saved(add("trusted", "saved", "new 32 keyhandle=" PARENT, KEYRING_AS),
			" keyhandle=" PARENT);

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		iot = iot_commands(root, blobs, numbers[i]);
		one = one ? one : iot;
		snprintf(name, sizeof(name), "tpm/%ld-keys", numbers[i]);
		row(name, "TPM commands", iot, "trusted",
		    trusted_commands(trusted, numbers[i]));
		snprintf(name, sizeof(name), "tpm/%ld-keys-beside-1", numbers[i]);
		row(name, "TPM commands", iot, "1 key", one);
	}
}
