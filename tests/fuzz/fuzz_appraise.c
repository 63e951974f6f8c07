// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any two logs, which a TPM has really quoted: what is found in them, and that a reference
 * recorded from evidence that passed lets it pass again.
 *
 * The input is a length of 16 bits, that much event log, then an IMA log.
 *
 * covers: lib/attest/appraise.c lib/attest/record.c lib/attest/reference.c
 * sources: lib/attest/record.c lib/attest/reference.c lib/attest/appraise.c lib/attest/finding.c lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/area.c lib/attest/eventlog.c lib/attest/ima.c lib/attest/hash.c tests/host/evidence.c
 * libs: -lcrypto
 */
#include "../host/evidence.h"

#include <errno.h>

#include "fuzz.h"

static struct made *made;
static struct iotkey_ak *ak;
static struct iotkey_appraisal result;

static bool found(enum iotkey_check check)
{
	unsigned int i;

	for (i = 0; i < result.kept; i++)
		if (result.finding[i].check == check)
			return true;
	return false;
}

static int appraise(const struct iotkey_evidence *evidence,
		    const struct iotkey_reference *reference)
{
	struct iotkey_expected expected = { ak,
					    { made->nonce, sizeof(made->nonce) },
					    reference };

	return iotkey_appraise(made->attest, evidence, &expected, &result);
}

/* Nothing that a reference cannot express passes by one */
static bool is_plain(const char *text)
{
	return !strstr(text, "\n# ") && strncmp(text, "# ", 2);
}

static void record(const struct iotkey_evidence *evidence)
{
	struct iotkey_reference_mistake why;
	struct iotkey_reference *reference;
	char *text;
	size_t len;

	must(!iotkey_reference_record(evidence, &result, &text, &len));
	must(!iotkey_reference_parse(text, len, &reference, &why));
	must(appraise(evidence, reference) == 1 || !is_plain(text));
	iotkey_reference_free(reference);
	free(text);
}

static void put(struct made_log *log, const uint8_t *data, size_t len)
{
	memcpy(log->data, data, len);
	log->len = len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_evidence evidence;
	size_t len;
	int ret;

	if (!made) {
		made = made_boot("sha256:0,1,2,3,4,5,6,7,8,9,10,11,14+sha1:0,7,10");
		must(!iotkey_ak_parse(made->ak, strlen(made->ak), &ak));
	}
	if (size < 2 || size > 65536)
		return 0;
	len = (size_t)data[0] << 8 | data[1];
	if (len > size - 2)
		return 0;
	put(&made->eventlog, data + 2, len);
	put(&made->ima, data + 2 + len, size - 2 - len);
	made_seal(made);
	evidence = made_evidence(made);
	ret = appraise(&evidence, NULL);
	must(ret == 0 || ret == 1);
	must(!found(IOTKEY_CHECK_SIGNATURE) && !found(IOTKEY_CHECK_NONCE) &&
	     !found(IOTKEY_CHECK_PCR_DIGEST));
	if (ret == 1)
		record(&evidence);
	return 0;
}
