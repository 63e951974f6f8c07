// SPDX-License-Identifier: GPL-2.0-only
/*
 * The grammar of Documentation/iotkey.rst, "Payload text". Pure.
 *
 * One table says which options there are, where each may stand and what it may
 * hold; one function reads each kind of value.
 */
#include "payload.h"

enum value_kind {
	VALUE_NONE,		/* a bare word */
	VALUE_DURATION,		/* u32 seconds in the policy */
	VALUE_OTHER,		/* read by read_other() */
};

/* Where an option may stand. */
enum context {
	IN_ROOT = BIT(0),
	IN_KEY = BIT(1),
	IN_SET = BIT(2),
	IN_PUBLISH = BIT(4),
	IN_RESIDENT = BIT(3),
};

struct option {
	const char *name;
	u8 kind;
	u8 context;
	u8 offset;		/* of the duration in struct iot_policy */
	u32 min;
	u32 max;
};

#define DURATION(text, field, where, least, most)			\
	{ text, VALUE_DURATION, where,					\
	  offsetof(struct iot_policy, field), least, most }
#define OTHER(text, where)	{ text, VALUE_OTHER, where, 0, 0, 0 }

static const struct option options[] = {
	[IOT_OPT_PROVIDER] = OTHER("provider", IN_ROOT),
	[IOT_OPT_PARENT] = OTHER("parent", IN_ROOT | IN_RESIDENT),
	[IOT_OPT_MKPARENT] = { "mkparent", VALUE_NONE, IN_ROOT | IN_RESIDENT,
			       0, 0, 0 },
	[IOT_OPT_PCRS] = OTHER("pcrs", IN_ROOT),
	[IOT_OPT_KEY] = OTHER("key", IN_ROOT),
	[IOT_OPT_ROOT] = OTHER("root", IN_KEY),
	[IOT_OPT_MODE] = OTHER("mode", IN_KEY),
	[IOT_OPT_ROTATE] = DURATION("rotate", rotate, IN_KEY | IN_SET,
				    1, IOT_ROTATE_MAX),
	[IOT_OPT_OVERLAP] = DURATION("overlap", overlap, IN_KEY | IN_SET,
				     0, IOT_ROTATE_MAX),
	[IOT_OPT_AHEAD] = DURATION("ahead", ahead, IN_KEY | IN_SET,
				   0, IOT_ROTATE_MAX),
	[IOT_OPT_LIFETIME] = DURATION("lifetime", lifetime, IN_KEY | IN_SET,
				      1, IOT_LIFETIME_MAX),
	[IOT_OPT_MAX_OPS] = OTHER("max-ops", IN_KEY | IN_SET),
	[IOT_OPT_JITTER] = DURATION("jitter", jitter, IN_KEY | IN_SET,
				    0, IOT_ROTATE_MAX),
	[IOT_OPT_START] = OTHER("start", IN_KEY),
	[IOT_OPT_USAGE] = OTHER("usage", IN_KEY | IN_SET | IN_RESIDENT),
	[IOT_OPT_LABEL] = OTHER("label", IN_KEY),
	[IOT_OPT_SIZE] = OTHER("size", IN_PUBLISH),
	[IOT_OPT_EPOCH] = OTHER("epoch", IN_PUBLISH),
	[IOT_OPT_RESTRICTED] = { "restricted", VALUE_NONE, IN_RESIDENT, 0, 0, 0 },
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool span_is(struct iot_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

/* Cut the next word off @text; an empty word at the end. */
static struct iot_span next_word(struct iot_span *text)
{
	struct iot_span word;

	while (text->len && is_space(*text->p)) {
		text->p++;
		text->len--;
	}
	word.p = text->p;
	while (text->len && !is_space(*text->p)) {
		text->p++;
		text->len--;
	}
	word.len = text->p - word.p;
	return word;
}

/* Cut @s at the first @sep: what stands before it; @s keeps the rest. */
static struct iot_span cut(struct iot_span *s, char sep)
{
	struct iot_span head = { s->p, 0 };

	while (head.len < s->len && s->p[head.len] != sep)
		head.len++;
	s->p += head.len;
	s->len -= head.len;
	if (s->len) {
		s->p++;
		s->len--;
	}
	return head;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int read_number(struct iot_span s, unsigned int base, u64 min, u64 max,
		       u64 *value)
{
	u64 v = 0;
	size_t i;

	if (!s.len)
		return -EINVAL;
	for (i = 0; i < s.len; i++) {
		int digit = digit_of(s.p[i]);

		if (digit < 0 || digit >= (int)base)
			return -EINVAL;
		if (v > div64_u64(max, base))
			return -EINVAL;
		v = v * base + digit;
		if (v > max)
			return -EINVAL;
	}
	if (v < min)
		return -EINVAL;
	*value = v;
	return 0;
}

static int read_u32(struct iot_span s, u32 min, u32 *value)
{
	u64 v;
	int ret = read_number(s, 10, min, U32_MAX, &v);

	if (!ret)
		*value = v;
	return ret;
}

static int read_duration(struct iot_span s, u32 min, u32 max, u32 *seconds)
{
	u32 unit = 1;
	u64 v;
	int ret;

	if (s.len && digit_of(s.p[s.len - 1]) != s.p[s.len - 1] - '0') {
		switch (s.p[--s.len]) {
		case 's':
			break;
		case 'm':
			unit = 60;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'd':
			unit = IOT_DAY;
			break;
		case 'w':
			unit = 7 * IOT_DAY;
			break;
		default:
			return -EINVAL;
		}
	}
	ret = read_number(s, 10, 0, U32_MAX, &v);
	if (ret)
		return ret;
	v *= unit;
	if (v < min || v > max)
		return -EINVAL;
	*seconds = v;
	return 0;
}

static int read_handle(struct iot_span s, u32 *handle)
{
	u64 v;
	int ret;

	if (s.len < 3 || s.p[0] != '0' || s.p[1] != 'x')
		return -EINVAL;
	s.p += 2;
	s.len -= 2;
	ret = read_number(s, 16, 0x81000000, 0x81ffffff, &v);
	if (!ret)
		*handle = v;
	return ret;
}

/* "sha256:0,7" */
static int read_pcrs(struct iot_span s, struct iot_root_spec *spec)
{
	struct iot_span bank = cut(&s, ':');

	if (span_is(bank, "sha1"))
		spec->pcr_bank = 0x0004;
	else if (span_is(bank, "sha256"))
		spec->pcr_bank = 0x000b;
	else if (span_is(bank, "sha384"))
		spec->pcr_bank = 0x000c;
	else
		return -EINVAL;

	/* "sha256:" and "sha256:0," end in an empty number, which is refused */
	for (;;) {
		bool last = !memchr(s.p, ',', s.len);
		u64 pcr;

		if (read_number(cut(&s, ','), 10, 0, 23, &pcr) ||
		    spec->pcr_mask & BIT(pcr))
			return -EINVAL;
		spec->pcr_mask |= BIT(pcr);
		if (last)
			return 0;
	}
}

static int read_provider(struct iot_span s, u8 *provider)
{
	u8 i;

	for (i = IOTKEY_PROVIDER_TPM; i <= IOTKEY_PROVIDER_SOFT; i++) {
		if (span_is(s, iot_provider_name(i))) {
			*provider = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_mode(struct iot_span s, u8 *mode)
{
	u8 i;

	for (i = IOTKEY_MODE_RANDOM; i <= IOTKEY_MODE_RATCHET; i++) {
		if (span_is(s, iot_mode_name(i))) {
			*mode = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_algorithm(struct iot_span s, u8 *algorithm)
{
	u8 i;

	for (i = IOTKEY_ALGORITHM_AES_256_GCM; iot_algorithm_name(i); i++) {
		if (span_is(s, iot_algorithm_name(i))) {
			*algorithm = i;
			return 0;
		}
	}
	return -EINVAL;
}

static int read_usage(struct iot_span s, u8 *usage)
{
	static const char * const names[] = {
		"encrypt", "decrypt", "sign", "verify"
	};
	bool last;
	size_t i;

	*usage = 0;
	do {
		struct iot_span word;

		last = !memchr(s.p, ',', s.len);
		word = cut(&s, ',');
		for (i = 0; i < ARRAY_SIZE(names); i++) {
			if (span_is(word, names[i]))
				break;
		}
		if (i == ARRAY_SIZE(names) || *usage & BIT(i))
			return -EINVAL;
		*usage |= BIT(i);
	} while (!last);
	return 0;
}

/* "TYPE:NAME"; which types there are is the provider's business. */
static int read_key(struct iot_span s, struct iot_root_spec *spec)
{
	spec->key_type = cut(&s, ':');
	spec->key_name = s;
	if (!spec->key_type.len || !iot_name_ok(s.p, s.len))
		return -EINVAL;
	return 0;
}

static int read_name(struct iot_span s, size_t max, struct iot_span *name)
{
	if (s.len > max || !iot_name_ok(s.p, s.len))
		return -EINVAL;
	*name = s;
	return 0;
}

static int read_hex(struct iot_span s, u8 *out, u8 *out_len)
{
	size_t i;

	if (s.len % 2 || s.len / 2 < IOT_MIX_MIN || s.len / 2 > IOT_MIX_MAX)
		return -EINVAL;
	for (i = 0; i < s.len; i += 2) {
		int hi = digit_of(s.p[i]), lo = digit_of(s.p[i + 1]);

		if (hi < 0 || lo < 0)
			return -EINVAL;
		out[i / 2] = hi << 4 | lo;
	}
	*out_len = s.len / 2;
	return 0;
}

static int read_other(struct iot_payload *out, enum iot_option option,
		      struct iot_span value)
{
	u64 v;
	int ret;

	switch (option) {
	case IOT_OPT_PROVIDER:
		return read_provider(value, &out->spec.provider);
	case IOT_OPT_PARENT:
		return read_handle(value, &out->spec.parent);
	case IOT_OPT_PCRS:
		return read_pcrs(value, &out->spec);
	case IOT_OPT_KEY:
		return read_key(value, &out->spec);
	case IOT_OPT_ROOT:
		out->root = value;
		return iot_root_parts(value.p, value.len) < 0 ? -EINVAL : 0;
	case IOT_OPT_MODE:
		return read_mode(value, &out->policy.mode);
	case IOT_OPT_MAX_OPS:
		return read_number(value, 10, 1, IOT_OPS_MAX,
				   &out->policy.max_ops);
	case IOT_OPT_START:
		ret = read_number(value, 10, 1, IOT_START_MAX, &v);
		if (!ret)
			out->policy.start = v;
		return ret;
	case IOT_OPT_USAGE:
		return read_usage(value, &out->policy.usage);
	case IOT_OPT_LABEL:
		return read_name(value, IOT_LABEL_MAX, &out->label);
	case IOT_OPT_SIZE:
		ret = read_number(value, 10, IOT_PUBLISH_MIN, IOT_PUBLISH_MAX,
				  &v);
		if (!ret)
			out->size = v;
		return ret;
	case IOT_OPT_EPOCH:
		return read_u32(value, 0, &out->number);
	default:
		return -EINVAL;
	}
}

/* One word of an option list. */
static int read_option(struct iot_payload *out, struct iot_span word,
		       u8 context)
{
	bool has_value = memchr(word.p, '=', word.len);
	struct iot_span value = word;
	struct iot_span name = cut(&value, '=');
	const struct option *o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(options); i++) {
		if (span_is(name, options[i].name))
			break;
	}
	if (i == ARRAY_SIZE(options))
		return -EINVAL;
	o = &options[i];
	if (!(o->context & context) || out->given & BIT(i))
		return -EINVAL;
	out->given |= BIT(i);

	if (has_value ? o->kind == VALUE_NONE || !value.len :
			o->kind != VALUE_NONE)
		return -EINVAL;

	switch (o->kind) {
	case VALUE_NONE:
		if (i == IOT_OPT_MKPARENT)
			out->spec.mkparent = true;
		else
			out->spec.restricted = true;
		return 0;
	case VALUE_DURATION:
		return read_duration(value, o->min, o->max,
				     (void *)((u8 *)&out->policy + o->offset));
	default:
		return read_other(out, i, value);
	}
}

static int read_options(struct iot_payload *out, struct iot_span *text,
			u8 context)
{
	struct iot_span word;
	int ret;

	for (word = next_word(text); word.len; word = next_word(text)) {
		ret = read_option(out, word, context);
		if (ret) {
			*text = word;
			return ret;
		}
	}
	return 0;
}

/* Each provider takes its own options and no other's. */
static int check_root(const struct iot_payload *out)
{
	u32 tpm = BIT(IOT_OPT_PARENT) | BIT(IOT_OPT_MKPARENT) |
		  BIT(IOT_OPT_PCRS);
	u32 key = BIT(IOT_OPT_KEY);

	switch (out->spec.provider) {
	case IOTKEY_PROVIDER_TPM:
		return out->given & BIT(IOT_OPT_PARENT) &&
		       !(out->given & key) ? 0 : -EINVAL;
	case IOTKEY_PROVIDER_KEY:
		return out->given & key && !(out->given & tpm) ? 0 : -EINVAL;
	case IOTKEY_PROVIDER_SOFT:
		return out->given & (tpm | key) ? -EINVAL : 0;
	default:
		return -EINVAL;
	}
}

static int check_key(struct iot_payload *out)
{
	struct iot_policy *p = &out->policy;

	if (!(out->given & BIT(IOT_OPT_ROOT)))
		return -EINVAL;
	if (!(out->given & BIT(IOT_OPT_MODE)))
		p->mode = IOTKEY_MODE_RANDOM;
	if (!(out->given & BIT(IOT_OPT_USAGE)))
		p->usage = iot_algorithm_usage(p->algorithm);
	if (out->given & BIT(IOT_OPT_LABEL) && p->mode != IOTKEY_MODE_DERIVE)
		return -EINVAL;
	return iot_policy_check(p);
}

/* It lies under a parent in the TPM and under no root; nothing of it has a schedule. */
static int check_resident(struct iot_payload *out)
{
	if (!(out->given & BIT(IOT_OPT_PARENT)))
		return -EINVAL;
	if (!(out->given & BIT(IOT_OPT_USAGE)))
		out->policy.usage = iot_algorithm_usage(out->policy.algorithm);
	return iot_policy_check(&out->policy);
}

static int parse_new(struct iot_payload *out, struct iot_span *text)
{
	struct iot_span what = next_word(text);
	int ret;

	if (span_is(what, "root")) {
		out->verb = IOT_VERB_NEW_ROOT;
		ret = read_options(out, text, IN_ROOT);
		return ret ?: check_root(out);
	}
	out->verb = IOT_VERB_NEW_KEY;
	ret = read_algorithm(what, &out->policy.algorithm);
	if (ret) {
		*text = what;
		return ret;
	}
	if (out->policy.algorithm == IOTKEY_ALGORITHM_ECDSA_P256) {
		ret = read_options(out, text, IN_RESIDENT);
		return ret ?: check_resident(out);
	}
	ret = read_options(out, text, IN_KEY);
	return ret ?: check_key(out);
}

static int parse_set(struct iot_payload *out, struct iot_span *text)
{
	int ret;

	out->verb = IOT_VERB_SET;
	ret = read_options(out, text, IN_SET);
	if (ret)
		return ret;
	return out->given ? 0 : -EINVAL;
}

/* "PREFIX:NAME", as a logon key is called */
static int parse_publish(struct iot_payload *out, struct iot_span *text)
{
	struct iot_span word = next_word(text);
	struct iot_span name = word;
	int ret;

	out->verb = IOT_VERB_PUBLISH;
	out->size = IOT_PUBLISH_SIZE;
	ret = read_name(word, IOT_NAME_MAX, &out->name);
	if (!ret && (!cut(&name, ':').len || !name.len))
		ret = -EINVAL;
	if (ret) {
		*text = word;
		return ret;
	}
	return read_options(out, text, IN_PUBLISH);
}

/* "stored=N", "epoch=N", "mix=HEX": one word each. */
static int parse_word(struct iot_payload *out, struct iot_span word)
{
	struct iot_span value = word;
	struct iot_span name = cut(&value, '=');

	if (span_is(word, "rotate")) {
		out->verb = IOT_VERB_ROTATE;
		return 0;
	}
	if (span_is(name, "stored")) {
		out->verb = IOT_VERB_STORED;
		return read_u32(value, 1, &out->number);
	}
	if (span_is(name, "epoch")) {
		out->verb = IOT_VERB_EPOCH;
		return read_u32(value, 0, &out->number);
	}
	if (span_is(name, "mix")) {
		out->verb = IOT_VERB_MIX;
		return read_hex(value, out->mix, &out->mix_len);
	}
	return -EINVAL;
}

/**
 * iot_payload_parse() - take a payload text apart
 * @out: what it says; spans point into @text; @out may hold a secret (mix)
 * @text: the text, not terminated
 * @len: its length in bytes
 * @where: offset of the word that was refused, on an error
 *
 * Return: 0 or -EINVAL.
 */
int iot_payload_parse(struct iot_payload *out, const char *text, size_t len,
		      size_t *where)
{
	struct iot_span rest = { text, len };
	struct iot_span verb;
	int ret;

	memset(out, 0, sizeof(*out));
	*where = 0;
	if (!len || len > IOT_PAYLOAD_MAX || memchr(text, 0, len))
		return -EINVAL;

	verb = next_word(&rest);
	if (span_is(verb, "load") || span_is(verb, "policy")) {
		out->verb = span_is(verb, "load") ? IOT_VERB_LOAD :
						    IOT_VERB_POLICY;
		out->blob.p = next_word(&rest).p;
		out->blob.len = text + len - out->blob.p;
		ret = out->blob.len ? 0 : -EINVAL;
	} else if (span_is(verb, "new")) {
		ret = parse_new(out, &rest);
	} else if (span_is(verb, "set")) {
		ret = parse_set(out, &rest);
	} else if (span_is(verb, "publish")) {
		ret = parse_publish(out, &rest);
	} else {
		ret = parse_word(out, verb);
		if (!ret && next_word(&rest).len)
			ret = -EINVAL;
	}
	if (ret)
		*where = rest.p - text;
	return ret;
}
