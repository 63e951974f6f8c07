/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Statements: what is revoked, signed and numbered, for devices to fetch and wait for.
 */
#ifndef _REGISTRAR_STATEMENT_H
#define _REGISTRAR_STATEMENT_H

#include <iotkey-fleet.h>

struct worker;

/*
 * statement_add(): one more statement, in the batch that is open, after what it says has been
 * done to the store.  -EAGAIN: another process was first: the batch is to be run again;
 * -EINVAL, -EFBIG: as iotkey_statement_make(); -EIO: the CA did not sign; or of the store.
 */
int statement_add(struct worker *worker, const struct iotkey_revocation *revocations,
		  size_t count);

/*
 * statement_start(): in a worker, before its loop: hear of new statements, to answer those who
 * wait.  0 or -ENOMEM; statement_stop() in any case, after http_stop().
 */
int statement_start(struct worker *worker);
void statement_stop(struct worker *worker);

#endif /* _REGISTRAR_STATEMENT_H */
