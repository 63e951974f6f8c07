// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The appraisal: from the signature inwards, each step trusts only what the one before it
 * has checked.  quote -> PCR values -> logs; the reference is asked along the way.
 */
#include "finding.h"
#include "reference.h"

#include <openssl/crypto.h>

#define IMA_PCR 10

/* What all steps work on */
struct appraiser {
	struct iotkey_attest *attest;
	const struct iotkey_evidence *evidence;
	const struct iotkey_expected *expected;
	const struct iotkey_reference *ref; /* may be NULL */
	struct iotkey_appraisal *out;
	int err; /* what ends the appraisal: OpenSSL's troubles */
};

static struct iotkey_finding *found(struct appraiser *a, enum iotkey_check check)
{
	return finding_add(a->out, check);
}

/* A finding about a PCR of a bank; 0: of any */
static struct iotkey_finding *found_pcr(struct appraiser *a, enum iotkey_check check,
					unsigned int hash, unsigned int pcr)
{
	struct iotkey_finding *finding = found(a, check);

	if (finding) {
		finding->hash = (uint16_t)hash;
		finding->pcr = (int)pcr;
	}
	return finding;
}

static bool same(struct iotkey_bytes a, struct iotkey_bytes b)
{
	return a.len == b.len && (!a.len || !CRYPTO_memcmp(a.data, b.data, a.len));
}

/* Whether hashing went well; what does not is no finding, but the end */
static bool ok(struct appraiser *a, int err)
{
	if (err)
		a->err = err;
	return !err;
}

/*
 * The quote
 */

/* The signature does not fit.  Does it fit the key that the device says it has? */
static void found_signature(struct appraiser *a)
{
	const struct iotkey_evidence *evidence = a->evidence;
	struct iotkey_finding *finding;
	struct iotkey_ak *ak;

	if (!evidence->ak.data ||
	    iotkey_ak_parse(evidence->ak.data, evidence->ak.len, &ak)) {
		found(a, IOTKEY_CHECK_SIGNATURE);
		return;
	}
	if (iotkey_ak_verify(a->attest, ak, evidence->quote.data, evidence->quote.len,
			     evidence->signature.data, evidence->signature.len)) {
		found(a, IOTKEY_CHECK_SIGNATURE);
	} else {
		finding = found(a, IOTKEY_CHECK_WRONG_KEY);
		if (finding) {
			finding_digest(finding->expected, IOTKEY_HASH_SHA256,
				       iotkey_ak_id(a->expected->ak), IOTKEY_AK_ID_SIZE);
			finding_digest(finding->found, IOTKEY_HASH_SHA256,
				       iotkey_ak_id(ak), IOTKEY_AK_ID_SIZE);
		}
	}
	iotkey_ak_free(ak);
}

static bool check_signature(struct appraiser *a)
{
	const struct iotkey_evidence *evidence = a->evidence;
	int err = iotkey_ak_verify(a->attest, a->expected->ak, evidence->quote.data,
				   evidence->quote.len, evidence->signature.data,
				   evidence->signature.len);

	switch (err) {
	case 0:
		return true;
	case -EKEYREJECTED:
		found_signature(a);
		break;
	case -EPROTOTYPE:
		found(a, IOTKEY_CHECK_WRONG_KEY);
		break;
	case -EBADMSG:
		found(a, IOTKEY_CHECK_SIGNATURE_MALFORMED);
		break;
	case -ENOTSUP:
		found(a, IOTKEY_CHECK_SIGNATURE_WEAK);
		break;
	default:
		a->err = err;
	}
	return false;
}

static void check_nonce(struct appraiser *a)
{
	struct iotkey_finding *finding;

	if (same(a->out->quote.nonce, a->expected->nonce))
		return;
	finding = found(a, IOTKEY_CHECK_NONCE);
	if (!finding)
		return;
	finding_digest(finding->expected, 0, a->expected->nonce.data,
		       a->expected->nonce.len);
	finding_digest(finding->found, 0, a->out->quote.nonce.data,
		       a->out->quote.nonce.len);
}

/* Whether there is a quote to go on with */
static bool check_quote(struct appraiser *a)
{
	int err = iotkey_quote_parse(a->evidence->quote.data, a->evidence->quote.len,
				     &a->out->quote);

	if (err) {
		found(a, err == -EPROTOTYPE ? IOTKEY_CHECK_QUOTE_TYPE
					    : IOTKEY_CHECK_QUOTE_MALFORMED);
		return false;
	}
	if (!iotkey_ak_restricted(a->expected->ak))
		found(a, IOTKEY_CHECK_AK_UNRESTRICTED);
	check_nonce(a);
	return check_signature(a);
}

/*
 * PCR values
 */

static bool check_values(struct appraiser *a)
{
	int err;

	if (!a->evidence->pcrs.data) {
		found(a, IOTKEY_CHECK_PCRS_MISSING);
		return false;
	}
	err = iotkey_pcr_values_parse(a->evidence->pcrs.data, a->evidence->pcrs.len,
				      &a->out->quote.selection, &a->out->values);
	if (err) {
		a->out->values.count = 0;
		found(a, err == -EBADE ? IOTKEY_CHECK_PCR_SELECTION
				       : IOTKEY_CHECK_PCRS_MALFORMED);
		return false;
	}
	err = iotkey_quote_check(a->attest, &a->out->quote, &a->out->values);
	if (err == -EBADMSG)
		found(a, IOTKEY_CHECK_PCR_DIGEST);
	else if (!ok(a, err))
		return false;
	return true;
}

/* The first of some digests, and how many others there are */
static void expect_digests(struct iotkey_finding *finding, struct appraiser *a,
			   struct ref_digests digests)
{
	const struct ref_digest *digest;
	size_t len;

	if (!digests.count)
		return;
	digest = ref_digest(a->ref, digests.first);
	finding_digest(finding->expected, digest->hash, digest->value,
		       iotkey_hash_size(digest->hash));
	len = strlen(finding->expected);
	if (digests.count > 1 && len + 4 < IOTKEY_FINDING_TEXT)
		memcpy(finding->expected + len, "|...", 5);
}

static void check_pcrs(struct appraiser *a)
{
	const struct iotkey_pcrs *pcrs;
	struct iotkey_finding *finding;
	const struct ref_pcr *want;
	size_t i;

	for (i = 0; i < a->ref->pcrs.count; i++) {
		want = ref_pcr(a->ref, i);
		pcrs = iotkey_pcr_bank(&a->out->values, want->hash);
		if (pcrs && pcrs->set >> want->pcr & 1) {
			if (ref_allows(a->ref, want->digests, want->hash,
				       pcrs->value[want->pcr]))
				continue;
			finding = found_pcr(a, IOTKEY_CHECK_PCR, want->hash, want->pcr);
			if (!finding)
				continue;
			expect_digests(finding, a, want->digests);
			finding_digest(finding->found, want->hash, pcrs->value[want->pcr],
				       iotkey_hash_size(want->hash));
		} else {
			finding = found_pcr(a, IOTKEY_CHECK_PCR_NOT_QUOTED, want->hash,
					    want->pcr);
		}
		if (finding)
			finding_text(finding->name, want->name, strlen(want->name));
	}
}

/* Whether a PCR is quoted, in any bank */
static bool is_quoted(struct appraiser *a, unsigned int pcr)
{
	unsigned int i;

	for (i = 0; i < a->out->values.count; i++)
		if (a->out->values.bank[i].set >> pcr & 1)
			return true;
	return false;
}

/*
 * The event log
 */

static void about_event(struct iotkey_finding *finding,
			const struct iotkey_log_event *event)
{
	char text[IOTKEY_FINDING_TEXT];

	finding->pcr = (int)event->pcr;
	finding->number = event->number;
	finding->has_type = true;
	finding->type = event->type;
	iotkey_log_event_text(event, text, sizeof(text));
	finding_text(finding->name, text, strlen(text));
}

/* What was found, in the bank that the reference means, or the best there is */
static void found_event(struct iotkey_finding *finding, unsigned int hash,
			const struct iotkey_log_event *event)
{
	unsigned int i = event->digests;

	if (!finding)
		return;
	about_event(finding, event);
	while (i--)
		if (event->digest[i].hash == hash || !i || !hash)
			break;
	if (event->digests)
		finding_digest(finding->found, event->digest[i].hash,
			       event->digest[i].value, event->digest[i].size);
}

static bool event_fits(struct appraiser *a, const struct ref_event *want,
		       const struct iotkey_log_event *event)
{
	const struct iotkey_pcrs *pcrs;
	unsigned int i;

	if (want->type != event->type)
		return false;
	/* Nothing vouches for digests of a bank that is not quoted, nor for events without */
	for (i = 0; i < event->digests; i++) {
		pcrs = iotkey_pcr_bank(&a->out->values, event->digest[i].hash);
		if (pcrs && pcrs->set >> event->pcr & 1 &&
		    ref_allows(a->ref, want->digests, event->digest[i].hash,
			       event->digest[i].value))
			return true;
	}
	return false;
}

/* Whether @want is among the events that follow */
static bool comes_later(struct appraiser *a, struct iotkey_eventlog log,
			const struct ref_event *want)
{
	struct iotkey_log_event event;

	while (iotkey_eventlog_next(&log, &event) == 1)
		if (event.type != IOTKEY_EV_NO_ACTION && event.pcr == want->pcr &&
		    event_fits(a, want, &event))
			return true;
	return false;
}

static void found_missing(struct appraiser *a, const struct ref_event *want)
{
	struct iotkey_finding *finding =
		found_pcr(a, IOTKEY_CHECK_EVENT_MISSING, 0, want->pcr);

	if (!finding)
		return;
	finding->has_type = true;
	finding->type = want->type;
	finding_text(finding->name, want->name, strlen(want->name));
	expect_digests(finding, a, want->digests);
}

static void found_other(struct appraiser *a, const struct ref_event *want,
			const struct iotkey_log_event *event)
{
	struct iotkey_finding *finding = found(a, IOTKEY_CHECK_EVENT);
	unsigned int hash = 0;

	if (!finding)
		return;
	if (want->digests.count)
		hash = ref_digest(a->ref, want->digests.first)->hash;
	found_event(finding, hash, event);
	expect_digests(finding, a, want->digests);
	if (want->name[0])
		finding_text(finding->name, want->name, strlen(want->name));
}

/*
 * One event of a PCR whose events the reference lists, from @next on up to @end.  When
 * it is not the next one, see which of log and reference is one short.  That looks
 * through all of the log, so not any more when nobody would be told.
 */
static void match_event(struct appraiser *a, const struct iotkey_eventlog *log,
			const struct iotkey_log_event *event, size_t *next, size_t end)
{
	size_t want = *next, later, i;
	bool short_log;

	while (want < end && ref_event(a->ref, want)->optional &&
	       !event_fits(a, ref_event(a->ref, want), event))
		want++;
	if (want < end && event_fits(a, ref_event(a->ref, want), event)) {
		*next = want + 1;
		return;
	}
	if (a->out->kept == IOTKEY_FINDINGS_MAX) {
		a->out->findings++;
		return;
	}
	for (later = want; later < end && !event_fits(a, ref_event(a->ref, later), event);
	     later++)
		;
	short_log = want < end && !comes_later(a, *log, ref_event(a->ref, want));
	if (want == end || (later == end && !short_log)) {
		found_event(found(a, IOTKEY_CHECK_EVENT_UNEXPECTED), 0, event);
	} else if (later < end && short_log) {
		for (i = want; i < later; i++)
			if (!ref_event(a->ref, i)->optional)
				found_missing(a, ref_event(a->ref, i));
		*next = later + 1;
	} else {
		found_other(a, ref_event(a->ref, want), event);
		*next = want + 1;
	}
}

/* All that the log tells of one event */
static void check_event(struct appraiser *a, const struct iotkey_eventlog *log,
			const struct iotkey_log_event *event, size_t next[IOTKEY_PCRS])
{
	const size_t *first = a->ref ? a->ref->event_first : NULL;
	struct iotkey_finding *finding;
	int err;

	if (event->type == IOTKEY_EV_NO_ACTION || !is_quoted(a, event->pcr))
		return;
	err = iotkey_log_event_check(a->attest, event);
	if (err == -EBADMSG) {
		finding = found(a, IOTKEY_CHECK_EVENT_DATA);
		if (finding)
			about_event(finding, event);
	} else if (!ok(a, err)) {
		return;
	}
	if (first && first[event->pcr] < first[event->pcr + 1])
		match_event(a, log, event, &next[event->pcr], first[event->pcr + 1]);
}

static void check_replay(struct appraiser *a, uint32_t logged,
			 const struct iotkey_pcrs *replayed,
			 const struct iotkey_pcrs *quoted)
{
	size_t size = iotkey_hash_size(quoted->hash);
	struct iotkey_finding *finding;
	unsigned int pcr;

	for (pcr = 0; pcr < IOTKEY_PCRS; pcr++) {
		if (!(logged & quoted->set & UINT32_C(1) << pcr) ||
		    !memcmp(replayed->value[pcr], quoted->value[pcr], size))
			continue;
		finding = found_pcr(a, IOTKEY_CHECK_EVENTLOG_REPLAY, quoted->hash, pcr);
		if (!finding)
			return;
		finding_digest(finding->expected, quoted->hash, quoted->value[pcr], size);
		finding_digest(finding->found, quoted->hash, replayed->value[pcr], size);
	}
}

static void check_eventlog(struct appraiser *a)
{
	struct iotkey_pcrs replayed[IOTKEY_HASHES];
	const struct iotkey_pcr_values *values = &a->out->values;
	struct iotkey_log_event event;
	struct iotkey_finding *finding;
	size_t next[IOTKEY_PCRS], i;
	struct iotkey_eventlog log;
	/* The firmware logs what it extends in all of its PCRs, be it a separator */
	uint32_t logged = 0xff;
	unsigned int bank, pcr;
	int err;

	for (bank = 0; bank < values->count; bank++)
		iotkey_pcrs_init(&replayed[bank], values->bank[bank].hash);
	if (a->ref)
		memcpy(next, a->ref->event_first, sizeof(next));
	iotkey_eventlog_open(&log, a->evidence->eventlog.data, a->evidence->eventlog.len);
	while ((err = iotkey_eventlog_next(&log, &event)) == 1) {
		for (bank = 0; bank < values->count; bank++)
			if (!ok(a, iotkey_log_event_extend(a->attest, &event,
							   &replayed[bank])))
				return;
		if (event.type != IOTKEY_EV_NO_ACTION)
			logged |= UINT32_C(1) << event.pcr;
		check_event(a, &log, &event, next);
		if (a->err)
			return;
	}
	a->out->events = log.number;
	if (err) {
		finding = found(a, IOTKEY_CHECK_EVENTLOG_MALFORMED);
		if (finding)
			finding->number = log.number;
	}
	for (bank = 0; bank < values->count; bank++)
		check_replay(a, logged, &replayed[bank], &values->bank[bank]);
	for (pcr = 0; a->ref && pcr < IOTKEY_PCRS; pcr++)
		for (i = next[pcr]; is_quoted(a, pcr) && i < a->ref->event_first[pcr + 1];
		     i++)
			if (!ref_event(a->ref, i)->optional)
				found_missing(a, ref_event(a->ref, i));
}

/* PCRs whose events the reference lists have to be quoted */
static void check_event_pcrs(struct appraiser *a)
{
	unsigned int pcr;

	for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
		if (a->ref->event_first[pcr] < a->ref->event_first[pcr + 1] &&
		    !is_quoted(a, pcr))
			found_pcr(a, IOTKEY_CHECK_PCR_NOT_QUOTED, 0, pcr);
}

/*
 * The IMA log
 */

/* Replay in all banks, and where it has led to the quoted values */
struct ima_replay {
	struct iotkey_pcrs pcrs[IOTKEY_HASHES];
	uint32_t touched; /* PCRs that the log extends, so far */
	bool reached;
	unsigned int findings, kept; /* at that point */
};

static struct iotkey_finding *found_entry(struct appraiser *a, enum iotkey_check check,
					  const struct iotkey_ima_entry *entry)
{
	struct iotkey_finding *finding = found(a, check);

	if (finding) {
		finding->number = entry->number;
		finding_text(finding->name, entry->name.data, entry->name.len);
		if (entry->digest.len && check != IOTKEY_CHECK_IMA_ENTRY &&
		    !entry->violation)
			finding_digest(finding->found, entry->hash, entry->digest.data,
				       entry->digest.len);
	}
	return finding;
}

/* What the reference says of a file or event */
static void check_name(struct appraiser *a, const struct iotkey_ima_entry *entry)
{
	const struct ref_ima *want = NULL;
	struct iotkey_finding *finding;
	size_t count = 0, i;

	/* An unknown template, or hash: nobody knows what it is */
	if (entry->name.len && entry->hash) {
		want = ref_find_ima(a->ref, entry->name, &count);
		for (i = 0; i < count && !entry->violation; i++)
			if (ref_allows(a->ref, want[i].digests, entry->hash,
				       entry->digest.data))
				return;
		if (ref_any_ima(a->ref, entry->name))
			return;
	}
	if (entry->violation) {
		found_entry(a, IOTKEY_CHECK_IMA_VIOLATION, entry);
		return;
	}
	finding = found_entry(a, count ? IOTKEY_CHECK_IMA_FILE : IOTKEY_CHECK_IMA_UNKNOWN,
			      entry);
	if (finding && count)
		expect_digests(finding, a, want->digests);
}

/* boot_aggregate is the digest of PCR 0 to 9 (with SHA-1: 0 to 7) when IMA started */
static void check_boot_aggregate(struct appraiser *a,
				 const struct iotkey_ima_entry *entry)
{
	const struct iotkey_pcrs *pcrs = iotkey_pcr_bank(&a->out->values, entry->hash);
	const unsigned int n = entry->hash == IOTKEY_HASH_SHA1 ? 8 : 10;
	uint8_t all[10 * IOTKEY_DIGEST_MAX], digest[IOTKEY_DIGEST_MAX];
	size_t size = iotkey_hash_size(entry->hash);
	struct iotkey_finding *finding;
	unsigned int pcr;

	if (!pcrs || ~pcrs->set & ((1u << n) - 1))
		return;
	for (pcr = 0; pcr < n; pcr++)
		memcpy(all + pcr * size, pcrs->value[pcr], size);
	if (!ok(a, iotkey_digest(a->attest, entry->hash, all, n * size, digest)) ||
	    !memcmp(digest, entry->digest.data, size))
		return;
	finding = found_entry(a, IOTKEY_CHECK_BOOT_AGGREGATE, entry);
	if (finding)
		finding_digest(finding->expected, entry->hash, digest, size);
}

static void check_entry(struct appraiser *a, const struct iotkey_ima_entry *entry)
{
	const struct iotkey_bytes boot = { (const uint8_t *)"boot_aggregate", 14 };
	int err = iotkey_ima_check(a->attest, entry);

	if (err == -EBADMSG)
		found_entry(a, IOTKEY_CHECK_IMA_ENTRY, entry);
	else if (!ok(a, err))
		return;
	if (a->ref && ref_has_ima(a->ref))
		check_name(a, entry);
	if (same(entry->name, boot) && !entry->violation && entry->hash &&
	    !(a->ref && ref_any_ima(a->ref, boot)))
		check_boot_aggregate(a, entry);
}

/* Whether all that the log has extended is as quoted; if so, the log is covered up to here */
static void check_reached(struct appraiser *a, struct ima_replay *replay,
			  const struct iotkey_ima_log *log)
{
	const struct iotkey_pcr_values *values = &a->out->values;
	unsigned int bank, pcr;

	for (bank = 0; bank < values->count; bank++)
		for (pcr = 0; pcr < IOTKEY_PCRS; pcr++)
			if (values->bank[bank].set & replay->touched &
				    UINT32_C(1) << pcr &&
			    memcmp(values->bank[bank].value[pcr],
				   replay->pcrs[bank].value[pcr],
				   iotkey_hash_size(values->bank[bank].hash)))
				return;
	replay->reached = true;
	replay->findings = a->out->findings;
	replay->kept = a->out->kept;
	a->out->ima_entries = log->number;
	a->out->ima_len = log->offset;
}

static void start_replay(struct appraiser *a, struct ima_replay *replay)
{
	const struct iotkey_pcr_values *from = a->evidence->ima_from;
	const struct iotkey_pcrs *start;
	unsigned int bank, hash;

	replay->touched = 1u << IMA_PCR;
	replay->reached = false;
	for (bank = 0; bank < a->out->values.count; bank++) {
		hash = a->out->values.bank[bank].hash;
		start = from ? iotkey_pcr_bank(from, hash) : NULL;
		if (start)
			replay->pcrs[bank] = *start;
		else
			iotkey_pcrs_init(&replay->pcrs[bank], hash);
	}
}

static void found_ima_replay(struct appraiser *a, const struct ima_replay *replay)
{
	const struct iotkey_pcrs *quoted;
	struct iotkey_finding *finding;
	unsigned int bank;
	size_t size;

	for (bank = 0; bank < a->out->values.count; bank++) {
		quoted = &a->out->values.bank[bank];
		size = iotkey_hash_size(quoted->hash);
		if (!(quoted->set >> IMA_PCR & 1))
			continue;
		finding = found_pcr(a, IOTKEY_CHECK_IMA_REPLAY, quoted->hash, IMA_PCR);
		if (!finding)
			return;
		finding_digest(finding->expected, quoted->hash, quoted->value[IMA_PCR],
			       size);
		finding_digest(finding->found, quoted->hash,
			       replay->pcrs[bank].value[IMA_PCR], size);
	}
}

static void check_ima(struct appraiser *a)
{
	const struct iotkey_evidence *evidence = a->evidence;
	struct iotkey_finding *finding;
	struct iotkey_ima_entry entry;
	struct iotkey_ima_log log;
	struct ima_replay replay;
	unsigned int bank;
	int err;

	start_replay(a, &replay);
	iotkey_ima_open(&log, evidence->ima.data, evidence->ima.len);
	log.number = evidence->ima_entries;
	check_reached(a, &replay, &log);
	while ((err = iotkey_ima_next(&log, &entry)) == 1) {
		replay.touched |= UINT32_C(1) << entry.pcr;
		for (bank = 0; bank < a->out->values.count; bank++)
			if (!ok(a,
				iotkey_ima_extend(a->attest, &entry, &replay.pcrs[bank])))
				return;
		check_entry(a, &entry);
		if (a->err)
			return;
		check_reached(a, &replay, &log);
	}
	if (replay.reached) {
		a->out->findings = replay.findings;
		a->out->kept = replay.kept;
		a->out->ima_later = log.number - a->out->ima_entries;
	} else {
		found_ima_replay(a, &replay);
	}
	if (err) {
		finding = found(a, IOTKEY_CHECK_IMA_MALFORMED);
		if (finding)
			finding->number = log.number + 1;
	}
}

/* What the reference is about, but the device did not send */
static void check_missing(struct appraiser *a)
{
	check_pcrs(a);
	check_event_pcrs(a);
	if (a->ref->events.count && !a->evidence->eventlog.data)
		found(a, IOTKEY_CHECK_EVENTLOG_MISSING);
	if (!ref_has_ima(a->ref))
		return;
	if (!a->evidence->ima.data)
		found(a, IOTKEY_CHECK_IMA_MISSING);
	if (!is_quoted(a, IMA_PCR))
		found_pcr(a, IOTKEY_CHECK_PCR_NOT_QUOTED, 0, IMA_PCR);
}

int iotkey_appraise(struct iotkey_attest *attest, const struct iotkey_evidence *evidence,
		    const struct iotkey_expected *expected,
		    struct iotkey_appraisal *appraisal)
{
	struct appraiser a = { attest,	  evidence, expected, expected->reference,
			       appraisal, 0 };

	/* All but the findings, which are filled in when there are some */
	appraisal->findings = appraisal->kept = 0;
	memset(&appraisal->quote, 0, sizeof(appraisal->quote));
	appraisal->values.count = 0;
	appraisal->events = appraisal->ima_entries = appraisal->ima_later = 0;
	appraisal->ima_len = 0;

	if (check_quote(&a) && check_values(&a)) {
		if (a.ref)
			check_missing(&a);
		if (evidence->eventlog.data && !a.err)
			check_eventlog(&a);
		if (evidence->ima.data && is_quoted(&a, IMA_PCR) && !a.err)
			check_ima(&a);
	}
	if (a.err)
		return a.err;
	return !appraisal->findings;
}
