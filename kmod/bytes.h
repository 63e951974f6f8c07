/* SPDX-License-Identifier: GPL-2.0-only */
/* Owned bytes, maybe secret. */
#ifndef _IOT_BYTES_H
#define _IOT_BYTES_H

#include <linux/slab.h>
#include "pure.h"

struct iot_bytes {
	u8 *data;
	size_t len;
};

static inline void iot_bytes_free(struct iot_bytes *b)
{
	kfree_sensitive(b->data);
	b->data = NULL;
	b->len = 0;
}

#endif /* _IOT_BYTES_H */
