// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * More events than the TPM can take: 10,000 rotations while every extension of a PCR
 * takes a tenth of a second (tests/vm/tpmproxy.c sees to that).  Nobody waits for it;
 * what does not fit the queue is told as lost; rmmod waits until the rest is measured;
 * each event is in IMA's log once or counted as lost, in order, and the log leads to the
 * PCR; to the end of this boot it does not when the TPM has failed once, so this comes last.
 *
 * vm: ima
 * timeout: 600
 * sources: tests/unit/ktap.c tests/kselftest/common/iot.c
 * sources: lib/attest/hash.c lib/attest/history.c lib/attest/ima.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <fcntl.h>
#include <iotkey-attest.h>
#include <iotkey.h>
#include <linux/iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "common/iot.h"

#define LOG	  "/sys/kernel/security/ima/binary_runtime_measurements"
#define PCR	  "/sys/class/tpm/tpm0/pcr-sha256/10"
#define BUS	  "/dev/ttyS2"
#define ROTATIONS 10000
#define DELAY	  100 /* ms of an extension; the TPM would need 1000 s for all */
#define LOG_MAX	  (16 << 20)

/* What the log says of the module's instance that was there during the storm */
struct seen {
	unsigned int rotated, lost, losses, flaws, changed, last_version;
	bool ordered, ended;
	struct iotkey_pcrs pcrs;
};

static FILE *bus;

/* To the interposer; false: it did not say "ok". */
static bool say(const char *line)
{
	char reply[256] = "";

	return dprintf(fileno(bus), "%s\n", line) > 0 &&
	       fgets(reply, sizeof(reply), bus) && !strncmp(reply, "ok", 2);
}

static bool open_bus(void)
{
	struct termios tio;
	int fd = open(BUS, O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &tio))
		return false;
	cfmakeraw(&tio);
	tio.c_cflag |= CLOCAL;
	tcsetattr(fd, TCSANOW, &tio);
	tcflush(fd, TCIOFLUSH);
	bus = fdopen(fd, "r+");
	if (!bus)
		return false;
	setvbuf(bus, NULL, _IONBF, 0);
	return true;
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int run(const char *command)
{
	fflush(stdout);
	return system(command);
}

/* Keys go when they are collected, so not at the first try. */
static bool unload(void)
{
	int tries;

	for (tries = 0; tries < 400; tries++) {
		if (!run("rmmod iotkey 2>/dev/null"))
			return true;
		usleep(50000);
	}
	return false;
}

static size_t read_file(const char *path, uint8_t *data, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	ssize_t n;

	while (fd >= 0 && len < size && (n = read(fd, data + len, size - len)) > 0)
		len += (size_t)n;
	close(fd);
	return len;
}

static bool pcr_is(const uint8_t *value)
{
	char text[2 * 32 + 2] = "";
	uint8_t byte;
	int i;

	if (read_file(PCR, (uint8_t *)text, sizeof(text) - 1) < 64)
		return false;
	for (i = 0; i < 32; i++)
		if (sscanf(text + 2 * i, "%2hhx", &byte) != 1 || byte != value[i])
			return false;
	return true;
}

/* Records of another instance, from before, are only followed. */
static void look_at(const struct iotkey_record *r, struct seen *seen)
{
	switch (r->event) {
	case IOTKEY_RECORD_BEGIN:
		seen->rotated = seen->lost = seen->losses = seen->last_version = 0;
		seen->ordered = true;
		seen->ended = false;
		break;
	case IOTKEY_RECORD_END:
		seen->ended = true;
		break;
	case IOTKEY_RECORD_LOST:
		seen->lost += r->count;
		seen->losses++;
		seen->ordered &= r->error == ENOBUFS;
		break;
	case IOTKEY_EVENT_ROTATED:
		seen->rotated++;
		seen->ordered &= r->version > seen->last_version;
		seen->last_version = r->version;
		break;
	}
}

static bool read_log(struct seen *seen)
{
	struct iotkey_attest *attest = iotkey_attest_new();
	struct iotkey_history history = { 0 };
	struct iotkey_ima_entry entry;
	struct iotkey_record record;
	struct iotkey_ima_log log;
	uint8_t *data = malloc(LOG_MAX);
	int more = -ENOMEM, found;

	memset(seen, 0, sizeof(*seen));
	iotkey_pcrs_init(&seen->pcrs, IOTKEY_HASH_SHA256);
	if (!attest || !data)
		return false;
	iotkey_ima_open(&log, data, read_file(LOG, data, LOG_MAX));
	while ((more = iotkey_ima_next(&log, &entry)) == 1) {
		seen->changed += iotkey_ima_check(attest, &entry) != 0;
		iotkey_ima_extend(attest, &entry, &seen->pcrs);
		found = iotkey_history_next(&history, &entry, &record);
		if (found == 1) {
			seen->flaws |= history.flaws;
			look_at(&record, seen);
		} else if (found < 0) {
			seen->changed++;
		}
	}
	free(data);
	iotkey_attest_free(attest);
	return !more;
}

int main(void)
{
	char rule[64];
	struct iotkey_stats stats;
	struct seen seen;
	key_serial_t key;
	double start, took, slowest = 0;
	int i, failed = 0;

	if (!open_bus() || !unload() || run("modprobe iotkey measure=all")) {
		puts("Bail out! no interposer, or no module");
		return 1;
	}
	iot_add("storm-root", "new root provider=soft");
	key = iot_add("storm", "new aes-256-gcm root=storm-root mode=derive");
	snprintf(rule, sizeof(rule), "on 0x182 0 delay %d", DELAY);
	ktap_ok(say("clear") && say(rule), "the TPM is slow");

	start = seconds();
	for (i = 0; i < ROTATIONS; i++) {
		double before = seconds();

		failed += iot_update(key, "rotate") != 0;
		if (seconds() - before > slowest)
			slowest = seconds() - before;
	}
	took = seconds() - start;
	ktap_ok(!failed, "%d rotations", ROTATIONS);
	printf("# in %.1f s, the slowest in %.3f s\n", took, slowest);
	ktap_ok(took < ROTATIONS * DELAY / 1000.0 / 4, "nobody waited for the TPM");

	ktap_ok(!iotkey_stats_get(&stats), "what is lost is counted");
	ktap_ok(say("clear"), "the TPM is fast again");
	iot_drop(key);
	run("keyctl clear @s");
	start = seconds();
	ktap_ok(unload(), "rmmod");
	printf("# in %.1f s\n", seconds() - start);

	ktap_ok(read_log(&seen), "the log is whole");
	printf("# %u records of rotations, %u records lost in %u places\n", seen.rotated,
	       seen.lost, seen.losses);
	ktap_ok(seen.ended, "its last record is the module's end");
	ktap_ok(seen.lost > 0 && seen.rotated > 1000, "some fit the queue, some did not");
	ktap_ok(seen.ordered, "in order; what is lost is so for want of room");
	/* of the records that were lost some are no rotations: the key's end, maybe */
	ktap_ok(seen.rotated + seen.lost >= ROTATIONS &&
			seen.rotated + seen.lost <= ROTATIONS + 4,
		"each is there, or counted as lost");
	ktap_ok(seen.lost >= stats.records_lost && seen.lost <= stats.records_lost + 4,
		"and so the module said");
	ktap_ok(!seen.flaws && !seen.changed, "no number is missing or there twice");
	ktap_ok(pcr_is(seen.pcrs.value[10]), "the log leads to the PCR");

	ktap_ok(!run("modprobe iotkey measure=all") && say("on 0x182 0 fail 0x101") &&
			unload() && say("clear"),
		"an extension that fails");
	ktap_ok(read_log(&seen) && seen.ended && !seen.flaws && !seen.changed,
		"its record is in the log all the same");
	ktap_ok(!pcr_is(seen.pcrs.value[10]), "which does not lead to the PCR any more");
	ktap_ok(!run("modprobe iotkey"), "modprobe");
	return ktap_done();
}
