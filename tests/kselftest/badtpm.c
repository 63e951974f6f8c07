// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish: this program is the TPM, through the
 * kernel's vTPM proxy.  Each kind of wrong answer has its errno, leaves no key behind,
 * and the next try, answered well, works.
 *
 * vm: no-tpm
 * sources: kmod/tss2.c kmod/tpmbuf.c tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -lpthread
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_proxy.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "common/iot.h"
#include "tpmbuf.h"
#include "tss2.h"

#define CC_SELF_TEST	  0x143
#define CC_STARTUP	  0x144
#define CC_GET_CAPABILITY 0x17a
#define PARENT		  0x81000001
#define HEADER		  10

enum how {
	GOOD,
	RC,	/* the response code in .value */
	CUT,	/* the good answer, .value bytes of it, and honest about that */
	LIE,	/* the good answer, with .value more in its header's size */
	LONGER, /* the good answer and .value bytes more */
	FLIP,	/* the good answer with byte .value inverted */
	SECRET, /* an unsealed secret of .value bytes */
	HANG_UP,
};

struct behaviour {
	uint32_t cc; /* the command that is answered badly */
	enum how how;
	uint32_t value;
};

static struct behaviour behaviour;
static atomic_int seen; /* how often that command came */
static int tpm_fd;

/* The commands that the driver and the module's opening of a sealed object send. */
static const uint32_t commands[] = {
	CC_SELF_TEST,	CC_STARTUP,	  CC_GET_CAPABILITY,	   TPMBUF_CC_CREATE,
	TPMBUF_CC_LOAD, TPMBUF_CC_UNSEAL, TPMBUF_CC_FLUSH_CONTEXT, TPMBUF_CC_PCR_READ,
};

static void put_capability(struct tpmbuf_writer *w, uint32_t capability)
{
	tpmbuf_put_u8(w, 0); /* no more data */
	tpmbuf_put_u32(w, capability);
	switch (capability) {
	case 6: /* properties: the number of commands */
		tpmbuf_put_u32(w, 1);
		tpmbuf_put_u32(w, 0x129);
		tpmbuf_put_u32(w, ARRAY_SIZE(commands));
		break;
	case 2: /* commands */
		tpmbuf_put_u32(w, ARRAY_SIZE(commands));
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			tpmbuf_put_u32(w, commands[i]);
		break;
	case 5: /* PCR banks: SHA-256, all 24 */
		tpmbuf_put_u32(w, 1);
		tpmbuf_put_u16(w, TSS2_ALG_SHA256);
		tpmbuf_put(w, "\x03\xff\xff\xff", 4);
		break;
	}
}

/* Behind the parameters of an authorized command. */
static void put_session(struct tpmbuf_writer *w)
{
	tpmbuf_put(w, "\0\0\1\0\0", 5);
}

static void good_answer(struct tpmbuf_writer *w, uint32_t cc, const uint8_t *command,
			uint32_t secret_size)
{
	uint8_t bytes[64] = { 0, 0x0b };

	switch (cc) {
	case CC_GET_CAPABILITY:
		put_capability(w, get_unaligned_be32(command + HEADER));
		break;
	case TPMBUF_CC_LOAD:
		tpmbuf_put_u32(w, 0x80000000);
		tpmbuf_put_u32(w, 2 + 34);
		tpmbuf_put_2b(w, bytes, 34);
		put_session(w);
		break;
	case TPMBUF_CC_UNSEAL:
		memset(bytes, 0x5e, sizeof(bytes));
		tpmbuf_put_u32(w, 2 + secret_size);
		tpmbuf_put_2b(w, bytes, secret_size);
		put_session(w);
		break;
	}
}

/* The whole answer to a command; its length, 0 for none. */
static size_t answer(const uint8_t *command, uint8_t *out, size_t size)
{
	struct tpmbuf_writer w = { .data = out + HEADER, .size = size - HEADER };
	uint32_t cc = get_unaligned_be32(command + 6), rc = 0, said;
	struct behaviour b = { 0 };
	bool sessions;
	size_t len;

	if (cc == behaviour.cc) {
		seen++;
		b = behaviour;
	}
	if (b.how == HANG_UP)
		return 0;
	good_answer(&w, cc, command, b.how == SECRET ? b.value : 32);
	sessions = cc == TPMBUF_CC_LOAD || cc == TPMBUF_CC_UNSEAL;
	len = HEADER + w.len;
	if (b.how == RC) {
		rc = b.value;
		sessions = false;
		len = HEADER;
	}
	if (b.how == CUT && b.value < len)
		len = b.value;
	if (b.how == LONGER) {
		memset(out + len, 0xee, b.value);
		len += b.value;
	}
	said = len + (b.how == LIE ? b.value : 0);
	put_unaligned_be16(sessions ? 0x8002 : 0x8001, out);
	put_unaligned_be32(said, out + 2);
	put_unaligned_be32(rc, out + 6);
	if (b.how == FLIP)
		out[b.value] ^= 0xff;
	return len;
}

static void *be_tpm(void *unused)
{
	uint8_t command[4096], out[8192];
	ssize_t n;

	(void)unused;
	while ((n = read(tpm_fd, command, sizeof(command))) >= HEADER) {
		size_t len = answer(command, out, sizeof(out));

		if (!len || write(tpm_fd, out, len) != (ssize_t)len)
			break;
	}
	close(tpm_fd);
	return NULL;
}

static pthread_t start_tpm(void)
{
	struct vtpm_proxy_new_dev dev = { .flags = VTPM_PROXY_FLAG_TPM2 };
	pthread_t thread;
	char name[32];
	int fd;

	if (system("modprobe tpm_vtpm_proxy"))
		exit(1);
	fd = open("/dev/vtpmx", O_RDWR | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, VTPM_PROXY_IOC_NEW_DEV, &dev)) {
		printf("Bail out! /dev/vtpmx: %s\n", strerror(errno));
		exit(1);
	}
	close(fd);
	tpm_fd = dev.fd;
	pthread_create(&thread, NULL, be_tpm, NULL);
	/* it answers the driver's questions, and is there */
	snprintf(name, sizeof(name), "/dev/tpm%u", dev.tpm_num);
	for (int i = 0; i < 500 && access(name, F_OK); i++)
		usleep(10000);
	return thread;
}

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
	key.pub = (struct tss2_span){ pub, w.len };
	key.priv = (struct tss2_span){ priv, 34 };
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
	{ "create: failure mode", { TPMBUF_CC_CREATE, RC, 0x101 }, EIO },
	{ "create: no such parent", { TPMBUF_CC_CREATE, RC, 0x18b }, ENXIO },
	{ "create: the parent is no storage key",
	  { TPMBUF_CC_CREATE, RC, 0x18a },
	  EINVAL },
	{ "create: locked out", { TPMBUF_CC_CREATE, RC, 0x921 }, EBUSY },
	{ "create: out of slots", { TPMBUF_CC_CREATE, RC, 0x902 }, EBUSY },
	{ "create: yields for ever", { TPMBUF_CC_CREATE, RC, 0x908 }, EBUSY },
	{ "create: a password is wanted", { TPMBUF_CC_CREATE, RC, 0x98e }, EOPNOTSUPP },
	{ "create: an unknown code", { TPMBUF_CC_CREATE, RC, 0xbad }, EIO },
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
	pthread_t tpm = start_tpm();
	key_serial_t key;
	int error;

	for (size_t i = 0; i < ARRAY_SIZE(bads); i++) {
		try_bad(&bads[i], load);
		behaviour.cc = 0;
		key = iot_add("root", "%s", load);
		ktap_ok(key > 0, "and the next try works");
		if (key > 0)
			iot_drop(key);
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
