// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A status for programs and for people.  The JSON is documented in
 * iotkeyctl(1): members may be added, never changed.
 */
#include "iotkeyctl.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LABEL "%-14s"

const char *kind_name(const struct iotkey_status *status)
{
	return status->flags & IOTKEY_FLAG_ROOT ? "root" : "key";
}

static json_t *hex(const uint8_t *id)
{
	char text[2 * IOTKEY_ID_SIZE + 1];

	return json_string(hex_write(text, id, IOTKEY_ID_SIZE));
}

static json_t *or_null(int64_t seconds)
{
	return seconds == IOTKEY_NEVER ? json_null() : json_integer(seconds);
}

static json_t *unless_zero(uint64_t n)
{
	return n ? json_integer((json_int_t)n) : json_null();
}

json_t *policy_json(const struct iotkey_status *s)
{
	return json_pack("{s:o, s:I, s:I, s:o, s:o, s:I, s:I, s:o}", "rotate",
			 unless_zero(s->rotate), "overlap", (json_int_t)s->overlap,
			 "ahead", (json_int_t)s->ahead, "lifetime",
			 unless_zero(s->lifetime), "max_ops", unless_zero(s->max_ops),
			 "jitter", (json_int_t)s->jitter, "start", (json_int_t)s->start,
			 "usage", words_json(s->usage, iotkey_usage_name));
}

bool in_tpm(const struct iotkey_status *status)
{
	return status->algorithm == IOTKEY_ALGORITHM_ECDSA_P256;
}

json_t *status_json(const struct iotkey_status *s)
{
	bool root = s->flags & IOTKEY_FLAG_ROOT;

	return json_pack(
		"{s:i, s:s, s:s, s:s?, s:s?, s:s, s:s, s:o, s:I, s:I, s:o, s:o, s:s?,"
		" s:I, s:I, s:I, s:I, s:I, s:o, s:o, s:o}",
		"serial", (int)s->serial, "name", s->name, "kind", kind_name(s),
		"algorithm", root ? NULL : iotkey_algorithm_name(s->algorithm), "mode",
		s->mode ? iotkey_mode_name(s->mode) : NULL, "provider",
		iotkey_provider_name(s->provider), "state", iotkey_state_name(s->state),
		"flags", words_json(s->flags, iotkey_flag_name), "uid",
		(json_int_t)s->uid, "perm", (json_int_t)s->perm, "id", hex(s->id),
		"root_id", in_tpm(s) ? json_null() : hex(s->root_id), "root",
		s->root[0] ? s->root : NULL, "version", (json_int_t)s->version, "newest",
		(json_int_t)s->newest, "stored", (json_int_t)s->stored, "epoch",
		(json_int_t)s->epoch, "ops", (json_int_t)s->ops, "rotates_in",
		or_null(s->rotates_in), "expires_in", or_null(s->expires_in), "policy",
		policy_json(s));
}

char *flags_text(uint32_t flags, char *buf, size_t size)
{
	size_t len = 0;
	unsigned int i;

	buf[0] = '\0';
	/* "root" has a column of its own, the trusted clock is no news */
	flags &= ~(uint32_t)(IOTKEY_FLAG_ROOT | IOTKEY_FLAG_CLOCK_TRUSTED);
	for (i = 0; iotkey_flag_name(i); i++)
		if (flags & 1u << i && len < size)
			len += (size_t)snprintf(buf + len, size - len, "%s%s",
						len ? "," : "", iotkey_flag_name(i));
	return buf;
}

static void print_in(const char *label, int64_t seconds, const char *past)
{
	char span[HUMAN_SPAN];

	if (seconds == IOTKEY_NEVER)
		printf(LABEL "never\n", label);
	else if (seconds <= 0)
		printf(LABEL "%s\n", label, past);
	else
		printf(LABEL "in %s\n", label, human_span((uint64_t)seconds, span));
}

static void print_span(const char *label, uint64_t seconds, const char *zero)
{
	char span[HUMAN_SPAN];

	printf(LABEL "%s\n", label, seconds ? human_span(seconds, span) : zero);
}

static void print_date(const char *label, int64_t seconds)
{
	time_t t = (time_t)seconds;
	char text[64];
	struct tm tm;

	if (!gmtime_r(&t, &tm) ||
	    !strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(text, sizeof(text), "?");
	printf(LABEL "%s\n", label, text);
}

static void print_usage_of(const struct iotkey_status *s)
{
	char usage[64] = "";
	unsigned int i;

	for (i = 0; iotkey_usage_name(i); i++)
		if (s->usage & 1u << i)
			snprintf(usage + strlen(usage), sizeof(usage) - strlen(usage),
				 "%s%s", usage[0] ? "," : "", iotkey_usage_name(i));
	printf(LABEL "%s\n", "usage", usage[0] ? usage : "none");
}

void print_policy(const struct iotkey_status *s)
{
	char ops[32] = "no limit";

	if (s->max_ops)
		snprintf(ops, sizeof(ops), "%llu", (unsigned long long)s->max_ops);
	print_span("rotate", s->rotate, "never");
	print_span("overlap", s->overlap, "none");
	print_span("ahead", s->ahead, "none");
	print_span("lifetime", s->lifetime, "no end");
	print_span("jitter", s->jitter, "none");
	printf(LABEL "%s\n", "max-ops", ops);
	print_date("start", s->start);
	print_usage_of(s);
}

static void print_in_tpm(const struct iotkey_status *s)
{
	printf(LABEL "%s\n", "algorithm", iotkey_algorithm_name(s->algorithm));
	printf(LABEL "%s\n", "provider", iotkey_provider_name(s->provider));
	printf(LABEL "%llu\n", "operations", (unsigned long long)s->ops);
	print_usage_of(s);
}

static void print_key(const struct iotkey_status *s)
{
	printf(LABEL "%s\n", "algorithm", iotkey_algorithm_name(s->algorithm));
	printf(LABEL "%s\n", "mode", iotkey_mode_name(s->mode));
	printf(LABEL "%s\n", "root", s->root);
	printf(LABEL "%u (newest %u, stored %u)\n", "version", s->version, s->newest,
	       s->stored);
	printf(LABEL "%u\n", "epoch", s->epoch);
	printf(LABEL "%llu\n", "operations", (unsigned long long)s->ops);
	print_in("rotates", s->rotates_in, "now");
}

void print_status(const struct iotkey_status *s)
{
	char flags[96], id[2 * IOTKEY_ID_SIZE + 1];

	printf(LABEL "%s\n", "name", s->name);
	printf(LABEL "%d\n", "serial", s->serial);
	printf(LABEL "%s\n", "kind", kind_name(s));
	printf(LABEL "%s\n", "state", iotkey_state_name(s->state));
	if (flags_text(s->flags, flags, sizeof(flags))[0])
		printf(LABEL "%s\n", "flags", flags);
	printf(LABEL "%s\n", "identity", hex_write(id, s->id, sizeof(s->id)));
	printf(LABEL "%u\n" LABEL "0x%08x\n", "owner", s->uid, "permissions", s->perm);
	if (in_tpm(s)) {
		print_in_tpm(s);
		return;
	}
	if (s->flags & IOTKEY_FLAG_ROOT)
		printf(LABEL "%s\n", "provider", iotkey_provider_name(s->provider));
	else
		print_key(s);
	print_in("expires", s->expires_in, "past");
	if (!(s->flags & IOTKEY_FLAG_ROOT))
		print_policy(s);
}
