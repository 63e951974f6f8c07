// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar.h"
#include "report.h"
#include "work.h"

static bool show(struct work *work, struct attested *attested, struct fault *f)
{
	struct keeper_evidence evidence;
	struct iotkey_bytes bytes;
	struct nonce nonce;
	bool good;

	if (!registrar_nonce(work->http, "attest", &nonce, f))
		return false;
	bytes = (struct iotkey_bytes){ nonce.data, nonce.len };
	if (!keeper_evidence(work->keeper, bytes, work->ima_offset, &evidence, f))
		return false;
	good = registrar_attest(work->http, &nonce, &evidence, work->ima_offset, attested,
				f);
	keeper_evidence_clear(&evidence);
	return good;
}

bool attest(struct work *work, bool *passed, struct fault *f)
{
	struct attested attested;
	bool good;

	if (!be_current(work, f))
		return false;
	good = show(work, &attested, f);
	if (!good && fault_is(f, "ima-offset") &&
	    attested.ima_offset != work->ima_offset) {
		work->ima_offset = attested.ima_offset;
		good = show(work, &attested, f);
	}
	if (!good) {
		if (f->kind == FAULT_REFUSED)
			work->ima_offset = 0;
		return false;
	}
	*passed = attested.passed;
	/* after a failure from the start, which is always right */
	work->ima_offset = attested.passed ? attested.ima_offset : 0;
	report_attested(&attested);
	json_decref(attested.findings);
	return true;
}
