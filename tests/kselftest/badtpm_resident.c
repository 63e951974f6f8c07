// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish while resident keys are made, loaded and used.
 * Each kind of wrong answer has its errno, gives out no signature, leaves no key behind and
 * nothing in the TPM (but where it forged the handle, or would not flush); and the next try,
 * answered well, works.
 *
 * vm: no-tpm
 * sources: kmod/tss2.c kmod/tpmbuf.c kmod/session.c tests/host/crypto.c tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/fake_tpm.c tests/kselftest/common/badtpm.c
 * libs: -lpthread -lcrypto
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/badtpm.h"

#define KEPT_MS 60000

static const uint8_t digest[32] = "what a digest looks like.......";

/* Qualifying data, and PCR 0 to 7 of SHA-256. */
static const uint8_t ask[] = "\0\20a nonce of mine!\0\0\0\1\0\13\3\377\0";

static key_serial_t key, ak;
static char pem[4096];

enum op { MAKE, MAKE_AK, LOAD_IT, SIGN, SIGN_KEPT, QUOTE, QUOTE_KEPT };

static const struct bad bads[] = {
	{ BAD("create: out of slots", MAKE, CREATE, RC, 0x902, EBUSY) },
	{ BAD("create: out of memory", MAKE, CREATE, RC, 0x904, EBUSY) },
	{ BAD("create: try again, for ever", MAKE, CREATE, RC, 0x922, EBUSY) },
	{ BAD("create: locked out", MAKE, CREATE, RC, 0x921, EBUSY) },
	{ BAD("create: no such parent", MAKE, CREATE, RC, 0x18b, ENXIO) },
	{ BAD("create: an unknown scheme", MAKE, CREATE, RC, 0x2d2, EIO) },
	{ BAD("create: failure mode", MAKE, CREATE, RC, 0x101, EIO) },
	{ BAD("create: out of sessions", MAKE, START_AUTH_SESSION, RC, 0x903, EBUSY) },
	{ BAD("create: out of session handles", MAKE, START_AUTH_SESSION, RC, 0x905,
	      EBUSY) },
	{ BAD("create: no answer", MAKE, CREATE, CUT, HEADER, EBADMSG) },
	{ BAD("create: cut in the private part", MAKE, CREATE, CUT, SESSION_HEADER + 20,
	      EBADMSG) },
	{ BAD("create: octets behind it", MAKE, CREATE, LONGER, 7, EBADMSG) },
	{ BAD("create: long rubbish behind it", MAKE, CREATE, LONGER, 3700, EBADMSG) },
	{ BAD("create: another private part", MAKE, CREATE, FLIP, SESSION_HEADER + 5,
	      EBADMSG) },
	{ BAD("create: another public part", MAKE, CREATE, FLIP, SESSION_HEADER + 70,
	      EBADMSG) },
	{ BAD("create: another nonce", MAKE, CREATE, FLIP, SESSION_HEADER + 140,
	      EBADMSG) },
	{ BAD("create: another HMAC", MAKE, CREATE, FLIP, SESSION_HEADER + 170,
	      EBADMSG) },
	{ BAD("create: an attestation key, another HMAC", MAKE_AK, CREATE, FLIP,
	      SESSION_HEADER + 170, EBADMSG) },
	{ BAD("load: out of slots", LOAD_IT, LOAD, RC, 0x902, EBUSY) },
	{ BAD("load: out of object handles", LOAD_IT, LOAD, RC, 0x906, EBUSY) },
	{ BAD("load: try again, for ever", LOAD_IT, LOAD, RC, 0x922, EBUSY) },
	{ BAD("load: locked out", LOAD_IT, LOAD, RC, 0x921, EBUSY) },
	{ BAD("load: another TPM's", LOAD_IT, LOAD, RC, 0x1df, EKEYREJECTED) },
	{ BAD("load: no such parent", LOAD_IT, LOAD, RC, 0x18b, ENXIO) },
	{ BAD("load: a password is wanted", LOAD_IT, LOAD, RC, 0x98e, EOPNOTSUPP) },
	{ BAD("load: failure mode", LOAD_IT, LOAD, RC, 0x101, EIO) },
	{ BAD("load: no handle", LOAD_IT, LOAD, CUT, HEADER, EBADMSG), .leaves = true },
	{ BAD("load: half a handle", LOAD_IT, LOAD, CUT, HEADER + 2, EBADMSG),
	  .leaves = true },
	{ BAD("load: a handle alone", LOAD_IT, LOAD, CUT, HEADER + 4, EBADMSG) },
	{ BAD("load: not a transient handle", LOAD_IT, LOAD, FLIP, HEADER, EBADMSG),
	  .leaves = true },
	{ BAD("load: the handle of nothing", LOAD_IT, LOAD, OTHER_HANDLE, 7, EBADMSG),
	  .leaves = true },
	{ BAD("load: another name", LOAD_IT, LOAD, OTHER_NAME, 0, EBADMSG) },
	{ BAD("load: a changed name", LOAD_IT, LOAD, FLIP, SESSION_HEADER + 4 + 10,
	      EBADMSG) },
	{ BAD("load: a name of another size", LOAD_IT, LOAD, FLIP, SESSION_HEADER + 4 + 1,
	      EBADMSG) },
	{ BAD("load: octets behind it", LOAD_IT, LOAD, LONGER, 9, EBADMSG) },
	{ BAD("load: another signature", LOAD_IT, SIGN, OTHER_KEY, 0, EBADMSG) },
	{ BAD("load: a password is wanted to sign", LOAD_IT, SIGN, RC, 0x98e,
	      EOPNOTSUPP) },
	{ BAD("sign: out of slots for the key", SIGN, LOAD, RC, 0x902, EBUSY) },
	{ BAD("sign: the parent has gone", SIGN, LOAD, RC, 0x18b, ENXIO) },
	{ BAD("sign: no key of this TPM any more", SIGN, LOAD, RC, 0x1df, EKEYREJECTED) },
	{ BAD("sign: another name", SIGN, LOAD, OTHER_NAME, 0, EBADMSG) },
	{ BAD("sign: out of session memory", SIGN, SIGN, RC, 0x903, EBUSY) },
	{ BAD("sign: out of memory", SIGN, SIGN, RC, 0x904, EBUSY) },
	{ BAD("sign: try again, for ever", SIGN, SIGN, RC, 0x922, EBUSY) },
	{ BAD("sign: locked out", SIGN, SIGN, RC, 0x921, EBUSY) },
	{ BAD("sign: failure mode", SIGN, SIGN, RC, 0x101, EIO) },
	{ BAD("sign: a scheme that it does not know", SIGN, SIGN, RC, 0x2d2, EIO) },
	{ BAD("sign: the handle it gave is unknown", SIGN, SIGN, RC, 0x18b, EBADMSG) },
	{ BAD("sign: nothing is at the handle it gave", SIGN, SIGN, RC, 0x910, EBADMSG) },
	{ BAD("sign: no answer", SIGN, SIGN, CUT, HEADER, EBADMSG) },
	{ BAD("sign: cut in r", SIGN, SIGN, CUT, SESSION_HEADER + 12, EBADMSG) },
	{ BAD("sign: another tag", SIGN, SIGN, FLIP, 1, EBADMSG) },
	{ BAD("sign: a huge size", SIGN, SIGN, LIE, 0x10000, EBADMSG) },
	{ BAD("sign: long rubbish behind it", SIGN, SIGN, LONGER, 3700, EBADMSG) },
	{ BAD("sign: octets behind the session", SIGN, SIGN, LONGER, 1, EBADMSG) },
	{ BAD("sign: octets behind the signature", SIGN, SIGN, MORE, 3, EBADMSG) },
	{ BAD("sign: a huge size of parameters", SIGN, SIGN, FLIP, HEADER, EBADMSG) },
	{ BAD("sign: another scheme", SIGN, SIGN, FLIP, SESSION_HEADER + 1, EBADMSG) },
	{ BAD("sign: another hash", SIGN, SIGN, FLIP, SESSION_HEADER + 3, EBADMSG) },
	{ BAD("sign: a huge r", SIGN, SIGN, FLIP, SESSION_HEADER + 4, EBADMSG) },
	{ BAD("sign: r is changed", SIGN, SIGN, FLIP, SESSION_HEADER + 9, EBADMSG) },
	{ BAD("sign: s is changed", SIGN, SIGN, FLIP, SESSION_HEADER + 71, EBADMSG) },
	{ BAD("sign: r is zero", SIGN, SIGN, ZERO_R, 0, EBADMSG) },
	{ BAD("sign: s is zero", SIGN, SIGN, ZERO_S, 0, EBADMSG) },
	{ BAD("sign: r is nothing", SIGN, SIGN, NO_R, 0, EBADMSG) },
	{ BAD("sign: r has 33 octets", SIGN, SIGN, LONG_R, 0, EBADMSG) },
	{ BAD("sign: another digest", SIGN, SIGN, OTHER_DIGEST, 0, EBADMSG) },
	{ BAD("sign: another key", SIGN, SIGN, OTHER_KEY, 0, EBADMSG) },
	{ BAD("sign: it does not flush", SIGN, FLUSH_CONTEXT, RC, 0x101, 0),
	  .leaves = true },
	{ BAD("sign: it does not know what it should flush", SIGN, FLUSH_CONTEXT, RC,
	      0x1c4, 0),
	  .leaves = true },
	{ BAD("sign: half an answer to the flush", SIGN, FLUSH_CONTEXT, CUT, 6, 0) },
	{ BAD("sign: a long answer to the flush", SIGN, FLUSH_CONTEXT, LONGER, 3700, 0) },
	{ BAD("kept: another digest", SIGN_KEPT, SIGN, OTHER_DIGEST, 0, EBADMSG) },
	{ BAD("kept: another key", SIGN_KEPT, SIGN, OTHER_KEY, 0, EBADMSG) },
	{ BAD("kept: r is zero", SIGN_KEPT, SIGN, ZERO_R, 0, EBADMSG) },
	{ BAD("kept: no answer", SIGN_KEPT, SIGN, CUT, HEADER, EBADMSG) },
	{ BAD("kept: locked out", SIGN_KEPT, SIGN, RC, 0x921, EBUSY) },
	{ BAD("kept: failure mode", SIGN_KEPT, SIGN, RC, 0x101, EIO) },
	{ BAD("kept: nothing is there", SIGN_KEPT, SIGN, RC, 0x910, EBADMSG) },
	{ BAD("kept: the handle is unknown", SIGN_KEPT, SIGN, RC, 0x18b, EBADMSG) },
	{ BAD("kept: failure mode, and busy when asked what is there", SIGN_KEPT, SIGN,
	      RC, 0x101, EIO),
	  .also = { TPMBUF_CC_READ_PUBLIC, RC, 0x921 } },
	{ BAD("kept: failure mode, when asked what is there too", SIGN_KEPT, SIGN, RC,
	      0x101, EIO),
	  .also = { TPMBUF_CC_READ_PUBLIC, RC, 0x101 } },
	{ BAD("kept: a quote is signed by another", QUOTE_KEPT, QUOTE, OTHER_KEY, 0,
	      EBADMSG) },
	{ BAD("quote: out of slots", QUOTE, QUOTE, RC, 0x902, EBUSY) },
	{ BAD("quote: out of session memory", QUOTE, QUOTE, RC, 0x903, EBUSY) },
	{ BAD("quote: try again, for ever", QUOTE, QUOTE, RC, 0x922, EBUSY) },
	{ BAD("quote: locked out", QUOTE, QUOTE, RC, 0x921, EBUSY) },
	{ BAD("quote: the handle it gave is unknown", QUOTE, QUOTE, RC, 0x18b, EBADMSG) },
	{ BAD("quote: not of those PCRs", QUOTE, QUOTE, RC, 0x3c4, EINVAL) },
	{ BAD("quote: no answer", QUOTE, QUOTE, CUT, HEADER, EBADMSG) },
	{ BAD("quote: cut in the attestation", QUOTE, QUOTE, CUT, SESSION_HEADER + 40,
	      EBADMSG) },
	{ BAD("quote: more than there is room for", QUOTE, QUOTE, MORE, 1000, EBADMSG) },
	{ BAD("quote: octets behind it", QUOTE, QUOTE, MORE, 1, EBADMSG) },
	{ BAD("quote: a changed attestation", QUOTE, QUOTE, FLIP, SESSION_HEADER + 60,
	      EBADMSG) },
	{ BAD("quote: a huge attestation", QUOTE, QUOTE, FLIP, SESSION_HEADER, EBADMSG) },
	{ BAD("quote: another digest", QUOTE, QUOTE, OTHER_DIGEST, 0, EBADMSG) },
	{ BAD("quote: another key", QUOTE, QUOTE, OTHER_KEY, 0, EBADMSG) },
	{ BAD("quote: r is zero", QUOTE, QUOTE, ZERO_R, 0, EBADMSG) },
	{ BAD("quote: s is zero", QUOTE, QUOTE, ZERO_S, 0, EBADMSG) },
	{ BAD("quote: another nonce", QUOTE, QUOTE, OTHER_NONCE, 0, EBADMSG) },
	{ BAD("quote: a longer nonce", QUOTE, QUOTE, LONG_NONCE, 0, EBADMSG) },
	{ BAD("quote: not made by a TPM", QUOTE, QUOTE, OTHER_MAGIC, 0, EBADMSG) },
	{ BAD("quote: another attestation", QUOTE, QUOTE, OTHER_TYPE, 0, EBADMSG) },
	{ BAD("quote: other PCRs", QUOTE, QUOTE, OTHER_PCRS, 0, EBADMSG) },
	{ BAD("quote: another bank", QUOTE, QUOTE, OTHER_BANK, 0, EBADMSG) },
	{ BAD("quote: one bank more", QUOTE, QUOTE, MORE_BANKS, 0, EBADMSG) },
	{ BAD("quote: an attestation of no octets", QUOTE, QUOTE, CUT_ATTEST, 0,
	      EBADMSG) },
	{ BAD("quote: one that ends in the nonce", QUOTE, QUOTE, CUT_ATTEST, 50,
	      EBADMSG) },
	{ BAD("quote: one that ends before the PCRs", QUOTE, QUOTE, CUT_ATTEST, 85,
	      EBADMSG) },
};

static void set_linger(unsigned int ms)
{
	FILE *f = fopen("/sys/module/iotkey/parameters/linger", "w");

	if (!f || fprintf(f, "%u", ms) < 0 || fclose(f)) {
		printf("Bail out! linger: %s\n", strerror(errno));
		exit(1);
	}
}

static long sign(const char *info, key_serial_t by, const void *in, size_t len, void *out,
		 size_t size)
{
	return keyctl_pkey_sign(by, info, in, len, out, size);
}

/* Does it: 0, or the errno; no octet of a signature comes with an error. */
static int use(key_serial_t by)
{
	static const uint8_t nothing[1024];
	uint8_t out[1024] = { 0 };
	long n;

	if (by == ak)
		n = sign("enc=quote", ak, ask, sizeof(ask), out, sizeof(out));
	else
		n = sign("enc=p1363", key, digest, sizeof(digest), out, 64);
	if (n >= 0)
		return 0;
	n = errno;
	return memcmp(out, nothing, sizeof(out)) ? -1 : n;
}

static int make(const char *text)
{
	key_serial_t made = iot_add("made", "%s", text);
	int error = made < 0 ? errno : 0;

	if (made >= 0)
		iot_drop(made);
	return error;
}

static int operate(int op)
{
	switch (op) {
	case MAKE:
		return make("new ecdsa-p256 parent=0x81000001");
	case MAKE_AK:
		return make("new ecdsa-p256 parent=0x81000001 restricted");
	case LOAD_IT:
		return make(pem);
	case SIGN:
	case SIGN_KEPT:
		return use(key);
	default:
		return use(ak);
	}
}

/* With the key's object kept in the TPM: it may stay there, once, and the key works with it. */
static void try_kept(const struct bad *bad)
{
	int error;

	set_linger(KEPT_MS);
	error = operate(bad->op);
	ktap_ok(!error && fake_tpm_holds() == 1, "%s: it was kept (%s, %u)", bad->what,
		errno_name(error), fake_tpm_holds());
	bad_answer(bad, operate, 2);
	ktap_ok(fake_tpm_holds() <= 1 && !operate(bad->op) && fake_tpm_holds() == 1,
		"and the next try works, with one object in the TPM");
	set_linger(0);
	operate(bad->op);
	ktap_ok(bad_is_empty(), "which goes");
}

int main(void)
{
	pthread_t tpm = fake_tpm_start();
	long n;

	set_linger(0);
	key = bad_first("device", "new ecdsa-p256 parent=0x81000001");
	ak = bad_first("ak", "new ecdsa-p256 parent=0x81000001 restricted");
	strcpy(pem, "load ");
	n = keyctl_read(key, pem + 5, sizeof(pem) - 6);
	pem[n > 0 ? n + 5 : 0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		if (bads[i].op == SIGN_KEPT || bads[i].op == QUOTE_KEPT)
			try_kept(&bads[i]);
		else
			bad_try(&bads[i], operate, 2);
	}

	set_linger(KEPT_MS);
	ktap_ok(!use(key) && fake_tpm_holds() == 1, "a key is kept");
	bad_hang_up(tpm, TPMBUF_CC_SIGN, operate, SIGN);
	iot_drop(key);
	iot_drop(ak);
	ktap_ok(!iot_count(), "no key is left");
	set_linger(500);
	return ktap_done();
}
