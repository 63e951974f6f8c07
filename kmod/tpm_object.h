/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Objects of the TPM: what lies under a parent, as a TSS2 PRIVATE KEY says it.  They are
 * created, imported and loaded in a session that is salted to the parent.
 */
#ifndef _IOT_TPM_OBJECT_H
#define _IOT_TPM_OBJECT_H

#include "bytes.h"
#include "tpm_parent.h"
#include "tss2.h"

/* The session goes on; it ends with success; both for what is secret both ways. */
#define IOT_GO_ON	TPMBUF_SA_CONTINUE
#define IOT_END		0
#define IOT_SECRET	(TPMBUF_SA_DECRYPT | TPMBUF_SA_ENCRYPT)

/* An object, its parent, and the session with it. */
struct iot_object {
	struct tss2_key key;
	struct tss2_public pub;
	struct iot_parent parent;
	struct iot_session session;
};

/* An object in the TPM; its name, as the TPM says in the session. */
struct iot_loaded {
	u32 handle;
	u8 name[TPMBUF_NAME_MAX];
	size_t name_len;
};

/* The public area of an object to be, but for its unique fields. */
struct iot_template {
	u8 area[64];
	size_t len;
	size_t unique;		/* octets of those when they are empty */
};

int iot_object_check_parent(const struct tss2_key *key);
int iot_object_meet_parent(struct iot_tpm *t, struct iot_object *o, bool make);
int iot_object_create(struct iot_tpm *t, struct iot_object *o,
		      struct tpmbuf_span secret, const struct iot_template *tpl);
int iot_object_import(struct iot_tpm *t, struct iot_object *o,
		      struct iot_bytes *priv);
int iot_object_load(struct iot_tpm *t, struct iot_object *o, u8 session_end,
		    struct iot_loaded *l);
int iot_object_encode(const struct tss2_key *key, struct tpmbuf_span head,
		      struct iot_bytes *out);

#endif /* _IOT_TPM_OBJECT_H */
