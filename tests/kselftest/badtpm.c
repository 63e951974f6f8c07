// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish while roots are made, opened, imported, and
 * opened and approved under signed policies.  Each kind of wrong answer has its errno, leaves
 * no key behind and nothing in the TPM (but where a handle was forged), and the next try,
 * answered well, works.
 *
 * vm: no-tpm
 * sources: kmod/tss2.c kmod/tpmbuf.c kmod/session.c tests/host/crypto.c tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/fake_tpm.c tests/kselftest/common/badtpm.c tests/host/approval.c
 * libs: -lpthread -lcrypto
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../host/approval.h"
#include "common/badtpm.h"

enum op { MAKE, OPEN, IMPORT, OPEN_SIGNED, APPROVE };

static char texts[OPEN_SIGNED + 1][4096] = { "new root provider=tpm parent=0x81000001" };
static char approvals[2048];
static key_serial_t approved; /* a root with a signed policy */

static void encode(const struct tss2_key *key, char *text)
{
	uint8_t der[TSS2_MAX];
	int len = tss2_encode(key, der, sizeof(der));

	if (len < 0) {
		printf("Bail out! cannot write the DER: %d\n", len);
		exit(1);
	}
	strcpy(text, "load ");
	iot_base64(der, len, text + 5);
}

/* A sealed object, whose TPM decides what becomes of it: as it is, importable, or signed. */
static void write_object(enum op op)
{
	static const uint8_t priv[] = "\0\x20"
				      "00000000000000000000000000000000";
	uint8_t pub[128] = { 0 }, policy[32], list[1024];
	struct tpmbuf_writer w = { .data = pub, .size = sizeof(pub) };
	struct tss2_key key = { .type = op == IMPORT ? TSS2_IMPORTABLE : TSS2_SEALED,
				.empty_auth = true,
				.parent = PARENT };
	uint32_t attributes = TSS2_OA_NO_DA;
	size_t begin = tpmbuf_begin_2b(&w);

	attributes |= op == IMPORT ? 0 : TSS2_OA_FIXED_TPM | TSS2_OA_FIXED_PARENT;
	attributes |= op == OPEN_SIGNED ? 0 : TSS2_OA_USER_WITH_AUTH;
	tpmbuf_put_u16(&w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, attributes);
	approval_policy(policy);
	tpmbuf_put_2b(&w, policy, op == OPEN_SIGNED ? sizeof(policy) : 0);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_2b(&w, priv, 32); /* unique: any digest */
	tpmbuf_end_2b(&w, begin);
	key.pub = (struct tpmbuf_span){ pub, w.len };
	key.priv = key.secret = (struct tpmbuf_span){ priv, 34 };
	if (op != IMPORT)
		key.secret.len = 0;
	if (op == OPEN_SIGNED) {
		key.own.authorized = true;
		key.own.approval = approval_key();
		key.alternatives =
			(struct tpmbuf_span){ list,
					      approval_list(list, 2, APPROVAL_REF) };
	}
	encode(&key, texts[op]);
}

/* "policy": two approvals */
static void write_approvals(void)
{
	uint8_t der[1024] = { 0x30, 0x82 };
	size_t len = approval_list(der + 4, 2, APPROVAL_REF);

	put_unaligned_be16(len, der + 2);
	strcpy(approvals, "policy ");
	iot_base64(der, 4 + len, approvals + 7);
}

static const struct bad bads[] = {
	{ BAD("read public: no such parent", OPEN, READ_PUBLIC, RC, 0x18b, ENXIO) },
	{ BAD("read public: another key", OPEN, READ_PUBLIC, FLIP, HEADER + 40,
	      EBADMSG) },
	{ BAD("read public: another name", OPEN, READ_PUBLIC, FLIP, HEADER + 110,
	      EBADMSG) },
	{ BAD("read public: another place", OPEN, READ_PUBLIC, FLIP, HEADER + 150,
	      EBADMSG) },
	{ BAD("read public: no storage key", OPEN, READ_PUBLIC, CUT, HEADER + 20,
	      EBADMSG) },
	{ BAD("read public: not in the session", OPEN, READ_PUBLIC, RC_IN, 0x98e,
	      EBADMSG) },
	{ BAD("session: no such parent", OPEN, START_AUTH_SESSION, RC, 0x18b, ENXIO) },
	{ BAD("session: out of them", OPEN, START_AUTH_SESSION, RC, 0x903, EBUSY) },
	{ BAD("session: another nonce", OPEN, START_AUTH_SESSION, FLIP, HEADER + 8,
	      EBADMSG) },
	{ BAD("session: not a session's handle", OPEN, START_AUTH_SESSION, FLIP, HEADER,
	      EBADMSG),
	  .leaves = true },
	{ BAD("session: cut short", OPEN, START_AUTH_SESSION, CUT, HEADER + 10,
	      EBADMSG) },
	{ BAD("create: failure mode", MAKE, CREATE, RC, 0x101, EIO) },
	{ BAD("create: no such parent", MAKE, CREATE, RC, 0x18b, ENXIO) },
	{ BAD("create: the parent is no storage key", MAKE, CREATE, RC, 0x18a, EINVAL) },
	{ BAD("create: locked out", MAKE, CREATE, RC, 0x921, EBUSY) },
	{ BAD("create: out of slots", MAKE, CREATE, RC, 0x902, EBUSY) },
	{ BAD("create: yields for ever", MAKE, CREATE, RC, 0x908, EBUSY) },
	{ BAD("create: a password is wanted", MAKE, CREATE, RC, 0x98e, EOPNOTSUPP) },
	{ BAD("create: an unknown code", MAKE, CREATE, RC, 0x1fd, EIO) },
	{ BAD("create: another layer's code", MAKE, CREATE, RC, 0x40001, EIO) },
	{ BAD("create: success, and nothing else", MAKE, CREATE, CUT, HEADER, EBADMSG) },
	{ BAD("create: a private part of no octets", MAKE, CREATE, SIZED, 0, EBADMSG) },
	{ BAD("create: a private part that Load has no room for", MAKE, CREATE, SIZED,
	      3500, EBADMSG) },
	{ BAD("load: integrity", OPEN, LOAD, RC, 0x1df, EKEYREJECTED) },
	{ BAD("load: no such parent", OPEN, LOAD, RC, 0x18b, ENXIO) },
	{ BAD("load: failure mode", OPEN, LOAD, RC, 0x101, EIO) },
	{ BAD("load: out of slots", OPEN, LOAD, RC, 0x902, EBUSY) },
	{ BAD("load: no handle", OPEN, LOAD, CUT, HEADER, EBADMSG), .leaves = true },
	{ BAD("load: half a handle", OPEN, LOAD, CUT, HEADER + 2, EBADMSG),
	  .leaves = true },
	{ BAD("load: not a transient handle", OPEN, LOAD, FLIP, HEADER, EBADMSG),
	  .leaves = true },
	{ BAD("load: half a header", OPEN, LOAD, CUT, 6, EBADMSG), .leaves = true },
	{ BAD("load: a longer header's size", OPEN, LOAD, LIE, 1, EBADMSG),
	  .leaves = true },
	{ BAD("unseal: PCRs", OPEN, UNSEAL, RC, 0x99d, EPERM) },
	{ BAD("unseal: failure mode", OPEN, UNSEAL, RC, 0x101, EIO) },
	{ BAD("unseal: another tag", OPEN, UNSEAL, FLIP, 1, EBADMSG) },
	{ BAD("unseal: a parameter size of its own", OPEN, UNSEAL, FLIP, HEADER + 3,
	      EBADMSG) },
	{ BAD("unseal: a huge parameter size", OPEN, UNSEAL, FLIP, HEADER, EBADMSG) },
	{ BAD("unseal: a huge secret", OPEN, UNSEAL, FLIP, HEADER + 4, EBADMSG) },
	{ BAD("unseal: cut in the secret", OPEN, UNSEAL, CUT, HEADER + 20, EBADMSG) },
	{ BAD("unseal: a changed secret", OPEN, UNSEAL, FLIP, HEADER + 12, EBADMSG) },
	{ BAD("unseal: a changed nonce", OPEN, UNSEAL, FLIP, HEADER + 42, EBADMSG) },
	{ BAD("unseal: a changed HMAC", OPEN, UNSEAL, FLIP, HEADER + 60, EBADMSG) },
	{ BAD("unseal: a response code made of a success", OPEN, UNSEAL, FLIP, 9,
	      EBADMSG) },
	{ BAD("unseal: the handle it gave is unknown", OPEN, UNSEAL, RC, 0x18b,
	      EBADMSG) },
	{ BAD("unseal: bytes behind the end", OPEN, UNSEAL, LONGER, 3, EBADMSG) },
	{ BAD("unseal: 31 bytes", OPEN, UNSEAL, SIZED, 31, EINVAL) },
	{ BAD("unseal: 33 bytes", OPEN, UNSEAL, SIZED, 33, EINVAL) },
	{ BAD("unseal: no bytes", OPEN, UNSEAL, SIZED, 0, EINVAL) },

	{ BAD("import: integrity", IMPORT, IMPORT, RC, 0x3df, EKEYREJECTED) },
	{ BAD("import: for another TPM", IMPORT, IMPORT, RC, 0x4c4, EKEYREJECTED) },
	{ BAD("import: an unknown kind of object", IMPORT, IMPORT, RC, 0x2ca,
	      EKEYREJECTED) },
	{ BAD("import: no such parent", IMPORT, IMPORT, RC, 0x18b, ENXIO) },
	{ BAD("import: a password is wanted", IMPORT, IMPORT, RC, 0x98e, EOPNOTSUPP) },
	{ BAD("import: out of slots", IMPORT, IMPORT, RC, 0x902, EBUSY) },
	{ BAD("import: out of memory", IMPORT, IMPORT, RC, 0x904, EBUSY) },
	{ BAD("import: try again, for ever", IMPORT, IMPORT, RC, 0x922, EBUSY) },
	{ BAD("import: locked out", IMPORT, IMPORT, RC, 0x921, EBUSY) },
	{ BAD("import: failure mode", IMPORT, IMPORT, RC, 0x101, EIO) },
	{ BAD("import: a command it does not know", IMPORT, IMPORT, RC, 0x143, EIO) },
	{ BAD("import: no answer", IMPORT, IMPORT, CUT, HEADER, EBADMSG) },
	{ BAD("import: half a header", IMPORT, IMPORT, CUT, 6, EBADMSG) },
	{ BAD("import: cut in the private part", IMPORT, IMPORT, CUT, SESSION_HEADER + 20,
	      EBADMSG) },
	{ BAD("import: another tag", IMPORT, IMPORT, FLIP, 1, EBADMSG) },
	{ BAD("import: a huge size of parameters", IMPORT, IMPORT, FLIP, HEADER,
	      EBADMSG) },
	{ BAD("import: a huge private part", IMPORT, IMPORT, FLIP, SESSION_HEADER,
	      EBADMSG) },
	{ BAD("import: another private part", IMPORT, IMPORT, FLIP, SESSION_HEADER + 9,
	      EBADMSG) },
	{ BAD("import: another nonce", IMPORT, IMPORT, FLIP, SESSION_HEADER + 86,
	      EBADMSG) },
	{ BAD("import: another HMAC", IMPORT, IMPORT, FLIP, SESSION_HEADER + 110,
	      EBADMSG) },
	{ BAD("import: octets behind the session", IMPORT, IMPORT, LONGER, 5, EBADMSG) },
	{ BAD("import: long rubbish behind it", IMPORT, IMPORT, LONGER, 3700, EBADMSG) },
	{ BAD("import: octets behind the private part", IMPORT, IMPORT, MORE, 2,
	      EBADMSG) },
	{ BAD("import: a private part of no octets", IMPORT, IMPORT, SIZED, 0, EBADMSG) },
	{ BAD("import: a private part that Load has no room for", IMPORT, IMPORT, SIZED,
	      3900, EBADMSG) },
	{ BAD("import: what was imported is not to be loaded", IMPORT, LOAD, RC, 0x1df,
	      EKEYREJECTED) },
	{ BAD("import: nor is its name right", IMPORT, LOAD, FLIP,
	      SESSION_HEADER + 4 + 10, EBADMSG) },

	{ BAD("signed: out of sessions for the policy", OPEN_SIGNED, START_AUTH_SESSION,
	      RC_IN, 0x903, EBUSY) },
	{ BAD("signed: not of those PCRs", OPEN_SIGNED, POLICY_PCR, RC, 0x1c4, EPERM) },
	{ BAD("signed: a bank that it lacks", OPEN_SIGNED, POLICY_PCR, RC, 0x2c4,
	      EINVAL) },
	{ BAD("signed: no such policy session", OPEN_SIGNED, POLICY_PCR, RC, 0x18b,
	      EBADMSG) },
	{ BAD("signed: PCRs, another HMAC", OPEN_SIGNED, POLICY_PCR, FLIP,
	      SESSION_HEADER + 30, EBADMSG) },
	{ BAD("signed: a key that it does not take", OPEN_SIGNED, LOAD_EXTERNAL, RC,
	      0x2d2, EOPNOTSUPP) },
	{ BAD("signed: a key of an unknown kind", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x2ca,
	      EOPNOTSUPP) },
	{ BAD("signed: no such hierarchy", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x3c4,
	      EOPNOTSUPP) },
	{ BAD("signed: out of slots for its key", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x902,
	      EBUSY) },
	{ BAD("signed: out of object handles", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x906,
	      EBUSY) },
	{ BAD("signed: locked out", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x921, EBUSY) },
	{ BAD("signed: try again, for ever", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x922,
	      EBUSY) },
	{ BAD("signed: failure mode", OPEN_SIGNED, LOAD_EXTERNAL, RC, 0x101, EIO) },
	{ BAD("signed: no handle", OPEN_SIGNED, LOAD_EXTERNAL, CUT, HEADER, EBADMSG),
	  .leaves = true },
	{ BAD("signed: half a handle", OPEN_SIGNED, LOAD_EXTERNAL, CUT, HEADER + 2,
	      EBADMSG),
	  .leaves = true },
	{ BAD("signed: a handle alone", OPEN_SIGNED, LOAD_EXTERNAL, CUT, HEADER + 4,
	      EBADMSG) },
	{ BAD("signed: not a transient handle", OPEN_SIGNED, LOAD_EXTERNAL, FLIP, HEADER,
	      EBADMSG),
	  .leaves = true },
	{ BAD("signed: the handle of nothing", OPEN_SIGNED, LOAD_EXTERNAL, OTHER_HANDLE,
	      7, EBADMSG),
	  .leaves = true },
	{ BAD("signed: another name", OPEN_SIGNED, LOAD_EXTERNAL, OTHER_NAME, 0,
	      EBADMSG) },
	{ BAD("signed: a changed name", OPEN_SIGNED, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 10, EBADMSG) },
	{ BAD("signed: a name of another size", OPEN_SIGNED, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 1, EBADMSG) },
	{ BAD("signed: another HMAC for its key", OPEN_SIGNED, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 60, EBADMSG) },
	{ BAD("signed: octets behind its key", OPEN_SIGNED, LOAD_EXTERNAL, LONGER, 9,
	      EBADMSG) },
	{ BAD("signed: another signature", OPEN_SIGNED, VERIFY_SIGNATURE, RC, 0x2db,
	      EKEYREJECTED) },
	{ BAD("signed: a scheme of another key", OPEN_SIGNED, VERIFY_SIGNATURE, RC, 0x2d2,
	      EKEYREJECTED) },
	{ BAD("signed: the handle it gave is unknown", OPEN_SIGNED, VERIFY_SIGNATURE, RC,
	      0x18b, EBADMSG) },
	{ BAD("signed: nothing is at the handle it gave", OPEN_SIGNED, VERIFY_SIGNATURE,
	      RC, 0x910, EBADMSG) },
	{ BAD("signed: out of memory to verify", OPEN_SIGNED, VERIFY_SIGNATURE, RC, 0x904,
	      EBUSY) },
	{ BAD("signed: locked out before it verifies", OPEN_SIGNED, VERIFY_SIGNATURE, RC,
	      0x921, EBUSY) },
	{ BAD("signed: failure mode when it verifies", OPEN_SIGNED, VERIFY_SIGNATURE, RC,
	      0x101, EIO) },
	{ BAD("signed: no ticket", OPEN_SIGNED, VERIFY_SIGNATURE, CUT, HEADER, EBADMSG) },
	{ BAD("signed: cut in the ticket", OPEN_SIGNED, VERIFY_SIGNATURE, CUT,
	      SESSION_HEADER + 12, EBADMSG) },
	{ BAD("signed: a ticket of another kind", OPEN_SIGNED, VERIFY_SIGNATURE,
	      OTHER_TAG, 0x8021, EBADMSG) },
	{ BAD("signed: a ticket larger than any", OPEN_SIGNED, VERIFY_SIGNATURE, SIZED,
	      65, EBADMSG) },
	{ BAD("signed: octets behind the ticket", OPEN_SIGNED, VERIFY_SIGNATURE, MORE, 1,
	      EBADMSG) },
	{ BAD("signed: a changed ticket", OPEN_SIGNED, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 10, EBADMSG) },
	{ BAD("signed: a huge ticket", OPEN_SIGNED, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 6, EBADMSG) },
	{ BAD("signed: another nonce with the ticket", OPEN_SIGNED, VERIFY_SIGNATURE,
	      FLIP, SESSION_HEADER + 45, EBADMSG) },
	{ BAD("signed: another HMAC for the ticket", OPEN_SIGNED, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 70, EBADMSG) },
	{ BAD("signed: octets behind the session of the ticket", OPEN_SIGNED,
	      VERIFY_SIGNATURE, LONGER, 3, EBADMSG) },
	{ BAD("signed: long rubbish behind the ticket", OPEN_SIGNED, VERIFY_SIGNATURE,
	      LONGER, 3700, EBADMSG) },
	{ BAD("signed: the policy is another", OPEN_SIGNED, POLICY_AUTHORIZE, RC, 0x1c4,
	      EINVAL) },
	{ BAD("signed: the ticket is not its own", OPEN_SIGNED, POLICY_AUTHORIZE, RC,
	      0x5e0, EBADMSG) },
	{ BAD("signed: the name of another key", OPEN_SIGNED, POLICY_AUTHORIZE, RC, 0x3c4,
	      EBADMSG) },
	{ BAD("signed: no such policy session to approve", OPEN_SIGNED, POLICY_AUTHORIZE,
	      RC, 0x18b, EBADMSG) },
	{ BAD("signed: a PCR has changed meanwhile", OPEN_SIGNED, POLICY_AUTHORIZE, RC,
	      0x128, EPERM) },
	{ BAD("signed: a policy that fails", OPEN_SIGNED, POLICY_AUTHORIZE, RC, 0x126,
	      EPERM) },
	{ BAD("signed: out of memory to approve", OPEN_SIGNED, POLICY_AUTHORIZE, RC,
	      0x904, EBUSY) },
	{ BAD("signed: try again to approve, for ever", OPEN_SIGNED, POLICY_AUTHORIZE, RC,
	      0x922, EBUSY) },
	{ BAD("signed: failure mode when it approves", OPEN_SIGNED, POLICY_AUTHORIZE, RC,
	      0x101, EIO) },
	{ BAD("signed: no answer to the approval", OPEN_SIGNED, POLICY_AUTHORIZE, CUT, 6,
	      EBADMSG) },
	{ BAD("signed: half a session", OPEN_SIGNED, POLICY_AUTHORIZE, CUT,
	      SESSION_HEADER + 10, EBADMSG) },
	{ BAD("signed: another HMAC of the approval", OPEN_SIGNED, POLICY_AUTHORIZE, FLIP,
	      SESSION_HEADER + 30, EBADMSG) },
	{ BAD("signed: octets behind the approval", OPEN_SIGNED, POLICY_AUTHORIZE, LONGER,
	      2, EBADMSG) },
	{ BAD("signed: failure mode when it restarts", OPEN_SIGNED, POLICY_RESTART, RC,
	      0x101, EIO),
	  .also = { TPMBUF_CC_VERIFY_SIGNATURE, RC, 0x2db } },
	{ BAD("signed: another HMAC of the restart", OPEN_SIGNED, POLICY_RESTART, FLIP,
	      SESSION_HEADER + 30, EBADMSG),
	  .also = { TPMBUF_CC_VERIFY_SIGNATURE, RC, 0x2db } },
	{ BAD("signed: the object is not to be loaded", OPEN_SIGNED, LOAD, RC, 0x1df,
	      EKEYREJECTED) },
	{ BAD("signed: the policy was not met after all", OPEN_SIGNED, UNSEAL, RC, 0x99d,
	      EPERM) },
	{ BAD("signed: a secret under another HMAC", OPEN_SIGNED, UNSEAL, FLIP,
	      SESSION_HEADER + 60, EBADMSG) },
};

/* With a live root, whose approvals are replaced. */
static const struct bad bads_of_approval[] = {
	{ BAD("approve: no such parent", APPROVE, START_AUTH_SESSION, RC, 0x18b, ENXIO) },
	{ BAD("approve: out of sessions", APPROVE, START_AUTH_SESSION, RC, 0x903,
	      EBUSY) },
	{ BAD("approve: a key that it does not take", APPROVE, LOAD_EXTERNAL, RC, 0x2d2,
	      EOPNOTSUPP) },
	{ BAD("approve: a key of an unknown kind", APPROVE, LOAD_EXTERNAL, RC, 0x2ca,
	      EOPNOTSUPP) },
	{ BAD("approve: no such hierarchy", APPROVE, LOAD_EXTERNAL, RC, 0x3c4,
	      EOPNOTSUPP) },
	{ BAD("approve: out of slots for its key", APPROVE, LOAD_EXTERNAL, RC, 0x902,
	      EBUSY) },
	{ BAD("approve: out of object handles", APPROVE, LOAD_EXTERNAL, RC, 0x906,
	      EBUSY) },
	{ BAD("approve: locked out", APPROVE, LOAD_EXTERNAL, RC, 0x921, EBUSY) },
	{ BAD("approve: try again, for ever", APPROVE, LOAD_EXTERNAL, RC, 0x922, EBUSY) },
	{ BAD("approve: failure mode", APPROVE, LOAD_EXTERNAL, RC, 0x101, EIO) },
	{ BAD("approve: no handle", APPROVE, LOAD_EXTERNAL, CUT, HEADER, EBADMSG),
	  .leaves = true },
	{ BAD("approve: half a handle", APPROVE, LOAD_EXTERNAL, CUT, HEADER + 2, EBADMSG),
	  .leaves = true },
	{ BAD("approve: a handle alone", APPROVE, LOAD_EXTERNAL, CUT, HEADER + 4,
	      EBADMSG) },
	{ BAD("approve: not a transient handle", APPROVE, LOAD_EXTERNAL, FLIP, HEADER,
	      EBADMSG),
	  .leaves = true },
	{ BAD("approve: the handle of nothing", APPROVE, LOAD_EXTERNAL, OTHER_HANDLE, 7,
	      EBADMSG),
	  .leaves = true },
	{ BAD("approve: another name", APPROVE, LOAD_EXTERNAL, OTHER_NAME, 0, EBADMSG) },
	{ BAD("approve: a changed name", APPROVE, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 10, EBADMSG) },
	{ BAD("approve: a name of another size", APPROVE, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 1, EBADMSG) },
	{ BAD("approve: another HMAC for its key", APPROVE, LOAD_EXTERNAL, FLIP,
	      SESSION_HEADER + 4 + 60, EBADMSG) },
	{ BAD("approve: octets behind its key", APPROVE, LOAD_EXTERNAL, LONGER, 9,
	      EBADMSG) },
	{ BAD("approve: another signature", APPROVE, VERIFY_SIGNATURE, RC, 0x2db,
	      EKEYREJECTED) },
	{ BAD("approve: a scheme of another key", APPROVE, VERIFY_SIGNATURE, RC, 0x2d2,
	      EKEYREJECTED) },
	{ BAD("approve: the handle it gave is unknown", APPROVE, VERIFY_SIGNATURE, RC,
	      0x18b, EBADMSG) },
	{ BAD("approve: nothing is at the handle it gave", APPROVE, VERIFY_SIGNATURE, RC,
	      0x910, EBADMSG) },
	{ BAD("approve: out of memory to verify", APPROVE, VERIFY_SIGNATURE, RC, 0x904,
	      EBUSY) },
	{ BAD("approve: locked out before it verifies", APPROVE, VERIFY_SIGNATURE, RC,
	      0x921, EBUSY) },
	{ BAD("approve: failure mode when it verifies", APPROVE, VERIFY_SIGNATURE, RC,
	      0x101, EIO) },
	{ BAD("approve: no ticket", APPROVE, VERIFY_SIGNATURE, CUT, HEADER, EBADMSG) },
	{ BAD("approve: cut in the ticket", APPROVE, VERIFY_SIGNATURE, CUT,
	      SESSION_HEADER + 12, EBADMSG) },
	{ BAD("approve: a ticket of another kind", APPROVE, VERIFY_SIGNATURE, OTHER_TAG,
	      0x8021, EBADMSG) },
	{ BAD("approve: a ticket larger than any", APPROVE, VERIFY_SIGNATURE, SIZED, 65,
	      EBADMSG) },
	{ BAD("approve: octets behind the ticket", APPROVE, VERIFY_SIGNATURE, MORE, 1,
	      EBADMSG) },
	{ BAD("approve: a changed ticket", APPROVE, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 10, EBADMSG) },
	{ BAD("approve: a huge ticket", APPROVE, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 6, EBADMSG) },
	{ BAD("approve: another nonce with the ticket", APPROVE, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 45, EBADMSG) },
	{ BAD("approve: another HMAC for the ticket", APPROVE, VERIFY_SIGNATURE, FLIP,
	      SESSION_HEADER + 70, EBADMSG) },
	{ BAD("approve: octets behind the session of the ticket", APPROVE,
	      VERIFY_SIGNATURE, LONGER, 3, EBADMSG) },
	{ BAD("approve: long rubbish behind the ticket", APPROVE, VERIFY_SIGNATURE,
	      LONGER, 3700, EBADMSG) },
};

static int operate(int op)
{
	key_serial_t key;
	int error;

	if (op == APPROVE)
		return iot_update(approved, "%s", approvals);
	key = iot_add("root", "%s", texts[op]);
	error = key < 0 ? errno : 0;
	if (key >= 0)
		iot_drop(key);
	return error;
}

int main(void)
{
	pthread_t tpm = fake_tpm_start();

	for (enum op op = OPEN; op <= OPEN_SIGNED; op++)
		write_object(op);
	write_approvals();
	iot_drop(bad_first("root", texts[OPEN]));
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		bad_try(&bads[i], operate, 0);

	approved = bad_first("root", texts[OPEN_SIGNED]);
	for (size_t i = 0; i < ARRAY_SIZE(bads_of_approval); i++)
		bad_try(&bads_of_approval[i], operate, 1);
	iot_drop(approved);

	bad_hang_up(tpm, TPMBUF_CC_UNSEAL, operate, OPEN);
	ktap_ok(!iot_count(), "no key is left");
	return ktap_done();
}
