/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys by what the user calls them.  All return an exit code, and have said what was wrong.
 */
#ifndef _COMMON_KEY_H
#define _COMMON_KEY_H

#include <iotkey.h>

int find_key(const char *text, int32_t *key);
int find_keyring(const char *text, int32_t *keyring);
int get_status(const char *text, struct iotkey_status *status);

#endif /* _COMMON_KEY_H */
