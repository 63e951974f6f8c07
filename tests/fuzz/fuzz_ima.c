// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any IMA log: what is found lies in it, the log goes forward, and read in two pieces it
 * leads to the same PCR.
 *
 * covers: lib/attest/ima.c
 * sources: lib/attest/ima.c lib/attest/hash.c
 * libs: -lcrypto
 */
#include <errno.h>
#include <iotkey-attest.h>

#include "fuzz.h"

static struct iotkey_attest *attest;

static void check_entry(const struct iotkey_ima_entry *entry, const uint8_t *data,
			size_t size)
{
	const struct iotkey_bytes *all[] = { &entry->template_name, &entry->data,
					     &entry->digest,	    &entry->name,
					     &entry->signature,	    &entry->buffer };
	size_t i;

	must(entry->pcr < IOTKEY_PCRS && lies_in(entry->sha1, 20, data, size));
	for (i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		must(!all[i]->len || lies_in(all[i]->data, all[i]->len, data, size));
	must(!entry->hash || entry->violation ||
	     entry->digest.len == iotkey_hash_size(entry->hash));
	must(!memchr(entry->name.data ? entry->name.data : data, 0, entry->name.len));
}

/* Up to @until entries; what ended it */
static int replay(struct iotkey_ima_log *log, struct iotkey_pcrs *pcrs,
		  unsigned int until)
{
	struct iotkey_ima_entry entry;
	size_t offset = log->offset;
	int err = 1;

	while (log->number < until && (err = iotkey_ima_next(log, &entry)) == 1) {
		must(log->offset > offset && log->offset <= log->len);
		must(entry.number == log->number);
		offset = log->offset;
		check_entry(&entry, log->data, log->len);
		err = iotkey_ima_check(attest, &entry);
		must(!err || err == -EBADMSG || err == -ENOTSUP);
		must(!iotkey_ima_extend(attest, &entry, pcrs));
	}
	return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_pcrs whole, parts;
	struct iotkey_ima_log log, rest;
	unsigned int n;
	int err;

	if (!attest)
		attest = iotkey_attest_new();
	iotkey_pcrs_init(&whole, IOTKEY_HASH_SHA256);
	iotkey_pcrs_init(&parts, IOTKEY_HASH_SHA256);
	iotkey_ima_open(&log, data, size);
	err = replay(&log, &whole, -1u);
	must(err ? err == -EBADMSG || err == -ENODATA : log.offset == size);

	n = log.number / 2;
	iotkey_ima_open(&log, data, size);
	replay(&log, &parts, n);
	rest = log;
	rest.data += log.offset;
	rest.len -= log.offset;
	rest.offset = 0;
	must(replay(&rest, &parts, -1u) == err);
	must(!memcmp(&whole, &parts, sizeof(whole)));
	return 0;
}
