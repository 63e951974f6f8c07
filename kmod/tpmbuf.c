// SPDX-License-Identifier: GPL-2.0-only
/* TPM 2.0 commands and answers as bytes. */
#include "pure.h"
#include "tpmbuf.h"

#define ST_RSP_COMMAND	0x00c4	/* TPM 1.2's: the tag was not understood */
#define ST_NO_SESSIONS	0x8001
#define ST_SESSIONS	0x8002
#define HEADER_SIZE	10

/* Writing. After an overflow nothing more is written and .bad stays set. */

void tpmbuf_put(struct tpmbuf_writer *w, const void *data, size_t len)
{
	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return;
	}
	if (len)
		memcpy(w->data + w->len, data, len);
	w->len += len;
}

void tpmbuf_put_u8(struct tpmbuf_writer *w, u8 v)
{
	tpmbuf_put(w, &v, 1);
}

void tpmbuf_put_u16(struct tpmbuf_writer *w, u16 v)
{
	u8 be[2];

	put_unaligned_be16(v, be);
	tpmbuf_put(w, be, sizeof(be));
}

void tpmbuf_put_u32(struct tpmbuf_writer *w, u32 v)
{
	u8 be[4];

	put_unaligned_be32(v, be);
	tpmbuf_put(w, be, sizeof(be));
}

void tpmbuf_put_2b(struct tpmbuf_writer *w, const void *data, size_t len)
{
	if (len > 0xffff)
		w->bad = true;
	tpmbuf_put_u16(w, len);
	tpmbuf_put(w, data, len);
}

/* A TPM2B of parts: begin, put the parts, end with what begin returned. */
size_t tpmbuf_begin_2b(struct tpmbuf_writer *w)
{
	tpmbuf_put_u16(w, 0);
	return w->len;
}

void tpmbuf_end_2b(struct tpmbuf_writer *w, size_t begin)
{
	if (!w->bad)
		put_unaligned_be16(w->len - begin, w->data + begin - 2);
}

/* Reading. After an underrun everything reads as 0 and .bad stays set. */

const u8 *tpmbuf_get(struct tpmbuf_reader *r, size_t len)
{
	const u8 *p = r->p;

	if (r->bad || len > r->left) {
		r->bad = true;
		return NULL;
	}
	r->p += len;
	r->left -= len;
	return p;
}

u8 tpmbuf_get_u8(struct tpmbuf_reader *r)
{
	const u8 *p = tpmbuf_get(r, 1);

	return p ? *p : 0;
}

u16 tpmbuf_get_u16(struct tpmbuf_reader *r)
{
	const u8 *p = tpmbuf_get(r, 2);

	return p ? get_unaligned_be16(p) : 0;
}

u32 tpmbuf_get_u32(struct tpmbuf_reader *r)
{
	const u8 *p = tpmbuf_get(r, 4);

	return p ? get_unaligned_be32(p) : 0;
}

/* NULL (and *len 0) after an underrun only. */
const u8 *tpmbuf_get_2b(struct tpmbuf_reader *r, size_t *len)
{
	size_t n = tpmbuf_get_u16(r);
	const u8 *p = tpmbuf_get(r, n);

	*len = p ? n : 0;
	return p;
}

/* The HMAC is written later, by who can read the frame that it covers. */
static void put_auth(struct tpmbuf_writer *w, struct tpmbuf_auth *auth)
{
	static const u8 hmac[TPMBUF_NONCE_MAX];
	size_t size = w->len;

	tpmbuf_put_u32(w, 0);
	tpmbuf_put_u32(w, auth->handle);
	tpmbuf_put_2b(w, auth->nonce, auth->nonce_len);
	tpmbuf_put_u8(w, auth->attributes);
	tpmbuf_put_2b(w, hmac, auth->hmac_len);
	auth->hmac_at = w->len - auth->hmac_len;
	if (!w->bad)
		put_unaligned_be32(w->len - size - 4, w->data + size);
}

/**
 * tpmbuf_command() - frame a command
 * @call: code, handles and authorization
 * @params: the parameters, already marshalled
 * @buf: where to
 * @size: its size
 *
 * The parameters end the frame. An HMAC of auth.hmac_len zeroes lies at auth.hmac_at.
 *
 * Return: the length, or -EINVAL if it does not fit.
 */
int tpmbuf_command(struct tpmbuf_call *call,
		   const struct tpmbuf_writer *params, u8 *buf, size_t size)
{
	struct tpmbuf_writer w = { .data = buf, .size = size };
	unsigned int i;

	tpmbuf_put_u16(&w, call->authorized ? ST_SESSIONS : ST_NO_SESSIONS);
	tpmbuf_put_u32(&w, 0);
	tpmbuf_put_u32(&w, call->cc);
	for (i = 0; i < call->handles; i++)
		tpmbuf_put_u32(&w, call->handle[i]);
	if (call->authorized)
		put_auth(&w, &call->auth);
	tpmbuf_put(&w, params->data, params->len);
	if (w.bad || params->bad)
		return -EINVAL;
	put_unaligned_be32(w.len, buf + 2);
	return w.len;
}

/* The one session's part, which must end the answer. */
static void get_auth(struct tpmbuf_reader *r, const u8 *buf,
		     struct tpmbuf_auth *auth)
{
	const u8 *p;
	size_t len;

	p = tpmbuf_get_2b(r, &len);
	if (!p || len > sizeof(auth->nonce)) {
		r->bad = true;
		return;
	}
	memcpy(auth->nonce, p, len);
	auth->nonce_len = len;
	auth->attributes = tpmbuf_get_u8(r);
	p = tpmbuf_get_2b(r, &auth->hmac_len);
	if (!p || r->left) {
		r->bad = true;
		return;
	}
	auth->hmac_at = p - buf;
}

/* A password's answer says nothing, and always the same. */
static bool is_password_answer(const struct tpmbuf_auth *auth)
{
	return !auth->nonce_len && !auth->hmac_len &&
	       auth->attributes == TPMBUF_SA_CONTINUE;
}

/**
 * tpmbuf_answer() - unframe the answer to a successful command
 * @call: the command; its given handle and auth are filled in
 * @buf: the answer
 * @size: size of the buffer, at least 10; the answer says its own length
 * @params: set to the answer's parameters, to be read only on 0
 *
 * Return: 0 or -EBADMSG.
 */
int tpmbuf_answer(struct tpmbuf_call *call, const u8 *buf, size_t size,
		  struct tpmbuf_reader *params)
{
	struct tpmbuf_reader r = { .p = buf, .left = size };
	size_t len;
	u16 tag;
	u32 rc;

	tag = tpmbuf_get_u16(&r);
	len = tpmbuf_get_u32(&r);
	rc = tpmbuf_get_u32(&r);
	if (r.bad || rc || len < HEADER_SIZE || len > size ||
	    tag != (call->authorized ? ST_SESSIONS : ST_NO_SESSIONS))
		return -EBADMSG;
	r.left = len - HEADER_SIZE;
	if (call->gives != TPMBUF_NO_HANDLE) {
		call->given = tpmbuf_get_u32(&r);
		if (call->given >> 24 != call->gives)
			return -EBADMSG;
	}
	len = call->authorized ? tpmbuf_get_u32(&r) : r.left;
	params->p = tpmbuf_get(&r, len);
	params->left = len;
	params->bad = false;
	if (call->authorized)
		get_auth(&r, buf, &call->auth);
	if (!r.bad && call->authorized && call->auth.handle == TPMBUF_RS_PW &&
	    !is_password_answer(&call->auth))
		r.bad = true;
	return r.bad ? -EBADMSG : 0;
}

/**
 * tpmbuf_is_error() - has the answer an error's shape?
 * @buf: at least 10 bytes
 *
 * An error is a header and nothing else. Nothing authenticates it; but what has another
 * shape was a success before somebody changed it.
 */
bool tpmbuf_is_error(const u8 *buf)
{
	u16 tag = get_unaligned_be16(buf);

	return (tag == ST_NO_SESSIONS || tag == ST_RSP_COMMAND) &&
	       get_unaligned_be32(buf + 2) == HEADER_SIZE;
}

/* Format-one codes (bit 7): the error, free of what it is about. */
#define RC_FMT1			BIT(7)
#define RC_FMT1_PARAMETER	BIT(6)
#define RC_FMT1_SESSION		BIT(11)
#define RC_FMT1_ERROR		0xbf

enum tpm_rc {
	RC_HANDLE		= 0x08b,
	RC_AUTH_FAIL		= 0x08e,
	RC_POLICY_FAIL		= 0x09d,
	RC_BAD_AUTH		= 0x0a2,
	RC_EXPIRED		= 0x0a3,
	RC_POLICY_CC		= 0x0a4,

	RC_AUTH_TYPE		= 0x124,
	RC_POLICY		= 0x126,
	RC_PCR_CHANGED		= 0x128,
	RC_TOO_MANY_CONTEXTS	= 0x12e,
	RC_AUTH_UNAVAILABLE	= 0x12f,
	RC_NV_SPACE		= 0x14b,
	RC_SENSITIVE		= 0x155,

	RC_CONTEXT_GAP		= 0x901,
	RC_OBJECT_MEMORY	= 0x902,
	RC_SESSION_MEMORY	= 0x903,
	RC_MEMORY		= 0x904,
	RC_SESSION_HANDLES	= 0x905,
	RC_OBJECT_HANDLES	= 0x906,
	RC_YIELDED		= 0x908,
	RC_CANCELED		= 0x909,
	RC_TESTING		= 0x90a,
	RC_REFERENCE_H0		= 0x910,
	RC_REFERENCE_S6		= 0x91e,
	RC_NV_RATE		= 0x920,
	RC_LOCKOUT		= 0x921,
	RC_RETRY		= 0x922,
	RC_NV_UNAVAILABLE	= 0x923,
};

/* Is the handle that @rc is about one that the TPM itself gave for an answer? */
static bool is_given(u32 cc, u32 rc)
{
	unsigned int number = rc >> 8 & 0xf;

	return cc == TPMBUF_CC_UNSEAL || cc == TPMBUF_CC_POLICY_PCR ||
	       cc == TPMBUF_CC_SIGN || cc == TPMBUF_CC_QUOTE ||
	       cc == TPMBUF_CC_VERIFY_SIGNATURE ||
	       cc == TPMBUF_CC_POLICY_AUTHORIZE ||
	       cc == TPMBUF_CC_POLICY_RESTART ||
	       (cc == TPMBUF_CC_EVICT_CONTROL && number == 2);
}

static int errno_of_fmt1(u32 cc, u32 rc)
{
	u32 error = rc & RC_FMT1_ERROR;
	bool of_session = (rc & (RC_FMT1_PARAMETER | RC_FMT1_SESSION)) ==
			  RC_FMT1_SESSION;
	bool of_handle = !(rc & (RC_FMT1_PARAMETER | RC_FMT1_SESSION));

	switch (error) {
	case RC_POLICY_FAIL:
	case RC_EXPIRED:
	case RC_POLICY_CC:
		return -EPERM;
	case RC_AUTH_FAIL:
	case RC_BAD_AUTH:
		return -EOPNOTSUPP;
	case RC_HANDLE:
		if (of_handle && !is_given(cc, rc))
			return -ENXIO;
	}
	if (of_session)		/* not the one that was started */
		return -EBADMSG;
	if (of_handle && is_given(cc, rc))
		return -EBADMSG;
	switch (cc) {
	case TPMBUF_CC_LOAD:
	case TPMBUF_CC_IMPORT:
		/* the object is not a child of this parent on this TPM */
		return -EKEYREJECTED;
	case TPMBUF_CC_VERIFY_SIGNATURE:
		return -EKEYREJECTED;
	case TPMBUF_CC_LOAD_EXTERNAL:	/* a key that it does not take */
		return -EOPNOTSUPP;
	case TPMBUF_CC_POLICY_AUTHORIZE:
		/* the policy is another than we think: it lacks a bank */
		return (rc & 0xf00) == 0x100 ? -EINVAL : -EBADMSG;
	case TPMBUF_CC_POLICY_PCR:
		/* parameter 1 is the digest, 2 the selection */
		return (rc & 0xf00) == 0x100 ? -EPERM : -EINVAL;
	case TPMBUF_CC_PCR_READ:	/* no such bank */
	case TPMBUF_CC_QUOTE:
	case TPMBUF_CC_EVICT_CONTROL:	/* not a handle of the owner's */
		return rc & RC_FMT1_PARAMETER ? -EINVAL : -EIO;
	case TPMBUF_CC_CREATE:		/* the parent is no storage key */
		return of_handle ? -EINVAL : -EIO;
	}
	return -EIO;
}

/**
 * tpmbuf_errno() - what a response code means
 * @cc: the command
 * @rc: a response code, not 0
 *
 * Return: one errno per cause, as in Documentation/iotkey.rst.
 */
int tpmbuf_errno(u32 cc, u32 rc)
{
	if (rc >> 12)
		return -EIO;	/* not a TPM's own code */
	if (rc & RC_FMT1)
		return errno_of_fmt1(cc, rc);
	/* it does not know the handle that it gave us */
	if (rc >= RC_REFERENCE_H0 && rc <= RC_REFERENCE_S6)
		return -EBADMSG;
	switch (rc) {
	case RC_POLICY:
	case RC_PCR_CHANGED:
		return -EPERM;
	case RC_AUTH_TYPE:
	case RC_AUTH_UNAVAILABLE:
		return -EOPNOTSUPP;
	case RC_SENSITIVE:
		return -EKEYREJECTED;
	case RC_TOO_MANY_CONTEXTS:
	case RC_NV_SPACE:
	case RC_CONTEXT_GAP:
	case RC_OBJECT_MEMORY:
	case RC_SESSION_MEMORY:
	case RC_MEMORY:
	case RC_SESSION_HANDLES:
	case RC_OBJECT_HANDLES:
	case RC_YIELDED:
	case RC_CANCELED:
	case RC_TESTING:
	case RC_NV_RATE:
	case RC_LOCKOUT:
	case RC_RETRY:
	case RC_NV_UNAVAILABLE:
		return -EBUSY;
	}
	return -EIO;
}
