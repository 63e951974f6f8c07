/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the registrar answers: one table for each part, all put together in routes.c.
 */
#ifndef _REGISTRAR_ROUTES_H
#define _REGISTRAR_ROUTES_H

#include "http.h"

extern const struct route est_routes[];	       /* est.c */
extern const struct route revocation_routes[]; /* revocation.c: CRL and OCSP */

extern const struct route join_routes[];      /* join.c: first contact, and nonces */
extern const struct route attest_routes[];    /* attest.c */
extern const struct route release_routes[];   /* release.c */
extern const struct route statement_routes[]; /* statement.c */
extern const struct route admin_routes[];     /* admin.c: for iotkeyctl fleet */
extern const struct route metrics_routes[];   /* metrics.c */

void routes_add(struct worker *worker);

#endif /* _REGISTRAR_ROUTES_H */
