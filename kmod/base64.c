// SPDX-License-Identifier: GPL-2.0-only
/*
 * Our own, as lib/base64.c is neither strict (it takes stray bits in the last
 * character) nor the same in all kernels. Pure.
 */
#include "base64.h"

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Writes IOT_BASE64_LEN(@len) characters, unterminated; returns their number. */
size_t iot_base64_encode(char *out, const u8 *in, size_t len)
{
	char *o = out;

	for (; len >= 3; len -= 3, in += 3) {
		*o++ = alphabet[in[0] >> 2];
		*o++ = alphabet[(in[0] & 3) << 4 | in[1] >> 4];
		*o++ = alphabet[(in[1] & 15) << 2 | in[2] >> 6];
		*o++ = alphabet[in[2] & 63];
	}
	if (len) {
		u8 second = len > 1 ? in[1] : 0;

		*o++ = alphabet[in[0] >> 2];
		*o++ = alphabet[(in[0] & 3) << 4 | second >> 4];
		*o++ = len > 1 ? alphabet[(second & 15) << 2] : '=';
		*o++ = '=';
	}
	return o - out;
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : -1;
}

/**
 * iot_base64_decode() - decode, ignoring white space
 * @out: room for @size bytes
 *
 * Only what the encoder would have written is taken: full padding, no stray
 * bits, nothing behind the padding.
 *
 * Return: number of bytes, or -EINVAL (bad text or more than @size bytes).
 */
int iot_base64_decode(u8 *out, size_t size, const char *in, size_t len)
{
	unsigned int have = 0, pad = 0;
	size_t n = 0, i;
	u32 bits = 0;

	for (i = 0; i < len; i++) {
		int v;

		if (in[i] == ' ' || in[i] == '\t' || in[i] == '\n' ||
		    in[i] == '\r')
			continue;
		if (in[i] == '=') {
			v = 0;
			pad++;
		} else {
			v = value_of(in[i]);
			if (v < 0 || pad)
				return -EINVAL;
		}
		bits = bits << 6 | v;
		if (++have < 4)
			continue;
		if (pad > 2 || (pad && bits & (pad == 1 ? 0xff : 0xffff)))
			return -EINVAL;
		if (size - n < 3 - pad)
			return -EINVAL;
		out[n++] = bits >> 16;
		if (pad < 2)
			out[n++] = bits >> 8 & 0xff;
		if (pad < 1)
			out[n++] = bits & 0xff;
		bits = 0;
		have = 0;
		if (pad) {
			/* nothing but white space may follow */
			for (i++; i < len; i++) {
				if (!strchr(" \t\r\n", in[i]) || !in[i])
					return -EINVAL;
			}
		}
	}
	return have ? -EINVAL : (int)n;
}
