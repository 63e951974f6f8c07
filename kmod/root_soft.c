// SPDX-License-Identifier: GPL-2.0-only
/* A root whose secret lies in its blob in clear: for development only. */
#include <linux/random.h>
#include <linux/slab.h>
#include "root.h"

static int soft_create(const struct iot_root_spec *spec, u8 *secret,
		       struct iot_bytes *part)
{
	get_random_bytes(secret, IOT_SECRET_SIZE);
	part->data = kmemdup(secret, IOT_SECRET_SIZE, GFP_KERNEL);
	if (!part->data)
		return -ENOMEM;
	part->len = IOT_SECRET_SIZE;
	return 0;
}

static int soft_open(const u8 *part, size_t len, u8 *secret)
{
	if (len != IOT_SECRET_SIZE)
		return -EBADMSG;
	memcpy(secret, part, IOT_SECRET_SIZE);
	return 0;
}

const struct iot_root_ops iot_root_soft_ops = {
	.provider = IOTKEY_PROVIDER_SOFT,
	.name = "soft",
	.unsafe = true,
	.create = soft_create,
	.open = soft_open,
};
