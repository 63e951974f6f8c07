// SPDX-License-Identifier: GPL-2.0-or-later
/* See chip.h. */
#include <errno.h>
#include "chip.h"
#include "kernel.h"
#include "crypto.h"
#include "../fuzz.h"
#include "notify.h"
#include "root.h"
#include "session.h"
#include "tpmbuf.h"
#include "tss2.h"

#define HEADER	  10
#define TPM_FRAME 4096

const u8 fuzz_point[2 * IOT_P256_SIZE] =
	"a point that nobody will ever look at, as the curve is not here";

struct steps input;
unsigned int failing;
bool lied;
const u8 secret[IOT_SECRET_SIZE] = "a secret that goes in the clear.";
static bool honest_hmac; /* of the answer that is being looked at */
static long resize;	 /* of the TPM2B that an answer begins with, -1 as it is */

/* The kernel */

void *kmalloc(size_t size, int flags)
{
	(void)flags;
	return failing && !--failing ? NULL : malloc(size);
}

void *kzalloc(size_t size, int flags)
{
	void *p = kmalloc(size, flags);

	return p ? memset(p, 0, size) : NULL;
}

void *kmemdup(const void *from, size_t size, int flags)
{
	void *p = kmalloc(size, flags);

	return p ? memcpy(p, from, size) : NULL;
}

void get_random_bytes(void *p, size_t len)
{
	memset(p, 0x5a, len);
}

int get_random_bytes_wait(void *p, size_t len)
{
	must(len == sizeof(secret));
	memcpy(p, secret, len);
	return 0;
}

void sha256(const u8 *data, size_t len, u8 *digest)
{
	struct iot_part part = { data, len };

	iot_sha256(&part, 1, digest);
}

int iot_ecdh_p256(const u8 theirs[2 * IOT_P256_SIZE], u8 ours[2 * IOT_P256_SIZE],
		  u8 shared[IOT_P256_SIZE])
{
	/* as the kernel refuses a point that is not on the curve */
	if (theirs[0] & 0x80)
		return -EBADMSG;
	memset(ours, 0x0e, 2 * IOT_P256_SIZE);
	memcpy(shared, theirs, IOT_P256_SIZE);
	return 0;
}

void iot_stats_tpm(bool failed)
{
	(void)failed;
}

void iot_stats_unseal(void)
{
}

void iot_trace_tpm(u32 command_code, u32 rc, u64 nanoseconds)
{
	(void)command_code;
	(void)rc;
	(void)nanoseconds;
}

/* Whatever the answer, its HMAC is right, and what it says is encrypted. */
static void make_authentic(const struct iot_session *s, const struct tpmbuf_call *call,
			   u8 *frame, const struct tpmbuf_reader *params)
{
	const struct tpmbuf_auth *auth = &call->auth;
	u8 *text = frame + (params->p - frame), key_iv[IOT_SHA256_SIZE];
	struct iot_part newer = { auth->nonce, auth->nonce_len };
	struct iot_part older = { s->caller, sizeof(s->caller) };
	u8 hash[IOT_SHA256_SIZE], attributes = auth->attributes;
	struct iot_part parts[] = {
		{ hash, sizeof(hash) }, newer, older, { &attributes, 1 }
	};
	size_t len = params->left >= 2 ? get_unaligned_be16(text) : 0;

	if (attributes & TPMBUF_SA_ENCRYPT && params->left >= 2 &&
	    len <= params->left - 2) {
		iot_kdfa(s->key, sizeof(s->key), "CFB", newer, older, key_iv);
		iot_aes_cfb(key_iv, key_iv + 16, text + 2, len, true);
	}
	iot_rphash(call->cc, params->p, params->left, hash);
	iot_hmac_sha256(s->key, sizeof(s->key), parts, ARRAY_SIZE(parts),
			frame + auth->hmac_at);
}

int __real_iot_session_check(struct iot_session *s, const struct tpmbuf_call *call,
			     u8 attributes, u8 *frame,
			     const struct tpmbuf_reader *params);
int __wrap_iot_session_check(struct iot_session *s, const struct tpmbuf_call *call,
			     u8 attributes, u8 *frame,
			     const struct tpmbuf_reader *params);
int __wrap_iot_session_check(struct iot_session *s, const struct tpmbuf_call *call,
			     u8 attributes, u8 *frame, const struct tpmbuf_reader *params)
{
	if (honest_hmac && call->auth.hmac_len == IOT_SHA256_SIZE)
		make_authentic(s, call, frame, params);
	else
		lied = true;
	return __real_iot_session_check(s, call, attributes, frame, params);
}

/* The TPM */

struct fuzz_tpm tpm;

enum { OBJECT, PRIMARY, HMAC_SESSION, POLICY_SESSION, SIGNER };

static const u32 handles[] = { 0x80000001, 0x80000002, 0x02000000, 0x03000001,
			       0x80000003 };

const u8 parent_area[PARENT_AREA] = {
	0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00, 0x00, 0x00, 0x06, 0x00,
	0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 1,	2,
	3,    4,    5,	  6,	7,    8,    9,	  10,	11,   12,   13,	  14,	15,
	16,   17,   18,	  19,	20,   21,   22,	  23,	24,   25,   26,	  27,	28,
	29,   30,   31,	  32,	0x00, 0x20, 1,	  2,	3,    4,    5,	  6,	7,
	8,    9,    10,	  11,	12,   13,   14,	  15,	16,   17,   18,	  19,	20,
	21,   22,   23,	  24,	25,   26,   27,	  28,	29,   30,   31,	  32,
};

/* A command, taken apart. */
struct command {
	u32 cc, handle, session;
	bool authorized;
	u8 attributes;
	const u8 *params;
	size_t len;
};

static struct command take_command(const u8 *frame)
{
	size_t len = get_unaligned_be32(frame + 2), n;
	struct tpmbuf_reader r = { .p = frame, .left = len }, auth;
	struct command c = { 0 };
	unsigned int count;

	must(len >= HEADER && len <= TPM_FRAME);
	must(!memmem(frame, len, secret, sizeof(secret)));
	c.authorized = tpmbuf_get_u16(&r) == 0x8002;
	tpmbuf_get_u32(&r);
	c.cc = tpmbuf_get_u32(&r);
	count = c.cc == TPMBUF_CC_EVICT_CONTROL || c.cc == TPMBUF_CC_START_AUTH_SESSION
			? 2
		: c.cc == TPMBUF_CC_FLUSH_CONTEXT || c.cc == TPMBUF_CC_PCR_READ ||
				c.cc == TPMBUF_CC_LOAD_EXTERNAL
			? 0
			: 1;
	if (count)
		c.handle = tpmbuf_get_u32(&r);
	if (count > 1)
		tpmbuf_get_u32(&r);
	if (c.authorized) {
		n = tpmbuf_get_u32(&r);
		auth = (struct tpmbuf_reader){ .p = tpmbuf_get(&r, n), .left = n };
		c.session = tpmbuf_get_u32(&auth);
		tpmbuf_get_2b(&auth, &n);
		c.attributes = tpmbuf_get_u8(&auth);
		tpmbuf_get_2b(&auth, &n);
		must(!auth.bad && !auth.left);
	}
	must(!r.bad);
	c.params = r.p;
	c.len = r.left;
	return c;
}

/* The first TPM2B of an answer, whose size may be the fuzzer's. */
static void put_first(struct tpmbuf_writer *w, const void *data, size_t len)
{
	u8 bytes[1024] = { 0 };

	memcpy(bytes, data, len);
	tpmbuf_put_2b(w, bytes, resize < 0 ? len : (size_t)resize);
}

/* The name of the area that w begins with */
static void put_name_of_first(struct tpmbuf_writer *w)
{
	u8 name[2 + IOT_SHA256_SIZE] = { 0x00, 0x0b };

	sha256(w->data + 2, get_unaligned_be16(w->data), name + 2);
	tpmbuf_put_2b(w, name, sizeof(name));
}

static void put_name(struct tpmbuf_writer *w, const u8 *area, size_t len)
{
	u8 name[2 + IOT_SHA256_SIZE] = { 0x00, 0x0b };

	sha256(area, len, name + 2);
	tpmbuf_put_2b(w, name, sizeof(name));
}

static void put_created(struct tpmbuf_writer *w, const struct command *c)
{
	struct tpmbuf_reader r = { .p = c->params, .left = c->len };
	const u8 *area;
	size_t len;

	tpmbuf_get_2b(&r, &len); /* encrypted */
	area = tpmbuf_get_2b(&r, &len);
	must(area);
	put_first(w, "a private part", 14);
	if (len > 4 && get_unaligned_be16(area) == TSS2_ALG_ECC) {
		tpmbuf_put_u16(w, len - 4 + 68); /* with its point */
		tpmbuf_put(w, area, len - 4);
		tpmbuf_put_2b(w, fuzz_point, 32);
		tpmbuf_put_2b(w, fuzz_point + 32, 32);
	} else {
		tpmbuf_put_2b(w, area, len);
	}
	tpmbuf_put(w, "\0\0\0\0\x80\x21\x40\0\0\1\0\0", 12);
}

static void put_loaded(struct tpmbuf_writer *w, const struct command *c)
{
	struct tpmbuf_reader r = { .p = c->params, .left = c->len };
	u8 name[2 + IOT_SHA256_SIZE] = { 0x00, 0x0b };
	const u8 *area;
	size_t len;

	tpmbuf_get_2b(&r, &len); /* private, maybe encrypted */
	area = tpmbuf_get_2b(&r, &len);
	must(area && !r.left);
	tpm.area_len = len < sizeof(tpm.area) ? len : sizeof(tpm.area);
	memcpy(tpm.area, area, tpm.area_len);
	sha256(area, len, name + 2);
	put_first(w, name, sizeof(name));
}

/* What stands for a signature: only who knows the point and the digest could make it. */
static void sign_as(const u8 *digest, u8 sig[2 * IOT_P256_SIZE])
{
	for (unsigned int i = 0; i < IOT_P256_SIZE; i++) {
		sig[i] = fuzz_point[i] ^ digest[i] ^ 0xa5;
		sig[i + IOT_P256_SIZE] = fuzz_point[i + IOT_P256_SIZE] + digest[i];
	}
}

int iot_p256_verify(const u8 xy[2 * IOT_P256_SIZE], const u8 digest[IOT_P256_SIZE],
		    const u8 sig[2 * IOT_P256_SIZE])
{
	u8 right[2 * IOT_P256_SIZE];

	sign_as(digest, right);
	return memcmp(xy, fuzz_point, sizeof(fuzz_point)) ||
			       memcmp(sig, right, sizeof(right))
		       ? -EKEYREJECTED
		       : 0;
}

bool iot_p256_is_point(const u8 xy[2 * IOT_P256_SIZE])
{
	return !(xy[0] & 0x80);
}

static void put_signature(struct tpmbuf_writer *w, const u8 *digest)
{
	u8 sig[2 * IOT_P256_SIZE];

	sign_as(digest, sig);
	tpmbuf_put_u16(w, TSS2_ALG_ECDSA);
	tpmbuf_put_u16(w, TSS2_ALG_SHA256);
	tpmbuf_put_2b(w, sig, IOT_P256_SIZE);
	tpmbuf_put_2b(w, sig + IOT_P256_SIZE, IOT_P256_SIZE);
}

/* A quote, some of which may be the fuzzer's, signed as it is. */
static void put_quote(struct tpmbuf_writer *w, const struct command *c, bool twisted)
{
	struct tpmbuf_reader r = { .p = c->params, .left = c->len };
	u8 attest[512], digest[IOT_SHA256_SIZE];
	struct tpmbuf_writer a = { .data = attest, .size = sizeof(attest) };
	const u8 *nonce;
	size_t len;

	nonce = tpmbuf_get_2b(&r, &len);
	must(nonce && len <= TSS2_MAX_DIGEST);
	tpmbuf_get_u32(&r); /* the scheme */
	tpmbuf_put_u32(&a, 0xff544347);
	tpmbuf_put_u16(&a, 0x8018);
	put_name(&a, fuzz_point, sizeof(fuzz_point));
	tpmbuf_put_2b(&a, nonce, len);
	tpmbuf_put(&a, "the clock and firmware...", 25);
	tpmbuf_put(&a, r.p, r.left);
	tpmbuf_put_2b(&a, fuzz_point, 32);
	must(!a.bad);
	if (twisted) {
		spoil(attest, a.len);
		a.len -= next_step(&input) % a.len;
	}
	sha256(attest, a.len, digest);
	put_first(w, attest, a.len);
	put_signature(w, digest);
}

static void put_pcrs(struct tpmbuf_writer *w, const struct command *c)
{
	unsigned int bank = get_unaligned_be16(c->params + 4), i, count = 0, mask = 0;
	size_t size = bank == 4 ? 20 : bank == 0x0b ? 32 : 48;
	u8 value[48] = "what is in a PCR", selection[10];

	must(c->len == sizeof(selection));
	for (i = 0; i < 24 && count < 8; i++) {
		if (!(c->params[7 + i / 8] & 1 << i % 8))
			continue;
		mask |= 1 << i;
		count++;
	}
	memcpy(selection, c->params, 7);
	selection[7] = mask;
	selection[8] = mask >> 8;
	selection[9] = mask >> 16;
	tpmbuf_put_u32(w, 7); /* the counter */
	tpmbuf_put(w, selection, sizeof(selection));
	tpmbuf_put_u32(w, count);
	for (; count; count--)
		tpmbuf_put_2b(w, value, size);
}

static void put_primary(struct tpmbuf_writer *w)
{
	put_first(w, parent_area, sizeof(parent_area));
	tpmbuf_put(w, "\0\0\0\0\x80\x21\x40\0\0\1\0\0", 12);
	put_name_of_first(w);
}

/* The name of the key that was to be loaded */
static void put_signer(struct tpmbuf_writer *w, const struct command *c)
{
	u8 name[2 + IOT_SHA256_SIZE] = { 0x00, 0x0b };
	size_t len = get_unaligned_be16(c->params + 2);

	must(c->len == 2 + 2 + len + 4);
	sha256(c->params + 4, len, name + 2);
	put_first(w, name, sizeof(name));
}

/* Parameters of a good answer; the handle it gives, and the response code. */
static u32 good_params(struct tpmbuf_writer *w, const struct command *c, bool twisted,
		       u32 *rc)
{
	bool policy;

	switch (c->cc) {
	case TPMBUF_CC_READ_PUBLIC:
		if (c->handle == PARENT && !tpm.parent) {
			*rc = 0x18b;
			return 0;
		}
		if (c->handle == handles[OBJECT])
			put_first(w, tpm.area, tpm.area_len);
		else
			put_first(w, parent_area, sizeof(parent_area));
		put_name_of_first(w);
		put_name(w, parent_area, 2); /* the qualified name */
		return 0;
	case TPMBUF_CC_CREATE_PRIMARY:
		put_primary(w);
		return handles[PRIMARY];
	case TPMBUF_CC_START_AUTH_SESSION:
		policy = tpm.open & 1 << HMAC_SESSION;
		put_first(w, "nonce of the TPM", 16);
		return handles[policy ? POLICY_SESSION : HMAC_SESSION];
	case TPMBUF_CC_CREATE:
		put_created(w, c);
		return 0;
	case TPMBUF_CC_LOAD:
		put_loaded(w, c);
		return handles[OBJECT];
	case TPMBUF_CC_LOAD_EXTERNAL:
		put_signer(w, c);
		return handles[SIGNER];
	case TPMBUF_CC_VERIFY_SIGNATURE:
		tpmbuf_put(w, "\x80\x22\x40\0\0\1", 6);
		put_first(w, "what only the TPM knows to make", 32);
		return 0;
	case TPMBUF_CC_SIGN:
		must(c->len >= 34);
		put_signature(w, c->params + 2);
		return 0;
	case TPMBUF_CC_QUOTE:
		put_quote(w, c, twisted);
		return 0;
	case TPMBUF_CC_UNSEAL:
		put_first(w, secret, sizeof(secret));
		return 0;
	case TPMBUF_CC_IMPORT:
		put_first(w, "a private part, imported", 24);
		return 0;
	case TPMBUF_CC_PCR_READ:
		put_pcrs(w, c);
		return 0;
	default:
		return 0;
	}
}

/* The frame around parameters; its length. */
static size_t put_frame(const struct command *c, u32 handle, const u8 *params, size_t len,
			u8 *frame)
{
	static const u8 hmac[IOT_SHA256_SIZE];
	struct tpmbuf_writer w = { .data = frame, .size = TPM_FRAME };

	tpmbuf_put_u16(&w, c->authorized ? 0x8002 : 0x8001);
	tpmbuf_put_u32(&w, 0);
	tpmbuf_put_u32(&w, 0);
	if (handle)
		tpmbuf_put_u32(&w, handle);
	if (c->authorized)
		tpmbuf_put_u32(&w, len);
	tpmbuf_put(&w, params, len);
	if (c->authorized && c->session == TPMBUF_RS_PW) {
		tpmbuf_put(&w, "\0\0\1\0\0", 5);
	} else if (c->authorized) {
		tpmbuf_put_2b(&w, "another nonce...", 16);
		tpmbuf_put_u8(&w, c->attributes);
		tpmbuf_put_2b(&w, hmac, sizeof(hmac));
	}
	must(!w.bad);
	put_unaligned_be32(w.len, frame + 2);
	return w.len;
}

static void set_open(u32 handle, bool open)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(handles); i++) {
		if (handles[i] != handle)
			continue;
		tpm.open &= ~(1u << i);
		tpm.open |= (unsigned int)open << i;
	}
}

/* What a command that came off does to the TPM. */
static void carry_out(const struct command *c, u32 handle)
{
	set_open(handle, true);
	if (c->authorized && !(c->attributes & TPMBUF_SA_CONTINUE))
		set_open(c->session, false);
	if (c->cc == TPMBUF_CC_FLUSH_CONTEXT)
		set_open(get_unaligned_be32(c->params), false);
	if (c->cc == TPMBUF_CC_EVICT_CONTROL)
		tpm.parent = true;
}

/* The input's own, behind a TPM2B's size if it likes, which is right or nearly so. */
size_t take_bytes(u8 *to, size_t max)
{
	size_t len = next_step(&input) * 4;

	if (len > input.left)
		len = input.left;
	if (len > max)
		len = max;
	memcpy(to, input.p, len);
	input.p += len;
	input.left -= len;
	if (len >= 2 && to[0] == 0xff)
		put_unaligned_be16(len - 2, to);
	return len;
}

static size_t put_error(u32 rc, u8 *frame)
{
	put_unaligned_be16(0x8001, frame);
	put_unaligned_be32(HEADER, frame + 2);
	put_unaligned_be32(rc, frame + 6);
	return HEADER;
}

void spoil(u8 *bytes, size_t len)
{
	unsigned int i, n = 1 + next_step(&input) % 4;
	size_t at;

	for (i = 0; i < n && len; i++) {
		at = next_step(&input) << 8;
		at |= next_step(&input);
		bytes[at % len] ^= next_step(&input);
	}
}

/* Says that there is no object, when there is. */
static bool denies_object(const struct command *c, int error)
{
	return c->cc == TPMBUF_CC_READ_PUBLIC && c->handle == handles[OBJECT] &&
	       (error == -ENXIO || error == -EBADMSG);
}

/* How the fuzzer answers. */
enum { GOOD, GOOD_TOO, RESIZED, SPOILT, PARAMS, FRAME, ERROR, DRIVER, WAYS };

/* @frame: the command, and then the answer; its length or the driver's -errno. */
static ssize_t answer(u8 *frame)
{
	static const int errors[] = { -EFAULT, -EIO,   -EBUSY, -ECANCELED,
				      -ENODEV, -EINTR, -ETIME };
	u8 params[TPM_FRAME], step = next_step(&input);
	struct tpmbuf_writer w = { .data = params, .size = 3000 };
	struct command c = take_command(frame);
	unsigned int way = (step & 0x7f) % WAYS;
	u32 rc = 0, handle;
	bool twisted;
	size_t len;

	honest_hmac = !(step & 0x80);
	if (way == DRIVER) {
		int error = errors[next_step(&input) % ARRAY_SIZE(errors)];

		lied |= c.cc == TPMBUF_CC_FLUSH_CONTEXT;
		lied |= denies_object(&c, error == -EFAULT ? -EBADMSG : error);
		return error;
	}
	resize = way == RESIZED ? next_step(&input) * (step & 0x40 ? 4 : 1) : -1;
	twisted = way == GOOD_TOO && c.cc == TPMBUF_CC_QUOTE;
	handle = good_params(&w, &c, twisted, &rc);
	lied |= twisted;
	if (way == ERROR) {
		rc = next_step(&input) << 8;
		rc |= next_step(&input);
		rc |= (u32)(rc >> 12 == 0xf) << 31; /* a forged one may look negative */
		lied |= !rc || c.cc == TPMBUF_CC_FLUSH_CONTEXT;
		lied |= denies_object(&c, tpmbuf_errno(c.cc, rc));
	}
	if (rc)
		return put_error(rc, frame);
	if (way == PARAMS)
		w.len = take_bytes(params, w.size);
	if (way == SPOILT)
		spoil(params, w.len);
	carry_out(&c, handle);
	len = put_frame(&c, handle, params, w.len, frame);
	if (way == FRAME)
		len = take_bytes(frame, TPM_FRAME);
	else if (way == SPOILT && step & 0x40)
		spoil(frame, len);
	lied |= way == RESIZED || way == PARAMS || way == FRAME || way == SPOILT;
	return len;
}

struct tpm_chip chip = { .flags = TPM_CHIP_FLAG_TPM2, .ops = "there are some" };
int in_use;

struct tpm_chip *tpm_default_chip(void)
{
	chip.dev.references++;
	return &chip;
}

void get_device(struct device *dev)
{
	dev->references++;
}

void put_device(struct device *dev)
{
	dev->references--;
}

int tpm_try_get_ops(struct tpm_chip *c)
{
	(void)c;
	in_use++;
	return 0;
}

void tpm_put_ops(struct tpm_chip *c)
{
	(void)c;
	in_use--;
}

/* As the core does it: the bytes behind the answer are the command's. */
ssize_t tpm_transmit_cmd(struct tpm_chip *c, struct tpm_buf *buf, size_t min,
			 const char *what)
{
	ssize_t len = answer(buf->data);

	(void)c;
	(void)min;
	(void)what;
	if (len < 0)
		return len;
	if (len < HEADER)
		return -EFAULT;
	return (int)get_unaligned_be32(buf->data + 6);
}

void check_errno(int ret)
{
	static const int errors[] = { EINVAL,	  EKEYREJECTED, EBADMSG, EPROTONOSUPPORT,
				      EOPNOTSUPP, EPERM,	ENODEV,	 ENXIO,
				      EBUSY,	  EIO,		EINTR,	 ENOMEM };
	size_t i;

	for (i = 0; ret && i < ARRAY_SIZE(errors) && ret != -errors[i]; i++)
		;
	must(!ret || i < ARRAY_SIZE(errors));
}
