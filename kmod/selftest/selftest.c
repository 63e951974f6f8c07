// SPDX-License-Identifier: GPL-2.0-only
/* Known answers from the standards; a debug build that fails one does not load. */
#include <linux/init.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "../aead.h"
#include "../policy.h"
#include "../root.h"
#include "../session.h"
#include "selftest.h"

static int __init same(const char *what, const u8 *got, const char *want)
{
	size_t len = strlen(want) / 2;
	u8 expected[64];

	if (hex2bin(expected, want, len) || memcmp(got, expected, len)) {
		pr_err("iotkey: self-test %s failed\n", what);
		return -EINVAL;
	}
	return 0;
}

/* RFC 4231, cases 2 and 6 (a key longer than a block) */
static int __init test_hmac(void)
{
	struct iot_part parts[] = {
		{ "what do ya want ", 16 }, { "for nothing?", 12 }
	};
	struct iot_part long_part = {
		"Test Using Larger Than Block-Size Key - Hash Key First", 54
	};
	u8 key[131], out[IOT_SHA256_SIZE];
	int ret;

	iot_hmac_sha256("Jefe", 4, parts, 2, out);
	ret = same("hmac-sha256", out,
		   "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	iot_hmac_sha256(key, sizeof(key), &long_part, 1, out);
	return ret ?: same("hmac-sha256 long key", out,
			   "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static int __init test_kdf(void)
{
	static const u8 context[] = "\x01\x09telemetry\x00\x00\x00\x07";
	u8 key[IOT_SHA256_SIZE], out[IOT_SHA256_SIZE];
	int ret;

	memset(key, 0x0b, sizeof(key));
	iot_kdf(key, "iotkey/1 step", NULL, 0, out, sizeof(out));
	ret = same("kdf", out,
		   "f078bf356dfa9a322f978444474b4c6e9c2e296c0156c236446b76bb626ff1d4");
	iot_kdf(key, "iotkey/1 derive", context, sizeof(context) - 1, out,
		sizeof(out));
	return ret ?: same("kdf derive", out,
			   "66851e8a6fb635a9d914b504b36bfffdc348c66d907b15c5545fbffc9df4de5f");
}

/* Documentation/iotkey.rst, "Combined roots" */
static int __init test_combined(void)
{
	struct iot_root *parts[2] = {
		kzalloc(sizeof(struct iot_root), GFP_KERNEL),
		kzalloc(sizeof(struct iot_root), GFP_KERNEL),
	};
	u8 out[IOT_SECRET_SIZE];
	int i, ret = -ENOMEM;

	if (parts[0] && parts[1]) {
		for (i = 0; i < 2; i++) {
			memset(parts[i]->secret, i ? 0x11 : 0x22,
			       IOT_SECRET_SIZE);
			iot_kdf(parts[i]->secret, "iotkey/1 id", NULL, 0,
				parts[i]->id, IOT_ID_SIZE);
		}
		iot_root_sort(parts, 2);
		iot_root_mix(parts, 2, out);
		ret = same("combined root", out,
			   "bd4080fc911da689dfcda8098eb0a18c19ba026c437a361efe5d94d618fb41ae");
	}
	kfree(parts[0]);
	kfree(parts[1]);
	return ret;
}

/* RFC 4493 section 4, examples 1 to 4 */
static int __init test_cmac(void)
{
	static const struct {
		size_t len;
		const char *mac;
	} cases[] = {
		{ 0, "bb1d6929e95937287fa37d129b756746" },
		{ 16, "070a16b46b4d4144f79bdd9dd04a287c" },
		{ 40, "dfa66747de9ae63030ca32611497c827" },
		{ 64, "51f0bebf7e3b9d92fc49741779363cfe" },
	};
	u8 key[16], data[64], out[IOT_CMAC_SIZE];
	size_t i;
	int ret = 0;

	if (hex2bin(key, "2b7e151628aed2a6abf7158809cf4f3c", 16) ||
	    hex2bin(data, "6bc1bee22e409f96e93d7e117393172a", 16) ||
	    hex2bin(data + 16, "ae2d8a571e03ac9c9eb76fac45af8e51", 16) ||
	    hex2bin(data + 32, "30c81c46a35ce411e5fbc1191a0a52ef", 16) ||
	    hex2bin(data + 48, "f69f2445df4f9b17ad2b417be66c3710", 16))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(cases) && !ret; i++)
		ret = iot_aes_cmac(key, data, cases[i].len, out) ?:
		      same("aes-cmac", out, cases[i].mac);
	return ret;
}

/* SP 800-38A F.3.13: a block and the begin of the next */
static int __init test_cfb(void)
{
	static const char plain[] = "6bc1bee22e409f96e93d7e117393172aae2d8a571e";
	static const char crypt[] = "3b3fd92eb72dad20333449f8e83cfb4ac8a64537a0";
	u8 key[16], iv[16], data[21];
	int ret;

	if (hex2bin(key, "2b7e151628aed2a6abf7158809cf4f3c", 16) ||
	    hex2bin(iv, "000102030405060708090a0b0c0d0e0f", 16) ||
	    hex2bin(data, plain, sizeof(data)))
		return -EINVAL;
	ret = iot_aes_cfb(key, iv, data, sizeof(data), true) ?:
	      same("aes-cfb", data, crypt);
	return ret ?: iot_aes_cfb(key, iv, data, sizeof(data), false) ?:
	       same("aes-cfb back", data, plain);
}

/* What OpenSSL's KBKDF (SP 800-108) and SSKDF (SP 800-56C) say */
static int __init test_tpm_kdf(void)
{
	u8 key[32], u[32], v[32], out[IOT_SHA256_SIZE];
	int i, ret;

	for (i = 0; i < 32; i++)
		key[i] = i;
	memset(u, 0x11, sizeof(u));
	memset(v, 0x22, sizeof(v));
	iot_kdfa(key, sizeof(key), "ATH", (struct iot_part){ u, 16 },
		 (struct iot_part){ v, 16 }, out);
	ret = same("KDFa", out,
		   "b93102ad8d3b1dd43bce22e7dee81abcf358306ce73947449b4f21bca783af41");
	memset(u, 0x33, sizeof(u));
	memset(v, 0x44, sizeof(v));
	iot_kdfe(key, "SECRET", u, v, out);
	return ret ?: same("KDFe", out,
			   "7fe4134aa435358d48e4eea74c6b419af21100071c87152ef2ff4cafbec4d937");
}

/*
 * The cpHash is tpm2_evictcontrol's.  The audit digest is a TPM's, for one
 * TPM2_GetRandom: SHA-256 of the digest before, the cpHash and the rpHash.
 */
static int __init test_tpm_hash(void)
{
	struct tpmbuf_call evict = {
		.cc = TPMBUF_CC_EVICT_CONTROL,
		.handle = { 0x40000001, 0x80000000 },
		.handles = 2,
	};
	struct tpmbuf_call get_random = { .cc = 0x17b };
	static const char key_name[] =
		"000be462181fe80eb8bf0d520ee4c74d5813a61a2064ee929e99b181ab1c5dbeeb44";
	u8 name[34], handle[] = { 0x81, 0, 0, 1 }, params[] = { 0, 8 };
	u8 answer[10], audit[3 * IOT_SHA256_SIZE] = { 0 };
	struct iot_part all = { audit, sizeof(audit) };
	u8 out[IOT_SHA256_SIZE];
	int ret;

	if (hex2bin(name, key_name, sizeof(name)) ||
	    hex2bin(answer, "00086adb9fcf758b3a58", 10))
		return -EINVAL;
	evict.name[1] = (struct tpmbuf_span){ name, sizeof(name) };
	iot_cphash(&evict, handle, sizeof(handle), out);
	ret = same("cpHash", out,
		   "cecb1e2b7d84c65adf1d7d62d58bc67fad0d46e194f9b88c2c4336aaabfb418c");
	iot_cphash(&get_random, params, sizeof(params),
		   audit + IOT_SHA256_SIZE);
	iot_rphash(get_random.cc, answer, sizeof(answer),
		   audit + 2 * IOT_SHA256_SIZE);
	iot_sha256(&all, 1, out);
	return ret ?: same("rpHash", out,
			   "f20abe28ec65be329b26fb6483b7e283370c239829694e46baaeea95d424f1c1");
}

struct aead_case {
	u8 algorithm;
	u8 key;
	const char *ad;
	const char *text;
	const char *sealed;
};

/* C2SP XAES-256-GCM test vectors, and the same construction with AES-128-CCM */
static const struct aead_case aead_cases[] __initconst = {
	{ IOTKEY_ALGORITHM_AES_256_GCM, 1, "", "XAES-256-GCM",
	  "ce546ef63c9cc60765923609b33a9a1974e96e52daf2fcf7075e2271" },
	{ IOTKEY_ALGORITHM_AES_256_GCM, 3, "c2sp.org/XAES-256-GCM",
	  "XAES-256-GCM",
	  "986ec1832593df5443a179437fd083bf3fdb41abd740a21f71eb769d" },
	{ IOTKEY_ALGORITHM_AES_128_CCM, 1, "iotkey", "XAES-128-CCM",
	  "bff760f10bc10a24b87b41a90fcf4e299a6fef577039f41d797e20fa" },
};

static int __init test_aead(const struct aead_case *c)
{
	size_t ad_len = strlen(c->ad), len = strlen(c->text);
	size_t total = ad_len + len + IOT_TAG_SIZE;
	u8 *text, *message, *opened;
	struct iot_aead_key key = { .algorithm = c->algorithm };
	int ret;

	text = kmemdup(c->text, len, GFP_KERNEL);
	message = kmalloc(total, GFP_KERNEL);
	opened = kmalloc(total, GFP_KERNEL);
	ret = text && message && opened ? iot_aead_ready(c->algorithm) : -ENOMEM;
	if (ret)
		goto out;
	memset(key.secret, c->key, sizeof(key.secret));
	memcpy(key.nonce, "ABCDEFGHIJKLMNOPQRSTUVWX", sizeof(key.nonce));
	memcpy(message, c->ad, ad_len);
	ret = iot_aead_seal(&key, message, ad_len, text, len) ?:
	      same("aead", message + ad_len, c->sealed) ?:
	      iot_aead_open(&key, message, ad_len, total, opened);
	if (!ret && memcmp(opened, c->text, len))
		ret = -EINVAL;
	message[total - 1] ^= 1;
	if (!ret) {
		ret = iot_aead_open(&key, message, ad_len, total, opened) ?:
		      -EINVAL;
		if (ret == -EBADMSG)
			ret = 0;
	}
out:
	kfree(opened);
	kfree(message);
	kfree(text);
	return ret;
}

/* RFC 6979, A.2.5: P-256 and SHA-256 of "sample". */
static int __init test_ecdsa(void)
{
	static const char * const hex[] = {
		"af2bdbe1aa9b6ec1e2ade1d694f41fc71a831d0268e9891562113d8a62add1bf",
		"60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6",
		"7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299",
		"efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
		"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
	};
	u8 all[5 * IOT_P256_SIZE], *xy = all + IOT_P256_SIZE;
	u8 *sig = xy + 2 * IOT_P256_SIZE;
	int i;

	for (i = 0; i < ARRAY_SIZE(hex); i++) {
		if (hex2bin(all + i * IOT_P256_SIZE, hex[i], IOT_P256_SIZE))
			goto failed;
	}
	if (!iot_p256_is_point(xy) || iot_p256_verify(xy, all, sig))
		goto failed;
	for (i = 0; i < 2 * IOT_P256_SIZE; i += 7) {
		sig[i] ^= 1 << i % 8;
		if (!iot_p256_verify(xy, all, sig))
			goto failed;
		sig[i] ^= 1 << i % 8;
	}
	xy[0] ^= 1;
	if (!iot_p256_is_point(xy))
		return 0;
failed:
	pr_err("iotkey: self-test ecdsa failed\n");
	return -EINVAL;
}

int __init iot_selftest(void)
{
	int ret = test_hmac() ?: test_kdf() ?: test_combined() ?: test_cmac() ?:
		  test_cfb() ?: test_tpm_kdf() ?: test_tpm_hash() ?: test_ecdsa();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(aead_cases) && !ret; i++)
		ret = test_aead(&aead_cases[i]);
	if (ret)
		iot_aead_exit();
	else
		pr_info("iotkey: self-tests passed\n");
	return ret;
}
