// SPDX-License-Identifier: GPL-2.0-only
/* TPM 2.0 commands and answers as bytes. */
#include "pure.h"
#include "tpmbuf.h"

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

/**
 * tpmbuf_command() - frame a command
 * @call: code, handles and authorization
 * @params: the parameters, already marshalled
 * @buf: where to
 * @size: its size
 *
 * Return: the length, or -EINVAL if it does not fit.
 */
int tpmbuf_command(const struct tpmbuf_call *call,
		   const struct tpmbuf_writer *params, u8 *buf, size_t size)
{
	struct tpmbuf_writer w = { .data = buf, .size = size };
	unsigned int i;

	tpmbuf_put_u16(&w, call->session ? ST_SESSIONS : ST_NO_SESSIONS);
	tpmbuf_put_u32(&w, 0);
	tpmbuf_put_u32(&w, call->cc);
	for (i = 0; i < call->handles; i++)
		tpmbuf_put_u32(&w, call->handle[i]);
	if (call->session) {
		tpmbuf_put_u32(&w, 9);	/* size of what follows */
		tpmbuf_put_u32(&w, call->session->handle);
		tpmbuf_put_u16(&w, 0);	/* nonce */
		tpmbuf_put_u8(&w, call->session->attributes);
		tpmbuf_put_u16(&w, 0);	/* password or HMAC */
	}
	tpmbuf_put(&w, params->data, params->len);
	if (w.bad || params->bad)
		return -EINVAL;
	put_unaligned_be32(w.len, buf + 2);
	return w.len;
}

/* The one session's acknowledgment, which must end the answer. */
static void get_acknowledgment(struct tpmbuf_reader *r)
{
	size_t len;

	tpmbuf_get_2b(r, &len);
	tpmbuf_get_u8(r);
	tpmbuf_get_2b(r, &len);
	if (r->left)
		r->bad = true;
}

/**
 * tpmbuf_answer() - unframe the answer to a successful command
 * @call: the command; its given handle is filled in
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
	    tag != (call->session ? ST_SESSIONS : ST_NO_SESSIONS))
		return -EBADMSG;
	r.left = len - HEADER_SIZE;
	if (call->gives != TPMBUF_NO_HANDLE) {
		call->given = tpmbuf_get_u32(&r);
		if (call->given >> 24 != call->gives)
			return -EBADMSG;
	}
	len = call->session ? tpmbuf_get_u32(&r) : r.left;
	params->p = tpmbuf_get(&r, len);
	params->left = len;
	params->bad = false;
	if (call->session)
		get_acknowledgment(&r);
	return r.bad ? -EBADMSG : 0;
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
	RC_NV_RATE		= 0x920,
	RC_LOCKOUT		= 0x921,
	RC_RETRY		= 0x922,
	RC_NV_UNAVAILABLE	= 0x923,
};

static int errno_of_fmt1(u32 cc, u32 rc)
{
	u32 error = rc & RC_FMT1_ERROR;
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
		if (of_handle)
			return -ENXIO;
	}
	switch (cc) {
	case TPMBUF_CC_LOAD:
	case TPMBUF_CC_IMPORT:
		/* the object is not a child of this parent on this TPM */
		return -EKEYREJECTED;
	case TPMBUF_CC_POLICY_PCR:
		/* parameter 1 is the digest, 2 the selection */
		return (rc & 0xf00) == 0x100 ? -EPERM : -EINVAL;
	case TPMBUF_CC_PCR_READ:	/* no such bank */
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
