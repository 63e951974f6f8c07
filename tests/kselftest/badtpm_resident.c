// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish while resident keys are made, loaded and used.
 * Each kind of wrong answer has its errno, gives out no signature, leaves no key behind and
 * nothing in the TPM (but where it forged the handle, or would not flush); and the next try,
 * answered well, works.
 *
 * vm: no-tpm
 * sources: kmod/tss2.c kmod/tpmbuf.c kmod/session.c tests/host/crypto.c tests/unit/ktap.c tests/kselftest/common/iot.c tests/kselftest/common/fake_tpm.c
 * libs: -lpthread -lcrypto
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "common/fake_tpm.h"
#include "common/iot.h"

#define KEPT_MS 60000

static const uint8_t digest[32] = "what a digest looks like.......";

/* Qualifying data, and PCR 0 to 7 of SHA-256. */
static const uint8_t ask[] = "\0\20a nonce of mine!\0\0\0\1\0\13\3\377\0";

static key_serial_t key, ak;
static char pem[4096];

enum op { MAKE, MAKE_AK, LOAD_IT, SIGN, SIGN_KEPT, QUOTE, QUOTE_KEPT };

static const struct bad {
	const char *what;
	enum op op;
	struct behaviour b;
	int error;
	bool leaves; /* something in the TPM, of which the module cannot know */
} bads[] = {
	{ "create: out of slots", MAKE, { TPMBUF_CC_CREATE, RC, 0x902 }, EBUSY, 0 },
	{ "create: out of memory", MAKE, { TPMBUF_CC_CREATE, RC, 0x904 }, EBUSY, 0 },
	{ "create: try again, for ever",
	  MAKE,
	  { TPMBUF_CC_CREATE, RC, 0x922 },
	  EBUSY,
	  0 },
	{ "create: locked out", MAKE, { TPMBUF_CC_CREATE, RC, 0x921 }, EBUSY, 0 },
	{ "create: no such parent", MAKE, { TPMBUF_CC_CREATE, RC, 0x18b }, ENXIO, 0 },
	{ "create: an unknown scheme", MAKE, { TPMBUF_CC_CREATE, RC, 0x2d2 }, EIO, 0 },
	{ "create: failure mode", MAKE, { TPMBUF_CC_CREATE, RC, 0x101 }, EIO, 0 },
	{ "create: out of sessions",
	  MAKE,
	  { TPMBUF_CC_START_AUTH_SESSION, RC, 0x903 },
	  EBUSY,
	  0 },
	{ "create: out of session handles",
	  MAKE,
	  { TPMBUF_CC_START_AUTH_SESSION, RC, 0x905 },
	  EBUSY,
	  0 },
	{ "create: no answer", MAKE, { TPMBUF_CC_CREATE, CUT, HEADER }, EBADMSG, 0 },
	{ "create: cut in the private part",
	  MAKE,
	  { TPMBUF_CC_CREATE, CUT, SESSION_HEADER + 20 },
	  EBADMSG,
	  0 },
	{ "create: octets behind it", MAKE, { TPMBUF_CC_CREATE, LONGER, 7 }, EBADMSG, 0 },
	{ "create: long rubbish behind it",
	  MAKE,
	  { TPMBUF_CC_CREATE, LONGER, 3700 },
	  EBADMSG,
	  0 },
	{ "create: another private part",
	  MAKE,
	  { TPMBUF_CC_CREATE, FLIP, SESSION_HEADER + 5 },
	  EBADMSG,
	  0 },
	{ "create: another public part",
	  MAKE,
	  { TPMBUF_CC_CREATE, FLIP, SESSION_HEADER + 70 },
	  EBADMSG,
	  0 },
	{ "create: another nonce",
	  MAKE,
	  { TPMBUF_CC_CREATE, FLIP, SESSION_HEADER + 140 },
	  EBADMSG,
	  0 },
	{ "create: another HMAC",
	  MAKE,
	  { TPMBUF_CC_CREATE, FLIP, SESSION_HEADER + 170 },
	  EBADMSG,
	  0 },
	{ "create: an attestation key, another HMAC",
	  MAKE_AK,
	  { TPMBUF_CC_CREATE, FLIP, SESSION_HEADER + 170 },
	  EBADMSG,
	  0 },

	{ "load: out of slots", LOAD_IT, { TPMBUF_CC_LOAD, RC, 0x902 }, EBUSY, 0 },
	{ "load: out of object handles",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, RC, 0x906 },
	  EBUSY,
	  0 },
	{ "load: try again, for ever", LOAD_IT, { TPMBUF_CC_LOAD, RC, 0x922 }, EBUSY, 0 },
	{ "load: locked out", LOAD_IT, { TPMBUF_CC_LOAD, RC, 0x921 }, EBUSY, 0 },
	{ "load: another TPM's",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, RC, 0x1df },
	  EKEYREJECTED,
	  0 },
	{ "load: no such parent", LOAD_IT, { TPMBUF_CC_LOAD, RC, 0x18b }, ENXIO, 0 },
	{ "load: a password is wanted",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, RC, 0x98e },
	  EOPNOTSUPP,
	  0 },
	{ "load: failure mode", LOAD_IT, { TPMBUF_CC_LOAD, RC, 0x101 }, EIO, 0 },
	{ "load: no handle", LOAD_IT, { TPMBUF_CC_LOAD, CUT, HEADER }, EBADMSG, 1 },
	{ "load: half a handle",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, CUT, HEADER + 2 },
	  EBADMSG,
	  1 },
	{ "load: a handle alone",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, CUT, HEADER + 4 },
	  EBADMSG,
	  0 },
	{ "load: not a transient handle",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, FLIP, HEADER },
	  EBADMSG,
	  1 },
	{ "load: the handle of nothing",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, OTHER_HANDLE, 7 },
	  EBADMSG,
	  1 },
	{ "load: another name", LOAD_IT, { TPMBUF_CC_LOAD, OTHER_NAME, 0 }, EBADMSG, 0 },
	{ "load: a changed name",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, FLIP, SESSION_HEADER + 4 + 10 },
	  EBADMSG,
	  0 },
	{ "load: a name of another size",
	  LOAD_IT,
	  { TPMBUF_CC_LOAD, FLIP, SESSION_HEADER + 4 + 1 },
	  EBADMSG,
	  0 },
	{ "load: octets behind it", LOAD_IT, { TPMBUF_CC_LOAD, LONGER, 9 }, EBADMSG, 0 },
	{ "load: another signature",
	  LOAD_IT,
	  { TPMBUF_CC_SIGN, OTHER_KEY, 0 },
	  EBADMSG,
	  0 },
	{ "load: a password is wanted to sign",
	  LOAD_IT,
	  { TPMBUF_CC_SIGN, RC, 0x98e },
	  EOPNOTSUPP,
	  0 },

	{ "sign: out of slots for the key",
	  SIGN,
	  { TPMBUF_CC_LOAD, RC, 0x902 },
	  EBUSY,
	  0 },
	{ "sign: the parent has gone", SIGN, { TPMBUF_CC_LOAD, RC, 0x18b }, ENXIO, 0 },
	{ "sign: no key of this TPM any more",
	  SIGN,
	  { TPMBUF_CC_LOAD, RC, 0x1df },
	  EKEYREJECTED,
	  0 },
	{ "sign: another name", SIGN, { TPMBUF_CC_LOAD, OTHER_NAME, 0 }, EBADMSG, 0 },
	{ "sign: out of session memory", SIGN, { TPMBUF_CC_SIGN, RC, 0x903 }, EBUSY, 0 },
	{ "sign: out of memory", SIGN, { TPMBUF_CC_SIGN, RC, 0x904 }, EBUSY, 0 },
	{ "sign: try again, for ever", SIGN, { TPMBUF_CC_SIGN, RC, 0x922 }, EBUSY, 0 },
	{ "sign: locked out", SIGN, { TPMBUF_CC_SIGN, RC, 0x921 }, EBUSY, 0 },
	{ "sign: failure mode", SIGN, { TPMBUF_CC_SIGN, RC, 0x101 }, EIO, 0 },
	{ "sign: a scheme that it does not know",
	  SIGN,
	  { TPMBUF_CC_SIGN, RC, 0x2d2 },
	  EIO,
	  0 },
	{ "sign: the handle it gave is unknown",
	  SIGN,
	  { TPMBUF_CC_SIGN, RC, 0x18b },
	  EBADMSG,
	  0 },
	{ "sign: nothing is at the handle it gave",
	  SIGN,
	  { TPMBUF_CC_SIGN, RC, 0x910 },
	  EBADMSG,
	  0 },
	{ "sign: no answer", SIGN, { TPMBUF_CC_SIGN, CUT, HEADER }, EBADMSG, 0 },
	{ "sign: cut in r",
	  SIGN,
	  { TPMBUF_CC_SIGN, CUT, SESSION_HEADER + 12 },
	  EBADMSG,
	  0 },
	{ "sign: another tag", SIGN, { TPMBUF_CC_SIGN, FLIP, 1 }, EBADMSG, 0 },
	{ "sign: a huge size", SIGN, { TPMBUF_CC_SIGN, LIE, 0x10000 }, EBADMSG, 0 },
	{ "sign: long rubbish behind it",
	  SIGN,
	  { TPMBUF_CC_SIGN, LONGER, 3700 },
	  EBADMSG,
	  0 },
	{ "sign: octets behind the session",
	  SIGN,
	  { TPMBUF_CC_SIGN, LONGER, 1 },
	  EBADMSG,
	  0 },
	{ "sign: octets behind the signature",
	  SIGN,
	  { TPMBUF_CC_SIGN, MORE, 3 },
	  EBADMSG,
	  0 },
	{ "sign: a huge size of parameters",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, HEADER },
	  EBADMSG,
	  0 },
	{ "sign: another scheme",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, SESSION_HEADER + 1 },
	  EBADMSG,
	  0 },
	{ "sign: another hash",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, SESSION_HEADER + 3 },
	  EBADMSG,
	  0 },
	{ "sign: a huge r",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, SESSION_HEADER + 4 },
	  EBADMSG,
	  0 },
	{ "sign: r is changed",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, SESSION_HEADER + 9 },
	  EBADMSG,
	  0 },
	{ "sign: s is changed",
	  SIGN,
	  { TPMBUF_CC_SIGN, FLIP, SESSION_HEADER + 71 },
	  EBADMSG,
	  0 },
	{ "sign: r is zero", SIGN, { TPMBUF_CC_SIGN, ZERO_R, 0 }, EBADMSG, 0 },
	{ "sign: s is zero", SIGN, { TPMBUF_CC_SIGN, ZERO_S, 0 }, EBADMSG, 0 },
	{ "sign: r is nothing", SIGN, { TPMBUF_CC_SIGN, NO_R, 0 }, EBADMSG, 0 },
	{ "sign: r has 33 octets", SIGN, { TPMBUF_CC_SIGN, LONG_R, 0 }, EBADMSG, 0 },
	{ "sign: another digest", SIGN, { TPMBUF_CC_SIGN, OTHER_DIGEST, 0 }, EBADMSG, 0 },
	{ "sign: another key", SIGN, { TPMBUF_CC_SIGN, OTHER_KEY, 0 }, EBADMSG, 0 },
	{ "sign: it does not flush", SIGN, { TPMBUF_CC_FLUSH_CONTEXT, RC, 0x101 }, 0, 1 },
	{ "sign: it does not know what it should flush",
	  SIGN,
	  { TPMBUF_CC_FLUSH_CONTEXT, RC, 0x1c4 },
	  0,
	  1 },
	{ "sign: half an answer to the flush",
	  SIGN,
	  { TPMBUF_CC_FLUSH_CONTEXT, CUT, 6 },
	  0,
	  0 },
	{ "sign: a long answer to the flush",
	  SIGN,
	  { TPMBUF_CC_FLUSH_CONTEXT, LONGER, 3700 },
	  0,
	  0 },

	{ "kept: another digest",
	  SIGN_KEPT,
	  { TPMBUF_CC_SIGN, OTHER_DIGEST, 0 },
	  EBADMSG,
	  0 },
	{ "kept: another key", SIGN_KEPT, { TPMBUF_CC_SIGN, OTHER_KEY, 0 }, EBADMSG, 0 },
	{ "kept: r is zero", SIGN_KEPT, { TPMBUF_CC_SIGN, ZERO_R, 0 }, EBADMSG, 0 },
	{ "kept: no answer", SIGN_KEPT, { TPMBUF_CC_SIGN, CUT, HEADER }, EBADMSG, 0 },
	{ "kept: locked out", SIGN_KEPT, { TPMBUF_CC_SIGN, RC, 0x921 }, EBUSY, 0 },
	{ "kept: failure mode", SIGN_KEPT, { TPMBUF_CC_SIGN, RC, 0x101 }, EIO, 0 },
	{ "kept: nothing is there",
	  SIGN_KEPT,
	  { TPMBUF_CC_SIGN, RC, 0x910 },
	  EBADMSG,
	  0 },
	{ "kept: the handle is unknown",
	  SIGN_KEPT,
	  { TPMBUF_CC_SIGN, RC, 0x18b },
	  EBADMSG,
	  0 },
	{ "kept: a quote is signed by another",
	  QUOTE_KEPT,
	  { TPMBUF_CC_QUOTE, OTHER_KEY, 0 },
	  EBADMSG,
	  0 },

	{ "quote: out of slots", QUOTE, { TPMBUF_CC_QUOTE, RC, 0x902 }, EBUSY, 0 },
	{ "quote: out of session memory",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, RC, 0x903 },
	  EBUSY,
	  0 },
	{ "quote: try again, for ever", QUOTE, { TPMBUF_CC_QUOTE, RC, 0x922 }, EBUSY, 0 },
	{ "quote: locked out", QUOTE, { TPMBUF_CC_QUOTE, RC, 0x921 }, EBUSY, 0 },
	{ "quote: the handle it gave is unknown",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, RC, 0x18b },
	  EBADMSG,
	  0 },
	{ "quote: not of those PCRs", QUOTE, { TPMBUF_CC_QUOTE, RC, 0x3c4 }, EINVAL, 0 },
	{ "quote: no answer", QUOTE, { TPMBUF_CC_QUOTE, CUT, HEADER }, EBADMSG, 0 },
	{ "quote: cut in the attestation",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, CUT, SESSION_HEADER + 40 },
	  EBADMSG,
	  0 },
	{ "quote: more than there is room for",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, MORE, 1000 },
	  EBADMSG,
	  0 },
	{ "quote: octets behind it", QUOTE, { TPMBUF_CC_QUOTE, MORE, 1 }, EBADMSG, 0 },
	{ "quote: a changed attestation",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, FLIP, SESSION_HEADER + 60 },
	  EBADMSG,
	  0 },
	{ "quote: a huge attestation",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, FLIP, SESSION_HEADER },
	  EBADMSG,
	  0 },
	{ "quote: another digest",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, OTHER_DIGEST, 0 },
	  EBADMSG,
	  0 },
	{ "quote: another key", QUOTE, { TPMBUF_CC_QUOTE, OTHER_KEY, 0 }, EBADMSG, 0 },
	{ "quote: r is zero", QUOTE, { TPMBUF_CC_QUOTE, ZERO_R, 0 }, EBADMSG, 0 },
	{ "quote: s is zero", QUOTE, { TPMBUF_CC_QUOTE, ZERO_S, 0 }, EBADMSG, 0 },
	{ "quote: another nonce",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, OTHER_NONCE, 0 },
	  EBADMSG,
	  0 },
	{ "quote: a longer nonce",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, LONG_NONCE, 0 },
	  EBADMSG,
	  0 },
	{ "quote: not made by a TPM",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, OTHER_MAGIC, 0 },
	  EBADMSG,
	  0 },
	{ "quote: another attestation",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, OTHER_TYPE, 0 },
	  EBADMSG,
	  0 },
	{ "quote: other PCRs", QUOTE, { TPMBUF_CC_QUOTE, OTHER_PCRS, 0 }, EBADMSG, 0 },
	{ "quote: another bank", QUOTE, { TPMBUF_CC_QUOTE, OTHER_BANK, 0 }, EBADMSG, 0 },
	{ "quote: one bank more", QUOTE, { TPMBUF_CC_QUOTE, MORE_BANKS, 0 }, EBADMSG, 0 },
	{ "quote: an attestation of no octets",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, CUT_ATTEST, 0 },
	  EBADMSG,
	  0 },
	{ "quote: one that ends in the nonce",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, CUT_ATTEST, 50 },
	  EBADMSG,
	  0 },
	{ "quote: one that ends before the PCRs",
	  QUOTE,
	  { TPMBUF_CC_QUOTE, CUT_ATTEST, 85 },
	  EBADMSG,
	  0 },
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

static int operate(enum op op)
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

/* Within a second: what was kept goes by a worker. */
static bool is_empty(void)
{
	for (int i = 0; i < 100 && fake_tpm_holds(); i++)
		usleep(10000);
	return !fake_tpm_holds();
}

static void try_bad(const struct bad *bad)
{
	bool kept = bad->op == SIGN_KEPT || bad->op == QUOTE_KEPT;
	int error;

	if (kept) {
		set_linger(KEPT_MS);
		error = operate(bad->op);
		ktap_ok(!error && fake_tpm_holds() == 1, "%s: it was kept (%s, %u)",
			bad->what, errno_name(error), fake_tpm_holds());
	}
	behaviour = bad->b;
	seen = 0;
	error = operate(bad->op);
	behaviour.cc = 0;
	ktap_ok(error == bad->error && seen && iot_count() == 2, "%s: %s (%s)", bad->what,
		errno_name(bad->error), errno_name(error));
	if (kept) {
		/* it may stay, once, and the key works with it */
		ktap_ok(fake_tpm_holds() <= 1 && !operate(bad->op) &&
				fake_tpm_holds() == 1,
			"and the next try works, with one object in the TPM");
		set_linger(0);
		operate(bad->op);
		ktap_ok(is_empty(), "which goes");
		return;
	}
	ktap_ok(bad->leaves == !is_empty(), "%s in the TPM",
		bad->leaves ? "something stays" : "nothing stays");
	fake_tpm_clear();
	error = operate(bad->op);
	ktap_ok(!error && is_empty(), "and the next try works (%s, %u)",
		errno_name(error), fake_tpm_holds());
}

/* Its node is there a moment before the kernel gives the chip to others. */
static key_serial_t make_key(const char *name, const char *text)
{
	key_serial_t made;

	for (int i = 0; i < 500; i++) {
		made = iot_add(name, "%s", text);
		if (made > 0 || errno != ENODEV)
			break;
		usleep(10000);
	}
	ktap_ok(made > 0, "%s (%s)", text, errno_name(made > 0 ? 0 : errno));
	return made;
}

int main(void)
{
	pthread_t tpm = fake_tpm_start();
	int error;
	long n;

	set_linger(0);
	key = make_key("device", "new ecdsa-p256 parent=0x81000001");
	ak = make_key("ak", "new ecdsa-p256 parent=0x81000001 restricted");
	strcpy(pem, "load ");
	n = keyctl_read(key, pem + 5, sizeof(pem) - 6);
	pem[n > 0 ? n + 5 : 0] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++)
		try_bad(&bads[i]);

	set_linger(KEPT_MS);
	ktap_ok(!use(key) && fake_tpm_holds() == 1, "a key is kept");
	behaviour = (struct behaviour){ TPMBUF_CC_SIGN, HANG_UP, 0 };
	error = use(key);
	ktap_ok(error == ENODEV || error == EBUSY, "a TPM that goes away (%s)",
		errno_name(error));
	pthread_join(tpm, NULL);
	error = use(key);
	ktap_ok(error == ENODEV, "and is gone: ENODEV (%s)", errno_name(error));
	iot_drop(key);
	iot_drop(ak);
	ktap_ok(!iot_count(), "no key is left");
	set_linger(500);
	return ktap_done();
}
