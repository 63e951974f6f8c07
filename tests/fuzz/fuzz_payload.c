// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text: no crash; what is taken lies within it, obeys the rules of the grammar, and
 * means the same when it is written again, one word after another, and read back.
 *
 * covers: kmod/payload.c kmod/policy.c
 */
#include <inttypes.h>
#include <stdarg.h>
#include "fuzz.h"
#include "payload.h"

#define TEXT_MAX (IOT_PAYLOAD_MAX + 2048)

struct text {
	char bytes[TEXT_MAX];
	size_t len;
};

static bool given(const struct iot_payload *p, enum iot_option option)
{
	return p->given & BIT(option);
}

static void put(struct text *t, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(t->bytes + t->len, TEXT_MAX - t->len, fmt, args);
	va_end(args);
	must(n >= 0 && (size_t)n < TEXT_MAX - t->len);
	t->len += n;
}

static void put_span(struct text *t, const char *option, struct iot_span s)
{
	put(t, " %s=%.*s", option, (int)s.len, s.p);
}

static void put_root(struct text *t, const struct iot_payload *p)
{
	const struct iot_root_spec *spec = &p->spec;
	char sep = ':';
	int i;

	put(t, "new root provider=%s", iot_provider_name(spec->provider));
	if (given(p, IOT_OPT_PARENT))
		put(t, " parent=0x%08" PRIx32, spec->parent);
	if (spec->mkparent)
		put(t, " mkparent");
	if (given(p, IOT_OPT_PCRS)) {
		put(t, " pcrs=%s",
		    spec->pcr_bank == 4	     ? "sha1"
		    : spec->pcr_bank == 0x0b ? "sha256"
					     : "sha384");
		for (i = 0; i < 24; i++) {
			if (!(spec->pcr_mask & BIT(i)))
				continue;
			put(t, "%c%d", sep, i);
			sep = ',';
		}
	}
	if (given(p, IOT_OPT_KEY))
		put(t, " key=%.*s:%.*s", (int)spec->key_type.len, spec->key_type.p,
		    (int)spec->key_name.len, spec->key_name.p);
}

static void put_usage(struct text *t, uint8_t usage)
{
	static const char *const names[] = { "encrypt", "decrypt", "sign", "verify" };
	const char *sep = " usage=";
	int i;

	for (i = 0; i < 4; i++) {
		if (!(usage & BIT(i)))
			continue;
		put(t, "%s%s", sep, names[i]);
		sep = ",";
	}
}

static void put_key_options(struct text *t, const struct iot_payload *p)
{
	const struct iot_policy *policy = &p->policy;
	const struct {
		enum iot_option option;
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ IOT_OPT_ROTATE, "rotate", policy->rotate },
		{ IOT_OPT_OVERLAP, "overlap", policy->overlap },
		{ IOT_OPT_AHEAD, "ahead", policy->ahead },
		{ IOT_OPT_LIFETIME, "lifetime", policy->lifetime },
		{ IOT_OPT_MAX_OPS, "max-ops", policy->max_ops },
		{ IOT_OPT_JITTER, "jitter", policy->jitter },
		{ IOT_OPT_START, "start", policy->start },
	};
	size_t i;

	if (given(p, IOT_OPT_MODE))
		put(t, " mode=%s", iot_mode_name(policy->mode));
	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		if (given(p, numbers[i].option))
			put(t, " %s=%" PRIu64, numbers[i].name, numbers[i].value);
	}
	if (given(p, IOT_OPT_USAGE))
		put_usage(t, policy->usage);
	if (given(p, IOT_OPT_ROOT))
		put_span(t, "root", p->root);
	if (given(p, IOT_OPT_LABEL))
		put_span(t, "label", p->label);
}

static void put_payload(struct text *t, const struct iot_payload *p)
{
	int i;

	switch (p->verb) {
	case IOT_VERB_NEW_ROOT:
		put_root(t, p);
		break;
	case IOT_VERB_NEW_KEY:
		put(t, "new %s", iot_algorithm_name(p->policy.algorithm));
		put_key_options(t, p);
		if (given(p, IOT_OPT_PARENT))
			put(t, " parent=0x%" PRIx32, p->spec.parent);
		if (p->spec.mkparent)
			put(t, " mkparent");
		if (p->spec.restricted)
			put(t, " restricted");
		break;
	case IOT_VERB_LOAD:
	case IOT_VERB_POLICY:
		put(t, "%s %.*s", p->verb == IOT_VERB_LOAD ? "load" : "policy",
		    (int)p->blob.len, p->blob.p);
		break;
	case IOT_VERB_ROTATE:
		put(t, "rotate");
		break;
	case IOT_VERB_STORED:
		put(t, "stored=%" PRIu32, p->number);
		break;
	case IOT_VERB_MIX:
		put(t, "mix=");
		for (i = 0; i < p->mix_len; i++)
			put(t, "%02x", p->mix[i]);
		break;
	case IOT_VERB_EPOCH:
		put(t, "epoch=%" PRIu32, p->number);
		break;
	case IOT_VERB_SET:
		put(t, "set");
		put_key_options(t, p);
		break;
	case IOT_VERB_PUBLISH:
		put(t, "publish %.*s", (int)p->name.len, p->name.p);
		if (given(p, IOT_OPT_SIZE))
			put(t, " size=%d", p->size);
		if (given(p, IOT_OPT_EPOCH))
			put(t, " epoch=%" PRIu32, p->number);
		break;
	default:
		must(false);
	}
}

static bool same_span(struct iot_span a, struct iot_span b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

static void check_same(const struct iot_payload *a, const struct iot_payload *b)
{
	must(a->verb == b->verb && a->given == b->given && a->number == b->number);
	must(!memcmp(&a->policy, &b->policy, sizeof(a->policy)));
	must(a->spec.provider == b->spec.provider && a->spec.parent == b->spec.parent &&
	     a->spec.mkparent == b->spec.mkparent &&
	     a->spec.restricted == b->spec.restricted &&
	     a->spec.pcr_bank == b->spec.pcr_bank &&
	     a->spec.pcr_mask == b->spec.pcr_mask);
	must(same_span(a->spec.key_type, b->spec.key_type) &&
	     same_span(a->spec.key_name, b->spec.key_name));
	must(same_span(a->root, b->root) && same_span(a->label, b->label) &&
	     same_span(a->blob, b->blob));
	must(same_span(a->name, b->name) && a->size == b->size);
	must(a->mix_len == b->mix_len && !memcmp(a->mix, b->mix, sizeof(a->mix)));
}

static void check_span(struct iot_span s, size_t min, size_t max, const void *text,
		       size_t size)
{
	must(lies_in(s.p, s.len, text, size));
	must(s.len >= min && s.len <= max);
}

static void check_root(const struct iot_payload *p, const void *text, size_t size)
{
	const struct iot_root_spec *spec = &p->spec;

	must(iot_provider_name(spec->provider));
	must((spec->provider == IOTKEY_PROVIDER_TPM) == (spec->parent >> 24 == 0x81));
	must(!spec->pcr_bank == !spec->pcr_mask && !(spec->pcr_mask >> 24));
	if (spec->provider == IOTKEY_PROVIDER_KEY) {
		check_span(spec->key_type, 1, size, text, size);
		check_span(spec->key_name, 1, IOT_NAME_MAX, text, size);
		must(iot_name_ok(spec->key_name.p, spec->key_name.len));
	} else {
		must(!spec->key_type.p && !spec->key_name.p);
	}
}

static void check_key(const struct iot_payload *p, const void *text, size_t size)
{
	bool resident = p->policy.algorithm == IOTKEY_ALGORITHM_ECDSA_P256;

	must(!iot_policy_check(&p->policy) && p->policy.algorithm);
	must(resident == (p->spec.parent >> 24 == 0x81));
	must(resident || !(p->spec.mkparent || p->spec.restricted));
	if (resident) {
		must(!p->root.p && !p->label.p && !p->policy.mode);
		return;
	}
	check_span(p->root, 1, IOT_NAME_MAX, text, size);
	must(iot_root_parts(p->root.p, p->root.len) > 0);
	if (given(p, IOT_OPT_LABEL)) {
		check_span(p->label, 1, IOT_LABEL_MAX, text, size);
		must(iot_name_ok(p->label.p, p->label.len));
	}
}

static void check(const struct iot_payload *p, const void *text, size_t size)
{
	switch (p->verb) {
	case IOT_VERB_NEW_ROOT:
		check_root(p, text, size);
		break;
	case IOT_VERB_NEW_KEY:
		check_key(p, text, size);
		break;
	case IOT_VERB_LOAD:
	case IOT_VERB_POLICY:
		check_span(p->blob, 1, size - 5, text, size);
		break;
	case IOT_VERB_MIX:
		must(p->mix_len >= IOT_MIX_MIN && p->mix_len <= IOT_MIX_MAX);
		break;
	case IOT_VERB_STORED:
		must(p->number);
		break;
	case IOT_VERB_PUBLISH:
		check_span(p->name, 3, IOT_NAME_MAX, text, size);
		must(iot_name_ok(p->name.p, p->name.len));
		must(memchr(p->name.p + 1, ':', p->name.len - 2));
		must(p->size >= IOT_PUBLISH_MIN && p->size <= IOT_PUBLISH_MAX);
		break;
	case IOT_VERB_SET:
		must(p->given && !given(p, IOT_OPT_ROOT) && !given(p, IOT_OPT_MODE));
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static struct text again;
	struct iot_payload p, q;
	size_t where;
	int ret = iot_payload_parse(&p, (const char *)data, size, &where);

	must(!ret || ret == -EINVAL);
	must(where <= size);
	if (ret)
		return 0;
	must(size <= IOT_PAYLOAD_MAX);
	check(&p, data, size);
	again.len = 0;
	put_payload(&again, &p);
	/* leading zeros and much white space may have made room for more */
	if (again.len > IOT_PAYLOAD_MAX)
		return 0;
	must(!iot_payload_parse(&q, again.bytes, again.len, &where));
	check_same(&p, &q);
	return 0;
}
