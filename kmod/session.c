// SPDX-License-Identifier: GPL-2.0-only
/* TPM 2.0 sessions. References are to the TPM 2.0 Library, Part 1. */
#include "session.h"

/**
 * iot_kdfa() - KDFa with SHA-256, of 256 bits: SP 800-108, counter mode
 * @label: with its final zero it separates label and contexts
 * @u: PartyUInfo
 * @v: PartyVInfo
 *
 * Part 1, "KDFa()".  One block of HMAC is all that AES-128 and SHA-256 need.
 */
void iot_kdfa(const u8 *key, size_t key_len, const char *label,
	      struct iot_part u, struct iot_part v, u8 out[IOT_SHA256_SIZE])
{
	static const u8 counter[] = { 0, 0, 0, 1 };
	static const u8 bits[] = { 0, 0, 1, 0 };
	struct iot_part parts[] = {
		{ counter, sizeof(counter) },
		{ label, strlen(label) + 1 },
		u,
		v,
		{ bits, sizeof(bits) },
	};

	iot_hmac_sha256(key, key_len, parts, ARRAY_SIZE(parts), out);
}

/**
 * iot_kdfe() - KDFe with SHA-256, of 256 bits: SP 800-56A, concatenation
 * @z: X of the shared point
 * @u: X of the ephemeral point
 * @v: X of the TPM key's point
 *
 * Part 1, "KDFe for ECDH".
 */
void iot_kdfe(const u8 z[IOT_P256_SIZE], const char *label,
	      const u8 u[IOT_P256_SIZE], const u8 v[IOT_P256_SIZE],
	      u8 out[IOT_SHA256_SIZE])
{
	static const u8 counter[] = { 0, 0, 0, 1 };
	struct iot_part parts[] = {
		{ counter, sizeof(counter) },
		{ z, IOT_P256_SIZE },
		{ label, strlen(label) + 1 },
		{ u, IOT_P256_SIZE },
		{ v, IOT_P256_SIZE },
	};

	iot_sha256(parts, ARRAY_SIZE(parts), out);
}

/**
 * iot_cphash() - cpHash: code, names and parameters of a command
 * @params: as they go over the bus, so encrypted
 */
void iot_cphash(const struct tpmbuf_call *call, const u8 *params, size_t len,
		u8 out[IOT_SHA256_SIZE])
{
	u8 cc[4], handle[2][4];
	struct iot_part parts[4];
	unsigned int n = 0, i;

	put_unaligned_be32(call->cc, cc);
	parts[n++] = (struct iot_part){ cc, sizeof(cc) };
	for (i = 0; i < call->handles; i++) {
		put_unaligned_be32(call->handle[i], handle[i]);
		if (call->name[i].len)
			parts[n++] = (struct iot_part){ call->name[i].p,
							call->name[i].len };
		else
			parts[n++] = (struct iot_part){ handle[i], 4 };
	}
	parts[n++] = (struct iot_part){ params, len };
	iot_sha256(parts, n, out);
}

/* rpHash of a successful answer */
void iot_rphash(u32 cc, const u8 *params, size_t len, u8 out[IOT_SHA256_SIZE])
{
	u8 head[8] = { 0 };	/* the response code, TPM_RC_SUCCESS */
	struct iot_part parts[] = { { head, sizeof(head) }, { params, len } };

	put_unaligned_be32(cc, head + 4);
	iot_sha256(parts, ARRAY_SIZE(parts), out);
}

/*
 * The authorization value of every entity that is used is empty, so the HMAC's key is
 * the session's own (Part 1, "HMAC computation").  With one session on a command
 * the nonces of other sessions do not come in.
 */
static void session_hmac(const struct iot_session *s,
			 const u8 hash[IOT_SHA256_SIZE], struct iot_part newer,
			 struct iot_part older, u8 attributes,
			 u8 out[IOT_SHA256_SIZE])
{
	struct iot_part parts[] = {
		{ hash, IOT_SHA256_SIZE },
		newer,
		older,
		{ &attributes, 1 },
	};

	iot_hmac_sha256(s->key, sizeof(s->key), parts, ARRAY_SIZE(parts), out);
}

/* The data of the TPM2B that the parameters begin with. */
static int crypt_first(const struct iot_session *s, u8 *params, size_t len,
		       struct iot_part newer, struct iot_part older,
		       bool encrypt)
{
	u8 key_iv[IOT_SHA256_SIZE];
	size_t size;
	int ret;

	if (len < 2)
		return -EBADMSG;
	size = get_unaligned_be16(params);
	if (size > len - 2)
		return -EBADMSG;
	iot_kdfa(s->key, sizeof(s->key), "CFB", newer, older, key_iv);
	ret = iot_aes_cfb(key_iv, key_iv + 16, params + 2, size, encrypt);
	memzero_explicit(key_iv, sizeof(key_iv));
	return ret;
}

/**
 * iot_session_key() - the key of a session that was just started
 * @s: with the nonces of TPM2_StartAuthSession and its answer
 * @salt: what was sent encrypted
 *
 * Part 1, "Session key creation", for a session that is not bound.
 */
void iot_session_key(struct iot_session *s, const u8 salt[IOT_SHA256_SIZE])
{
	iot_kdfa(salt, IOT_SHA256_SIZE, "ATH",
		 (struct iot_part){ s->tpm, s->tpm_len },
		 (struct iot_part){ s->caller, sizeof(s->caller) }, s->key);
}

/**
 * iot_session_put() - authorize a command by a session, before it is framed
 * @s: with a fresh nonceCaller
 */
void iot_session_put(const struct iot_session *s, struct tpmbuf_call *call,
		     u8 attributes)
{
	call->authorized = true;
	call->auth = (struct tpmbuf_auth){
		.handle = s->handle,
		.attributes = attributes,
		.nonce_len = sizeof(s->caller),
		.hmac_len = IOT_SHA256_SIZE,
	};
	memcpy(call->auth.nonce, s->caller, sizeof(s->caller));
}

/**
 * iot_session_protect() - encrypt and authenticate a framed command
 * @frame: the command
 * @len: its length
 * @params_len: of the parameters, which end it
 *
 * Return: 0 or -EBADMSG when there is no first parameter to encrypt.
 */
int iot_session_protect(const struct iot_session *s,
			const struct tpmbuf_call *call, u8 *frame, size_t len,
			size_t params_len)
{
	struct iot_part caller = { s->caller, sizeof(s->caller) };
	struct iot_part tpm = { s->tpm, s->tpm_len };
	u8 *params = frame + len - params_len;
	u8 hash[IOT_SHA256_SIZE];
	int ret;

	if (call->auth.attributes & TPMBUF_SA_DECRYPT) {
		ret = crypt_first(s, params, params_len, caller, tpm, true);
		if (ret)
			return ret;
	}
	iot_cphash(call, params, params_len, hash);
	session_hmac(s, hash, caller, tpm, call->auth.attributes,
		     frame + call->auth.hmac_at);
	return 0;
}

/**
 * iot_session_check() - authenticate an answer, then decrypt it in place
 * @call: with the answer's authorization
 * @attributes: the command's
 * @frame: the answer
 * @params: its parameters, which lie in @frame
 *
 * Return: 0 or -EBADMSG.
 */
int iot_session_check(struct iot_session *s, const struct tpmbuf_call *call,
		      u8 attributes, u8 *frame,
		      const struct tpmbuf_reader *params)
{
	const struct tpmbuf_auth *auth = &call->auth;
	struct iot_part caller = { s->caller, sizeof(s->caller) };
	struct iot_part tpm = { auth->nonce, auth->nonce_len };
	u8 hash[IOT_SHA256_SIZE], hmac[IOT_SHA256_SIZE];

	if (auth->nonce_len < IOT_SESSION_NONCE ||
	    auth->hmac_len != sizeof(hmac) ||
	    (auth->attributes & ~TPMBUF_SA_EXCLUSIVE) != attributes)
		return -EBADMSG;
	iot_rphash(call->cc, params->p, params->left, hash);
	session_hmac(s, hash, tpm, caller, auth->attributes, hmac);
	if (crypto_memneq(hmac, frame + auth->hmac_at, sizeof(hmac)))
		return -EBADMSG;
	s->proven = true;
	memcpy(s->tpm, auth->nonce, auth->nonce_len);
	s->tpm_len = auth->nonce_len;
	if (!(attributes & TPMBUF_SA_CONTINUE))
		s->handle = 0;
	if (!(attributes & TPMBUF_SA_ENCRYPT))
		return 0;
	return crypt_first(s, frame + (params->p - frame), params->left, tpm,
			   caller, false);
}
