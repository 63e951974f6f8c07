// SPDX-License-Identifier: GPL-2.0-or-later
#include "routes.h"

void routes_add(struct worker *worker)
{
	http_routes(worker, est_routes);
	http_routes(worker, revocation_routes);
	http_routes(worker, join_routes);
	http_routes(worker, attest_routes);
	http_routes(worker, release_routes);
	http_routes(worker, statement_routes);
	http_routes(worker, admin_routes);
	http_routes(worker, metrics_routes);
}
