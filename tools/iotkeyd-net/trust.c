// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whoever answers is believed for one thing only, which CA he shows; the keeper has the
 * fingerprint, or the leave to take the first one.  From then on that CA has to vouch for the
 * registrar's name.
 */
#include <stdlib.h>

#include "registrar.h"
#include "work.h"

bool trust(struct work *work, struct fault *f)
{
	char *pem;
	bool good;

	be_nobody(work);
	if (!registrar_ca(work->http, &pem, f))
		return false;
	good = keeper_trust(work->keeper, pem, f);
	free(pem);
	return good;
}
