// SPDX-License-Identifier: GPL-2.0-only
/*
 * Resident keys.  They are created and imported in a session that is salted to the
 * parent, as roots are.  Their use needs none: the private part is wrapped, what is signed and
 * the signature are no secrets, and a signature is checked with the public key before it is
 * given out.
 *
 * TPM commands: create 4 (and 4 when the parent is made too), load 2 (and 2 when the parent
 * is the owner's primary), and 4 more for an importable key.  A signature or quote is 1 while
 * the key stays loaded (slot.c), else 1 more to load it, 1 more if another's must go,
 * and 2 more under the owner's primary.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "resident.h"
#include "slot.h"
#include "tpm_object.h"

#define TPM_ST_HASHCHECK	0x8024
#define TPM_ST_ATTEST_QUOTE	0x8018
#define TPM_GENERATED		0xff544347
#define MAX_BANKS		16
#define CLOCK_AND_FIRMWARE	25	/* octets of a TPMS_ATTEST */

static atomic64_t last_serial;

/* A TPM's own answers. */

/* TPMT_SIGNATURE: ECDSA with SHA-256, and nothing behind it. */
static int get_signature(struct tpmbuf_reader *r, u8 sig[2 * IOT_P256_SIZE])
{
	u16 scheme = tpmbuf_get_u16(r), hash = tpmbuf_get_u16(r);
	const u8 *p;
	size_t len;
	int i;

	if (scheme != TSS2_ALG_ECDSA || hash != TSS2_ALG_SHA256)
		return -EBADMSG;
	for (i = 0; i < 2; i++, sig += IOT_P256_SIZE) {
		p = tpmbuf_get_2b(r, &len);
		if (!p || len > IOT_P256_SIZE)
			return -EBADMSG;
		memset(sig, 0, IOT_P256_SIZE - len);
		memcpy(sig + IOT_P256_SIZE - len, p, len);
	}
	return r->left ? -EBADMSG : 0;
}

static void put_scheme(struct iot_tpm *t)
{
	tpmbuf_put_u16(&t->in, TSS2_ALG_ECDSA);
	tpmbuf_put_u16(&t->in, TSS2_ALG_SHA256);
}

static int sign(struct iot_tpm *t, u32 handle, struct iot_ask *ask)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_SIGN,
		.handle = { handle },
		.handles = 1,
	};
	int ret;

	iot_tpm_begin(t);
	tpmbuf_put_2b(&t->in, ask->in, ask->in_len);
	put_scheme(t);
	tpmbuf_put_u16(&t->in, TPM_ST_HASHCHECK);	/* no ticket */
	tpmbuf_put_u32(&t->in, IOT_RH_NULL);
	tpmbuf_put_u16(&t->in, 0);
	ret = iot_tpm_exec_password(t, &call);
	if (ret)
		return ret;
	ask->out_len = 2 * IOT_P256_SIZE;
	return get_signature(&t->out, ask->out);
}

/* Is it a TPM2B_DATA and a TPML_PCR_SELECTION, which go into the command as they are? */
static bool is_quote_ask(const struct iot_ask *ask, size_t *data_len)
{
	struct tpmbuf_reader r = { ask->in, ask->in_len };
	u32 banks;

	tpmbuf_get_2b(&r, data_len);
	banks = tpmbuf_get_u32(&r);
	if (*data_len > TSS2_MAX_DIGEST || banks > MAX_BANKS)
		return false;
	while (banks--) {
		tpmbuf_get_u16(&r);
		tpmbuf_get(&r, tpmbuf_get_u8(&r));
	}
	return !r.bad && !r.left;
}

static int quote(struct iot_tpm *t, u32 handle, struct iot_ask *ask)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_QUOTE,
		.handle = { handle },
		.handles = 1,
	};
	size_t data_len;
	int ret;

	if (!is_quote_ask(ask, &data_len))
		return -EINVAL;
	iot_tpm_begin(t);
	tpmbuf_put(&t->in, ask->in, 2 + data_len);
	put_scheme(t);
	tpmbuf_put(&t->in, ask->in + 2 + data_len, ask->in_len - 2 - data_len);
	ret = iot_tpm_exec_password(t, &call);
	if (ret)
		return ret;
	if (t->out.left > ask->room)
		return -EBADMSG;
	ask->out_len = t->out.left;
	memcpy(ask->out, t->out.p, t->out.left);
	return 0;
}

/* One bank of a TPML_PCR_SELECTION. */
struct bank {
	u16 alg;
	size_t size;
	const u8 *bits;
};

static bool get_bank(struct tpmbuf_reader *r, struct bank *b)
{
	b->alg = tpmbuf_get_u16(r);
	b->size = tpmbuf_get_u8(r);
	b->bits = tpmbuf_get(r, b->size);
	return b->bits;
}

/* Are all the PCRs of @b in the selection that @r reads, whose banks may be many? */
static bool was_asked(const struct bank *b, struct tpmbuf_reader r)
{
	u32 banks = tpmbuf_get_u32(&r);
	struct bank asked;
	size_t i;

	while (banks-- && get_bank(&r, &asked)) {
		if (asked.alg != b->alg)
			continue;
		for (i = 0; i < b->size; i++) {
			if (b->bits[i] & ~(i < asked.size ? asked.bits[i] : 0))
				break;
		}
		if (i == b->size)
			return true;
	}
	return false;
}

/* No other PCRs than those: a TPM leaves out what it does not have. */
static bool are_asked(struct tpmbuf_reader *quoted, struct tpmbuf_reader asked)
{
	u32 banks = tpmbuf_get_u32(quoted);
	struct bank b;

	if (banks > MAX_BANKS)
		return false;
	while (banks--) {
		if (!get_bank(quoted, &b) || !was_asked(&b, asked))
			return false;
	}
	return !quoted->bad;
}

/* The TPM's signature under the TPM's word, which is about what was asked. */
static int check_quote(const struct iot_resident *r, const struct iot_ask *ask)
{
	struct tpmbuf_reader in = { ask->out, ask->out_len }, attest;
	struct tpmbuf_reader asked = { ask->in, ask->in_len };
	u8 digest[IOT_SHA256_SIZE], sig[2 * IOT_P256_SIZE];
	const u8 *data, *asked_data;
	size_t len, asked_len;
	struct iot_part part;

	part.data = tpmbuf_get_2b(&in, &part.len);
	if (get_signature(&in, sig))
		return -EBADMSG;
	iot_sha256(&part, 1, digest);
	if (iot_p256_verify(r->point, digest, sig))
		return -EBADMSG;
	attest = (struct tpmbuf_reader){ part.data, part.len };
	if (tpmbuf_get_u32(&attest) != TPM_GENERATED ||
	    tpmbuf_get_u16(&attest) != TPM_ST_ATTEST_QUOTE)
		return -EBADMSG;
	tpmbuf_get_2b(&attest, &len);		/* its qualified name */
	data = tpmbuf_get_2b(&attest, &len);
	asked_data = tpmbuf_get_2b(&asked, &asked_len);
	if (!data || len != asked_len || memcmp(data, asked_data, len))
		return -EBADMSG;
	tpmbuf_get(&attest, CLOCK_AND_FIRMWARE);
	return are_asked(&attest, asked) ? 0 : -EBADMSG;
}

static int check(const struct iot_resident *r, const struct iot_ask *ask)
{
	if (r->restricted)
		return check_quote(r, ask);
	return iot_p256_verify(r->point, ask->in, ask->out) ? -EBADMSG : 0;
}

/* The key in the TPM */

/* Loads it, to stay; -EKEYREJECTED when it is no key of that parent. */
static int load(struct iot_tpm *t, const struct iot_resident *r, u32 *handle)
{
	struct tpmbuf_call call = {
		.cc = TPMBUF_CC_LOAD,
		.handle = { r->key.parent },
		.handles = 1,
		.gives = TPMBUF_TRANSIENT,
	};
	struct tpmbuf_span public;
	u32 primary = 0;
	const u8 *name;
	size_t len;
	int ret = 0;

	iot_tpm_evict(t);
	if (r->key.parent == TSS2_RH_OWNER)
		ret = iot_parent_primary(t, &primary, &public);
	if (ret)
		return ret;
	if (primary)
		call.handle[0] = primary;
	iot_tpm_begin(t);
	tpmbuf_put(&t->in, r->key.priv.p, r->key.priv.len);
	tpmbuf_put(&t->in, r->key.pub.p, r->key.pub.len);
	ret = iot_tpm_exec_password(t, &call);
	if (!ret) {
		name = tpmbuf_get_2b(&t->out, &len);
		if (!name || t->out.left || len != sizeof(r->name) ||
		    memcmp(name, r->name, len))
			ret = -EBADMSG;
		iot_tpm_keep(t, call.given, r->serial);
		if (ret)
			iot_tpm_evict(t);
	}
	iot_tpm_flush(t, primary);
	*handle = call.given;
	return ret;
}

/*
 * One conversation.  What fails with a key that was just loaded is not kept; with one
 * that was kept it is for lost() to say.
 */
static int converse(struct iot_resident *r, struct iot_ask *ask, bool *was_kept)
{
	struct iot_tpm t;
	bool keep;
	u32 handle;
	int ret;

	*was_kept = false;
	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	handle = iot_tpm_kept(r->serial);
	*was_kept = handle;
	if (!handle)
		ret = load(&t, r, &handle);
	if (!ret)
		ret = r->restricted ? quote(&t, handle, ask) :
				      sign(&t, handle, ask);
	keep = ret ? *was_kept : iot_slot_may_keep() && !READ_ONCE(r->dead);
	if (!keep)
		iot_tpm_evict(&t);
	iot_tpm_stop(&t);
	if (keep)
		iot_slot_used();
	return ret;
}

/*
 * Did somebody flush what we had left in the TPM?  Then there is nothing at its handle, or
 * something else.  A TPM that is busy, or fails, has not said so; who believed it would
 * leave an object there for good.
 */
static int find_lost(const struct iot_resident *r, bool *lost)
{
	u8 digest[IOT_SHA256_SIZE];
	struct tpmbuf_span public;
	struct iot_tpm t;
	u32 handle;
	int ret;

	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	*lost = true;
	handle = iot_tpm_kept(r->serial);
	if (handle) {
		ret = iot_tpm_read_public(&t, handle, NULL,
					  (struct tpmbuf_span){}, &public,
					  digest);
		*lost = ret ? ret == -ENXIO || ret == -EBADMSG :
			      public.len != r->key.pub.len ||
			      memcmp(public.p, r->key.pub.p, public.len);
		if (*lost)
			iot_tpm_forget();
	}
	iot_tpm_stop(&t);
	return 0;
}

static bool is_doubtful(int error)
{
	return error == -EBADMSG || error == -EIO || error == -EINVAL ||
	       error == -EOPNOTSUPP || error == -ENXIO;
}

/**
 * iot_resident_sign() - have the TPM sign a digest; or quote, if it is a restricted key
 *
 * Return: 0; -EBADMSG when what came back is not its signature of that; -EINVAL
 * when it cannot be quoted; -EKEYREJECTED, -ENXIO and -EOPNOTSUPP of loading the key;
 * or what iot_tpm_exec_in() says.
 */
int iot_resident_sign(struct iot_resident *r, struct iot_ask *ask)
{
	bool was_kept, lost = false;
	int ret;

	ret = converse(r, ask, &was_kept);
	ret = ret ?: check(r, ask);
	if (!was_kept || !is_doubtful(ret) || find_lost(r, &lost) || !lost)
		return ret;
	ret = converse(r, ask, &was_kept);
	return ret ?: check(r, ask);
}

/* Return: 0 or -EKEYREJECTED. Without the TPM. */
int iot_resident_verify(const struct iot_resident *r, const u8 *digest,
			const u8 *sig)
{
	return iot_p256_verify(r->point, digest, sig);
}

/* Making them */

/* From a key that tss2_ecdsa() takes, which need not outlive this. */
static struct iot_resident *new_resident(const struct tss2_key *key,
					 const struct tss2_public *pub)
{
	struct iot_part area = { key->pub.p + 2, key->pub.len - 2 };
	struct tss2_key kept = {
		.type = TSS2_LOADABLE,
		.empty_auth = true,
		.parent = key->parent,
		.pub = key->pub,
		.priv = key->priv,
	};
	struct iot_resident *r;
	int ret;

	if (!iot_p256_is_point(pub->point))
		return ERR_PTR(-EBADMSG);
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	if (!r)
		return ERR_PTR(-ENOMEM);
	ret = iot_object_encode(&kept, (struct tpmbuf_span){}, &r->der);
	ret = ret ?: tss2_parse(r->der.data, r->der.len, &r->key);
	if (ret) {
		iot_resident_free(r);
		return ERR_PTR(ret);
	}
	r->serial = atomic64_inc_return(&last_serial);
	r->restricted = pub->attributes & TSS2_OA_RESTRICTED;
	memcpy(r->point, pub->point, sizeof(r->point));
	put_unaligned_be16(TSS2_ALG_SHA256, r->name);
	iot_sha256(&area, 1, r->name + 2);
	return r;
}

/*
 * A key with any scheme signs whatever digest it is given, a restricted one what the TPM has
 * digested itself, for which it must have a scheme.
 */
static void fill_template(struct iot_template *tpl, bool restricted)
{
	u32 attributes = TSS2_OA_FIXED_TPM | TSS2_OA_FIXED_PARENT |
			 TSS2_OA_DATA_ORIGIN | TSS2_OA_USER_WITH_AUTH |
			 TSS2_OA_NO_DA | TSS2_OA_SIGN;
	struct tpmbuf_writer w = {
		.data = tpl->area,
		.size = sizeof(tpl->area),
	};

	tpmbuf_put_u16(&w, TSS2_ALG_ECC);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, attributes | (restricted ? TSS2_OA_RESTRICTED : 0));
	tpmbuf_put_u16(&w, 0);			/* no policy */
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);	/* not symmetric */
	if (restricted) {
		tpmbuf_put_u16(&w, TSS2_ALG_ECDSA);
		tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	} else {
		tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	}
	tpmbuf_put_u16(&w, TSS2_ECC_P256);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);	/* no KDF */
	tpl->len = w.len;
	tpl->unique = 4;
}

static struct iot_resident *create(struct iot_tpm *t,
				   const struct iot_root_spec *spec,
				   struct iot_object *o)
{
	struct iot_template tpl;
	int ret;

	fill_template(&tpl, spec->restricted);
	ret = iot_object_meet_parent(t, o, spec->mkparent);
	ret = ret ?: iot_object_create(t, o, (struct tpmbuf_span){}, &tpl);
	if (ret)
		return ERR_PTR(ret);
	if (tss2_ecdsa(&o->key, &o->pub))
		return ERR_PTR(-EBADMSG);
	return new_resident(&o->key, &o->pub);
}

/* "new ecdsa-p256" */
struct iot_resident *iot_resident_create(const struct iot_root_spec *spec)
{
	struct iot_resident *r;
	struct iot_object *o;
	struct iot_tpm t;
	int ret;

	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return ERR_PTR(-ENOMEM);
	o->key.type = TSS2_LOADABLE;
	o->key.empty_auth = true;
	o->key.parent = spec->parent;
	ret = iot_tpm_start(&t);
	if (ret) {
		r = ERR_PTR(ret);
	} else {
		r = create(&t, spec, o);
		iot_parent_close(&t, &o->parent, &o->session);
		iot_tpm_stop(&t);
	}
	kfree_sensitive(o);
	return r;
}

static int import(struct iot_object *o, struct iot_bytes *priv)
{
	struct iot_tpm t;
	int ret;

	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	ret = iot_object_meet_parent(&t, o, false);
	ret = ret ?: iot_object_import(&t, o, priv);
	iot_parent_close(&t, &o->parent, &o->session);
	iot_tpm_stop(&t);
	o->key.priv = (struct tpmbuf_span){ priv->data, priv->len };
	return ret;
}

/*
 * That it loads, has no password and is what its public half says shows in use: with a
 * fresh digest, or a quote of that and no PCRs.
 */
static int prove(struct iot_resident *r)
{
	u8 in[2 + IOT_P256_SIZE + 4] = { 0, IOT_P256_SIZE };
	struct iot_ask ask = {
		.in = r->restricted ? in : in + 2,
		.in_len = r->restricted ? sizeof(in) : IOT_P256_SIZE,
		.room = IOT_QUOTE_MAX,
	};
	int ret;

	get_random_bytes(in + 2, IOT_P256_SIZE);
	ask.out = kmalloc(ask.room, GFP_KERNEL);
	if (!ask.out)
		return -ENOMEM;
	ret = iot_resident_sign(r, &ask);
	kfree(ask.out);
	return ret;
}

/**
 * iot_resident_load() - from the DER of a TSS2 PRIVATE KEY
 *
 * Return: the key, or -EBADMSG, -EINVAL, -EOPNOTSUPP, -EPROTONOSUPPORT when it is not one that
 * can be used here, -EKEYREJECTED when it is another parent's or TPM's, -ENXIO without a
 * parent, and so on.
 */
struct iot_resident *iot_resident_load(const u8 *der, size_t len)
{
	struct iot_resident *r = NULL;
	struct iot_bytes priv = {};
	struct iot_object *o;
	int ret;

	o = kzalloc(sizeof(*o), GFP_KERNEL);
	if (!o)
		return ERR_PTR(-ENOMEM);
	ret = tss2_parse(der, len, &o->key);
	ret = ret ?: tss2_ecdsa(&o->key, &o->pub);
	ret = ret ?: iot_object_check_parent(&o->key);
	if (!ret && o->key.type == TSS2_IMPORTABLE)
		ret = import(o, &priv);
	if (!ret) {
		r = new_resident(&o->key, &o->pub);
		ret = PTR_ERR_OR_ZERO(r);
	}
	if (!ret) {
		ret = prove(r);
		if (ret)
			iot_resident_free(r);
	}
	kfree(priv.data);
	kfree_sensitive(o);
	return ret ? ERR_PTR(ret) : r;
}

/* Its key is revoked, or gone: what of it is in the TPM goes soon. Does not sleep. */
void iot_resident_die(struct iot_resident *r)
{
	WRITE_ONCE(r->dead, true);
	iot_slot_clear();
}

void iot_resident_free(struct iot_resident *r)
{
	if (!r)
		return;
	iot_slot_clear();
	iot_bytes_free(&r->der);
	kfree(r);
}
