// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The whole of the provider "tpm" with a TPM whose answers the fuzzer makes: right ones,
 * right ones with wrong bytes, parameters of its own in a right frame, whole frames of its
 * own, response codes, and errors of the driver.  The HMAC is made right for what the
 * fuzzer says, as long as it does not say otherwise, so it gets to all that is behind it.
 *
 * No crash; an errno that is documented; nothing left in memory, nor, with a TPM that
 * does not lie, in the TPM; no secret in clear on the bus.
 *
 * The input is bytes that steer: the operation, its options, which allocation fails, and
 * then for every command how it is answered.  What is missing is 0, and a good answer.
 *
 * covers: kmod/root_tpm.c kmod/tpm_policy.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c kmod/tpmbuf.c
 * sources: kmod/root_tpm.c kmod/tpm_policy.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c tests/host/crypto.c
 * flags: -Ifuzz/kernel -Wno-missing-field-initializers -Wno-sign-compare
 * libs: -lcrypto -Wl,--wrap=iot_session_check
 */
#include <errno.h>
#include "kernel.h"
#include "crypto.h"
#include "fuzz.h"
#include "notify.h"
#include "root.h"
#include "session.h"
#include "tpmbuf.h"
#include "tss2.h"

#define PARENT	  0x81000001
#define HEADER	  10
#define TPM_FRAME 4096
#define REF	  'r'

static struct steps input;
static unsigned int failing; /* the allocation that fails, counted down; 0 none */
static bool honest_hmac;     /* of the answer that is being looked at */
static bool lied;	     /* an answer was not what a TPM gives */
static long resize;	     /* of the TPM2B that an answer begins with, -1 as it is */
static const u8 secret[IOT_SECRET_SIZE] = "a secret that goes in the clear.";

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

static struct {
	bool parent;	   /* there is one at its handle */
	unsigned int open; /* handles: one bit each, of those below */
} tpm;

enum { OBJECT, PRIMARY, HMAC_SESSION, POLICY_SESSION, SIGNER };

static const u32 handles[] = { 0x80000001, 0x80000002, 0x02000000, 0x03000001,
			       0x80000003 };

static const u8 parent_area[] = {
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
	tpmbuf_put_2b(w, area, len);
	tpmbuf_put(w, "\0\0\0\0\x80\x21\x40\0\0\1\0\0", 12);
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
static u32 good_params(struct tpmbuf_writer *w, const struct command *c, u32 *rc)
{
	bool policy;

	switch (c->cc) {
	case TPMBUF_CC_READ_PUBLIC:
		if (c->handle == PARENT && !tpm.parent) {
			*rc = 0x18b;
			return 0;
		}
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
		put_first(w, parent_area, 34); /* a name, of whatever */
		return handles[OBJECT];
	case TPMBUF_CC_LOAD_EXTERNAL:
		put_signer(w, c);
		return handles[SIGNER];
	case TPMBUF_CC_VERIFY_SIGNATURE:
		tpmbuf_put(w, "\x80\x22\x40\0\0\1", 6);
		put_first(w, "what only the TPM knows to make", 32);
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
static size_t take_bytes(u8 *to, size_t max)
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

static void spoil(u8 *bytes, size_t len)
{
	unsigned int i, n = 1 + next_step(&input) % 4;
	size_t at;

	for (i = 0; i < n && len; i++) {
		at = next_step(&input) << 8;
		at |= next_step(&input);
		bytes[at % len] ^= next_step(&input);
	}
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
	size_t len;

	honest_hmac = !(step & 0x80);
	if (way == DRIVER) {
		lied |= c.cc == TPMBUF_CC_FLUSH_CONTEXT;
		return errors[next_step(&input) % ARRAY_SIZE(errors)];
	}
	resize = way == RESIZED ? next_step(&input) * (step & 0x40 ? 4 : 1) : -1;
	handle = good_params(&w, &c, &rc);
	if (way == ERROR) {
		rc = next_step(&input) << 8;
		rc |= next_step(&input);
		rc |= (u32)(rc >> 12 == 0xf) << 31; /* a forged one may look negative */
		lied |= !rc || c.cc == TPMBUF_CC_FLUSH_CONTEXT;
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

static struct tpm_chip chip = { .flags = TPM_CHIP_FLAG_TPM2, .ops = "there are some" };
static int in_use;

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

/* What is opened and adopted */

static const u8 digest[32] = "what a digest looks like........";

static size_t sealed_area(u8 *area, const u8 *policy)
{
	struct tpmbuf_writer w = { .data = area, .size = 256 };
	size_t begin = tpmbuf_begin_2b(&w);

	tpmbuf_put_u16(&w, TSS2_ALG_KEYEDHASH);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, TSS2_OA_NO_DA | (policy ? 0 : TSS2_OA_USER_WITH_AUTH));
	tpmbuf_put_2b(&w, policy, policy ? 32 : 0);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_2b(&w, digest, 32);
	tpmbuf_end_2b(&w, begin);
	return w.len;
}

static const u8 pcrs[] = { 0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0 };

/* A key that signs policies, and what it signs: both as the TPM here likes them. */
static const u8 signer[] = {
	0x00, 0x56, 0x00, 0x23, 0x00, 0x0b, 0x00, 0x04, 0x00, 0x40, 0x00, 0x00, 0x00,
	0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10, 0x00, 0x20, 1,    2,	  3,	4,
	5,    6,    7,	  8,	9,    10,   11,	  12,	13,   14,   15,	  16,	17,
	18,   19,   20,	  21,	22,   23,   24,	  25,	26,   27,   28,	  29,	30,
	31,   32,   0x00, 0x20, 1,    2,    3,	  4,	5,    6,    7,	  8,	9,
	10,   11,   12,	  13,	14,   15,   16,	  17,	18,   19,   20,	  21,	22,
	23,   24,   25,	  26,	27,   28,   29,	  30,	31,   32,
};
static const u8 signature[] = "\0\x18\0\x0b\0\x04"
			      "r..."
			      "\0\x04"
			      "s...";

/* @n alternatives: SEQUENCE OF TPMAuthPolicy, without its head. */
static size_t make_alternatives(u8 *der, unsigned int n, u8 ref)
{
	/* each is the policy of a key, but for its tag: 30 len a1 len 30 ... */
	struct tss2_key key = { .type = TSS2_SEALED };
	u8 whole[TSS2_MAX];
	size_t at, len = 0, one;

	key.own = (struct tss2_branch){
		.policies = 1,
		.policy[0].pcrs = { pcrs, sizeof(pcrs) },
		.policy[0].digest = { digest, 32 },
		.authorized = true,
		.approval = { .key = { signer, sizeof(signer) },
			      .ref = { &ref, 1 },
			      .signature = { signature, sizeof(signature) - 1 } },
	};
	key.pub = key.priv = (struct tpmbuf_span){ (const u8 *)"\0", 2 };
	must(tss2_encode(&key, whole, sizeof(whole)) > 0);
	at = (whole[1] == 0x82 ? 4 : 3) + 8;
	must(whole[at] == 0xa1 && whole[at + 1] == 0x81);
	one = 3 + whole[at + 2];
	for (; n; n--) {
		der[len++] = 0x30;
		der[len++] = 0x81;
		der[len++] = one;
		memcpy(der + len, whole + at, one);
		len += one;
	}
	return len;
}

/* The policy of an object whose policies that key signs, with that policyRef. */
static void policy_of_signer(u8 policy[32])
{
	u8 text[32 + 4 + 2 + 32] = { 0 }, name[32], ref = REF, last[33];

	sha256(signer + 2, sizeof(signer) - 2, name);
	put_unaligned_be32(TPMBUF_CC_POLICY_AUTHORIZE, text + 32);
	put_unaligned_be16(TSS2_ALG_SHA256, text + 36);
	memcpy(text + 38, name, 32);
	sha256(text, sizeof(text), last);
	last[32] = ref;
	sha256(last, sizeof(last), policy);
}

/* DER of the kind that @how says: type, policy, parent. */
static size_t make_der(u8 how, u8 *der, size_t size)
{
	static const u8 priv[] = "\0\x10"
				 "0123456789abcdef";
	u8 area[256], policy[32], alternatives[TSS2_MAX], ref = REF;
	struct tss2_key key = { .empty_auth = true };
	bool is_signed = (how & 0x18) == 0x10;
	int len;

	key.type = how & 1 ? TSS2_IMPORTABLE : how & 2 ? TSS2_LOADABLE : TSS2_SEALED;
	key.parent = how & 4 ? TSS2_RH_OWNER : PARENT;
	if (how & 8) {
		key.own.policies = 1 + (how >> 4 & 1);
		for (int i = 0; i < 2; i++) {
			key.own.policy[i].pcrs =
				(struct tpmbuf_span){ pcrs, sizeof(pcrs) };
			key.own.policy[i].digest = (struct tpmbuf_span){ digest, 32 };
		}
	}
	memcpy(policy, digest, sizeof(policy));
	if (is_signed) {
		key.own.authorized = true;
		key.own.approval.key = (struct tpmbuf_span){ signer, sizeof(signer) };
		key.own.approval.ref = (struct tpmbuf_span){ &ref, 1 };
		len = make_alternatives(alternatives, 1, REF + 1);
		len += make_alternatives(alternatives + len, 2, REF);
		key.alternatives = (struct tpmbuf_span){ alternatives, len };
		policy_of_signer(policy);
	}
	if (key.type == TSS2_IMPORTABLE)
		key.secret = (struct tpmbuf_span){ priv, 18 };
	key.priv = (struct tpmbuf_span){ priv, 18 };
	key.pub = (struct tpmbuf_span){ area,
					sealed_area(area, how & 0x18 ? policy : NULL) };
	len = tss2_encode(&key, der, size);
	must(len > 0);
	return len;
}

/* The provider's part of a blob, in memory of its size, spoilt if the fuzzer likes. */
static u8 *make_input(bool pinned, size_t *size)
{
	u8 bytes[TSS2_MAX + 512], *exact;
	u8 how = next_step(&input);
	size_t len = 0;

	if (pinned) {
		len = sizeof(parent_area);
		if (how & 0x80) /* longer than any */
			len += next_step(&input);
		memset(bytes, 0, sizeof(bytes));
		put_unaligned_be16(len, bytes);
		memcpy(bytes + 2, parent_area, sizeof(parent_area));
		len += 2;
		how &= ~3;
	}
	len += make_der(how & 0x1f, bytes + len, TSS2_MAX);
	if (how & 0x20)
		spoil(bytes, len);
	if (how & 0x40)
		len = take_bytes(bytes, sizeof(bytes));
	lied |= how & 0xe0;
	exact = room(len);
	memcpy(exact, bytes, len);
	*size = len;
	return exact;
}

/* The operations */

static const struct iot_root_ops *const ops = &iot_root_tpm_ops;

static void check_errno(int ret)
{
	static const int errors[] = { EINVAL,	  EKEYREJECTED, EBADMSG, EPROTONOSUPPORT,
				      EOPNOTSUPP, EPERM,	ENODEV,	 ENXIO,
				      EBUSY,	  EIO,		EINTR,	 ENOMEM };
	size_t i;

	for (i = 0; ret && i < ARRAY_SIZE(errors) && ret != -errors[i]; i++)
		;
	must(!ret || i < ARRAY_SIZE(errors));
}

/* What was made opens with a TPM that is as it should be. */
static void check_part(const struct iot_bytes *part, bool policy)
{
	u8 again[IOT_SECRET_SIZE];

	must(part->data && part->len);
	/* a TPM that lies in an authentic answer may make what it does not open */
	if (lied)
		return;
	must(!!ops->policy(part->data, part->len) == policy);
	input.left = 0;
	failing = 0;
	tpm.parent = true;
	must(!ops->open(part->data, part->len, again));
	must(!memcmp(again, secret, sizeof(again)));
}

static void create(u8 options)
{
	static const u16 banks[] = { 0, 0x0b, 0x04, 0x0c };
	struct iot_root_spec spec = { .provider = IOTKEY_PROVIDER_TPM,
				      .parent = PARENT,
				      .mkparent = options & 1,
				      .pcr_bank = banks[options >> 1 & 3] };
	struct iot_bytes part = { 0 };
	u8 made[IOT_SECRET_SIZE];
	int ret;

	if (spec.pcr_bank) {
		spec.pcr_mask = next_step(&input) | next_step(&input) << 12;
		spec.pcr_mask &= 0xffffff;
	}
	ret = ops->create(&spec, made, &part);
	check_errno(ret);
	if (ret)
		must(!part.data);
	else
		check_part(&part, spec.pcr_bank);
	free(part.data);
}

static void open_it(void)
{
	u8 opened[IOT_SECRET_SIZE];
	size_t size;
	u8 *part = make_input(true, &size);
	int ret = ops->open(part, size, opened);

	check_errno(ret);
	if (!ret && !lied)
		must(!memcmp(opened, secret, sizeof(secret)));
	ops->policy(part, size);
	free(part);
}

static void adopt(void)
{
	struct iot_bytes part = { 0 };
	u8 opened[IOT_SECRET_SIZE];
	struct tss2_key key;
	size_t size;
	u8 *der = make_input(false, &size);
	int ret = ops->adopt(der, size, opened, &part);

	check_errno(ret);
	if (ret) {
		must(!part.data);
	} else {
		must(!tss2_parse(der, size, &key));
		check_part(&part, tss2_has_policy(&key));
	}
	free(part.data);
	free(der);
}

/* Other approvals, right or not. */
static void approve(void)
{
	struct iot_bytes out = { 0 }, part;
	u8 bytes[TSS2_MAX + 64], *der;
	size_t size, len;
	int ret;

	part.data = make_input(true, &part.len);
	size = next_step(&input);
	len = make_alternatives(bytes + 4, 1 + (size & 3), REF + (size >> 7));
	bytes[0] = 0x30;
	bytes[1] = 0x82;
	put_unaligned_be16(len, bytes + 2);
	len += 4;
	if (size & 0x20)
		spoil(bytes, len);
	if (size & 0x40)
		len = take_bytes(bytes, sizeof(bytes));
	lied |= size & 0x60;
	der = room(len);
	memcpy(der, bytes, len);
	ret = ops->approve(&part, der, len, &out);
	check_errno(ret);
	if (ret)
		must(!out.data);
	else
		check_part(&out, true);
	free(out.data);
	free(der);
	free(part.data);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 what;

	input = (struct steps){ data, size };
	what = next_step(&input);
	failing = what & 0x40 ? next_step(&input) : 0;
	memset(&tpm, 0, sizeof(tpm));
	tpm.parent = !(what & 0x80);
	lied = false;
	switch (what & 3) {
	case 0:
		create(what >> 2);
		break;
	case 1:
		approve();
		break;
	case 2:
		open_it();
		break;
	case 3:
		adopt();
		break;
	}
	must(!chip.dev.references && !in_use);
	must(lied || !tpm.open);
	return 0;
}
