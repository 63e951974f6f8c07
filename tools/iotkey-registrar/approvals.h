/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The file of approvals: PCR values under which devices may open their roots, each signed by the
 * policy signer.  A line for each, the newest last; what begins with # is a comment:
 *
 *	SELECTION SHA256-OF-THE-VALUES SIGNATURE [NAME]
 *
 * as "sha256:0,2,4,7", hex, hex of the TPMT_SIGNATURE, and whatever tells people what it is.
 */
#ifndef _REGISTRAR_APPROVALS_H
#define _REGISTRAR_APPROVALS_H

#include <iotkey-fleet.h>

struct approvals {
	struct iotkey_approval *one; /* the newest first */
	size_t count;
};

/*
 * approvals_read(): a missing file has none.  Signatures are not looked at.  On an error it has
 * said what is wrong.
 */
int approvals_read(const char *path, struct approvals *approvals);
void approvals_free(struct approvals *approvals);

/* approvals_find(): an approval of these values; NULL: there is none */
const struct iotkey_approval *
approvals_find(const struct approvals *approvals,
	       const struct iotkey_pcr_selection *selection,
	       const uint8_t pcr_digest[IOTKEY_POLICY_SIZE]);

/* approvals_add(): a line more; @selection is the text of what was approved.  -errno */
int approvals_add(const char *path, const char *selection,
		  const struct iotkey_approval *approval, const char *name);

#endif /* _REGISTRAR_APPROVALS_H */
