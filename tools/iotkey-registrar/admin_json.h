/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rows of the store as the administration shows them.  NULL: no memory.
 */
#ifndef _REGISTRAR_ADMIN_JSON_H
#define _REGISTRAR_ADMIN_JSON_H

#include <jansson.h>

#include "store.h"

const char *admin_state(enum store_state state);
json_t *admin_device(const struct store_device *device);
json_t *admin_certificate(const struct store_certificate *certificate);
json_t *admin_root(const struct store_root *root);
json_t *admin_group(const struct store_group *group);
json_t *admin_token(const struct store_token *token);

#endif /* _REGISTRAR_ADMIN_JSON_H */
