// SPDX-License-Identifier: GPL-2.0-or-later
/* An ECDSA signature as DER and as r || s: there and back, and what is not strict DER. */
#include <stdlib.h>
#include <string.h>
#include "ecdsa.h"
#include "ktap.h"

#define N 32 /* octets of a number */

/* r and s have so many octets, of that first one. */
static void fill(u8 *sig, size_t r, u8 first_r, size_t s, u8 first_s)
{
	memset(sig, 0, IOT_ECDSA_SIZE);
	memset(sig + N - r, 0x11, r);
	sig[N - r] = first_r;
	memset(sig + 2 * N - s, 0x22, s);
	sig[2 * N - s] = first_s;
}

static void test_round_trips(void)
{
	u8 sig[IOT_ECDSA_SIZE], again[IOT_ECDSA_SIZE], der[IOT_ECDSA_DER_MAX];
	unsigned int wrong = 0;
	size_t r, s, len;

	for (r = 1; r <= N; r++) {
		for (s = 1; s <= N; s++) {
			fill(sig, r, r % 2 ? 0x80 : 0x7f, s, s % 3 ? 0x01 : 0xff);
			len = iot_ecdsa_encode(sig, der);
			wrong += len != 6 + r + s + (r % 2) + !(s % 3);
			wrong += iot_ecdsa_decode(der, len, again) ||
				 memcmp(sig, again, sizeof(sig));
		}
	}
	ktap_ok(!wrong, "numbers of all lengths, there and back");
	fill(sig, N, 0xff, N, 0x80);
	ktap_ok(iot_ecdsa_encode(sig, der) == IOT_ECDSA_DER_MAX,
		"the longest is 72 octets");
}

static void test_golden(void)
{
	static const u8 der[] = { 0x30, 0x07, 0x02, 0x01, 0x7f, 0x02, 0x02, 0x00, 0x80 };
	u8 sig[IOT_ECDSA_SIZE] = { 0 }, out[IOT_ECDSA_DER_MAX];

	sig[N - 1] = 0x7f;
	sig[2 * N - 1] = 0x80;
	ktap_ok(iot_ecdsa_encode(sig, out) == sizeof(der) &&
			!memcmp(out, der, sizeof(der)),
		"r = 127, s = 128");
}

static const struct {
	const char *what;
	u8 der[16];
	size_t len;
	int error;
} cases[] = {
	{ "nothing", { 0 }, 0, -EBADMSG },
	{ "a tag", { 0x30 }, 1, -EBADMSG },
	{ "an empty sequence", { 0x30, 0 }, 2, -EBADMSG },
	{ "good", { 0x30, 6, 2, 1, 1, 2, 1, 1 }, 8, 0 },
	{ "good, and more behind it", { 0x30, 6, 2, 1, 1, 2, 1, 1, 0, 9 }, 10, 0 },
	{ "a set", { 0x31, 6, 2, 1, 1, 2, 1, 1 }, 8, -EBADMSG },
	{ "cut", { 0x30, 6, 2, 1, 1, 2, 1, 1 }, 7, -EBADMSG },
	{ "more within it", { 0x30, 7, 2, 1, 1, 2, 1, 1, 0 }, 9, -EBADMSG },
	{ "one number", { 0x30, 3, 2, 1, 1 }, 5, -EBADMSG },
	{ "no integer", { 0x30, 6, 4, 1, 1, 2, 1, 1 }, 8, -EBADMSG },
	{ "an empty integer", { 0x30, 5, 2, 0, 2, 1, 1 }, 7, -EBADMSG },
	{ "a negative one", { 0x30, 6, 2, 1, 0x81, 2, 1, 1 }, 8, -EBADMSG },
	{ "a zero", { 0x30, 6, 2, 1, 0, 2, 1, 1 }, 8, -EBADMSG },
	{ "a zero too many", { 0x30, 7, 2, 2, 0, 1, 2, 1, 1 }, 9, -EBADMSG },
	{ "one longer than its sequence", { 0x30, 6, 2, 1, 1, 2, 2, 1, 1 }, 9, -EBADMSG },
	{ "a long length", { 0x30, 0x81, 6, 2, 1, 1, 2, 1, 1 }, 9, -EBADMSG },
};

static void test_cases(void)
{
	u8 sig[IOT_ECDSA_SIZE], *exact, big[40] = { 0x30, 38, 2, 33, 1 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		exact = malloc(cases[i].len ?: 1);
		memcpy(exact, cases[i].der, cases[i].len);
		ktap_ok(iot_ecdsa_decode(exact, cases[i].len, sig) == cases[i].error,
			"%s", cases[i].what);
		free(exact);
	}
	big[37] = 2;
	big[38] = 1;
	big[39] = 1;
	ktap_ok(iot_ecdsa_decode(big, sizeof(big), sig) == -EBADMSG,
		"a number of 33 octets");
}

int main(void)
{
	test_round_trips();
	test_golden();
	test_cases();
	return ktap_done();
}
