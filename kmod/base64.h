/* SPDX-License-Identifier: GPL-2.0-only */
/* Base64 of RFC 4648 section 4, with padding. Pure. */
#ifndef _IOT_BASE64_H
#define _IOT_BASE64_H

#include "pure.h"

#define IOT_BASE64_LEN(n)	(((n) + 2) / 3 * 4)

size_t iot_base64_encode(char *out, const u8 *in, size_t len);
int iot_base64_decode(u8 *out, size_t size, const char *in, size_t len);

#endif /* _IOT_BASE64_H */
