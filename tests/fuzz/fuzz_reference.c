// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any reference: read, or refused with a line and something to do; then asked about
 * evidence, where whatever it says is no reason to crash.
 *
 * covers: lib/attest/reference.c lib/attest/appraise.c lib/attest/finding.c
 * sources: lib/attest/reference.c lib/attest/appraise.c lib/attest/finding.c lib/attest/quote.c lib/attest/pcrs.c lib/attest/ak.c lib/attest/area.c lib/attest/eventlog.c lib/attest/ima.c lib/attest/hash.c tests/host/evidence.c
 * libs: -lcrypto
 */
#include "../host/evidence.h"

#include <errno.h>

#include "fuzz.h"

static struct made *made;
static struct iotkey_ak *ak;

static void ask(const struct iotkey_reference *reference)
{
	struct iotkey_evidence evidence = made_evidence(made);
	struct iotkey_expected expected = { ak,
					    { made->nonce, sizeof(made->nonce) },
					    reference };
	static struct iotkey_appraisal result;
	char text[1024];
	unsigned int i;
	int ret = iotkey_appraise(made->attest, &evidence, &expected, &result);

	must(ret == !result.findings && result.kept <= IOTKEY_FINDINGS_MAX);
	must(result.kept == result.findings || result.kept == IOTKEY_FINDINGS_MAX);
	for (i = 0; i < result.kept; i++) {
		iotkey_finding_text(&result.finding[i], text, sizeof(text));
		must(iotkey_check_name(result.finding[i].check));
		for (const char *p = text; *p; p++)
			must(*p >= ' ' && *p <= '~');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_reference_mistake why;
	struct iotkey_reference *reference;
	int err;

	if (!made) {
		made = made_boot("sha256:0,1,2,3,4,5,6,7,8,9,10+sha1:0,7");
		must(!iotkey_ak_parse(made->ak, strlen(made->ak), &ak));
	}
	err = iotkey_reference_parse((const char *)data, size, &reference, &why);
	if (err) {
		must(err == -EINVAL && why.line && why.mend &&
		     strlen(why.word) < sizeof(why.word));
		return 0;
	}
	ask(reference);
	iotkey_reference_free(reference);
	return 0;
}
