/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the tests of rotation share: keys and messages through libkeyutils, and a clock.
 * Everything ends the program when it fails and nobody asked for the errno.
 */
#ifndef ROTATION_H
#define ROTATION_H

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "iotkey.h"

#define NS	     1000000000LL
#define MESSAGE_SIZE 64 /* 16 bytes of plaintext and 48, or a signature */
#define PLAIN_SIZE   16

#define TRUSTED "/sys/module/iotkey/parameters/clock_trusted"

struct message {
	uint32_t version;
	uint32_t len;
	uint64_t number;
	uint8_t bytes[MESSAGE_SIZE];
};

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

static void die(const char *fmt, ...)
{
	va_list args;

	printf("Bail out! ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(": %s\n", strerror(errno));
	exit(1);
}

static inline int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * NS + t.tv_nsec;
}

/*
 * The TPM emulator needs real time, which an idle guest in virtual time does not
 * give it: between these two the guest is busy.
 */
static inline pid_t stay_awake(void)
{
	pid_t spinner = fork();

	while (!spinner)
		;
	return spinner;
}

static inline void may_idle(pid_t spinner)
{
	kill(spinner, SIGKILL);
	waitpid(spinner, NULL, 0);
}

static inline void set_wall(int64_t ns)
{
	struct timespec t = { .tv_sec = ns / NS, .tv_nsec = ns % NS };

	if (clock_settime(CLOCK_REALTIME, &t))
		die("clock_settime");
}

static inline void write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("%s", path);
	close(fd);
}

static inline void trust_clock(bool yes)
{
	write_text(TRUSTED, yes ? "1" : "0");
}

/* A number from the environment or the kernel's command line, unless it is empty. */
static inline long option(const char *name, long otherwise)
{
	char line[4096] = " ", word[64];
	const char *found = getenv(name);
	int fd;

	if (found && *found)
		return atol(found);
	fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, line + 1, sizeof(line) - 2) < 0)
		die("/proc/cmdline");
	close(fd);
	snprintf(word, sizeof(word), " %s=", name);
	found = strstr(line, word);
	if (!found || found[strlen(word)] <= ' ')
		return otherwise;
	return atol(found + strlen(word));
}

static inline int32_t try_key(const char *name, const char *payload)
{
	return add_key("iot", name, payload, strlen(payload), KEY_SPEC_SESSION_KEYRING);
}

static int32_t new_key(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int32_t new_key(const char *name, const char *fmt, ...)
{
	char payload[512];
	va_list args;
	int32_t key;

	va_start(args, fmt);
	vsnprintf(payload, sizeof(payload), fmt, args);
	va_end(args);
	key = try_key(name, payload);
	if (key < 0)
		die("%s: %s", name, payload);
	return key;
}

/* Return: 0 or the errno. */
static inline int update(int32_t key, const char *verb, uint64_t number)
{
	char text[64];

	snprintf(text, sizeof(text), number ? "%s%llu" : "%s", verb,
		 (unsigned long long)number);
	return keyctl_update(key, text, strlen(text)) ? errno : 0;
}

static inline struct iotkey_status status_of(int32_t key)
{
	struct iotkey_status status;
	int ret = iotkey_status_get(key, &status);

	if (ret) {
		errno = -ret;
		die("status of %d", key);
	}
	return status;
}

/* To be freed. */
static inline char *save(int32_t key)
{
	void *blob;

	if (keyctl_read_alloc(key, &blob) < 0)
		die("read %d", key);
	return blob;
}

/* As an agent does it, but nowhere: this machine does not crash. */
static inline void store(int32_t key)
{
	free(save(key));
	if (update(key, "stored=", status_of(key).newest))
		die("stored= of %d", key);
}

/* Away with it, and back from a blob: its identity must first be free. */
static inline int32_t reload(int32_t key, const char *name, const char *blob)
{
	char payload[16384];
	int32_t again;

	if (keyctl_invalidate(key))
		die("invalidate %s", name);
	snprintf(payload, sizeof(payload), "load %s", blob);
	for (int tries = 0; tries < 1000; tries++) {
		again = try_key(name, payload);
		if (again >= 0 || errno != EEXIST)
			break;
		usleep(10000);
	}
	if (again < 0)
		die("load %s", name);
	return again;
}

static inline uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Text that is @m's own. */
static inline void plaintext(const struct message *m, uint8_t *text)
{
	memset(text, 0xa5, PLAIN_SIZE);
	memcpy(text, &m->number, sizeof(m->number));
}

/* Encrypts or signs; the number is the caller's. Return: 0 or the errno. */
static inline int make(int32_t key, bool aead, struct message *m)
{
	struct keyctl_pkey_query query;
	uint8_t text[PLAIN_SIZE];
	long len;

	plaintext(m, text);
	/* room for a signature must not be more than the key's signature */
	if (keyctl_pkey_query(key, "enc=raw", &query))
		return errno;
	if (aead)
		len = keyctl_pkey_encrypt(key, "enc=raw", text, sizeof(text), m->bytes,
					  sizeof(m->bytes));
	else
		len = keyctl_pkey_sign(key, "enc=raw", text, sizeof(text), m->bytes,
				       query.max_sig_size);
	if (len < 0)
		return errno;
	m->len = len;
	m->version = be32(m->bytes + 4);
	return 0;
}

/* Decrypts or verifies. Return: 0, the errno, or -1 for the wrong plaintext. */
static inline int open_message(int32_t key, bool aead, const struct message *m)
{
	uint8_t text[PLAIN_SIZE], out[MESSAGE_SIZE];

	plaintext(m, text);
	if (!aead)
		return keyctl_pkey_verify(key, "enc=raw", text, sizeof(text), m->bytes,
					  m->len)
			       ? errno
			       : 0;
	if (keyctl_pkey_decrypt(key, "enc=raw", m->bytes, m->len, out, sizeof(out)) < 0)
		return errno;
	return memcmp(text, out, sizeof(text)) ? -1 : 0;
}

#endif /* ROTATION_H */
