// SPDX-License-Identifier: GPL-2.0-or-later
#include "registrar.h"
#include "work.h"

bool promote(struct work *work, struct fault *f)
{
	struct nonce nonce;

	/* any call that needs a certificate: the answer is what counts */
	return be_pending(work, f) && registrar_nonce(work->http, "attest", &nonce, f) &&
	       keeper_promote(work->keeper, f);
}
