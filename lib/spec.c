// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Options of keys and roots: from text, checked, and to payload text.
 *
 * The kernel answers every mistake with EINVAL; this file says which one it
 * was, so its ranges are those of Documentation/iotkey.rst.
 */
#include "lib_private.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define YEAR	     (365ull * 24 * 3600)
#define PCR_BANK_MAX 24
#define ROOT_PARTS   8

#define USAGE_AEAD (IOTKEY_USAGE_ENCRYPT | IOTKEY_USAGE_DECRYPT)
#define USAGE_MAC  (IOTKEY_USAGE_SIGN | IOTKEY_USAGE_VERIFY)

/* What only a key in the TPM takes, of the options of a key */
#define RESIDENT \
	(IOTKEY_OPTION_PARENT | IOTKEY_OPTION_MKPARENT | IOTKEY_OPTION_RESTRICTED)

struct rule {
	const char *name;
	uint32_t option;
	const char *range;
	int (*set)(struct iotkey_spec *spec, const struct rule *rule, const char *value);
	uint64_t min, max;
	size_t offset, size; /* of the member, for texts and numbers */
};

#define MEMBER(m) offsetof(struct iotkey_spec, m), sizeof(((struct iotkey_spec *)0)->m)

/* printable ASCII without spaces, as payload words and key names are made */
static bool word_ok(const char *text, size_t max)
{
	size_t i;

	for (i = 0; text[i]; i++)
		if (i == max || text[i] <= ' ' || text[i] > '~')
			return false;
	return i > 0;
}

bool iotkey_name_ok(const char *name)
{
	return word_ok(name, IOTKEY_NAME_MAX);
}

/* A decimal number and where it ends; no sign, no space */
static int number(const char *text, uint64_t *n, const char **end)
{
	uint64_t v = 0;
	const char *p;

	for (p = text; *p >= '0' && *p <= '9'; p++) {
		if (v > (UINT64_MAX - 9) / 10)
			return -ERANGE;
		v = v * 10 + (uint64_t)(*p - '0');
	}
	if (p == text)
		return -EINVAL;
	*n = v;
	*end = p;
	return 0;
}

int iotkey_duration(const char *text, uint64_t *seconds)
{
	static const struct {
		char letter;
		uint32_t seconds;
	} units[] = {
		{ '\0', 1 },   { 's', 1 },     { 'm', 60 },
		{ 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 },
	};
	const char *end;
	uint64_t n;
	size_t i;
	int err;

	err = number(text, &n, &end);
	if (err)
		return err;
	if (*end && end[1])
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(units); i++) {
		if (*end != units[i].letter)
			continue;
		if (n > (1ull << 40) / units[i].seconds)
			return -ERANGE;
		*seconds = n * units[i].seconds;
		return 0;
	}
	return -EINVAL;
}

static int store(struct iotkey_spec *spec, const struct rule *rule, uint64_t n)
{
	void *member = (char *)spec + rule->offset;

	if (n < rule->min || n > rule->max)
		return -ERANGE;
	if (rule->size == sizeof(uint64_t))
		*(uint64_t *)member = n;
	else
		*(uint32_t *)member = (uint32_t)n;
	return 0;
}

static int set_duration(struct iotkey_spec *spec, const struct rule *rule,
			const char *value)
{
	uint64_t n;
	int err;

	err = iotkey_duration(value, &n);
	return err ? err : store(spec, rule, n);
}

static int set_number(struct iotkey_spec *spec, const struct rule *rule,
		      const char *value)
{
	const char *end;
	uint64_t n;
	int err;

	err = number(value, &n, &end);
	if (err)
		return err;
	return *end ? -EINVAL : store(spec, rule, n);
}

static int set_handle(struct iotkey_spec *spec, const struct rule *rule,
		      const char *value)
{
	char *end;
	unsigned long n;

	if (strncmp(value, "0x", 2) || strlen(value) > 10 || !value[2] ||
	    strspn(value + 2, "0123456789abcdefABCDEF") != strlen(value + 2))
		return -EINVAL;
	n = strtoul(value, &end, 16);
	return store(spec, rule, n);
}

static int set_text(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	if (!word_ok(value, rule->size - 1))
		return -EINVAL;
	strcpy((char *)spec + rule->offset, value);
	return 0;
}

/* A name, or up to ROOT_PARTS of them with + in between, each once */
static int set_root(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	const char *part[ROOT_PARTS];
	size_t len[ROOT_PARTS], n, i;
	const char *p = value;

	for (n = 0; n < ROOT_PARTS; n++) {
		part[n] = p;
		len[n] = strcspn(p, "+");
		for (i = 0; i < n; i++)
			if (len[i] == len[n] && !memcmp(part[i], p, len[n]))
				return -EINVAL;
		if (!len[n])
			return -EINVAL;
		if (!p[len[n]])
			return set_text(spec, rule, value);
		p += len[n] + 1;
	}
	return -EINVAL;
}

static int set_word(uint32_t *member, int value)
{
	if (value < 0)
		return value;
	*member = (uint32_t)value;
	return 0;
}

static int set_algorithm(struct iotkey_spec *spec, const struct rule *rule,
			 const char *value)
{
	(void)rule;
	return set_word(&spec->algorithm, iotkey_algorithm_value(value));
}

static int set_mode(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	(void)rule;
	return set_word(&spec->mode, iotkey_mode_value(value));
}

static int set_provider(struct iotkey_spec *spec, const struct rule *rule,
			const char *value)
{
	int provider = iotkey_provider_value(value);

	(void)rule;
	/* that one is said with root=a+b */
	return provider == IOTKEY_PROVIDER_COMBINED ? -EINVAL
						    : set_word(&spec->provider, provider);
}

static int set_nothing(struct iotkey_spec *spec, const struct rule *rule,
		       const char *value)
{
	(void)spec;
	(void)rule;
	return *value ? -EINVAL : 0;
}

static int set_usage(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	uint32_t bits = 0;
	unsigned int i;
	size_t len;

	(void)rule;
	for (;; value += len + 1) {
		len = strcspn(value, ",");
		for (i = 0; iotkey_usage_name(i); i++)
			if (strlen(iotkey_usage_name(i)) == len &&
			    !memcmp(value, iotkey_usage_name(i), len))
				break;
		if (!iotkey_usage_name(i) || bits & 1u << i)
			return -EINVAL;
		bits |= 1u << i;
		if (!value[len])
			break;
	}
	spec->usage = bits;
	return 0;
}

/* BANK:N[,N...], each PCR once */
static int set_pcrs(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	static const char *const banks[] = { "sha1:", "sha256:", "sha384:" };
	const char *p = NULL;
	uint32_t seen = 0;
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(banks) && !p; i++)
		if (!strncmp(value, banks[i], strlen(banks[i])))
			p = value + strlen(banks[i]);
	if (!p)
		return -EINVAL;
	for (;; p++) {
		if (number(p, &n, &p) || n >= PCR_BANK_MAX || seen & 1u << n)
			return -EINVAL;
		seen |= 1u << n;
		if (!*p)
			break;
		if (*p != ',')
			return -EINVAL;
	}
	return set_text(spec, rule, value);
}

/* TYPE:NAME; the name may hold colons too */
static int set_key(struct iotkey_spec *spec, const struct rule *rule, const char *value)
{
	static const char *const types[] = { "trusted:", "encrypted:", "logon:" };
	size_t i, len;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		len = strlen(types[i]);
		if (!strncmp(value, types[i], len) && iotkey_name_ok(value + len))
			return set_text(spec, rule, value);
	}
	return -EINVAL;
}

static const struct rule rules[] = {
	{ "algorithm", IOTKEY_OPTION_ALGORITHM,
	  "aes-256-gcm, aes-128-ccm, xchacha20-poly1305, hmac-sha256, aes-128-cmac, kdf or ecdsa-p256",
	  set_algorithm, 0, 0, 0, 0 },
	{ "root", IOTKEY_OPTION_ROOT,
	  "the name of a root (1 to 255 printable ASCII characters, no spaces), or of 2 to 8 joined with +",
	  set_root, 0, 0, MEMBER(root) },
	{ "mode", IOTKEY_OPTION_MODE, "random, derive or ratchet", set_mode, 0, 0, 0, 0 },
	{ "rotate", IOTKEY_OPTION_ROTATE,
	  "a duration from 1s to 10 years (units s m h d w)", set_duration, 1, 10 * YEAR,
	  MEMBER(rotate) },
	{ "overlap", IOTKEY_OPTION_OVERLAP,
	  "a duration from 0 to rotate=, or to 10 years without rotate=", set_duration, 0,
	  10 * YEAR, MEMBER(overlap) },
	{ "ahead", IOTKEY_OPTION_AHEAD, "a duration from 0 to rotate=", set_duration, 0,
	  10 * YEAR, MEMBER(ahead) },
	{ "lifetime", IOTKEY_OPTION_LIFETIME,
	  "a duration from 1s to 100 years (units s m h d w)", set_duration, 1,
	  100 * YEAR, MEMBER(lifetime) },
	{ "max-ops", IOTKEY_OPTION_MAX_OPS, "a number from 1 to 281474976710656 (2^48)",
	  set_number, 1, 1ull << 48, MEMBER(max_ops) },
	{ "jitter", IOTKEY_OPTION_JITTER, "a duration from 0 to rotate=", set_duration, 0,
	  10 * YEAR, MEMBER(jitter) },
	{ "start", IOTKEY_OPTION_START,
	  "seconds since 1970, from 1 to 1099511627776 (2^40)", set_number, 1, 1ull << 40,
	  MEMBER(start) },
	{ "usage", IOTKEY_OPTION_USAGE,
	  "encrypt, decrypt, sign or verify, each once, separated by commas", set_usage,
	  0, 0, 0, 0 },
	{ "label", IOTKEY_OPTION_LABEL, "1 to 64 printable ASCII characters, no spaces",
	  set_text, 0, 0, MEMBER(label) },
	{ "provider", IOTKEY_OPTION_PROVIDER, "tpm, key or soft", set_provider, 0, 0, 0,
	  0 },
	{ "parent", IOTKEY_OPTION_PARENT,
	  "a persistent handle from 0x81000000 to 0x81ffffff", set_handle, 0x81000000,
	  0x81ffffff, MEMBER(parent) },
	{ "mkparent", IOTKEY_OPTION_MKPARENT, "nothing: it takes no value", set_nothing,
	  0, 0, 0, 0 },
	{ "pcrs", IOTKEY_OPTION_PCRS,
	  "sha1, sha256 or sha384, a colon, and PCRs from 0 to 23, each once, separated by commas",
	  set_pcrs, 0, 0, MEMBER(pcrs) },
	{ "restricted", IOTKEY_OPTION_RESTRICTED, "nothing: it takes no value",
	  set_nothing, 0, 0, 0, 0 },
	{ "key", IOTKEY_OPTION_KEY,
	  "TYPE:NAME, where TYPE is trusted, encrypted or logon", set_key, 0, 0,
	  MEMBER(key) },
};

static int refuse(struct iotkey_problem *why, const char *option, const char *range,
		  const char *value)
{
	size_t i;

	if (!why)
		return -EINVAL;
	why->option = option;
	why->range = range;
	snprintf(why->value, sizeof(why->value), "%.*s", (int)sizeof(why->value) - 1,
		 value);
	for (i = 0; why->value[i]; i++)
		if (why->value[i] < ' ' || why->value[i] > '~')
			why->value[i] = '?';
	return -EINVAL;
}

int iotkey_spec_set(struct iotkey_spec *spec, const char *name, const char *value,
		    struct iotkey_problem *why)
{
	const struct rule *rule;

	for (rule = rules; rule < rules + ARRAY_SIZE(rules); rule++)
		if (!strcmp(rule->name, name))
			break;
	if (rule == rules + ARRAY_SIZE(rules))
		return refuse(why, NULL, "an option of the payload grammar", name);
	if (spec->given & rule->option) {
		refuse(why, rule->name, "given once only", value);
		return -EEXIST;
	}
	if (rule->set(spec, rule, value))
		return refuse(why, rule->name, rule->range, value);
	spec->given |= rule->option;
	return 0;
}

uint32_t iotkey__algorithm_usage(unsigned int algorithm)
{
	switch (algorithm) {
	case IOTKEY_ALGORITHM_AES_256_GCM:
	case IOTKEY_ALGORITHM_AES_128_CCM:
	case IOTKEY_ALGORITHM_XCHACHA20_POLY1305:
		return USAGE_AEAD;
	case IOTKEY_ALGORITHM_HMAC_SHA256:
	case IOTKEY_ALGORITHM_AES_128_CMAC:
	case IOTKEY_ALGORITHM_ECDSA_P256:
		return USAGE_MAC;
	default:
		return 0;
	}
}

static int check_root(const struct iotkey_spec *spec, struct iotkey_problem *why)
{
	const uint32_t tpm =
		IOTKEY_OPTION_PARENT | IOTKEY_OPTION_MKPARENT | IOTKEY_OPTION_PCRS;
	const uint32_t given = spec->given;

	if (!(given & IOTKEY_OPTION_PROVIDER))
		return refuse(why, "provider", "tpm, key or soft", "");
	if (spec->provider == IOTKEY_PROVIDER_TPM && !(given & IOTKEY_OPTION_PARENT))
		return refuse(
			why, "parent",
			"a handle from 0x81000000 to 0x81ffffff, as provider=tpm needs one",
			"");
	if (spec->provider == IOTKEY_PROVIDER_KEY && !(given & IOTKEY_OPTION_KEY))
		return refuse(why, "key", "TYPE:NAME, as provider=key needs one", "");
	if (spec->provider != IOTKEY_PROVIDER_TPM && given & tpm)
		return refuse(why,
			      given & IOTKEY_OPTION_PARENT     ? "parent"
			      : given & IOTKEY_OPTION_MKPARENT ? "mkparent"
							       : "pcrs",
			      "used with provider=tpm only", "");
	if (spec->provider != IOTKEY_PROVIDER_KEY && given & IOTKEY_OPTION_KEY)
		return refuse(why, "key", "used with provider=key only", spec->key);
	return 0;
}

/* overlap=, ahead= and jitter= lie within rotate= */
static int check_within(const char *option, uint32_t seconds, uint32_t rotate,
			struct iotkey_problem *why)
{
	char value[16];

	if (seconds <= rotate)
		return 0;
	snprintf(value, sizeof(value), "%us", seconds);
	return refuse(why, option, "a duration from 0 to rotate=", value);
}

static int check_schedule(const struct iotkey_spec *spec, struct iotkey_problem *why)
{
	int err = 0;

	/* without a period, overlap= follows a rotation by hand */
	if (spec->given & IOTKEY_OPTION_ROTATE)
		err = check_within("overlap", spec->overlap, spec->rotate, why);
	if (!err)
		err = check_within("ahead", spec->ahead, spec->rotate, why);
	if (!err)
		err = check_within("jitter", spec->jitter, spec->rotate, why);
	return err;
}

/* The name of the first option of @bits */
static const char *option_name(uint32_t bits)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (bits & rules[i].option)
			return rules[i].name;
	return NULL;
}

/* A key in the TPM lies under a parent there, not under a root, and has no schedule */
static int check_resident(const struct iotkey_spec *spec, struct iotkey_problem *why)
{
	const uint32_t other = spec->given & ~(uint32_t)(IOTKEY_OPTION_ALGORITHM |
							 IOTKEY_OPTION_USAGE | RESIDENT);

	if (other)
		return refuse(why, option_name(other),
			      "left out: an ecdsa-p256 key does not take it", "");
	if (!(spec->given & IOTKEY_OPTION_PARENT))
		return refuse(
			why, "parent",
			"a handle from 0x81000000 to 0x81ffffff, as ecdsa-p256 needs one",
			"");
	if (spec->given & IOTKEY_OPTION_USAGE && spec->usage & ~(uint32_t)USAGE_MAC)
		return refuse(why, "usage", "sign, verify or both", "");
	return 0;
}

static int check_key(const struct iotkey_spec *spec, struct iotkey_problem *why)
{
	const uint32_t given = spec->given;

	if (!(given & IOTKEY_OPTION_ALGORITHM))
		return refuse(why, "algorithm", "given: it says what the key is for", "");
	if (spec->algorithm == IOTKEY_ALGORITHM_ECDSA_P256)
		return check_resident(spec, why);
	if (given & RESIDENT)
		return refuse(why, option_name(given & RESIDENT),
			      "left out: only ecdsa-p256 takes it", "");
	if (!(given & IOTKEY_OPTION_ROOT))
		return refuse(why, "root",
			      "given: the name of the root that wraps the key", "");
	if (!(given & IOTKEY_OPTION_ROTATE) &&
	    given & (IOTKEY_OPTION_AHEAD | IOTKEY_OPTION_JITTER))
		return refuse(why, given & IOTKEY_OPTION_AHEAD ? "ahead" : "jitter",
			      "used with rotate= only", "");
	if (given & IOTKEY_OPTION_JITTER && given & IOTKEY_OPTION_MODE &&
	    spec->mode != IOTKEY_MODE_RANDOM)
		return refuse(why, "jitter", "used with mode=random only", "");
	if (given & IOTKEY_OPTION_LABEL && spec->mode != IOTKEY_MODE_DERIVE)
		return refuse(why, "label", "used with mode=derive only", spec->label);
	if (given & IOTKEY_OPTION_USAGE &&
	    spec->usage & ~iotkey__algorithm_usage(spec->algorithm))
		return refuse(
			why, "usage",
			"what the algorithm can do: encrypt and decrypt, or sign and verify (kdf: neither)",
			"");
	return check_schedule(spec, why);
}

static int check_set(const struct iotkey_spec *spec, struct iotkey_problem *why)
{
	if (!spec->given)
		return refuse(why, NULL, "at least one option", "");
	return spec->given & IOTKEY_OPTION_ROTATE ? check_schedule(spec, why) : 0;
}

int iotkey_spec_check(const struct iotkey_spec *spec, uint32_t allowed,
		      struct iotkey_problem *why)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(rules); i++)
		if (spec->given & ~allowed & rules[i].option)
			return refuse(why, rules[i].name,
				      "left out: this command does not take it", "");
	if (allowed == IOTKEY_OPTIONS_ROOT)
		return check_root(spec, why);
	if (allowed == IOTKEY_OPTIONS_KEY)
		return check_key(spec, why);
	if (allowed == IOTKEY_OPTIONS_SET)
		return check_set(spec, why);
	return refuse(why, NULL, "options of a key, of a root, or to set", "");
}

/* A text that grows in a buffer; .len goes on counting when it is full */
struct text {
	char *buf;
	size_t size, len;
};

static void __attribute__((format(printf, 2, 3)))
add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->len < t->size ? t->buf + t->len : NULL,
		      t->len < t->size ? t->size - t->len : 0, format, args);
	va_end(args);
	t->len += n < 0 ? t->size : (size_t)n;
}

static void add_usage(struct text *t, uint32_t usage)
{
	const char *separator = " usage=";
	unsigned int i;

	for (i = 0; iotkey_usage_name(i); i++) {
		if (!(usage & 1u << i))
			continue;
		add(t, "%s%s", separator, iotkey_usage_name(i));
		separator = ",";
	}
}

static void add_parent(struct text *t, const struct iotkey_spec *spec)
{
	if (spec->given & IOTKEY_OPTION_PARENT)
		add(t, " parent=0x%08x", spec->parent);
	if (spec->given & IOTKEY_OPTION_MKPARENT)
		add(t, " mkparent");
}

static void add_root(struct text *t, const struct iotkey_spec *spec)
{
	add(t, "new root provider=%s", iotkey_provider_name(spec->provider));
	add_parent(t, spec);
	if (spec->given & IOTKEY_OPTION_PCRS)
		add(t, " pcrs=%s", spec->pcrs);
	if (spec->given & IOTKEY_OPTION_KEY)
		add(t, " key=%s", spec->key);
}

static void add_key_only(struct text *t, const struct iotkey_spec *spec)
{
	add(t, "new %s", iotkey_algorithm_name(spec->algorithm));
	if (spec->given & IOTKEY_OPTION_ROOT)
		add(t, " root=%s", spec->root);
	add_parent(t, spec);
	if (spec->given & IOTKEY_OPTION_RESTRICTED)
		add(t, " restricted");
	if (spec->given & IOTKEY_OPTION_MODE)
		add(t, " mode=%s", iotkey_mode_name(spec->mode));
	if (spec->given & IOTKEY_OPTION_START)
		add(t, " start=%llu", (unsigned long long)spec->start);
	if (spec->given & IOTKEY_OPTION_LABEL)
		add(t, " label=%s", spec->label);
}

static void add_policy(struct text *t, const struct iotkey_spec *spec)
{
	if (spec->given & IOTKEY_OPTION_ROTATE)
		add(t, " rotate=%us", spec->rotate);
	if (spec->given & IOTKEY_OPTION_OVERLAP)
		add(t, " overlap=%us", spec->overlap);
	if (spec->given & IOTKEY_OPTION_AHEAD)
		add(t, " ahead=%us", spec->ahead);
	if (spec->given & IOTKEY_OPTION_LIFETIME)
		add(t, " lifetime=%us", spec->lifetime);
	if (spec->given & IOTKEY_OPTION_MAX_OPS)
		add(t, " max-ops=%llu", (unsigned long long)spec->max_ops);
	if (spec->given & IOTKEY_OPTION_JITTER)
		add(t, " jitter=%us", spec->jitter);
	if (spec->given & IOTKEY_OPTION_USAGE)
		add_usage(t, spec->usage);
}

int iotkey_spec_text(const struct iotkey_spec *spec, uint32_t allowed, char *text,
		     size_t size)
{
	struct text t = { .buf = text, .size = size };
	int err;

	err = iotkey_spec_check(spec, allowed, NULL);
	if (err)
		return err;
	if (allowed == IOTKEY_OPTIONS_ROOT)
		add_root(&t, spec);
	else if (allowed == IOTKEY_OPTIONS_KEY)
		add_key_only(&t, spec);
	else
		add(&t, "set");
	if (allowed != IOTKEY_OPTIONS_ROOT)
		add_policy(&t, spec);
	return t.len < size ? (int)t.len : -ENOSPC;
}
