// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish while roots are made and opened.  Each kind of
 * wrong answer has its errno, leaves no key behind, and the next try, answered well, works.
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
#include "tss2.h"

/* "load" of a sealed object, in base64: the TPM decides what becomes of it. */
static const char *sealed_object(void)
{
	static const uint8_t priv[] = "\0\x20"
				      "00000000000000000000000000000000";
	static char text[1024] = "load ";
	uint8_t pub[64] = { 0 }, der[512];
	struct tpmbuf_writer w = { .data = pub, .size = sizeof(pub) };
	struct tss2_key key = { .type = TSS2_SEALED,
				.empty_auth = true,
				.parent = PARENT };
	size_t begin = tpmbuf_begin_2b(&w);
	int len;

	tpmbuf_put_u16(&w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, TSS2_OA_FIXED_TPM | TSS2_OA_FIXED_PARENT | TSS2_OA_NO_DA |
				   TSS2_OA_USER_WITH_AUTH);
	tpmbuf_put_u16(&w, 0);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_2b(&w, priv, 32); /* unique: any digest */
	tpmbuf_end_2b(&w, begin);
	key.pub = (struct tpmbuf_span){ pub, w.len };
	key.priv = (struct tpmbuf_span){ priv, 34 };
	len = tss2_encode(&key, der, sizeof(der));
	if (len < 0) {
		printf("Bail out! cannot write the DER: %d\n", len);
		exit(1);
	}
	iot_base64(der, len, text + 5);
	return text;
}

static const struct bad {
	const char *what;
	struct behaviour b;
	int error;
} bads[] = {
	{ "read public: no such parent", { TPMBUF_CC_READ_PUBLIC, RC, 0x18b }, ENXIO },
	{ "read public: another key",
	  { TPMBUF_CC_READ_PUBLIC, FLIP, HEADER + 40 },
	  EBADMSG },
	{ "read public: another name",
	  { TPMBUF_CC_READ_PUBLIC, FLIP, HEADER + 110 },
	  EBADMSG },
	{ "read public: another place",
	  { TPMBUF_CC_READ_PUBLIC, FLIP, HEADER + 150 },
	  EBADMSG },
	{ "read public: no storage key",
	  { TPMBUF_CC_READ_PUBLIC, CUT, HEADER + 20 },
	  EBADMSG },
	{ "read public: not in the session",
	  { TPMBUF_CC_READ_PUBLIC, RC_IN, 0x98e },
	  EBADMSG },
	{ "session: no such parent", { TPMBUF_CC_START_AUTH_SESSION, RC, 0x18b }, ENXIO },
	{ "session: out of them", { TPMBUF_CC_START_AUTH_SESSION, RC, 0x903 }, EBUSY },
	{ "session: another nonce",
	  { TPMBUF_CC_START_AUTH_SESSION, FLIP, HEADER + 8 },
	  EBADMSG },
	{ "session: not a session's handle",
	  { TPMBUF_CC_START_AUTH_SESSION, FLIP, HEADER },
	  EBADMSG },
	{ "session: cut short",
	  { TPMBUF_CC_START_AUTH_SESSION, CUT, HEADER + 10 },
	  EBADMSG },
	{ "create: failure mode", { TPMBUF_CC_CREATE, RC, 0x101 }, EIO },
	{ "create: no such parent", { TPMBUF_CC_CREATE, RC, 0x18b }, ENXIO },
	{ "create: the parent is no storage key",
	  { TPMBUF_CC_CREATE, RC, 0x18a },
	  EINVAL },
	{ "create: locked out", { TPMBUF_CC_CREATE, RC, 0x921 }, EBUSY },
	{ "create: out of slots", { TPMBUF_CC_CREATE, RC, 0x902 }, EBUSY },
	{ "create: yields for ever", { TPMBUF_CC_CREATE, RC, 0x908 }, EBUSY },
	{ "create: a password is wanted", { TPMBUF_CC_CREATE, RC, 0x98e }, EOPNOTSUPP },
	{ "create: an unknown code", { TPMBUF_CC_CREATE, RC, 0x1fd }, EIO },
	{ "create: another layer's code", { TPMBUF_CC_CREATE, RC, 0x40001 }, EIO },
	{ "create: success, and nothing else",
	  { TPMBUF_CC_CREATE, CUT, HEADER },
	  EBADMSG },
	{ "load: integrity", { TPMBUF_CC_LOAD, RC, 0x1df }, EKEYREJECTED },
	{ "load: no such parent", { TPMBUF_CC_LOAD, RC, 0x18b }, ENXIO },
	{ "load: failure mode", { TPMBUF_CC_LOAD, RC, 0x101 }, EIO },
	{ "load: out of slots", { TPMBUF_CC_LOAD, RC, 0x902 }, EBUSY },
	{ "load: no handle", { TPMBUF_CC_LOAD, CUT, HEADER }, EBADMSG },
	{ "load: half a handle", { TPMBUF_CC_LOAD, CUT, HEADER + 2 }, EBADMSG },
	{ "load: not a transient handle", { TPMBUF_CC_LOAD, FLIP, HEADER }, EBADMSG },
	{ "load: half a header", { TPMBUF_CC_LOAD, CUT, 6 }, EBADMSG },
	{ "load: a longer header's size", { TPMBUF_CC_LOAD, LIE, 1 }, EBADMSG },
	{ "unseal: PCRs", { TPMBUF_CC_UNSEAL, RC, 0x99d }, EPERM },
	{ "unseal: failure mode", { TPMBUF_CC_UNSEAL, RC, 0x101 }, EIO },
	{ "unseal: another tag", { TPMBUF_CC_UNSEAL, FLIP, 1 }, EBADMSG },
	{ "unseal: a parameter size of its own",
	  { TPMBUF_CC_UNSEAL, FLIP, HEADER + 3 },
	  EBADMSG },
	{ "unseal: a huge parameter size", { TPMBUF_CC_UNSEAL, FLIP, HEADER }, EBADMSG },
	{ "unseal: a huge secret", { TPMBUF_CC_UNSEAL, FLIP, HEADER + 4 }, EBADMSG },
	{ "unseal: cut in the secret", { TPMBUF_CC_UNSEAL, CUT, HEADER + 20 }, EBADMSG },
	{ "unseal: a changed secret", { TPMBUF_CC_UNSEAL, FLIP, HEADER + 12 }, EBADMSG },
	{ "unseal: a changed nonce", { TPMBUF_CC_UNSEAL, FLIP, HEADER + 42 }, EBADMSG },
	{ "unseal: a changed HMAC", { TPMBUF_CC_UNSEAL, FLIP, HEADER + 60 }, EBADMSG },
	{ "unseal: a response code made of a success",
	  { TPMBUF_CC_UNSEAL, FLIP, 9 },
	  EBADMSG },
	{ "unseal: the handle it gave is unknown",
	  { TPMBUF_CC_UNSEAL, RC, 0x18b },
	  EBADMSG },
	{ "unseal: bytes behind the end", { TPMBUF_CC_UNSEAL, LONGER, 3 }, EBADMSG },
	{ "unseal: 31 bytes", { TPMBUF_CC_UNSEAL, SECRET, 31 }, EINVAL },
	{ "unseal: 33 bytes", { TPMBUF_CC_UNSEAL, SECRET, 33 }, EINVAL },
	{ "unseal: no bytes", { TPMBUF_CC_UNSEAL, SECRET, 0 }, EINVAL },
};

static void try_bad(const struct bad *bad, const char *load)
{
	const char *text = load;
	key_serial_t key;
	int error;

	if (bad->b.cc == TPMBUF_CC_CREATE)
		text = "new root provider=tpm parent=0x81000001";
	behaviour = bad->b;
	seen = 0;
	key = iot_add("root", "%s", text);
	error = key < 0 ? errno : 0;
	ktap_ok(error == bad->error && seen && !iot_count(), "%s: %s (%s)", bad->what,
		errno_name(bad->error), errno_name(error));
	if (key >= 0)
		iot_drop(key);
}

int main(void)
{
	const char *load = sealed_object();
	pthread_t tpm;
	key_serial_t key;
	int error;

	tpm = fake_tpm_start();
	/* its node is there a moment before the kernel gives the chip to others */
	for (int i = 0; i < 500; i++) {
		key = iot_add("root", "%s", load);
		if (key > 0)
			iot_drop(key);
		else if (errno == ENODEV)
			usleep(10000);
		if (key > 0 || errno != ENODEV)
			break;
	}
	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		try_bad(&bads[i], load);
		behaviour.cc = 0;
		key = iot_add("root", "%s", load);
		ktap_ok(key > 0, "and the next try works");
		if (key > 0)
			iot_drop(key);
		fake_tpm_clear(); /* what a forged handle has left there */
	}

	behaviour = (struct behaviour){ TPMBUF_CC_UNSEAL, HANG_UP, 0 };
	error = iot_add("root", "%s", load) < 0 ? errno : 0;
	ktap_ok(error == ENODEV || error == EBUSY, "a TPM that goes away (%s)",
		errno_name(error));
	pthread_join(tpm, NULL);
	error = iot_add("root", "%s", load) < 0 ? errno : 0;
	ktap_ok(error == ENODEV, "and is gone: ENODEV (%s)", errno_name(error));
	ktap_ok(!iot_count(), "no key is left");
	return ktap_done();
}
