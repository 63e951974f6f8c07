// SPDX-License-Identifier: GPL-2.0-or-later
#include "key.h"

#include "say.h"

int find_key(const char *text, int32_t *key)
{
	int err = iotkey_find(text, key);

	return err ? say_key_error(err, "cannot find key '%s'", text) : EXIT_OK;
}

int find_keyring(const char *text, int32_t *keyring)
{
	int err = iotkey_keyring(text, keyring);

	return err ? say_key_error(err, "cannot find keyring '%s'", text) : EXIT_OK;
}

int get_status(const char *text, struct iotkey_status *status)
{
	int32_t key;
	int err;

	err = find_key(text, &key);
	if (err)
		return err;
	err = iotkey_status_get(key, status);
	return err ? say_key_error(err, "cannot get the status of key '%s'", text)
		   : EXIT_OK;
}
