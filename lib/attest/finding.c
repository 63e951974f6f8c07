// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What an appraisal finds, in words.
 */
#include "finding.h"

#include <stdio.h>

static const struct {
	const char *name, *sentence;
} checks[IOTKEY_CHECKS] = {
	[IOTKEY_CHECK_AK_UNRESTRICTED] = { "ak-unrestricted",
					   "the trusted key is no restricted signing key of a TPM, so it could sign a made-up quote" },
	[IOTKEY_CHECK_QUOTE_MALFORMED] = { "quote-malformed",
					   "the quote is no attestation that a TPM made" },
	[IOTKEY_CHECK_QUOTE_TYPE] = { "quote-type",
				      "the attestation is not a quote of PCRs, but of something else" },
	[IOTKEY_CHECK_SIGNATURE_MALFORMED] = { "signature-malformed",
					       "the signature is none that a TPM makes" },
	[IOTKEY_CHECK_SIGNATURE_WEAK] = { "signature-weak",
					  "the signature is over a hash that is too weak, or not known" },
	[IOTKEY_CHECK_SIGNATURE] = { "signature",
				     "the signature does not fit: quote or signature were changed, or another key signed" },
	[IOTKEY_CHECK_WRONG_KEY] = { "wrong-key",
				     "another key than the trusted one signed" },
	[IOTKEY_CHECK_NONCE] = { "nonce", "the quote answers another nonce" },
	[IOTKEY_CHECK_PCRS_MISSING] = { "pcrs-missing",
					"no PCR values came with the quote" },
	[IOTKEY_CHECK_PCRS_MALFORMED] = { "pcrs-malformed",
					  "the PCR values are in no known form" },
	[IOTKEY_CHECK_PCR_SELECTION] = { "pcr-selection",
					 "the values are of other PCRs than were quoted" },
	[IOTKEY_CHECK_PCR_DIGEST] = { "pcr-digest",
				      "the PCR values are not those that were quoted" },
	[IOTKEY_CHECK_PCR_NOT_QUOTED] = { "pcr-not-quoted",
					  "the reference is about a PCR that was not quoted" },
	[IOTKEY_CHECK_PCR] = { "pcr", "the PCR has another value than in the reference" },
	[IOTKEY_CHECK_EVENTLOG_MISSING] = { "eventlog-missing",
					    "the reference is about the event log, which is not there" },
	[IOTKEY_CHECK_EVENTLOG_MALFORMED] = { "eventlog-malformed",
					      "the event log cannot be read from here on" },
	[IOTKEY_CHECK_EVENTLOG_REPLAY] = { "eventlog-replay",
					   "the event log does not lead to the quoted PCR" },
	[IOTKEY_CHECK_EVENT_DATA] = { "event-data",
				      "the event's data are not what was measured" },
	[IOTKEY_CHECK_EVENT] = { "event", "the event is another than in the reference" },
	[IOTKEY_CHECK_EVENT_MISSING] = { "event-missing",
					 "an event of the reference is not in the log" },
	[IOTKEY_CHECK_EVENT_UNEXPECTED] = { "event-unexpected",
					    "the event is not in the reference" },
	[IOTKEY_CHECK_IMA_MISSING] = { "ima-missing",
				       "the reference is about the IMA log, which is not there" },
	[IOTKEY_CHECK_IMA_MALFORMED] = { "ima-malformed",
					 "the IMA log cannot be read from here on" },
	[IOTKEY_CHECK_IMA_REPLAY] = { "ima-replay",
				      "the IMA log does not lead to the quoted PCR" },
	[IOTKEY_CHECK_IMA_ENTRY] = { "ima-entry",
				     "the entry's data are not what was measured" },
	[IOTKEY_CHECK_IMA_FILE] = { "ima-file",
				    "the file has another content than in the reference" },
	[IOTKEY_CHECK_IMA_UNKNOWN] = { "ima-unknown",
				       "the reference does not know the file" },
	[IOTKEY_CHECK_IMA_VIOLATION] = { "ima-violation",
					 "the file was written while it was measured, or measured while it was written" },
	[IOTKEY_CHECK_BOOT_AGGREGATE] = { "boot-aggregate",
					  "PCRs of the boot are not what they were when the kernel started" },
};

const char *iotkey_check_name(enum iotkey_check check)
{
	return (unsigned int)check < IOTKEY_CHECKS ? checks[check].name : NULL;
}

struct iotkey_finding *finding_add(struct iotkey_appraisal *appraisal,
				   enum iotkey_check check)
{
	struct iotkey_finding *finding;

	appraisal->findings++;
	if (appraisal->kept == IOTKEY_FINDINGS_MAX)
		return NULL;
	finding = &appraisal->finding[appraisal->kept++];
	memset(finding, 0, sizeof(*finding));
	finding->check = check;
	finding->pcr = -1;
	finding->number = -1;
	return finding;
}

void finding_text(char out[IOTKEY_FINDING_TEXT], const void *text, size_t len)
{
	const uint8_t *p = text;
	size_t i;

	for (i = 0; i < len && i + 1 < IOTKEY_FINDING_TEXT; i++)
		out[i] = p[i] >= ' ' && p[i] <= '~' ? (char)p[i] : '?';
	out[i] = '\0';
	if (i < len)
		memcpy(out + IOTKEY_FINDING_TEXT - 4, "...", 4);
}

void finding_digest(char out[IOTKEY_FINDING_TEXT], unsigned int hash,
		    const uint8_t *value, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const char *name = iotkey_hash_name(hash);
	size_t n = 0, i;

	if (name)
		n = (size_t)snprintf(out, IOTKEY_FINDING_TEXT, "%s:", name);
	for (i = 0; i < size && n + 2 < IOTKEY_FINDING_TEXT; i++) {
		out[n++] = digits[value[i] >> 4];
		out[n++] = digits[value[i] & 15];
	}
	out[n] = '\0';
}

void finding_number(char out[IOTKEY_FINDING_TEXT], long long n, const char *what)
{
	snprintf(out, IOTKEY_FINDING_TEXT, "%lld%s", n, what);
}

/* What the finding is about: "PCR sha256:7, event 12 EV_SEPARATOR (name)" */
static void component(const struct iotkey_finding *finding, char *buf, size_t size)
{
	const bool ima = finding->check >= IOTKEY_CHECK_IMA_MISSING;
	const char *type = iotkey_log_type_name(finding->type);
	size_t n = 0;

#define ADD(...)                                                               \
	do {                                                                   \
		if (n < size)                                                  \
			n += (size_t)snprintf(buf + n, size - n, __VA_ARGS__); \
	} while (0)
	buf[0] = '\0';
	if (finding->pcr >= 0)
		ADD("PCR %s%s%d", finding->hash ? iotkey_hash_name(finding->hash) : "",
		    finding->hash ? ":" : "", finding->pcr);
	if (finding->number >= 0)
		ADD("%s%s %lld", n ? ", " : "", ima ? "entry" : "event",
		    (long long)finding->number);
	if (finding->has_type && type)
		ADD("%s%s", n ? " " : "", type);
	else if (finding->has_type)
		ADD("%stype 0x%x", n ? " " : "", finding->type);
	if (finding->name[0])
		ADD(n ? " (%s)" : "%s", finding->name);
#undef ADD
}

const char *iotkey_finding_text(const struct iotkey_finding *finding, char *buf,
				size_t size)
{
	char about[IOTKEY_FINDING_TEXT + 96];

	component(finding, about, sizeof(about));
	snprintf(buf, size, "%s%s%s%s%s%s%s%s", about, about[0] ? ": " : "",
		 checks[finding->check].sentence,
		 finding->expected[0] ? "; expected " : "", finding->expected,
		 finding->found[0] ? "; found " : "", finding->found, "");
	return buf;
}
