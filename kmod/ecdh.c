// SPDX-License-Identifier: GPL-2.0-only
/* ECDH on P-256 with a fresh key, on the kernel's "ecdh-nist-p256". */
#include <crypto/ecdh.h>
#include <crypto/kpp.h>
#include <linux/random.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include "crypto.h"

static int compute(struct kpp_request *req, struct scatterlist *in,
		   unsigned int in_len, u8 *out, unsigned int out_len,
		   int (*op)(struct kpp_request *req))
{
	struct scatterlist dst;
	DECLARE_CRYPTO_WAIT(wait);

	sg_init_one(&dst, out, out_len);
	kpp_request_set_callback(req, CRYPTO_TFM_REQ_MAY_BACKLOG |
				 CRYPTO_TFM_REQ_MAY_SLEEP, crypto_req_done,
				 &wait);
	kpp_request_set_input(req, in, in_len);
	kpp_request_set_output(req, &dst, out_len);
	return crypto_wait_req(op(req), &wait);
}

/*
 * Made here, as the kernel's own making would want a DRBG loaded.  Without the highest
 * bits it is below the curve's order, in whichever byte order a kernel reads it.
 */
static int set_fresh_key(struct crypto_kpp *tfm)
{
	u8 key[IOT_P256_SIZE], packed[64];
	struct ecdh params = { .key = key, .key_size = sizeof(key) };
	unsigned int len = crypto_ecdh_key_len(&params);
	int ret;

	if (len > sizeof(packed))
		return -EINVAL;
	get_random_bytes(key, sizeof(key));
	key[0] &= 0x7f;
	key[IOT_P256_SIZE - 1] &= 0x7f;
	ret = crypto_ecdh_encode_key(packed, len, &params);
	ret = ret ?: crypto_kpp_set_secret(tfm, packed, len);
	memzero_explicit(key, sizeof(key));
	memzero_explicit(packed, sizeof(packed));
	return ret;
}

/**
 * iot_ecdh_p256() - one-pass Diffie-Hellman (SP 800-56A, 6.2.2)
 * @theirs: X and Y of the other side's point
 * @ours: set to those of a fresh point
 * @shared: set to X of the shared point; a secret
 *
 * Return: 0, -EINVAL when @theirs is no point of the curve, -EOPNOTSUPP when the
 * kernel has no ECDH, -ENOMEM.
 */
int iot_ecdh_p256(const u8 theirs[2 * IOT_P256_SIZE],
		  u8 ours[2 * IOT_P256_SIZE], u8 shared[IOT_P256_SIZE])
{
	struct kpp_request *req = NULL;
	struct crypto_kpp *tfm;
	struct scatterlist src;
	u8 *buf;
	int ret;

	tfm = crypto_alloc_kpp("ecdh-nist-p256", 0, 0);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm) == -ENOMEM ? -ENOMEM : -EOPNOTSUPP;
	/* theirs, ours, shared: scatterlists want no stack */
	buf = kmalloc(5 * IOT_P256_SIZE, GFP_KERNEL);
	req = kpp_request_alloc(tfm, GFP_KERNEL);
	ret = buf && req ? set_fresh_key(tfm) : -ENOMEM;
	if (ret)
		goto out;
	ret = compute(req, NULL, 0, buf + 2 * IOT_P256_SIZE,
		      2 * IOT_P256_SIZE, crypto_kpp_generate_public_key);
	/* our point is good, but there was no memory to check it */
	if (ret == -EAGAIN)
		ret = -ENOMEM;
	if (ret)
		goto out;
	memcpy(buf, theirs, 2 * IOT_P256_SIZE);
	sg_init_one(&src, buf, 2 * IOT_P256_SIZE);
	ret = compute(req, &src, 2 * IOT_P256_SIZE,
		      buf + 4 * IOT_P256_SIZE, IOT_P256_SIZE,
		      crypto_kpp_compute_shared_secret);
	if (ret)
		goto out;
	memcpy(ours, buf + 2 * IOT_P256_SIZE, 2 * IOT_P256_SIZE);
	memcpy(shared, buf + 4 * IOT_P256_SIZE, IOT_P256_SIZE);
out:
	kpp_request_free(req);
	kfree_sensitive(buf);
	crypto_free_kpp(tfm);	/* erases the fresh key */
	if (ret == -ENOMEM || !ret)
		return ret;
	return -EINVAL;
}
