// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any DER of a signature, and any signature: no crash; what is taken is strict, so that it
 * is written again as it was; what is written is taken.
 *
 * covers: kmod/ecdsa.c
 */
#include <errno.h>
#include "ecdsa.h"
#include "fuzz.h"

static void decode(const u8 *data, size_t size)
{
	u8 sig[IOT_ECDSA_SIZE], der[IOT_ECDSA_DER_MAX];
	int ret = iot_ecdsa_decode(data, size, sig);
	size_t len;

	must(!ret || ret == -EBADMSG);
	if (ret)
		return;
	len = iot_ecdsa_encode(sig, der);
	must(len <= size && !memcmp(der, data, len));
}

static bool is_zero(const u8 *number)
{
	static const u8 zero[IOT_ECDSA_SIZE / 2];

	return !memcmp(number, zero, sizeof(zero));
}

static void encode(const u8 *sig)
{
	u8 again[IOT_ECDSA_SIZE], *der = room(IOT_ECDSA_DER_MAX);
	size_t len = iot_ecdsa_encode(sig, der);
	bool none = is_zero(sig) || is_zero(sig + IOT_ECDSA_SIZE / 2);

	must(len <= IOT_ECDSA_DER_MAX);
	must(iot_ecdsa_decode(der, len, again) == (none ? -EBADMSG : 0));
	must(none || !memcmp(again, sig, sizeof(again)));
	must(iot_ecdsa_decode(der, len - 1, again) == -EBADMSG);
	free(der);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	decode(data, size);
	if (size >= IOT_ECDSA_SIZE)
		encode(data);
	return 0;
}
