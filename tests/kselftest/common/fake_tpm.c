// SPDX-License-Identifier: GPL-2.0-or-later
/* See fake_tpm.h. */
#include "fake_tpm.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/vtpm_proxy.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "session.h"
#include "tss2.h"

#define CC_SELF_TEST	  0x143
#define CC_STARTUP	  0x144
#define CC_GET_CAPABILITY 0x17a
#define HEADER		  10

struct behaviour behaviour, also;
atomic_int seen;
static int tpm_fd;

/* The commands that the driver and the module send. */
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
	TPMBUF_CC_SIGN,
	TPMBUF_CC_QUOTE,
	TPMBUF_CC_IMPORT,
	TPMBUF_CC_LOAD_EXTERNAL,
	TPMBUF_CC_VERIFY_SIGNATURE,
	TPMBUF_CC_POLICY_PCR,
	TPMBUF_CC_POLICY_AUTHORIZE,
	TPMBUF_CC_POLICY_RESTART,
};

/* The parent: a storage key of P-256. */
static EVP_PKEY *parent;
static uint8_t parent_area[90];
static uint8_t parent_x[IOT_P256_SIZE];

/* The signing key, whoever creates one, and another. */
static EVP_PKEY *signer, *stranger;

/* The TPM's side of the sessions, and whether they are open. */
enum { HMAC, POLICY, SESSIONS };
static struct iot_session sessions[SESSIONS];
static atomic_bool session_open[SESSIONS];
static const uint32_t session_handles[SESSIONS] = { 0x02000000, 0x03000000 };

#define TRANSIENT 0x80000000
#define SLOTS	  3
static atomic_bool slots[SLOTS]; /* in use */
static struct area {
	uint8_t data[256];
	size_t len;
} areas[SLOTS]; /* public, of what is there */

unsigned int fake_tpm_holds(void)
{
	unsigned int n = 0;

	for (int i = 0; i < SESSIONS; i++)
		n += session_open[i];
	for (int i = 0; i < SLOTS; i++)
		n += slots[i];
	return n;
}

void fake_tpm_clear(void)
{
	for (int i = 0; i < SESSIONS; i++)
		session_open[i] = false;
	for (int i = 0; i < SLOTS; i++)
		slots[i] = false;
}

static bool is_loaded(uint32_t handle)
{
	return handle - TRANSIENT < SLOTS && slots[handle - TRANSIENT];
}

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

/* X and Y of @key, which is of P-256. */
static void get_point(EVP_PKEY *key, uint8_t *xy)
{
	uint8_t point[65];
	size_t len;

	must(key &&
		     EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point,
						     sizeof(point), &len) &&
		     len == sizeof(point),
	     "a key of P-256");
	memcpy(xy, point + 1, 64);
}

static void make_keys(void)
{
	static const uint8_t head[] = {
		0x00, 0x23, 0x00, 0x0b, 0x00, 0x03, 0x04, 0x72, 0x00, 0x00, 0x00,
		0x06, 0x00, 0x80, 0x00, 0x43, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10,
	};
	struct tpmbuf_writer w = { .data = parent_area, .size = sizeof(parent_area) };
	uint8_t point[64];

	parent = EVP_EC_gen("P-256");
	signer = EVP_EC_gen("P-256");
	stranger = EVP_EC_gen("P-256");
	must(signer && stranger, "keys of P-256");
	get_point(parent, point);
	memcpy(parent_x, point, sizeof(parent_x));
	tpmbuf_put(&w, head, sizeof(head));
	tpmbuf_put_2b(&w, point, 32);
	tpmbuf_put_2b(&w, point + 32, 32);
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

/* The open session of that handle, or NULL */
static struct iot_session *session_of(uint32_t handle)
{
	for (int i = 0; i < SESSIONS; i++)
		if (session_open[i] && handle == session_handles[i])
			return &sessions[i];
	return NULL;
}

static void end_session(const struct iot_session *s)
{
	session_open[s - sessions] = false;
}

/* TPM2_StartAuthSession: nonceCaller, the encrypted salt, and the type. */
static struct iot_session *start_session(struct tpmbuf_reader *in)
{
	uint8_t z[IOT_P256_SIZE], salt[IOT_SHA256_SIZE], caller[IOT_SESSION_NONCE];
	const uint8_t *nonce, *x, *y;
	struct iot_session *s;
	unsigned int type;
	size_t len;

	nonce = tpmbuf_get_2b(in, &len);
	must(nonce && len == IOT_SESSION_NONCE, "nonceCaller");
	memcpy(caller, nonce, len);
	tpmbuf_get_u16(in); /* size of the point */
	x = tpmbuf_get_2b(in, &len);
	must(x && len == IOT_P256_SIZE, "the point's X");
	y = tpmbuf_get_2b(in, &len);
	must(y && len == IOT_P256_SIZE, "the point's Y");
	diffie_hellman(x, y, z);
	iot_kdfe(z, "SECRET", x, parent_x, salt);
	type = tpmbuf_get_u8(in) == 1 ? POLICY : HMAC;
	s = &sessions[type];
	*s = (struct iot_session){ .handle = session_handles[type],
				   .tpm_len = IOT_SESSION_NONCE };
	memcpy(s->caller, caller, sizeof(caller));
	memset(s->tpm, 0x11, s->tpm_len);
	iot_session_key(s, salt);
	session_open[type] = true;
	return s;
}

/*
 * nonceCaller and attributes of the command's session; the first parameter is in the clear
 * afterwards.
 */
static uint8_t read_auth(struct tpmbuf_reader *in, struct iot_session *s)
{
	struct iot_part caller = { s->caller, IOT_SESSION_NONCE };
	struct iot_part tpm = { s->tpm, IOT_SESSION_NONCE };
	uint8_t key[32], *text;
	const uint8_t *nonce;
	uint8_t attributes;
	size_t len;

	tpmbuf_get_u32(in); /* size */
	tpmbuf_get_u32(in); /* handle */
	nonce = tpmbuf_get_2b(in, &len);
	must(nonce && len == IOT_SESSION_NONCE, "the command's nonceCaller");
	memcpy(s->caller, nonce, len);
	attributes = tpmbuf_get_u8(in);
	tpmbuf_get_2b(in, &len);
	if (attributes & TPMBUF_SA_DECRYPT) {
		text = (uint8_t *)in->p; /* the command's, which is ours */
		iot_kdfa(s->key, sizeof(s->key), "CFB", caller, tpm, key);
		iot_aes_cfb(key, key + 16, text + 2, get_unaligned_be16(text), false);
	}
	return attributes;
}

/* Encrypts the first parameter, and puts the session's part behind them. */
static void protect(struct tpmbuf_writer *w, struct iot_session *s, uint32_t cc,
		    size_t params, uint8_t attributes)
{
	struct iot_part caller = { s->caller, IOT_SESSION_NONCE };
	struct iot_part tpm = { s->tpm, IOT_SESSION_NONCE };
	uint8_t hash[IOT_SHA256_SIZE], hmac[IOT_SHA256_SIZE], key[32];
	struct iot_part parts[] = {
		{ hash, sizeof(hash) }, tpm, caller, { &attributes, 1 }
	};
	uint8_t *p = w->data + params;

	s->tpm[0]++;
	if (!(attributes & TPMBUF_SA_CONTINUE))
		end_session(s);
	if (attributes & TPMBUF_SA_ENCRYPT && w->len - params >= 2) {
		iot_kdfa(s->key, sizeof(s->key), "CFB", tpm, caller, key);
		iot_aes_cfb(key, key + 16, p + 2, get_unaligned_be16(p), true);
	}
	iot_rphash(cc, p, w->len - params, hash);
	iot_hmac_sha256(s->key, sizeof(s->key), parts, 4, hmac);
	tpmbuf_put_2b(w, s->tpm, IOT_SESSION_NONCE);
	tpmbuf_put_u8(w, attributes);
	tpmbuf_put_2b(w, hmac, sizeof(hmac));
}

/* The name of a public area */
static void put_name(struct tpmbuf_writer *w, const uint8_t *area, size_t len)
{
	struct iot_part part = { area, len };
	uint8_t name[34] = { 0, TSS2_ALG_SHA256 };

	iot_sha256(&part, 1, name + 2);
	tpmbuf_put_2b(w, name, sizeof(name));
}

/* TPM2_Create of the signing key, whose template ends with an empty point, or of a root. */
static void put_created(struct tpmbuf_writer *w, struct tpmbuf_reader *in,
			const struct behaviour *b)
{
	static const uint8_t private[4096];
	uint8_t point[64];
	const uint8_t *area;
	size_t len, begin;

	tpmbuf_get_2b(in, &len); /* sensitive, encrypted */
	area = tpmbuf_get_2b(in, &len);
	must(area && len > 4, "a template");
	get_point(signer, point);
	tpmbuf_put_2b(w, private, b->how == SIZED ? b->value : 32);
	begin = tpmbuf_begin_2b(w);
	if (get_unaligned_be16(area) == TSS2_ALG_ECC) {
		tpmbuf_put(w, area, len - 4);
		tpmbuf_put_2b(w, point, 32);
		tpmbuf_put_2b(w, point + 32, 32);
	} else {
		tpmbuf_put(w, area, len - 2);
		tpmbuf_put_2b(w, point, 32);
	}
	tpmbuf_end_2b(w, begin);
	tpmbuf_put(w, "\0\0\0\0\x80\x21\x40\0\0\1\0\0", 12);
}

/* Into which slot Load puts it. */
static uint32_t free_slot(void)
{
	uint32_t i = 0;

	while (i < SLOTS && slots[i])
		i++;
	return i;
}

static void put_loaded(struct tpmbuf_writer *w, struct tpmbuf_reader *in, enum how how)
{
	uint32_t slot = free_slot();
	const uint8_t *area;
	size_t len;

	tpmbuf_get_2b(in, &len); /* private */
	area = tpmbuf_get_2b(in, &len);
	must(area && len && len <= sizeof(areas->data) && slot < SLOTS, "a public area");
	memcpy(areas[slot].data, area, len);
	areas[slot].len = len;
	slots[slot] = true;
	put_name(w, area, how == OTHER_NAME ? len - 1 : len);
}

static void put_imported(struct tpmbuf_writer *w, const struct behaviour *b)
{
	static const uint8_t private[4096];

	tpmbuf_put_2b(w, private, b->how == SIZED ? b->value : 80);
	tpmbuf_put(w, private, b->how == MORE ? b->value : 0);
}

static void put_ticket(struct tpmbuf_writer *w, const struct behaviour *b)
{
	static const uint8_t digest[128] = "what only the TPM knows to make";

	tpmbuf_put_u16(w, b->how == OTHER_TAG ? b->value : 0x8022);
	tpmbuf_put_u32(w, TSS2_RH_OWNER);
	tpmbuf_put_2b(w, digest, b->how == SIZED ? b->value : 32);
	tpmbuf_put(w, digest, b->how == MORE ? b->value : 0);
}

static void put_public(struct tpmbuf_writer *w, uint32_t handle)
{
	struct area a = { .len = sizeof(parent_area) };

	if (is_loaded(handle))
		a = areas[handle - TRANSIENT];
	else
		memcpy(a.data, parent_area, sizeof(parent_area));
	tpmbuf_put_2b(w, a.data, a.len);
	put_name(w, a.data, a.len);
	put_name(w, a.data, a.len);
}

/* TPMT_SIGNATURE */
static void put_signature(struct tpmbuf_writer *w, const uint8_t *what, enum how how,
			  uint32_t more)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(how == OTHER_KEY ? stranger : signer, NULL);
	uint8_t digest[32], der[80], rs[65] = { 0 };
	const uint8_t *p = der;
	size_t len = sizeof(der);
	ECDSA_SIG *sig;

	memcpy(digest, what, sizeof(digest));
	if (how == OTHER_DIGEST)
		digest[31] ^= 1;
	must(EVP_PKEY_sign_init(ctx) > 0 &&
		     EVP_PKEY_sign(ctx, der, &len, digest, sizeof(digest)) > 0,
	     "a signature");
	sig = d2i_ECDSA_SIG(NULL, &p, len);
	must(sig && BN_bn2binpad(ECDSA_SIG_get0_r(sig), rs + 1, 32) == 32 &&
		     BN_bn2binpad(ECDSA_SIG_get0_s(sig), rs + 33, 32) == 32,
	     "its numbers");
	ECDSA_SIG_free(sig);
	EVP_PKEY_CTX_free(ctx);
	if (how == ZERO_R)
		memset(rs + 1, 0, 32);
	if (how == ZERO_S)
		memset(rs + 33, 0, 32);
	tpmbuf_put_u16(w, TSS2_ALG_ECDSA);
	tpmbuf_put_u16(w, TSS2_ALG_SHA256);
	if (how == LONG_R)
		tpmbuf_put_2b(w, rs, 33);
	else
		tpmbuf_put_2b(w, rs + 1, how == NO_R ? 0 : 32);
	tpmbuf_put_2b(w, rs + 33, 32);
	for (; how == MORE && more; more--)
		tpmbuf_put_u8(w, 0xee);
}

static void put_attest(struct tpmbuf_writer *w, struct tpmbuf_reader *in, enum how how)
{
	uint8_t nonce[66] = { 0 }, pcrs[64];
	const uint8_t *data;
	size_t len;

	data = tpmbuf_get_2b(in, &len);
	must(data && len && len < sizeof(nonce), "qualifying data");
	memcpy(nonce, data, len);
	tpmbuf_get_u32(in); /* scheme */
	must(in->left <= sizeof(pcrs) && in->left >= 10, "a selection of PCRs");
	memcpy(pcrs, in->p, in->left);
	pcrs[5] ^= how == OTHER_BANK;
	pcrs[9] ^= how == OTHER_PCRS ? 0x80 : 0;
	pcrs[3] += how == MORE_BANKS;
	nonce[0] ^= how == OTHER_NONCE;
	tpmbuf_put_u32(w, how == OTHER_MAGIC ? 0xff544348 : 0xff544347);
	tpmbuf_put_u16(w, how == OTHER_TYPE ? 0x8014 : 0x8018);
	put_name(w, nonce, sizeof(nonce)); /* the qualified signer, of whatever */
	tpmbuf_put_2b(w, nonce, len + (how == LONG_NONCE));
	tpmbuf_put(w, "clock...\0\0\0\1\0\0\0\1\1firmware", 25);
	tpmbuf_put(w, pcrs, in->left);
	if (how == MORE_BANKS)
		tpmbuf_put(w, "\0\4\3\1\0\0", 6);
	tpmbuf_put_2b(w, nonce, 32);
}

static void put_quote(struct tpmbuf_writer *w, struct tpmbuf_reader *in, enum how how,
		      uint32_t value)
{
	uint8_t attest[256], digest[32];
	struct tpmbuf_writer a = { .data = attest, .size = sizeof(attest) };
	struct iot_part part = { attest, 0 };

	put_attest(&a, in, how);
	must(!a.bad, "an attestation");
	part.len = how == CUT_ATTEST ? value : a.len;
	iot_sha256(&part, 1, digest);
	tpmbuf_put_2b(w, attest, part.len);
	put_signature(w, digest, how, value);
}

static void put_parameters(struct tpmbuf_writer *w, uint32_t cc, uint32_t handle,
			   struct tpmbuf_reader *in, const struct behaviour *b)
{
	uint8_t bytes[64];
	const uint8_t *digest;
	size_t len;

	switch (cc) {
	case TPMBUF_CC_READ_PUBLIC:
		put_public(w, handle);
		break;
	case TPMBUF_CC_CREATE:
		put_created(w, in, b);
		break;
	case TPMBUF_CC_LOAD:
	case TPMBUF_CC_LOAD_EXTERNAL:
		put_loaded(w, in, b->how);
		break;
	case TPMBUF_CC_IMPORT:
		put_imported(w, b);
		break;
	case TPMBUF_CC_VERIFY_SIGNATURE:
		put_ticket(w, b);
		break;
	case TPMBUF_CC_UNSEAL:
		memset(bytes, 0x5e, sizeof(bytes));
		tpmbuf_put_2b(w, bytes, b->how == SIZED ? b->value : 32);
		break;
	case TPMBUF_CC_SIGN:
		digest = tpmbuf_get_2b(in, &len);
		must(digest && len == 32, "a digest");
		put_signature(w, digest, b->how, b->value);
		break;
	case TPMBUF_CC_QUOTE:
		put_quote(w, in, b->how, b->value);
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
	case TPMBUF_CC_SIGN:
	case TPMBUF_CC_QUOTE:
	case TPMBUF_CC_IMPORT:
	case TPMBUF_CC_VERIFY_SIGNATURE:
	case TPMBUF_CC_POLICY_PCR:
	case TPMBUF_CC_POLICY_AUTHORIZE:
	case TPMBUF_CC_POLICY_RESTART:
		return 1;
	case TPMBUF_CC_START_AUTH_SESSION:
		return 2;
	}
	return 0;
}

/* What authorizes a command that says that something does */
static uint32_t auth_handle(const uint8_t *command)
{
	uint32_t cc = get_unaligned_be32(command + 6);

	return get_unaligned_be32(command + HEADER + 4 * handles_of(cc) + 4);
}

/* The session that a command is in: other commands of the kernel's have a password's. */
static struct iot_session *in_session(const uint8_t *command)
{
	return get_unaligned_be16(command) == 0x8002 ? session_of(auth_handle(command))
						     : NULL;
}

static uint32_t flush(uint32_t handle)
{
	if (session_of(handle))
		end_session(session_of(handle));
	else if (is_loaded(handle))
		slots[handle - TRANSIENT] = false;
	else
		return 0x1c4; /* no such handle */
	return 0;
}

/* What a TPM says to a command that cannot be; 0 if it can. */
static uint32_t refusal(const uint8_t *command)
{
	uint32_t cc = get_unaligned_be32(command + 6);
	uint32_t handle = get_unaligned_be32(command + HEADER);

	if ((cc == TPMBUF_CC_LOAD || cc == TPMBUF_CC_LOAD_EXTERNAL) &&
	    free_slot() == SLOTS)
		return 0x902;
	if ((cc == TPMBUF_CC_SIGN || cc == TPMBUF_CC_QUOTE || cc == TPMBUF_CC_UNSEAL ||
	     cc == TPMBUF_CC_READ_PUBLIC || cc == TPMBUF_CC_VERIFY_SIGNATURE) &&
	    handle >> 24 == TRANSIENT >> 24 && !is_loaded(handle))
		return 0x910; /* nothing is loaded there */
	if (cc == TPMBUF_CC_FLUSH_CONTEXT)
		return flush(handle);
	if (handles_of(cc) && handle == session_handles[POLICY] && !session_of(handle))
		return 0x910;
	return 0;
}

static void good_answer(struct tpmbuf_writer *w, uint8_t *command, size_t len,
			const struct behaviour *b)
{
	struct tpmbuf_reader in = { command + HEADER, len - HEADER, false };
	bool authorized = get_unaligned_be16(command) == 0x8002;
	struct iot_session *s = in_session(command), *started;
	uint32_t cc = get_unaligned_be32(command + 6);
	uint8_t attributes = 0;
	size_t size, params;

	if (cc == CC_GET_CAPABILITY) {
		put_capability(w, get_unaligned_be32(command + HEADER));
		return;
	}
	tpmbuf_get(&in, 4 * handles_of(cc));
	if (s)
		attributes = read_auth(&in, s);
	else if (authorized)
		tpmbuf_get(&in, tpmbuf_get_u32(&in));
	if (cc == TPMBUF_CC_START_AUTH_SESSION) {
		started = start_session(&in);
		tpmbuf_put_u32(w, started->handle);
	}
	if (cc == TPMBUF_CC_LOAD || cc == TPMBUF_CC_LOAD_EXTERNAL)
		tpmbuf_put_u32(w, TRANSIENT + free_slot() +
					  (b->how == OTHER_HANDLE ? b->value : 0));
	size = w->len;
	if (authorized)
		tpmbuf_put_u32(w, 0);
	params = w->len;
	if (cc == TPMBUF_CC_START_AUTH_SESSION)
		tpmbuf_put_2b(w, started->tpm, started->tpm_len);
	else
		put_parameters(w, cc, get_unaligned_be32(command + HEADER), &in, b);
	if (!authorized)
		return;
	put_unaligned_be32(w->len - params, w->data + size);
	if (s)
		protect(w, s, cc, params, attributes);
	else
		tpmbuf_put(w, "\0\0\1\0\0", 5);
}

/* The whole answer to a command; its length, 0 for none. */
static size_t answer(uint8_t *command, size_t command_len, uint8_t *out, size_t size)
{
	struct tpmbuf_writer w = { .data = out + HEADER, .size = size - HEADER };
	bool authorized = get_unaligned_be16(command) == 0x8002;
	uint32_t cc = get_unaligned_be32(command + 6), rc = 0, said;
	struct behaviour b = { 0 };
	size_t len = HEADER;

	if (cc == behaviour.cc) {
		seen++;
		if (in_session(command) || behaviour.how != RC_IN)
			b = behaviour;
	}
	if (cc == also.cc)
		b = also;
	if (b.how == HANG_UP)
		return 0;
	if (b.how == RC || b.how == RC_IN)
		rc = b.value;
	else
		rc = refusal(command);
	if (!rc) {
		good_answer(&w, command, command_len, &b);
		must(!w.bad, "room for the answer");
		len = HEADER + w.len;
	}
	if (b.how == CUT && b.value < len)
		len = b.value;
	if (b.how == LONGER) {
		memset(out + len, 0xee, b.value);
		len += b.value;
	}
	said = len + (b.how == LIE ? b.value : 0);
	put_unaligned_be16(authorized && !rc ? 0x8002 : 0x8001, out);
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

pthread_t fake_tpm_start(void)
{
	struct vtpm_proxy_new_dev dev = { .flags = VTPM_PROXY_FLAG_TPM2 };
	pthread_t thread;
	char name[32];
	int fd;

	make_keys();
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
