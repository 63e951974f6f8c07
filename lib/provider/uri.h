/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * URIs that name a key of the kernel:
 *
 *	iotkey:NAME             an iot key, in the session keyring or in the user keyring
 *	iotkey:asymmetric:NAME  the same of a key of type "asymmetric" (iotkey:iot:NAME: iot)
 *	iotkey:SERIAL           a key by its serial number, whatever its type
 *
 * NAME is percent-encoded (RFC 3986): a "%", ":", "?" or "#" in it must be.
 */
#ifndef _IOTKEY_URI_H
#define _IOTKEY_URI_H

#include <stdbool.h>
#include <stdint.h>

#define URI_SCHEME "iotkey"
#define URI_MAX	   1024

enum uri_type { URI_ANY, URI_IOT, URI_ASYMMETRIC };

struct uri {
	enum uri_type type;
	int32_t serial; /* 0: by name */
	char name[256];
};

/* uri_parse(): NULL, or what is wrong with @text */
const char *uri_parse(const char *text, struct uri *uri);

#endif /* _IOTKEY_URI_H */
