// SPDX-License-Identifier: GPL-2.0-only
/*
 * Parents and the sessions that are salted to them.
 *
 * TPM commands: a session 1, learn 3, open 1 (2 when a wrong parent would count towards
 * lockout; 1 more to make the owner's primary), make 3.
 */
#include <linux/random.h>
#include <linux/string.h>
#include "tpm_parent.h"
#include "tss2.h"

#define ALG_AES		0x0006
#define ALG_SHA256	0x000b
#define ALG_NULL	0x0010
#define ALG_ECC		0x0023
#define ALG_CFB		0x0043
#define ECC_NIST_P256	0x0003

/*
 * TCG storage key template, ECC P-256 with empty unique fields: what TPM key
 * files mean by a permanent handle as parent (TPM 2.0 Provisioning Guidance,
 * EK Credential Profile's H-2 with the attributes of a storage key).
 */
static const u8 storage_template[] = {
	0x00, 0x23,		/* ECC */
	0x00, 0x0b,		/* name: SHA-256 */
	0x00, 0x03, 0x04, 0x72,	/* fixedTPM fixedParent sensitiveDataOrigin */
				/* userWithAuth noDA restricted decrypt */
	0x00, 0x00,		/* no policy */
	0x00, 0x06, 0x00, 0x80, 0x00, 0x43,	/* AES-128-CFB */
	0x00, 0x10,		/* no scheme */
	0x00, 0x03,		/* NIST P-256 */
	0x00, 0x10,		/* no KDF */
	0x00, 0x00, 0x00, 0x00,	/* x, y */
};

/* Public areas */

/* A coordinate, which an old TPM may give without its leading zeroes. */
static void get_coordinate(struct tpmbuf_reader *r, u8 out[IOT_P256_SIZE])
{
	size_t len;
	const u8 *p = tpmbuf_get_2b(r, &len);

	if (!p || len > IOT_P256_SIZE) {
		r->bad = true;
		return;
	}
	memset(out, 0, IOT_P256_SIZE - len);
	memcpy(out + IOT_P256_SIZE - len, p, len);
}

static void name_of(const u8 *area, size_t len, u8 name[2 + IOT_SHA256_SIZE])
{
	struct iot_part part = { area, len };

	put_unaligned_be16(ALG_SHA256, name);
	iot_sha256(&part, 1, name + 2);
}

/*
 * Return: 0, -EBADMSG if it is no public area, -EINVAL if it is not of a storage
 * key, -EOPNOTSUPP if sessions cannot be salted to it.
 */
static int parse_public(struct iot_parent *p)
{
	struct tpmbuf_reader r = { p->public + 2, p->public_len - 2 };
	u16 type, hash, alg, scheme, curve, kdf;
	u32 attributes;
	size_t len;

	type = tpmbuf_get_u16(&r);
	hash = tpmbuf_get_u16(&r);
	attributes = tpmbuf_get_u32(&r);
	tpmbuf_get_2b(&r, &len);	/* policy */
	if (r.bad)
		return -EBADMSG;
	if (!(attributes & TSS2_OA_RESTRICTED) ||
	    !(attributes & TSS2_OA_DECRYPT) || attributes & TSS2_OA_SIGN)
		return -EINVAL;
	if (type != ALG_ECC || hash != ALG_SHA256)
		return -EOPNOTSUPP;
	alg = tpmbuf_get_u16(&r);
	tpmbuf_get_u16(&r);		/* its key size */
	tpmbuf_get_u16(&r);		/* its mode */
	scheme = tpmbuf_get_u16(&r);
	curve = tpmbuf_get_u16(&r);
	kdf = tpmbuf_get_u16(&r);
	if (r.bad || alg == ALG_NULL || scheme != ALG_NULL)
		return -EBADMSG;
	if (curve != ECC_NIST_P256 || kdf != ALG_NULL)
		return -EOPNOTSUPP;
	get_coordinate(&r, p->point);
	get_coordinate(&r, p->point + IOT_P256_SIZE);
	if (r.bad || r.left)
		return -EBADMSG;
	name_of(p->public + 2, p->public_len - 2, p->name);
	p->counts_failures = !(attributes & TSS2_OA_NO_DA);
	return 0;
}

/* @public: a whole TPM2B_PUBLIC */
static int set_public(struct iot_parent *p, struct tpmbuf_span public)
{
	if (public.len < 2 || public.len > sizeof(p->public) ||
	    get_unaligned_be16(public.p) != public.len - 2)
		return -EBADMSG;
	memcpy(p->public, public.p, public.len);
	p->public_len = public.len;
	return parse_public(p);
}

static bool is_name_of(const u8 *said, size_t len, const u8 *area,
		       size_t area_len)
{
	u8 name[2 + IOT_SHA256_SIZE];

	if (len < 2 || area_len < 4)
		return false;
	/* another hash: no parent that we could use, so not ours to check */
	if (get_unaligned_be16(said) != ALG_SHA256 &&
	    !memcmp(said, area + 2, 2))
		return true;
	name_of(area, area_len, name);
	return len == sizeof(name) && !memcmp(said, name, len);
}

/**
 * iot_tpm_read_public() - the public area of any object in the TPM
 * @s: a session that protects the answer, or NULL
 * @name: of the object, for the session
 * @public: on 0 the TPM2B_PUBLIC, in the answer; it is one with its name there
 * @digest: stands for the whole answer
 */
int iot_tpm_read_public(struct iot_tpm *t, u32 handle, struct iot_session *s,
			struct tpmbuf_span name, struct tpmbuf_span *public,
			u8 digest[IOT_SHA256_SIZE])
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_READ_PUBLIC,
		.handle = { handle },
		.name = { name },
		.handles = 1,
	};
	size_t area_len, len, qualified;
	const u8 *area, *said;
	struct iot_part all;
	int ret;

	iot_tpm_begin(t);
	ret = iot_tpm_exec_in(t, &call, s,
			      TPMBUF_SA_CONTINUE | TPMBUF_SA_ENCRYPT);
	if (ret)
		return ret;
	all = (struct iot_part){ t->out.p, t->out.left };
	area = tpmbuf_get_2b(&t->out, &area_len);
	said = tpmbuf_get_2b(&t->out, &len);
	tpmbuf_get_2b(&t->out, &qualified);
	if (t->out.bad || t->out.left || !is_name_of(said, len, area, area_len))
		return -EBADMSG;
	*public = (struct tpmbuf_span){ all.data, 2 + area_len };
	iot_sha256(&all, 1, digest);
	return 0;
}

/* Making them */

/* The answer to TPM2_CreatePrimary, to what of it can be checked. */
static int get_primary(struct tpmbuf_reader *r, struct tpmbuf_span *public)
{
	const u8 *begin = r->p, *area, *said;
	size_t area_len, len;

	area = tpmbuf_get_2b(r, &area_len);
	tpmbuf_get_2b(r, &len);		/* creation data, */
	tpmbuf_get_2b(r, &len);		/* its hash, */
	tpmbuf_get(r, 2 + 4);		/* and its ticket */
	tpmbuf_get_2b(r, &len);
	said = tpmbuf_get_2b(r, &len);
	if (r->bad || r->left || !is_name_of(said, len, area, area_len))
		return -EBADMSG;
	*public = (struct tpmbuf_span){ begin, 2 + area_len };
	return 0;
}

/**
 * iot_parent_primary() - the owner's primary, made anew
 * @handle: of it, to be flushed
 * @public: its TPM2B_PUBLIC, in the answer; nobody has said that it is the TPM's
 */
int iot_parent_primary(struct iot_tpm *t, u32 *handle,
		       struct tpmbuf_span *public)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_CREATE_PRIMARY,
		.handle = { TSS2_RH_OWNER },
		.handles = 1,
		.gives = TPMBUF_TRANSIENT,
	};
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_u16(&t->in, 4);	/* sensitive: */
	tpmbuf_put_u16(&t->in, 0);	/* no password */
	tpmbuf_put_u16(&t->in, 0);	/* no data */
	tpmbuf_put_2b(&t->in, storage_template, sizeof(storage_template));
	tpmbuf_put_u16(&t->in, 0);	/* outside information */
	tpmbuf_put_u32(&t->in, 0);	/* creation PCRs */
	ret = iot_tpm_exec_password(t, &call);
	if (ret)
		return ret;
	*handle = call.given;
	ret = get_primary(&t->out, public);
	if (ret)
		iot_tpm_flush(t, *handle);
	return ret;
}

static int make_persistent(struct iot_tpm *t, u32 transient, u32 persistent)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_EVICT_CONTROL,
		.handle = { TSS2_RH_OWNER, transient },
		.handles = 2,
	};

	iot_tpm_begin(t);
	tpmbuf_put_u32(&t->in, persistent);
	return iot_tpm_exec_password(t, &call);
}

/**
 * iot_parent_make() - create the standard storage key as persistent object @handle
 *
 * Nothing secret goes over the bus here, and there is no key yet that a session
 * could be salted to; what was made is proven when it is learned.
 */
int iot_parent_make(struct iot_tpm *t, u32 handle)
{
	struct tpmbuf_span public;
	u32 primary;
	int ret;

	ret = iot_parent_primary(t, &primary, &public);
	if (ret)
		return ret;
	ret = make_persistent(t, primary, handle);
	iot_tpm_flush(t, primary);
	return ret;
}

/* Sessions */

/* A salt for @p: TPM2B_ENCRYPTED_SECRET of an ECC key, Part 1, C.6.1. */
static int put_salt(struct iot_tpm *t, const struct iot_parent *p,
		    u8 salt[IOT_SHA256_SIZE])
{
	u8 ours[2 * IOT_P256_SIZE], z[IOT_P256_SIZE];
	size_t begin;
	int ret;

	ret = iot_ecdh_p256(p->point, ours, z);
	if (ret)
		return ret;
	iot_kdfe(z, "SECRET", ours, p->point, salt);
	memzero_explicit(z, sizeof(z));
	begin = tpmbuf_begin_2b(&t->in);
	tpmbuf_put_2b(&t->in, ours, IOT_P256_SIZE);
	tpmbuf_put_2b(&t->in, ours + IOT_P256_SIZE, IOT_P256_SIZE);
	tpmbuf_end_2b(&t->in, begin);
	return 0;
}

static int exec_start(struct iot_tpm *t, struct tpmbuf_call *call,
		      struct iot_session *under, struct iot_session *s)
{
	const u8 *nonce;
	size_t len;
	int ret;

	ret = iot_tpm_exec_in(t, call, under,
			      TPMBUF_SA_CONTINUE | TPMBUF_SA_DECRYPT |
			      TPMBUF_SA_ENCRYPT);
	if (ret)
		return ret;
	nonce = tpmbuf_get_2b(&t->out, &len);
	if (!nonce || t->out.left || len < IOT_SESSION_NONCE ||
	    len > sizeof(s->tpm)) {
		iot_tpm_flush(t, call->given);
		return -EBADMSG;
	}
	memcpy(s->tpm, nonce, len);
	s->tpm_len = len;
	s->handle = call->given;
	return 0;
}

/**
 * iot_session_start() - a session salted to a parent
 * @type: IOT_SE_HMAC or IOT_SE_POLICY
 * @under: a session that protects the command, or NULL
 * @s: filled in
 *
 * The name of what the session will authorize must be made with SHA-256 too.
 */
int iot_session_start(struct iot_tpm *t, const struct iot_parent *p, u8 type,
		      struct iot_session *under, struct iot_session *s)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_START_AUTH_SESSION,
		.handle = { p->handle, IOT_RH_NULL },	/* salted, not bound */
		.name = { iot_parent_name(p) },
		.handles = 2,
		.gives = type == IOT_SE_POLICY ? TPMBUF_POLICY_SESSION :
						 TPMBUF_HMAC_SESSION,
	};
	u8 salt[IOT_SHA256_SIZE];
	int ret;

	*s = (struct iot_session){};
	get_random_bytes(s->caller, sizeof(s->caller));
	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, s->caller, sizeof(s->caller));
	ret = put_salt(t, p, salt);
	if (ret)
		return ret;
	tpmbuf_put_u8(&t->in, type);
	tpmbuf_put_u16(&t->in, ALG_AES);
	tpmbuf_put_u16(&t->in, 128);
	tpmbuf_put_u16(&t->in, ALG_CFB);
	tpmbuf_put_u16(&t->in, ALG_SHA256);
	ret = exec_start(t, &call, under, s);
	if (!ret)
		iot_session_key(s, salt);
	memzero_explicit(salt, sizeof(salt));
	return ret;
}

/* Flushes it, if success has not ended it, and forgets its key. */
void iot_session_end(struct iot_tpm *t, struct iot_session *s)
{
	iot_tpm_flush(t, s->handle);
	memzero_explicit(s, sizeof(*s));
}

/* Getting to know them */

static bool is_same(const struct iot_parent *p, struct tpmbuf_span public)
{
	return public.len == p->public_len &&
	       !memcmp(public.p, p->public, public.len);
}

/* An error of a session that is not proven may be a forgery's doing. */
static bool is_doubtful(int error)
{
	return error == -EIO || error == -EOPNOTSUPP || error == -EINVAL ||
	       error == -ENXIO || error == -EKEYREJECTED;
}

/* Is it the TPM that is at the other end of the session? -EBADMSG if not. */
static int prove(struct iot_tpm *t, const struct iot_parent *p,
		 struct iot_session *s, u8 digest[IOT_SHA256_SIZE])
{
	struct tpmbuf_span public;
	int ret;

	ret = iot_tpm_read_public(t, p->handle, s, iot_parent_name(p), &public,
				  digest);
	if (!ret && !is_same(p, public))
		ret = -EBADMSG;
	return is_doubtful(ret) ? -EBADMSG : ret;
}

static int open_primary(struct iot_tpm *t, struct iot_parent *p,
			struct tpmbuf_span *public)
{
	int ret = iot_parent_primary(t, &p->handle, public);

	if (!ret)
		p->flush = p->handle;
	return ret;
}

static int learn_persistent(struct iot_tpm *t, struct iot_parent *p,
			    struct iot_session *s)
{
	u8 before[IOT_SHA256_SIZE], digest[IOT_SHA256_SIZE];
	struct tpmbuf_span public;
	int ret;

	ret = iot_tpm_read_public(t, p->handle, NULL, (struct tpmbuf_span){},
				  &public, before);
	ret = ret ?: set_public(p, public);
	ret = ret ?: iot_session_start(t, p, IOT_SE_HMAC, NULL, s);
	ret = ret ?: prove(t, p, s, digest);
	if (!ret && memcmp(before, digest, sizeof(digest)))
		ret = -EBADMSG;
	return ret;
}

static int learn_primary(struct iot_tpm *t, struct iot_parent *p,
			 struct iot_session *s)
{
	u8 digest[IOT_SHA256_SIZE];
	struct tpmbuf_span public;
	int ret;

	ret = open_primary(t, p, &public);
	ret = ret ?: set_public(p, public);
	ret = ret ?: iot_session_start(t, p, IOT_SE_HMAC, NULL, s);
	return ret ?: prove(t, p, s, digest);
}

/**
 * iot_parent_learn() - take the parent's public area from the TPM, for good
 * @handle: of a persistent object, or TPM_RH_OWNER for its primary
 * @p: filled in
 * @s: an HMAC session salted to it, proven
 *
 * Nobody says that this answer is the TPM's: so it is with every key that is met for
 * the first time.  It is one that is confirmed in the session.
 * iot_parent_close() is due, whatever is returned.
 *
 * Return: 0; -ENXIO without such an object; -EINVAL when it is no storage key;
 * -EOPNOTSUPP when it is not of ECC P-256 with SHA-256.
 */
int iot_parent_learn(struct iot_tpm *t, u32 handle, struct iot_parent *p,
		     struct iot_session *s)
{
	*p = (struct iot_parent){ .handle = handle };
	*s = (struct iot_session){};
	return handle == TSS2_RH_OWNER ? learn_primary(t, p, s) :
					 learn_persistent(t, p, s);
}

/**
 * iot_parent_open() - a session with a parent whose public area is known
 * @handle: as above
 * @pinned: its TPM2B_PUBLIC
 * @p: filled in
 * @s: an HMAC session salted to it
 *
 * The session is not proven yet: whoever gets an error from its first use, or from
 * here, asks iot_parent_why().  iot_parent_close() is due, whatever is returned.
 */
int iot_parent_open(struct iot_tpm *t, u32 handle, struct tpmbuf_span pinned,
		    struct iot_parent *p, struct iot_session *s)
{
	u8 digest[IOT_SHA256_SIZE];
	struct tpmbuf_span public;
	int ret;

	*p = (struct iot_parent){ .handle = handle };
	*s = (struct iot_session){};
	ret = set_public(p, pinned);
	if (ret)
		return ret;
	if (handle == TSS2_RH_OWNER) {
		ret = open_primary(t, p, &public);
		if (!ret && !is_same(p, public))
			ret = -EKEYREJECTED;
		if (ret)
			return ret;
	}
	ret = iot_session_start(t, p, IOT_SE_HMAC, NULL, s);
	/* a wrong parent must not be given a wrong authorization */
	if (!ret && p->counts_failures)
		ret = prove(t, p, s, digest);
	return ret;
}

/**
 * iot_parent_why() - what an error with a pinned parent means
 * @error: of a command in @s, or of starting it
 *
 * Return: @error, or, if @s was never proven: -ENXIO without a parent, -EKEYREJECTED when it
 * is another, -EBADMSG when somebody is between us and the TPM.
 */
int iot_parent_why(struct iot_tpm *t, const struct iot_parent *p,
		   struct iot_session *s, int error)
{
	u8 digest[IOT_SHA256_SIZE];
	struct tpmbuf_span public;
	int ret;

	if (s->proven || !(is_doubtful(error) || error == -EBADMSG))
		return error;
	ret = iot_tpm_read_public(t, p->handle, NULL, (struct tpmbuf_span){},
				  &public, digest);
	if (ret)
		return ret;
	if (!is_same(p, public))
		return -EKEYREJECTED;
	if (!s->handle)
		return error;
	return prove(t, p, s, digest) ?: error;
}

void iot_parent_close(struct iot_tpm *t, const struct iot_parent *p,
		      struct iot_session *s)
{
	iot_session_end(t, s);
	iot_tpm_flush(t, p->flush);
}
