// SPDX-License-Identifier: GPL-2.0-or-later
#include "routes.h"

void routes_add(struct worker *worker)
{
	http_routes(worker, est_routes);
	http_routes(worker, revocation_routes);
}
