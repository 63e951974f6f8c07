// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A TPM that answers with errors and rubbish: this program is the TPM, through the
 * kernel's vTPM proxy.  Each kind of wrong answer has its errno, leaves no key behind,
 * and the next try, answered well, works.
 *
 * Its answers are authentic where it is the TPM that errs (RC, SECRET), and changed after
 * that where it is the bus.
 *
 * vm: no-tpm
 * sources: kmod/tss2.c kmod/tpmbuf.c kmod/session.c tests/host/crypto.c tests/unit/ktap.c tests/kselftest/common/iot.c
 * libs: -lpthread -lcrypto
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_proxy.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "common/iot.h"
#include "session.h"
#include "tss2.h"

#define CC_SELF_TEST	  0x143
#define CC_STARTUP	  0x144
#define CC_GET_CAPABILITY 0x17a
#define PARENT		  0x81000001
#define HEADER		  10

enum how {
	GOOD,
	RC,	/* the response code in .value */
	RC_IN,	/* the same, but only to a command in a session */
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
	CC_SELF_TEST,
	CC_STARTUP,
	CC_GET_CAPABILITY,
	TPMBUF_CC_CREATE,
	TPMBUF_CC_LOAD,
	TPMBUF_CC_UNSEAL,
	TPMBUF_CC_FLUSH_CONTEXT,
	TPMBUF_CC_PCR_READ,
	TPMBUF_CC_READ_PUBLIC,
	TPMBUF_CC_START_AUTH_SESSION,
};

/* The parent: a storage key of P-256. */
static EVP_PKEY *parent;
static uint8_t parent_area[90];
static uint8_t parent_x[IOT_P256_SIZE];

/* The TPM's side of the one session. */
static struct iot_session session;

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

static void must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s\n", what);
	exit(1);
}

static void make_parent(void)
{
	static const uint8_t head[] = {
		0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00, 0x00, 0x00,
		0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10,
	};
	struct tpmbuf_writer w = { .data = parent_area, .size = sizeof(parent_area) };
	uint8_t point[65];
	size_t len;

	parent = EVP_EC_gen("P-256");
	must(parent &&
		     EVP_PKEY_get_octet_string_param(parent, OSSL_PKEY_PARAM_PUB_KEY,
						     point, sizeof(point), &len) &&
		     len == sizeof(point),
	     "a key of P-256");
	memcpy(parent_x, point + 1, sizeof(parent_x));
	tpmbuf_put(&w, head, sizeof(head));
	tpmbuf_put_2b(&w, point + 1, 32);
	tpmbuf_put_2b(&w, point + 33, 32);
	must(!w.bad && w.len == sizeof(parent_area), "its public area");
}

/* X of the point that the parent's private key and @x, @y make. */
static void diffie_hellman(const uint8_t *x, const uint8_t *y, uint8_t *z)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *peer = NULL;
	uint8_t point[65] = { 4 };
	size_t len = IOT_P256_SIZE;
	OSSL_PARAM *params;

	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0);
	OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point,
					 sizeof(point));
	params = OSSL_PARAM_BLD_to_param(build);
	must(EVP_PKEY_fromdata_init(ctx) > 0 &&
		     EVP_PKEY_fromdata(ctx, &peer, EVP_PKEY_PUBLIC_KEY, params) > 0,
	     "the module's point");
	EVP_PKEY_CTX_free(ctx);
	ctx = EVP_PKEY_CTX_new(parent, NULL);
	must(EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
		     EVP_PKEY_derive(ctx, z, &len) > 0 && len == IOT_P256_SIZE,
	     "ECDH");
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(peer);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
}

/* TPM2_StartAuthSession: nonceCaller and the encrypted salt. */
static void start_session(struct tpmbuf_reader *in)
{
	uint8_t z[IOT_P256_SIZE], salt[IOT_SHA256_SIZE];
	const uint8_t *nonce, *x, *y;
	size_t len;

	nonce = tpmbuf_get_2b(in, &len);
	must(nonce && len == IOT_SESSION_NONCE, "nonceCaller");
	session = (struct iot_session){ .handle = 0x02000000,
					.tpm_len = IOT_SESSION_NONCE };
	memcpy(session.caller, nonce, len);
	memset(session.tpm, 0x11, session.tpm_len);
	tpmbuf_get_u16(in); /* size of the point */
	x = tpmbuf_get_2b(in, &len);
	must(x && len == IOT_P256_SIZE, "the point's X");
	y = tpmbuf_get_2b(in, &len);
	must(y && len == IOT_P256_SIZE, "the point's Y");
	diffie_hellman(x, y, z);
	iot_kdfe(z, "SECRET", x, parent_x, salt);
	iot_session_key(&session, salt);
}

/* nonceCaller and attributes of the command's session. */
static uint8_t read_auth(struct tpmbuf_reader *in)
{
	const uint8_t *nonce;
	uint8_t attributes;
	size_t len;

	tpmbuf_get_u32(in); /* size */
	tpmbuf_get_u32(in); /* handle */
	nonce = tpmbuf_get_2b(in, &len);
	must(nonce && len == IOT_SESSION_NONCE, "the command's nonceCaller");
	memcpy(session.caller, nonce, len);
	attributes = tpmbuf_get_u8(in);
	tpmbuf_get_2b(in, &len);
	return attributes;
}

/* Encrypts the first parameter, and puts the session's part behind them. */
static void protect(struct tpmbuf_writer *w, uint32_t cc, size_t params,
		    uint8_t attributes)
{
	struct iot_part caller = { session.caller, IOT_SESSION_NONCE };
	struct iot_part tpm = { session.tpm, IOT_SESSION_NONCE };
	uint8_t hash[IOT_SHA256_SIZE], hmac[IOT_SHA256_SIZE], key[32];
	struct iot_part parts[] = {
		{ hash, sizeof(hash) }, tpm, caller, { &attributes, 1 }
	};
	uint8_t *p = w->data + params;

	session.tpm[0]++;
	if (attributes & TPMBUF_SA_ENCRYPT && w->len - params >= 2) {
		iot_kdfa(session.key, sizeof(session.key), "CFB", tpm, caller, key);
		iot_aes_cfb(key, key + 16, p + 2, get_unaligned_be16(p), true);
	}
	iot_rphash(cc, p, w->len - params, hash);
	iot_hmac_sha256(session.key, sizeof(session.key), parts, 4, hmac);
	tpmbuf_put_2b(w, session.tpm, IOT_SESSION_NONCE);
	tpmbuf_put_u8(w, attributes);
	tpmbuf_put_2b(w, hmac, sizeof(hmac));
}

static void put_parameters(struct tpmbuf_writer *w, uint32_t cc, uint32_t secret_size)
{
	struct iot_part area = { parent_area, sizeof(parent_area) };
	uint8_t bytes[64] = { 0, 0x0b };

	switch (cc) {
	case TPMBUF_CC_READ_PUBLIC:
		tpmbuf_put_2b(w, parent_area, sizeof(parent_area));
		iot_sha256(&area, 1, bytes + 2);
		tpmbuf_put_2b(w, bytes, 34);
		tpmbuf_put_2b(w, bytes, 34);
		break;
	case TPMBUF_CC_LOAD:
		tpmbuf_put_2b(w, bytes, 34);
		break;
	case TPMBUF_CC_UNSEAL:
		memset(bytes, 0x5e, sizeof(bytes));
		tpmbuf_put_2b(w, bytes, secret_size);
		break;
	case TPMBUF_CC_START_AUTH_SESSION:
		tpmbuf_put_2b(w, session.tpm, session.tpm_len);
		break;
	}
}

static unsigned int handles_of(uint32_t cc)
{
	switch (cc) {
	case TPMBUF_CC_CREATE:
	case TPMBUF_CC_LOAD:
	case TPMBUF_CC_UNSEAL:
	case TPMBUF_CC_READ_PUBLIC:
		return 1;
	case TPMBUF_CC_START_AUTH_SESSION:
		return 2;
	}
	return 0;
}

/* The module's sessions: other commands of the kernel's have a password's. */
static bool in_session(const uint8_t *command)
{
	uint32_t cc = get_unaligned_be32(command + 6);
	size_t at = HEADER + 4 * handles_of(cc) + 4;

	return get_unaligned_be16(command) == 0x8002 && handles_of(cc) &&
	       get_unaligned_be32(command + at) == session.handle;
}

static void good_answer(struct tpmbuf_writer *w, const uint8_t *command, size_t len,
			uint32_t secret_size)
{
	struct tpmbuf_reader in = { command + HEADER, len - HEADER, false };
	bool sessions = in_session(command);
	uint32_t cc = get_unaligned_be32(command + 6);
	uint8_t attributes = 0;
	size_t size, params;

	if (cc == CC_GET_CAPABILITY) {
		put_capability(w, get_unaligned_be32(command + HEADER));
		return;
	}
	tpmbuf_get(&in, 4 * handles_of(cc));
	if (sessions)
		attributes = read_auth(&in);
	if (cc == TPMBUF_CC_START_AUTH_SESSION) {
		start_session(&in);
		tpmbuf_put_u32(w, session.handle);
	}
	if (cc == TPMBUF_CC_LOAD)
		tpmbuf_put_u32(w, 0x80000000);
	size = w->len;
	if (sessions)
		tpmbuf_put_u32(w, 0);
	params = w->len;
	put_parameters(w, cc, secret_size);
	if (!sessions)
		return;
	put_unaligned_be32(w->len - params, w->data + size);
	protect(w, cc, params, attributes);
}

/* The whole answer to a command; its length, 0 for none. */
static size_t answer(const uint8_t *command, size_t command_len, uint8_t *out,
		     size_t size)
{
	struct tpmbuf_writer w = { .data = out + HEADER, .size = size - HEADER };
	bool sessions = in_session(command);
	uint32_t cc = get_unaligned_be32(command + 6), rc = 0, said;
	struct behaviour b = { 0 };
	size_t len;

	if (cc == behaviour.cc) {
		seen++;
		if (sessions || behaviour.how != RC_IN)
			b = behaviour;
	}
	if (b.how == HANG_UP)
		return 0;
	good_answer(&w, command, command_len, b.how == SECRET ? b.value : 32);
	len = HEADER + w.len;
	if (b.how == RC || b.how == RC_IN) {
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
		size_t len = answer(command, n, out, sizeof(out));

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

	make_parent();
	tpm = start_tpm();
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
