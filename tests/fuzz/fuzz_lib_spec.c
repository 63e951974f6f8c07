// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any options: what the library takes, the kernel takes, and understands the same by it.
 * The input is a first word (root, set, or else the options of a key) and lines of
 * "name value".
 *
 * covers: lib/spec.c
 * sources: lib/spec.c lib/words.c
 */
#include "../../lib/lib_private.h"

#undef ARRAY_SIZE
#include "fuzz.h"
#include "payload.h"

#define TEXT_MAX 1024 /* always does, <iotkey.h> says */

static void check_printable(const char *text)
{
	for (; *text; text++)
		must(*text >= ' ' && *text <= '~');
}

static void set_options(struct iotkey_spec *spec, char *lines)
{
	struct iotkey_problem why;
	char *line, *value;
	int err;

	while ((line = strsep(&lines, "\n"))) {
		value = line;
		strsep(&value, " ");
		memset(&why, 0, sizeof(why));
		err = iotkey_spec_set(spec, line, value ? value : "", &why);
		must(!err || err == -EINVAL || err == -EEXIST);
		if (err) {
			must(why.range && memchr(why.value, 0, sizeof(why.value)));
			check_printable(why.value);
		}
	}
}

static bool same_text(const char *ours, struct iot_span theirs)
{
	return strlen(ours) == theirs.len && !memcmp(ours, theirs.p, theirs.len);
}

static void check_root(const struct iotkey_spec *ours, const struct iot_root_spec *theirs)
{
	char key[IOTKEY_NAME_MAX + 64];

	must(ours->provider == theirs->provider);
	must(ours->parent == theirs->parent);
	must(theirs->mkparent == !!(ours->given & IOTKEY_OPTION_MKPARENT));
	must(!theirs->pcr_mask == !(ours->given & IOTKEY_OPTION_PCRS));
	if (ours->given & IOTKEY_OPTION_KEY) {
		snprintf(key, sizeof(key), "%.*s:%.*s", (int)theirs->key_type.len,
			 theirs->key_type.p, (int)theirs->key_name.len,
			 theirs->key_name.p);
		must(!strcmp(ours->key, key));
	}
}

static void check_policy(const struct iotkey_spec *ours, const struct iot_policy *theirs)
{
	must(ours->rotate == theirs->rotate && ours->overlap == theirs->overlap &&
	     ours->ahead == theirs->ahead && ours->lifetime == theirs->lifetime &&
	     ours->jitter == theirs->jitter && ours->max_ops == theirs->max_ops);
	must(ours->start == (u64)theirs->start);
	if (ours->given & IOTKEY_OPTION_USAGE)
		must(ours->usage == theirs->usage);
}

static void check_key(const struct iotkey_spec *ours, const struct iot_payload *theirs)
{
	must(ours->algorithm == theirs->policy.algorithm);
	if (ours->given & IOTKEY_OPTION_MODE)
		must(ours->mode == theirs->policy.mode);
	if (ours->algorithm == IOTKEY_ALGORITHM_ECDSA_P256) {
		must(!theirs->root.p && ours->parent == theirs->spec.parent);
		must(!(ours->given & IOTKEY_OPTION_MKPARENT) == !theirs->spec.mkparent);
		must(!(ours->given & IOTKEY_OPTION_RESTRICTED) ==
		     !theirs->spec.restricted);
		return;
	}
	must(same_text(ours->root, theirs->root));
	if (ours->given & IOTKEY_OPTION_LABEL)
		must(same_text(ours->label, theirs->label));
}

static void check_text(const struct iotkey_spec *spec, uint32_t allowed)
{
	struct iotkey_problem why;
	struct iot_payload p;
	char *text;
	size_t where;
	int len;

	if (iotkey_spec_check(spec, allowed, &why)) {
		must(why.range);
		return;
	}
	text = room(TEXT_MAX);
	len = iotkey_spec_text(spec, allowed, text, TEXT_MAX);
	must(len > 0 && len < TEXT_MAX && (size_t)len == strlen(text));
	must(!iot_payload_parse(&p, text, len, &where));
	must(p.verb == (allowed == IOTKEY_OPTIONS_ROOT	? IOT_VERB_NEW_ROOT
			: allowed == IOTKEY_OPTIONS_KEY ? IOT_VERB_NEW_KEY
							: IOT_VERB_SET));
	if (allowed == IOTKEY_OPTIONS_ROOT)
		check_root(spec, &p.spec);
	else
		check_policy(spec, &p.policy);
	if (allowed == IOTKEY_OPTIONS_KEY)
		check_key(spec, &p);
	free(text);

	/* and into less room than it needs */
	text = room(len);
	must(iotkey_spec_text(spec, allowed, text, len) == -ENOSPC);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *lines = strndup((const char *)data, size), *rest = lines;
	struct iotkey_spec spec = { 0 };
	const char *what;

	must(lines);
	what = strsep(&rest, "\n");
	if (rest)
		set_options(&spec, rest);
	check_text(&spec, !strcmp(what, "root")	 ? IOTKEY_OPTIONS_ROOT
			  : !strcmp(what, "set") ? IOTKEY_OPTIONS_SET
						 : IOTKEY_OPTIONS_KEY);
	free(lines);
	return 0;
}
