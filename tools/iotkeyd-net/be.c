// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity.h"
#include "work.h"

static bool be(struct work *work, const struct identity *identity, struct fault *f)
{
	struct tls_identity *loaded = identity_load(identity, f);

	http_be(work->http, loaded);
	return loaded;
}

void be_nobody(struct work *work)
{
	http_be(work->http, NULL);
}

bool be_current(struct work *work, struct fault *f)
{
	return be(work, &work->hello.current, f);
}

bool be_pending(struct work *work, struct fault *f)
{
	return be(work, &work->hello.pending, f);
}
