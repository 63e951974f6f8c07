/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may use the administration, and as what.
 */
#ifndef _REGISTRAR_ADMIN_H
#define _REGISTRAR_ADMIN_H

#include <openssl/x509.h>

#include "store.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_OPERATOR, ROLE_ADMIN };

/*
 * admin_role(): what the file at @path says of the holder of @certificate: lines
 * "ROLE SHA256-OF-THE-CERTIFICATE NAME", '#' begins a comment.  It is read for every request, so
 * who is taken out of it is out at once.  A line that is none gives nobody anything.
 */
enum role admin_role(const char *path, const X509 *certificate,
		     char name[STORE_NAME_MAX + 1]);

#endif /* _REGISTRAR_ADMIN_H */
