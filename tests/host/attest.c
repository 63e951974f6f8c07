// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Evidence on the host, for tests/cli/attest.sh and tests/fuzz/corpus.sh.
 *
 *	attest events LOG	what is in an event log, and where it leads, line by line
 *	attest make DIRECTORY	the evidence of evidence.c, and a reference for it
 *	attest speed SECONDS	appraisals of it in that time of one CPU, and of its parts
 */
#include "evidence.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCRS "sha256:0,1,2,3,4,5,6,7,8,9,10"

static void *all_of(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	void *data = malloc(1 << 24);

	if (!file || !data) {
		perror(path);
		exit(1);
	}
	*len = fread(data, 1, 1 << 24, file);
	fclose(file);
	return data;
}

static void print_hex(const uint8_t *data, size_t len)
{
	while (len--)
		printf("%02x", *data++);
}

static void print_event(const struct iotkey_log_event *event)
{
	const char *type = iotkey_log_type_name(event->type);
	unsigned int i;

	printf("event %u %u %s", event->number, event->pcr, type ? type : "?");
	for (i = 0; i < event->digests; i++) {
		printf(" %s:", iotkey_hash_name(event->digest[i].hash));
		print_hex(event->digest[i].value, event->digest[i].size);
	}
	putchar('\n');
}

static int events(const char *path)
{
	static const unsigned int hashes[] = { IOTKEY_HASH_SHA1, IOTKEY_HASH_SHA256,
					       IOTKEY_HASH_SHA384, IOTKEY_HASH_SHA512 };
	struct iotkey_attest *attest = iotkey_attest_new();
	struct iotkey_pcrs pcrs[4];
	struct iotkey_log_event event;
	struct iotkey_eventlog log;
	unsigned int i, pcr;
	size_t len;
	void *data = all_of(path, &len);
	int err;

	for (i = 0; i < 4; i++)
		iotkey_pcrs_init(&pcrs[i], hashes[i]);
	iotkey_eventlog_open(&log, data, len);
	while ((err = iotkey_eventlog_next(&log, &event)) == 1) {
		print_event(&event);
		for (i = 0; i < 4; i++)
			iotkey_log_event_extend(attest, &event, &pcrs[i]);
	}
	for (i = 0; i < 4; i++)
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
			if (pcrs[i].set >> pcr & 1) {
				printf("pcr %s:%u ", iotkey_hash_name(hashes[i]), pcr);
				print_hex(pcrs[i].value[pcr],
					  iotkey_hash_size(hashes[i]));
				putchar('\n');
			}
	if (err)
		printf("error %d at %zu\n", err, log.offset);
	iotkey_attest_free(attest);
	free(data);
	return err != 0;
}

static void write_to(const char *directory, const char *name, struct iotkey_bytes bytes)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes.data, 1, bytes.len, file) != bytes.len ||
	    fclose(file)) {
		perror(path);
		exit(1);
	}
}

static int appraise(const struct made *made, const struct iotkey_evidence *evidence,
		    const struct iotkey_reference *reference,
		    struct iotkey_appraisal *appraisal)
{
	static struct iotkey_ak *ak;
	struct iotkey_expected expected = {
		.reference = reference, .nonce = { made->nonce, sizeof(made->nonce) }
	};

	if (!ak && iotkey_ak_parse(made->ak, strlen(made->ak), &ak))
		exit(1);
	expected.ak = ak;
	return iotkey_appraise(made->attest, evidence, &expected, appraisal);
}

static char *record(const struct made *made, size_t *len)
{
	struct iotkey_evidence evidence = made_evidence(made);
	struct iotkey_appraisal appraisal;
	char *text;

	if (appraise(made, &evidence, NULL, &appraisal) != 1 ||
	    iotkey_reference_record(&evidence, &appraisal, &text, len))
		exit(1);
	return text;
}

static int make(const char *directory)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_evidence evidence = made_evidence(made);
	struct iotkey_bytes text;

	text.data = (const uint8_t *)record(made, &text.len);
	write_to(directory, "quote.msg", evidence.quote);
	write_to(directory, "quote.sig", evidence.signature);
	write_to(directory, "quote.pcrs", evidence.pcrs);
	write_to(directory, "eventlog", evidence.eventlog);
	write_to(directory, "ima", evidence.ima);
	write_to(directory, "ak.pem", evidence.ak);
	write_to(directory, "reference", text);
	write_to(directory, "nonce", (struct iotkey_bytes){ made->nonce, 16 });
	free((void *)text.data);
	made_free(made);
	return 0;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void measure(const char *name, double seconds, const struct made *made,
		    const struct iotkey_evidence *evidence,
		    const struct iotkey_reference *reference)
{
	struct iotkey_appraisal appraisal;
	double start = now(), end;
	unsigned int n = 0;

	do {
		if (appraise(made, evidence, reference, &appraisal) != 1)
			exit(1);
		n++;
		end = now();
	} while (end - start < seconds);
	printf("%-52s %8.0f /s of CPU\n", name, n / (end - start));
}

static int speed(double seconds)
{
	struct made *made = made_boot(PCRS);
	struct iotkey_evidence evidence = made_evidence(made);
	struct iotkey_reference *reference;
	char path[64], content[16];
	char *text;
	size_t len;
	int i;

	text = record(made, &len);
	iotkey_reference_parse(text, len, &reference, NULL);
	free(text);
	measure("quote, 17 events, 3 files, reference", seconds, made, &evidence,
		reference);
	evidence.eventlog.data = evidence.ima.data = NULL;
	measure("quote alone", seconds, made, &evidence, NULL);
	iotkey_reference_free(reference);
	for (i = 0; i < 100; i++)
		made_event(made, 4, 0x80000003, path,
			   (size_t)snprintf(path, 64, "app %d", i));
	for (i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "/usr/lib/x86_64-linux-gnu/lib%d.so", i);
		snprintf(content, sizeof(content), "%d", i);
		made_file(made, path, content);
	}
	made_seal(made);
	text = record(made, &len);
	iotkey_reference_parse(text, len, &reference, NULL);
	free(text);
	evidence = made_evidence(made);
	measure("quote, 117 events, 1003 files, reference", seconds, made, &evidence,
		reference);
	evidence.ima.data = NULL;
	measure("quote, 117 events", seconds, made, &evidence, NULL);
	iotkey_reference_free(reference);
	made_free(made);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "events"))
		return events(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "make"))
		return make(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "speed"))
		return speed(atof(argv[2]));
	fprintf(stderr, "usage: attest events LOG | make DIRECTORY | speed SECONDS\n");
	return 2;
}
