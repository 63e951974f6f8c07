// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Attestation (RFC 9334: this is the verifier): a device's quote and logs, appraised against the
 * reference file.
 *
 * The IMA log is taken up where the last pass of the same boot left off (progress.c).
 */
#include "routes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "../common/file.h"
#include "../common/say.h"
#include "device.h"
#include "field.h"
#include "nonce.h"
#include "worker.h"

#define REFERENCE_MAX (16u << 20)
#define FINDINGS_KEPT 3 /* in the store */

/* Of this process, made when it is first needed: a new configuration has new processes */
static struct iotkey_reference *reference;
static char reference_name[STORE_NAME_MAX + 1];

struct attestation {
	struct store_device device;
	struct iotkey_bytes nonce, quote, signature, pcrs, eventlog, ima;
	uint64_t ima_offset;
	struct progress from;
	struct iotkey_appraisal appraisal;
	struct store_attestation row;
	json_t *findings;
};

static void drop_attestation(void *arg)
{
	struct attestation *a = arg;

	field_free(&a->nonce);
	field_free(&a->quote);
	field_free(&a->signature);
	field_free(&a->pcrs);
	field_free(&a->eventlog);
	field_free(&a->ima);
	json_decref(a->findings);
	free(a);
}

/*
 * The reference
 */

static void name_reference(const char *path)
{
	const char *base = strrchr(path, '/');
	char *p;

	snprintf(reference_name, sizeof(reference_name), "%s", base ? base + 1 : path);
	for (p = reference_name; *p; p++)
		if (*p <= ' ' || *p > '~')
			*p = '_';
}

static bool load_reference(struct request *req)
{
	const char *path = request_worker(req)->config->references;
	struct iotkey_reference_mistake why;
	char *text;
	size_t len;
	int err;

	if (reference || !path)
		return true;
	err = read_file(path, REFERENCE_MAX, &text, &len);
	if (!err) {
		err = iotkey_reference_parse(text, len, &reference, &why);
		free(text);
		if (err == -EINVAL)
			say("%s:%u: %s", path, why.line, why.mend);
	}
	if (!err) {
		name_reference(path);
		return true;
	}
	say("references %s: %s", path, strerror(-err));
	reply_error(req, 503, "reference",
		    "the reference values cannot be read; see the registrar's log");
	return false;
}

/*
 * From where the log goes on
 */

/* Has a device that shows a part of its log the place where the last pass left off? */
static bool find_place(struct request *req, struct attestation *a,
		       struct iotkey_evidence *evidence)
{
	const struct store_attestation *last = &a->device.attestation;
	struct iotkey_quote quote;
	bool same_boot = !iotkey_quote_parse(a->quote.data, a->quote.len, &quote) &&
			 quote.resets == last->resets &&
			 quote.restarts == last->restarts &&
			 progress_read(last, &a->from) && a->from.ima.count;
	uint64_t place = same_boot ? last->ima_offset : 0;

	if (!a->ima.data || !a->ima_offset)
		return true; /* from the start is always right */
	if (a->ima_offset == place) {
		evidence->ima_from = &a->from.ima;
		evidence->ima_entries = a->from.entries;
		return true;
	}
	reply_json(req, 409,
		   json_pack("{ss,ss,sI}", "error", "ima-offset", "detail",
			     "the log is known up to another place: send it from there",
			     "ima_offset", (json_int_t)place));
	return false;
}

/*
 * The result
 */

static json_t *component_of(const struct iotkey_finding *finding)
{
	const char *bank = finding->hash ? iotkey_hash_name(finding->hash) : NULL;

	if (finding->name[0] && finding->pcr >= 0)
		return json_sprintf("PCR %d: %s", finding->pcr, finding->name);
	if (finding->name[0])
		return json_string(finding->name);
	if (finding->pcr >= 0 && bank)
		return json_sprintf("PCR %s:%d", bank, finding->pcr);
	if (finding->pcr >= 0)
		return json_sprintf("PCR %d", finding->pcr);
	return json_string(finding->number >= 0 ? "log" : "quote");
}

static json_t *finding_json(const struct iotkey_finding *finding)
{
	char text[1024];

	return json_pack("{ss,so,ss,ss,ss}", "check", iotkey_check_name(finding->check),
			 "component", component_of(finding), "expected",
			 finding->expected, "found", finding->found, "text",
			 iotkey_finding_text(finding, text, sizeof(text)));
}

/* The first ones, as many as fit; whole ones, for it is JSON */
static void keep_findings(const json_t *findings, struct store_attestation *row)
{
	json_t *some = json_array();
	char *text = NULL;
	size_t i;

	for (i = 0; some && i < json_array_size(findings) && i < FINDINGS_KEPT; i++) {
		json_array_append(some, json_array_get(findings, i));
		free(text);
		text = json_dumps(some, JSON_COMPACT | JSON_ENSURE_ASCII);
		if (!text || strlen(text) > STORE_FINDING_MAX)
			break;
		snprintf(row->finding, sizeof(row->finding), "%s", text);
	}
	free(text);
	json_decref(some);
}

static void make_row(const struct worker *worker, struct attestation *a,
		     const struct iotkey_evidence *evidence, bool passed)
{
	const struct iotkey_appraisal *appraisal = &a->appraisal;
	struct store_attestation *row = &a->row;
	struct progress progress = { 0 };
	unsigned int i;

	*row = a->device.attestation;
	row->finding[0] = 0;
	row->time = time(NULL);
	row->result = passed ? STORE_PASS : STORE_FAIL;
	snprintf(row->reference, sizeof(row->reference), "%s", reference_name);
	a->findings = json_array();
	for (i = 0; i < appraisal->kept; i++)
		json_array_append_new(a->findings, finding_json(&appraisal->finding[i]));
	keep_findings(a->findings, row);
	if (!passed)
		return; /* the place in the log stays: so far it was good */
	row->passed = row->time;
	row->resets = appraisal->quote.resets;
	row->restarts = appraisal->quote.restarts;
	row->ima_offset = 0;
	if (a->ima.data) {
		row->ima_offset =
			(evidence->ima_from ? a->ima_offset : 0) + appraisal->ima_len;
		progress.entries = appraisal->ima_entries;
		progress_ima(&progress, &appraisal->values);
	}
	policy_prove(worker->policy, worker->attest, &appraisal->values, &progress);
	progress_write(&progress, row);
}

static void write_result(struct request *req)
{
	struct attestation *a = request_get(req);
	struct worker *worker = request_worker(req);
	const char *result = a->row.result == STORE_PASS ? "pass" : "fail";
	int err = store_device_nonce(worker->store, a->device.id, STORE_ATTEST,
				     a->nonce.data);

	if (err == -ESTALE) {
		reply_error(req, 403, "nonce-used",
			    "a nonce as new as this one was used already; get another");
		return;
	}
	if (!err)
		err = store_device_attested(worker->store, a->device.id, &a->row);
	if (err) {
		a->device.state = err == -EKEYREVOKED ? STORE_REVOKED
				  : err == -EACCES    ? STORE_PENDING
						      : STORE_ACTIVE;
		if (!device_refused(req, &a->device))
			reply_store_error(req, err);
		return;
	}
	worker_audit(worker, "device-attested",
		     json_pack("{so,ss,ss,sO}", "device",
			       field_json_hex(a->device.id, STORE_ID), "result", result,
			       "reference", a->row.reference, "findings", a->findings));
	reply_json(req, 200,
		   json_pack("{ss,sO,sI,ss}", "result", result, "findings", a->findings,
			     "ima_offset", (json_int_t)a->row.ima_offset, "reference",
			     a->row.reference));
}

static bool appraise(struct request *req, struct attestation *a)
{
	struct iotkey_expected expected = { .nonce = a->nonce, .reference = reference };
	struct iotkey_evidence evidence = {
		.quote = a->quote,
		.signature = a->signature,
		.pcrs = a->pcrs,
		.eventlog = a->eventlog,
		.ima = a->ima,
	};
	struct iotkey_ak *ak;
	int passed;

	if (!find_place(req, a, &evidence))
		return false;
	if (iotkey_ak_parse(a->device.ak_public, a->device.ak_public_len, &ak)) {
		reply_error(req, 503, "busy",
			    "the device's attestation key is unreadable");
		return false;
	}
	expected.ak = ak;
	passed = iotkey_appraise(request_worker(req)->attest, &evidence, &expected,
				 &a->appraisal);
	iotkey_ak_free(ak);
	if (passed < 0) {
		reply_error(req, 503, "busy", "the evidence cannot be appraised: %s",
			    strerror(-passed));
		return false;
	}
	make_row(request_worker(req), a, &evidence, passed);
	return true;
}

/*
 * The request
 */

static bool read_evidence(struct request *req, const json_t *body, struct attestation *a)
{
	return field_bytes(req, body, "nonce", 64, FIELD_NEEDED, &a->nonce) &&
	       field_bytes(req, body, "quote", 4096, FIELD_NEEDED, &a->quote) &&
	       field_bytes(req, body, "signature", 2048, FIELD_NEEDED, &a->signature) &&
	       field_bytes(req, body, "pcrs", IOTKEY_PCR_FILE_MAX, FIELD_NEEDED,
			   &a->pcrs) &&
	       field_bytes(req, body, "eventlog", HTTP_BODY_MAX, FIELD_OPTIONAL,
			   &a->eventlog) &&
	       field_bytes(req, body, "ima", HTTP_BODY_MAX, FIELD_OPTIONAL, &a->ima) &&
	       field_integer(req, body, "ima_offset", FIELD_OPTIONAL, &a->ima_offset);
}

static void handle_attest(struct request *req)
{
	struct attestation *a = calloc(1, sizeof(*a));
	json_t *body;

	if (!a) {
		reply_error(req, 503, "busy", "out of memory; come again");
		return;
	}
	request_set(req, a, drop_attestation);
	if (!device_of(req, &a->device) || !device_has_ak(req, &a->device) ||
	    !load_reference(req))
		return;
	body = field_body(req);
	if (body && read_evidence(req, body, a) &&
	    device_nonce(req, &a->device, STORE_ATTEST, a->nonce) && appraise(req, a))
		request_write(req, write_result);
	json_decref(body);
}

const struct route attest_routes[] = {
	{ .path = "/.well-known/iotkey/attest",
	  .methods = HTTP_POST,
	  .handle = handle_attest,
	  .body = HTTP_BODY_MAX },
	{ 0 },
};
