/* SPDX-License-Identifier: GPL-2.0-only */
/* The text that user space writes into a key, taken apart. Pure. */
#ifndef _IOT_PAYLOAD_H
#define _IOT_PAYLOAD_H

#include "policy.h"

#define IOT_PAYLOAD_MAX		16384

/* A piece of the text; not terminated. */
struct iot_span {
	const char *p;
	size_t len;
};

enum iot_verb {
	IOT_VERB_NEW_ROOT,
	IOT_VERB_NEW_KEY,
	IOT_VERB_LOAD,
	IOT_VERB_ROTATE,
	IOT_VERB_STORED,
	IOT_VERB_MIX,
	IOT_VERB_EPOCH,
	IOT_VERB_SET,
	IOT_VERB_PUBLISH,
	IOT_VERB_POLICY,
};

/* Bits of iot_payload::given, in the order of the options table. */
enum iot_option {
	IOT_OPT_PROVIDER,
	IOT_OPT_PARENT,
	IOT_OPT_MKPARENT,
	IOT_OPT_PCRS,
	IOT_OPT_KEY,
	IOT_OPT_ROOT,
	IOT_OPT_MODE,
	IOT_OPT_ROTATE,
	IOT_OPT_OVERLAP,
	IOT_OPT_AHEAD,
	IOT_OPT_LIFETIME,
	IOT_OPT_MAX_OPS,
	IOT_OPT_JITTER,
	IOT_OPT_START,
	IOT_OPT_USAGE,
	IOT_OPT_LABEL,
	IOT_OPT_SIZE,
	IOT_OPT_EPOCH,
	IOT_OPT_RESTRICTED,
};

/* How a root keeps its secret, from "new root ..."; or where a resident key is made. */
struct iot_root_spec {
	u8 provider;		/* enum iotkey_provider */
	bool mkparent;
	bool restricted;	/* a resident key that signs only what the TPM says */
	u16 pcr_bank;		/* TPM_ALG_ID, 0: no policy */
	u32 pcr_mask;		/* bits 0 to 23 */
	u32 parent;		/* persistent handle */
	struct iot_span key_type;
	struct iot_span key_name;
};

struct iot_payload {
	enum iot_verb verb;
	u32 given;		/* BIT(enum iot_option) */
	struct iot_policy policy;
	struct iot_root_spec spec;
	struct iot_span root;
	struct iot_span label;
	struct iot_span blob;	/* of "load" and "policy", with its white space */
	struct iot_span name;	/* of "publish" */
	u32 number;		/* of "stored", "epoch", and epoch= of "publish" */
	u8 size;		/* of "publish" */
	u8 mix_len;
	u8 mix[IOT_MIX_MAX];
};

int iot_payload_parse(struct iot_payload *out, const char *text, size_t len,
		      size_t *where);

#endif /* _IOT_PAYLOAD_H */
