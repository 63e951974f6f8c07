// SPDX-License-Identifier: GPL-2.0-only
/*
 * The three AEADs behind one pair of calls, all with a 24-byte nonce.
 *
 * XChaCha20-Poly1305 comes from the kernel's library. The AES modes go through a
 * small pool of transforms, since a transform per key would cost kilobytes each:
 * every message sets its own key anyway, as 24-byte nonces are had by deriving a
 * message key (XAES-256-GCM, C2SP; the same construction for CCM).
 */
#include <crypto/aead.h>
#include <crypto/aes.h>
#include <crypto/chacha20poly1305.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include "compat.h"
#include "crypto.h"
#include "policy.h"

#define POOL_SIZE	4
#define AES_IV_SIZE	12

struct slot {
	struct mutex lock;	/* one message at a time */
	struct crypto_aead *tfm;
	struct aead_request *req;
};

struct pool {
	const char *name;
	unsigned int key_size;
	struct mutex lock;	/* guards the filling of slots */
	bool ready;
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

static struct pool *pool_of(u8 algorithm)
{
	return algorithm == IOTKEY_ALGORITHM_AES_256_GCM ? &gcm : &ccm;
}

static void slot_free(struct slot *s)
{
	if (s->req)
		aead_request_free(s->req);
	if (s->tfm)
		crypto_free_aead(s->tfm);
	s->req = NULL;
	s->tfm = NULL;
}

static int slot_fill(struct slot *s, const char *name)
{
	struct crypto_aead *tfm = crypto_alloc_aead(name, 0, 0);
	int ret;

	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOENT ? -EOPNOTSUPP : PTR_ERR(tfm);
	mutex_init(&s->lock);
	s->tfm = tfm;
	s->req = aead_request_alloc(tfm, GFP_KERNEL);
	ret = s->req ? crypto_aead_setauthsize(tfm, IOT_TAG_SIZE) : -ENOMEM;
	if (ret)
		slot_free(s);
	return ret;
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
	return ret;
}

void iot_aead_exit(void)
{
	pool_empty(&gcm);
	pool_empty(&ccm);
}

/* Message key and counter block of one message. */
static int prepare(const struct pool *pool, const u8 *secret,
		   const u8 nonce[IOT_NONCE_SIZE], u8 *key, u8 *iv)
{
	memset(iv, 0, AES_BLOCK_SIZE);
	if (pool == &ccm)
		*iv++ = AES_BLOCK_SIZE - 1 - AES_IV_SIZE - 1;	/* L - 1 */
	memcpy(iv, nonce + IOT_NONCE_SIZE - AES_IV_SIZE, AES_IV_SIZE);
	return iot_aes_message_key(key, secret, pool->key_size, nonce);
}

/* Linear kernel memory: associated data, then text, with a tag behind on one side. */
static int pool_crypt(struct pool *pool, bool seal, const u8 *secret,
		      const u8 nonce[IOT_NONCE_SIZE], struct scatterlist *src,
		      struct scatterlist *dst, size_t ad_len, size_t len)
{
	struct slot *slot = &pool->slots[raw_smp_processor_id() % POOL_SIZE];
	DECLARE_CRYPTO_WAIT(wait);
	u8 key[AES_KEYSIZE_256];
	u8 iv[AES_BLOCK_SIZE];
	int ret;

	ret = prepare(pool, secret, nonce, key, iv);
	if (ret)
		return ret;
	mutex_lock(&slot->lock);
	ret = crypto_aead_setkey(slot->tfm, key, pool->key_size);
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
	mutex_unlock(&slot->lock);
	memzero_explicit(key, sizeof(key));
	return ret;
}

/**
 * iot_aead_seal() - encrypt and authenticate
 * @secret: 32 bytes; the 128-bit algorithm uses the first 16
 * @message: the associated data; ciphertext and tag are put behind it
 * @ad_len: its length in bytes
 * @in: the plaintext, @len bytes
 *
 * Return: 0 or an error of the kernel's crypto.
 */
int iot_aead_seal(u8 algorithm, const u8 *secret,
		  const u8 nonce[IOT_NONCE_SIZE], u8 *message, size_t ad_len,
		  const u8 *in, size_t len)
{
	struct scatterlist sg;

	if (algorithm == IOTKEY_ALGORITHM_XCHACHA20_POLY1305) {
		xchacha20poly1305_encrypt(message + ad_len, in, len, message,
					  ad_len, nonce, secret);
		return 0;
	}
	if (len)
		memcpy(message + ad_len, in, len);
	sg_init_one(&sg, message, ad_len + len + IOT_TAG_SIZE);
	return pool_crypt(pool_of(algorithm), true, secret, nonce, &sg, &sg,
			  ad_len, len);
}

/**
 * iot_aead_open() - check and decrypt
 * @message: associated data, ciphertext and tag
 * @len: length of all that, at least @ad_len + 16
 * @out: room for @len - 16 bytes, of which the first @len - @ad_len - 16 become the
 *       plaintext; nothing is left there on an error
 *
 * Return: 0, -EBADMSG, or an error of the kernel's crypto.
 */
int iot_aead_open(u8 algorithm, const u8 *secret,
		  const u8 nonce[IOT_NONCE_SIZE], const u8 *message,
		  size_t ad_len, size_t len, u8 *out)
{
	size_t text_len = len - ad_len - IOT_TAG_SIZE;
	struct scatterlist src, dst;
	int ret;

	if (algorithm == IOTKEY_ALGORITHM_XCHACHA20_POLY1305)
		return xchacha20poly1305_decrypt(out, message + ad_len,
						 len - ad_len, message, ad_len,
						 nonce, secret) ? 0 : -EBADMSG;

	sg_init_one(&src, message, len);
	sg_init_one(&dst, out, len - IOT_TAG_SIZE);
	ret = pool_crypt(pool_of(algorithm), false, secret, nonce, &src, &dst,
			 ad_len, len - ad_len);
	if (ret)
		memzero_explicit(out, len - IOT_TAG_SIZE);
	else
		memmove(out, out + ad_len, text_len);
	return ret;
}
