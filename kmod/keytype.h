/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _IOT_KEYTYPE_H
#define _IOT_KEYTYPE_H

#include <linux/key-type.h>

extern struct key_type iot_key_type;

#endif /* _IOT_KEYTYPE_H */
