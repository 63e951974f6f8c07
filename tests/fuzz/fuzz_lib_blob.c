// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text: no crash; what the library takes obeys what <iotkey.h> promises of it, and
 * what the kernel takes the library takes too, and reads the same out of it.
 *
 * covers: lib/blob.c
 * sources: lib/blob.c lib/spec.c lib/words.c
 */
#include "../../lib/lib_private.h"

#include "base64.h"
#undef ARRAY_SIZE
#include "blob.h"
#include "fuzz.h"

static void check_header(const struct iotkey_blob *blob)
{
	bool root = blob->kind == IOTKEY_BLOB_ROOT;

	must(root || blob->kind == IOTKEY_BLOB_KEY);
	must(iotkey_name_ok(blob->name) && strlen(blob->label) <= IOTKEY_LABEL_MAX);
	must(root ? !blob->root[0] : iotkey_name_ok(blob->root));
	must(root == !blob->algorithm && root == !!blob->provider);
}

static bool same_text(const char *ours, const char *theirs, size_t len)
{
	return strlen(ours) == len && !memcmp(ours, theirs, len);
}

static void check_same(const struct iotkey_blob *ours, const struct iot_blob *theirs)
{
	const struct iot_policy *p = &theirs->policy;
	const struct iot_state *s = &theirs->state;

	must(ours->kind == theirs->kind && ours->provider == theirs->provider);
	must(ours->algorithm == p->algorithm && ours->mode == p->mode &&
	     ours->usage == p->usage);
	must(!memcmp(ours->id, theirs->id, IOT_ID_SIZE) &&
	     !memcmp(ours->root_id, theirs->root_id, IOT_ID_SIZE));
	must(ours->rotate == p->rotate && ours->overlap == p->overlap &&
	     ours->ahead == p->ahead && ours->lifetime == p->lifetime &&
	     ours->jitter == p->jitter && ours->max_ops == p->max_ops);
	must(ours->start == (u64)p->start && ours->created == (u64)s->created &&
	     ours->saved == (u64)theirs->saved && ours->activated == (u64)s->activated);
	must(ours->ops == s->ops && ours->version == s->version &&
	     ours->newest == s->newest && ours->epoch == s->epoch);
	must(same_text(ours->name, theirs->name, theirs->name_len) &&
	     same_text(ours->root, theirs->root, theirs->root_len) &&
	     same_text(ours->label, theirs->label, theirs->label_len));
}

/* As the kernel reads the blob of a "load". */
static bool kernel_takes(const char *text, size_t size, struct iot_blob *blob)
{
	static u8 bytes[IOT_BLOB_MAX];
	int len = iot_base64_decode(bytes, sizeof(bytes), text, size);

	return len >= 0 && !iot_blob_decode(blob, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct iotkey_blob blob, nothing = { 0 };
	const char *text = (const char *)data;
	struct iot_blob theirs;
	int err;

	memset(&blob, 0xff, sizeof(blob));
	err = iotkey_blob_parse(text, size, &blob);
	if (err) {
		must(err == -EBADMSG || err == -EPROTONOSUPPORT || err == -E2BIG);
		must(!memcmp(&blob, &nothing, sizeof(blob)));
	} else if (blob.kind != IOTKEY_BLOB_TSS2) {
		check_header(&blob);
	}
	if (size <= IOTKEY_PAYLOAD_MAX && kernel_takes(text, size, &theirs)) {
		must(!err);
		check_same(&blob, &theirs);
	}
	return 0;
}
