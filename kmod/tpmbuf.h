/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TPM 2.0 commands and answers as bytes: a writer and a reader whose first
 * error sticks, the frame around the parameters, and what a response code
 * means as an errno.  Pure.  An answer is hostile input.
 */
#ifndef _IOT_TPMBUF_H
#define _IOT_TPMBUF_H

#include "pure.h"

/* The kernel's TPM core takes and gives no more. */
#define TPMBUF_SIZE	4096

enum tpmbuf_cc {
	TPMBUF_CC_EVICT_CONTROL		= 0x0120,
	TPMBUF_CC_CREATE_PRIMARY	= 0x0131,
	TPMBUF_CC_CREATE		= 0x0153,
	TPMBUF_CC_IMPORT		= 0x0156,
	TPMBUF_CC_LOAD			= 0x0157,
	TPMBUF_CC_QUOTE			= 0x0158,
	TPMBUF_CC_SIGN			= 0x015d,
	TPMBUF_CC_UNSEAL		= 0x015e,
	TPMBUF_CC_FLUSH_CONTEXT		= 0x0165,
	TPMBUF_CC_LOAD_EXTERNAL		= 0x0167,
	TPMBUF_CC_POLICY_AUTHORIZE	= 0x016a,
	TPMBUF_CC_READ_PUBLIC		= 0x0173,
	TPMBUF_CC_START_AUTH_SESSION	= 0x0176,
	TPMBUF_CC_VERIFY_SIGNATURE	= 0x0177,
	TPMBUF_CC_PCR_READ		= 0x017e,
	TPMBUF_CC_POLICY_PCR		= 0x017f,
	TPMBUF_CC_POLICY_RESTART	= 0x0180,
};

/* Most significant octet of a handle. */
enum tpmbuf_handle_type {
	TPMBUF_NO_HANDLE	= 0,
	TPMBUF_HMAC_SESSION	= 0x02,
	TPMBUF_POLICY_SESSION	= 0x03,
	TPMBUF_TRANSIENT	= 0x80,
	TPMBUF_PERSISTENT	= 0x81,
};

struct tpmbuf_writer {
	u8 *data;
	size_t size;
	size_t len;
	bool bad;
};

struct tpmbuf_reader {
	const u8 *p;
	size_t left;
	bool bad;
};

/* Bytes with a length of their own, in somebody else's buffer. */
struct tpmbuf_span {
	const u8 *p;
	size_t len;
};

/* TPM2_RS_PW: the session of a password. */
#define TPMBUF_RS_PW		0x40000009
#define TPMBUF_NONCE_MAX	64
#define TPMBUF_NAME_MAX		(2 + 64)

/* TPMA_SESSION */
enum tpmbuf_session_attributes {
	TPMBUF_SA_CONTINUE	= 0x01,
	TPMBUF_SA_EXCLUSIVE	= 0x02,
	TPMBUF_SA_DECRYPT	= 0x20,	/* the command's first parameter is encrypted */
	TPMBUF_SA_ENCRYPT	= 0x40,	/* the answer's is to be */
	TPMBUF_SA_AUDIT		= 0x80,
};

/* TPMS_AUTH_COMMAND of a command, TPMS_AUTH_RESPONSE of its answer. */
struct tpmbuf_auth {
	u32 handle;
	u8 attributes;
	u8 nonce[TPMBUF_NONCE_MAX];
	size_t nonce_len;
	size_t hmac_len;
	size_t hmac_at;		/* where the HMAC lies in the frame */
};

/* One command, but for its parameters. */
struct tpmbuf_call {
	u32 cc;
	u32 handle[2];
	struct tpmbuf_span name[2];	/* of the handles; empty: the handle is its name */
	unsigned int handles;
	bool authorized;	/* has an authorization area, of one session */
	struct tpmbuf_auth auth;	/* the command's; once answered, the answer's */
	u8 gives;		/* enum tpmbuf_handle_type of the answer's handle */
	u32 given;		/* that handle, once answered */
};

void tpmbuf_put_u8(struct tpmbuf_writer *w, u8 v);
void tpmbuf_put_u16(struct tpmbuf_writer *w, u16 v);
void tpmbuf_put_u32(struct tpmbuf_writer *w, u32 v);
void tpmbuf_put(struct tpmbuf_writer *w, const void *data, size_t len);
void tpmbuf_put_2b(struct tpmbuf_writer *w, const void *data, size_t len);
size_t tpmbuf_begin_2b(struct tpmbuf_writer *w);
void tpmbuf_end_2b(struct tpmbuf_writer *w, size_t begin);

u8 tpmbuf_get_u8(struct tpmbuf_reader *r);
u16 tpmbuf_get_u16(struct tpmbuf_reader *r);
u32 tpmbuf_get_u32(struct tpmbuf_reader *r);
const u8 *tpmbuf_get(struct tpmbuf_reader *r, size_t len);
const u8 *tpmbuf_get_2b(struct tpmbuf_reader *r, size_t *len);

int tpmbuf_command(struct tpmbuf_call *call,
		   const struct tpmbuf_writer *params, u8 *buf, size_t size);
int tpmbuf_answer(struct tpmbuf_call *call, const u8 *buf, size_t size,
		  struct tpmbuf_reader *params);
bool tpmbuf_is_error(const u8 *buf);
int tpmbuf_errno(u32 cc, u32 rc);

#endif /* _IOT_TPMBUF_H */
