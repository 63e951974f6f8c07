// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three AEADs behind one pair of calls, all with a 24-byte nonce.
 *
 * XChaCha20-Poly1305 comes from the kernel's library. The AES modes go through a
 * small pool of transforms, since a transform per key would cost kilobytes each.
 * 24-byte nonces are had by deriving a message key from the first half (XAES-256-GCM,
 * C2SP; the same construction for CCM).  That half is the same in all messages that a
 * key makes with one version, so a transform remembers whose message key it has: the
 * next such message costs no derivation.  The derivation goes through a transform too,
 * because the AES library does not use the CPU's instructions.
 */
#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/chacha20poly1305.h>
#include <crypto/hash.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include "aead.h"

#define POOL_SIZE	4
#define AES_IV_SIZE	12

/* What a message key depends on besides the secret. No padding: it is compared as bytes. */
struct origin {
	const void *owner;	/* NULL: the transform has no key */
	u32 version;
	u8 prefix[IOT_NONCE_SIZE - AES_IV_SIZE];
};

struct slot {
	struct mutex lock;	/* one message at a time */
	struct origin origin;	/* of the key in tfm */
	struct crypto_shash *mac;	/* has no key but during a derivation */
	struct crypto_aead *tfm;
	struct aead_request *req;
};

struct pool {
	const char *name;
	unsigned int key_size;
	struct mutex lock;	/* guards the filling of slots */
	bool ready;
	atomic_t turn;		/* the slot that a new key gets */
	struct slot slots[POOL_SIZE];
};

static struct pool gcm = {
	.name = "gcm(aes)",
	.key_size = 32,
	.lock = __MUTEX_INITIALIZER(gcm.lock),
};

static struct pool ccm = {
	.name = "ccm(aes)",
	.key_size = 16,
	.lock = __MUTEX_INITIALIZER(ccm.lock),
};

static const u8 no_key[AES_KEYSIZE_256];

static struct pool *pool_of(u8 algorithm)
{
	return algorithm == IOTKEY_ALGORITHM_AES_256_GCM ? &gcm : &ccm;
}

static void slot_free(struct slot *s)
{
	if (s->req)
		aead_request_free(s->req);
	if (!IS_ERR_OR_NULL(s->tfm))
		crypto_free_aead(s->tfm);
	if (!IS_ERR_OR_NULL(s->mac))
		crypto_free_shash(s->mac);
	s->req = NULL;
	s->tfm = NULL;
	s->mac = NULL;
}

/* On an error the caller empties the pool. */
static int slot_fill(struct slot *s, const char *name)
{
	mutex_init(&s->lock);
	s->mac = crypto_alloc_shash("cmac(aes)", 0, 0);
	if (IS_ERR(s->mac))
		return PTR_ERR(s->mac);
	s->tfm = crypto_alloc_aead(name, 0, 0);
	if (IS_ERR(s->tfm))
		return PTR_ERR(s->tfm);
	s->req = aead_request_alloc(s->tfm, GFP_KERNEL);
	return s->req ? crypto_aead_setauthsize(s->tfm, IOT_TAG_SIZE) : -ENOMEM;
}

static void pool_empty(struct pool *pool)
{
	int i;

	for (i = 0; i < POOL_SIZE; i++)
		slot_free(&pool->slots[i]);
	pool->ready = false;
}

/**
 * iot_aead_ready() - make sure that the kernel can do @algorithm
 *
 * Called where a key is made or loaded, since finding a transform may load
 * modules; using one never does.
 *
 * Return: 0, -EOPNOTSUPP when the kernel lacks it, -ENOMEM.
 */
int iot_aead_ready(u8 algorithm)
{
	struct pool *pool;
	int ret = 0, i;

	if (algorithm != IOTKEY_ALGORITHM_AES_256_GCM &&
	    algorithm != IOTKEY_ALGORITHM_AES_128_CCM)
		return 0;

	pool = pool_of(algorithm);
	mutex_lock(&pool->lock);
	if (!pool->ready) {
		for (i = 0; i < POOL_SIZE && !ret; i++)
			ret = slot_fill(&pool->slots[i], pool->name);
		if (ret)
			pool_empty(pool);
		else
			pool->ready = true;
	}
	mutex_unlock(&pool->lock);
	return ret == -ENOENT ? -EOPNOTSUPP : ret;
}

void iot_aead_exit(void)
{
	pool_empty(&gcm);
	pool_empty(&ccm);
}

/*
 * The message key of XAES-256-GCM (C2SP), which is SP 800-108 in counter mode over
 * AES-CMAC with label "X" and the first half of the nonce.
 */
static int message_key(struct crypto_shash *mac, u8 *out,
		       const struct iot_aead_key *key, unsigned int size)
{
	u8 block[AES_BLOCK_SIZE] = { 0, 0, 'X', 0 };
	unsigned int i;
	int ret;

	memcpy(block + AES_BLOCK_SIZE - AES_IV_SIZE, key->nonce, AES_IV_SIZE);
	ret = crypto_shash_setkey(mac, key->secret, size);
	for (i = 0; !ret && i < size / AES_BLOCK_SIZE; i++) {
		block[1] = i + 1;
		ret = crypto_shash_tfm_digest(mac, block, sizeof(block),
					      out + i * AES_BLOCK_SIZE);
	}
	crypto_shash_setkey(mac, no_key, size);
	return ret;
}

/* The crypto API can only replace a key. */
static void slot_forget(struct slot *s, unsigned int key_size)
{
	crypto_aead_setkey(s->tfm, no_key, key_size);
	memset(&s->origin, 0, sizeof(s->origin));
}

static int slot_learn(struct slot *s, const struct pool *pool,
		      const struct iot_aead_key *key,
		      const struct origin *origin)
{
	u8 derived[AES_KEYSIZE_256];
	int ret;

	ret = message_key(s->mac, derived, key, pool->key_size);
	if (!ret)
		ret = crypto_aead_setkey(s->tfm, derived, pool->key_size);
	memzero_explicit(derived, sizeof(derived));
	s->origin = *origin;
	return ret;
}

static bool slot_knows(const struct slot *s, const struct origin *origin)
{
	return origin->owner && !memcmp(&s->origin, origin, sizeof(*origin));
}

/* A slot, locked: one that has the key already, or the next in turn. */
static struct slot *slot_take(struct pool *pool, const struct origin *origin)
{
	struct slot *s;

	for (s = pool->slots; s < pool->slots + POOL_SIZE; s++) {
		/* a guess, without the lock; the caller looks again */
		if (data_race(slot_knows(s, origin)) && mutex_trylock(&s->lock))
			return s;
	}
	s = &pool->slots[(unsigned int)atomic_inc_return(&pool->turn) % POOL_SIZE];
	mutex_lock(&s->lock);
	return s;
}

/* Where the second half of the nonce goes. */
static void first_counter(const struct pool *pool,
			  const u8 nonce[IOT_NONCE_SIZE], u8 *iv)
{
	memset(iv, 0, AES_BLOCK_SIZE);
	if (pool == &ccm)
		*iv++ = AES_BLOCK_SIZE - 1 - AES_IV_SIZE - 1;	/* L - 1 */
	memcpy(iv, nonce + IOT_NONCE_SIZE - AES_IV_SIZE, AES_IV_SIZE);
}

/* Associated data, then text, with a tag behind on one side. */
static int pool_crypt(const struct iot_aead_key *key, bool seal,
		      struct scatterlist *src, struct scatterlist *dst,
		      size_t ad_len, size_t len)
{
	struct pool *pool = pool_of(key->algorithm);
	struct origin origin = { .owner = key->owner, .version = key->version };
	DECLARE_CRYPTO_WAIT(wait);
	u8 iv[AES_BLOCK_SIZE];
	struct slot *slot;
	int ret = 0;

	BUILD_BUG_ON(sizeof(origin) != sizeof(origin.owner) +
		     sizeof(origin.version) + sizeof(origin.prefix));
	memcpy(origin.prefix, key->nonce, sizeof(origin.prefix));
	first_counter(pool, key->nonce, iv);
	slot = slot_take(pool, &origin);
	if (!slot_knows(slot, &origin))
		ret = slot_learn(slot, pool, key, &origin);
	if (!ret) {
		aead_request_set_callback(slot->req,
					  CRYPTO_TFM_REQ_MAY_SLEEP |
					  CRYPTO_TFM_REQ_MAY_BACKLOG,
					  crypto_req_done, &wait);
		aead_request_set_ad(slot->req, ad_len);
		aead_request_set_crypt(slot->req, src, dst, len, iv);
		ret = crypto_wait_req(seal ? crypto_aead_encrypt(slot->req) :
					     crypto_aead_decrypt(slot->req),
				      &wait);
	}
	if (!origin.owner || (ret && ret != -EBADMSG))
		slot_forget(slot, pool->key_size);
	mutex_unlock(&slot->lock);
	return ret;
}

static void pool_forget(struct pool *pool, const void *owner)
{
	struct slot *s;

	for (s = pool->slots; s < pool->slots + POOL_SIZE; s++) {
		if (READ_ONCE(s->origin.owner) != owner)
			continue;
		mutex_lock(&s->lock);
		if (s->origin.owner == owner)
			slot_forget(s, pool->key_size);
		mutex_unlock(&s->lock);
	}
}

/**
 * iot_aead_forget() - drop what is kept of an owner's keys
 *
 * A message that is on its way at this moment may bring it back, so who uses a key looks
 * afterwards whether it is still of use (use.c).  Sleeps.
 */
void iot_aead_forget(const void *owner)
{
	pool_forget(&gcm, owner);
	pool_forget(&ccm, owner);
}

/* Two pieces of linear kernel memory. */
static void join(struct scatterlist sg[2], const void *head, size_t head_len,
		 const void *rest, size_t rest_len)
{
	if (!head_len) {
		sg_init_one(sg, rest, rest_len);
		return;
	}
	sg_init_table(sg, 2);
	sg_set_buf(&sg[0], head, head_len);
	sg_set_buf(&sg[1], rest, rest_len);
}

/**
 * iot_aead_seal() - encrypt and authenticate
 * @message: the associated data; ciphertext and tag are put behind it
 * @ad_len: its length in bytes
 * @in: the plaintext, @len bytes
 *
 * @message and @in are linear memory as kmalloc() gives it.
 *
 * Return: 0 or an error of the kernel's crypto.
 */
int iot_aead_seal(const struct iot_aead_key *key, u8 *message, size_t ad_len,
		  const u8 *in, size_t len)
{
	struct scatterlist src[2], dst;

	if (key->algorithm == IOTKEY_ALGORITHM_XCHACHA20_POLY1305) {
		xchacha20poly1305_encrypt(message + ad_len, in, len, message,
					  ad_len, key->nonce, key->secret);
		return 0;
	}
	join(src, message, ad_len, len ? in : message, len);
	sg_init_one(&dst, message, ad_len + len + IOT_TAG_SIZE);
	return pool_crypt(key, true, src, &dst, ad_len, len);
}

/**
 * iot_aead_open() - check and decrypt
 * @message: associated data, ciphertext and tag
 * @len: length of all that, at least @ad_len + 16
 * @out: room for the plaintext, @len - @ad_len - 16 bytes; nothing is left there
 *       on an error
 *
 * @message and @out are linear memory as kmalloc() gives it.
 *
 * Return: 0, -EBADMSG, or an error of the kernel's crypto.
 */
int iot_aead_open(const struct iot_aead_key *key, const u8 *message,
		  size_t ad_len, size_t len, u8 *out)
{
	size_t text_len = len - ad_len - IOT_TAG_SIZE;
	struct scatterlist src, dst[2];
	int ret;

	if (key->algorithm == IOTKEY_ALGORITHM_XCHACHA20_POLY1305)
		return xchacha20poly1305_decrypt(out, message + ad_len,
						 len - ad_len, message, ad_len,
						 key->nonce, key->secret) ?
		       0 : -EBADMSG;

	sg_init_one(&src, message, len);
	/* the associated data stays where it is */
	join(dst, message, ad_len, text_len ? out : message, text_len);
	ret = pool_crypt(key, false, &src, dst, ad_len, len - ad_len);
	if (ret)
		memzero_explicit(out, text_len);
	return ret;
}
