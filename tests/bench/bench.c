// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Inside the VM: measures groups of rows, each beside its alternative.
 * Usage: bench GROUP...
 *
 * A row is one line on the standard output, tab-separated: "row", name, unit, iotkey's value,
 * the peer, the peer's value.  report.py makes the rest of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

#define WARM_UP 16
#define SAMPLES 101

static const struct {
	const char *name;
	void (*run)(void);
	bool counts; /* instructions, or time */
} groups[] = {
	{ "aead", bench_aead, true }, { "bulk", bench_bulk, true },
	{ "keys", bench_keys, true }, { "scale", bench_scale, true },
	{ "time", bench_time, true }, { "tools", bench_tools, true },
	{ "tpm", bench_tpm, false },
};

void die(const char *fmt, ...)
{
	va_list args;
	int error = errno;

	printf("Bail out! ");
	va_start(args, fmt);
	vprintf(fmt, args);
	va_end(args);
	printf(": %s\n", strerror(error));
	exit(1);
}

void row(const char *name, const char *unit, double iotkey, const char *peer,
	 double peer_value)
{
	printf("row\t%s\t%s\t%.6g\t%s\t%.6g\n", name, unit, iotkey, peer, peer_value);
	fflush(stdout);
}

/* The time stamp counter, in nanoseconds of virtual time. */
uint64_t now(void)
{
	uint32_t low, high;

	__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
	return (uint64_t)high << 32 | low;
}

/* Instructions that this CPU has executed, from anywhere. */
uint64_t instructions(void)
{
	return now() / NS_PER_INSTRUCTION;
}

int64_t clock_ns(int clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		die("clock_gettime");
	return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

double median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

/* Instructions of one call, once caches and pools are warm. */
static double sampled(void (*operation)(void *), void *arg)
{
	double values[SAMPLES];
	uint64_t begin;

	for (int i = 0; i < WARM_UP; i++)
		operation(arg);
	for (int i = 0; i < SAMPLES; i++) {
		begin = instructions();
		operation(arg);
		values[i] = instructions() - begin;
	}
	return median(values, SAMPLES);
}

static void nothing(void *unused)
{
	(void)unused;
}

double measure(void (*operation)(void *), void *arg)
{
	return sampled(operation, arg) - sampled(nothing, NULL);
}

static void two_thousand(void *unused)
{
	int n = 1000;

	(void)unused;
	__asm__ volatile("1: dec %0; jnz 1b" : "+r"(n));
}

/* Does the counter count what we think it does?  (And what the boot left to do gets done.) */
static void check_counter(void)
{
	double n;

	sleep(60);
	n = measure(two_thousand, NULL);

	if (n < 1990 || n > 2010)
		die("2000 instructions count as %g: no -icount shift=1?", n);
}

serial keyring_of(const char *name, serial parent)
{
	serial keyring = add_key("keyring", name, NULL, 0, parent);

	if (keyring < 0)
		die("keyring %s", name);
	return keyring;
}

serial add(const char *type, const char *name, const char *payload, serial keyring)
{
	serial key = add_key(type, name, payload, strlen(payload), keyring);

	if (key < 0)
		die("%s %s: %s", type, name, payload);
	return key;
}

/* The root of all but the TPM's rows: what a key costs does not depend on its provider. */
void soft_root(void)
{
	if (request_key("iot", "soft", NULL, 0) < 0)
		add("iot", "soft", "new root provider=soft", KEY_SPEC_SESSION_KEYRING);
}

static void set_number(const char *path, long value)
{
	char text[32];
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	int len = snprintf(text, sizeof(text), "%ld\n", value);

	if (fd < 0 || write(fd, text, len) != len)
		die("%s", path);
	close(fd);
}

/* So that root may have all the keys that a bench wants. */
void raise_quota(void)
{
	set_number("/proc/sys/kernel/keys/root_maxkeys", 10000000);
	set_number("/proc/sys/kernel/keys/root_maxbytes", 2000000000);
}

static void run(const char *name)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (!strcmp(groups[i].name, name)) {
			if (groups[i].counts)
				check_counter();
			groups[i].run();
			return;
		}
	}
	die("no bench %s", name);
}

int main(int argc, char **argv)
{
	if (keyctl_join_session_keyring("bench") < 0)
		die("session");
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("done\n");
	return 0;
}
