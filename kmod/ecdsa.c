// SPDX-License-Identifier: GPL-2.0-only
/* Ecdsa-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } */
#include "ecdsa.h"

#define NUMBER		(IOT_ECDSA_SIZE / 2)
#define DER_INTEGER	0x02
#define DER_SEQUENCE	0x30

/* As few octets as the number has, and a zero where the first looks negative. */
static size_t put_number(u8 *out, const u8 *number)
{
	size_t skip = 0, pad, len;

	while (skip < NUMBER - 1 && !number[skip])
		skip++;
	pad = number[skip] >> 7;
	len = NUMBER - skip + pad;
	out[0] = DER_INTEGER;
	out[1] = len;
	out[2] = 0;
	memcpy(out + 2 + pad, number + skip, NUMBER - skip);
	return 2 + len;
}

/* Return: the length. */
size_t iot_ecdsa_encode(const u8 sig[IOT_ECDSA_SIZE],
			u8 der[IOT_ECDSA_DER_MAX])
{
	size_t len;

	len = put_number(der + 2, sig);
	len += put_number(der + 2 + len, sig + NUMBER);
	der[0] = DER_SEQUENCE;
	der[1] = len;
	return 2 + len;
}

/* Strict DER; 0 is no number here. Eats it from @in. */
static int get_number(const u8 **in, size_t *left, u8 *number)
{
	const u8 *p = *in;
	size_t len;

	if (*left < 3 || p[0] != DER_INTEGER)
		return -EBADMSG;
	len = p[1];
	p += 2;
	if (!len || len > *left - 2 || p[0] & 0x80)
		return -EBADMSG;
	*in = p + len;
	*left -= 2 + len;
	if (!p[0]) {
		if (len < 2 || !(p[1] & 0x80))
			return -EBADMSG;
		p++;
		len--;
	}
	if (len > NUMBER)
		return -EBADMSG;
	memset(number, 0, NUMBER - len);
	memcpy(number + NUMBER - len, p, len);
	return 0;
}

/**
 * iot_ecdsa_decode() - r and s of the DER at the head of @der
 *
 * What follows is not looked at: keyctl_pkey_verify() gives as many bytes as the longest
 * signature has, whatever the length of this one.
 *
 * Return: 0 or -EBADMSG.
 */
int iot_ecdsa_decode(const u8 *der, size_t size, u8 sig[IOT_ECDSA_SIZE])
{
	size_t left;
	int ret;

	if (size < 2 || der[0] != DER_SEQUENCE || der[1] > size - 2)
		return -EBADMSG;
	left = der[1];
	der += 2;
	ret = get_number(&der, &left, sig);
	ret = ret ?: get_number(&der, &left, sig + NUMBER);
	return ret ?: left ? -EBADMSG : 0;
}
