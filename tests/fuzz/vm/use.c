// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The use of keys.  What a thread made it opens and verifies later: then, if the key
 * still may, the plaintext is the same; and what was spoilt never opens.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "caller.h"

#define RAW_MAX	  4096
#define LARGE_MAX 32720
#define OVERHEAD  48
#define SIGN_MAX  32768
#define SIG_MAX	  72
#define SIG_HMAC  40
#define DIGEST	  32 /* as much of the data as an ECDSA signature is about */

static const char *any_info(struct thread *t)
{
	static char long_info[5000];
	static const char *const infos[] = {
		"",
		"enc=raw",
		"enc=large",
		"enc=raw enc=raw",
		"enc=pkcs1",
		"hash=sha256",
		"enc=",
		"enc=large hash=md5",
		"enc=large,x",
		"other=1",
		"=",
		"enc=raw enc=large",
		"enc=rawenc=raw ",
		"enc=large ",
		"enc=x962",
		"enc=p1363",
		"enc=quote",
		"enc=raw hash=sha256",
		long_info,
	};

	if (!long_info[0])
		memset(long_info, ' ', sizeof(long_info) - 1);
	return PICK(&t->random, infos);
}

/* Mostly what is right for so much plaintext. */
static const char *info_for(struct thread *t, size_t len)
{
	if (chance(&t->random, 30))
		return any_info(t);
	return len > RAW_MAX || chance(&t->random, 4) ? "enc=large" : "enc=raw";
}

static size_t some_length(struct thread *t, size_t max)
{
	struct random *r = &t->random;

	switch (below(r, 12)) {
	case 0:
		return max + below(r, 3) - 1;
	case 1:
		return below(r, max);
	case 2:
		return RAW_MAX - 1 + below(r, 3);
	default:
		return below(r, 256);
	}
}

/* Mostly a key that can, of the thread's own. */
static key_serial_t key_of(struct thread *t, const key_serial_t keys[16])
{
	key_serial_t key = keys[below(&t->random, 16)];

	return key && !chance(&t->random, 4) ? key : any_key(t);
}

long do_query(struct thread *t)
{
	struct keyctl_pkey_query query;

	return result(keyctl_pkey_query(any_key(t), any_info(t), &query));
}

/* In place of an older one. */
static void keep(struct thread *t, key_serial_t key, size_t data_len, size_t made_len,
		 bool is_signature)
{
	struct kept *k = &t->kept[t->kept_at++ % KEPT];

	free(k->data);
	free(k->made);
	*k = (struct kept){ .key = key,
			    .is_signature = is_signature,
			    .data_len = data_len,
			    .made_len = made_len };
	k->data = malloc(data_len + 1);
	k->made = malloc(made_len + 1);
	if (!k->data || !k->made) {
		k->key = 0;
		return;
	}
	memcpy(k->data, t->in, data_len);
	memcpy(k->made, t->out, made_len);
}

/* One of the thread's own, NULL if there is none. */
static struct kept *any_kept(struct thread *t, bool is_signature)
{
	unsigned int i, at = below(&t->random, KEPT);

	for (i = 0; i < KEPT; i++) {
		struct kept *k = &t->kept[(at + i) % KEPT];

		if (k->key > 0 && k->is_signature == is_signature)
			return k;
	}
	return NULL;
}

long do_encrypt(struct thread *t)
{
	size_t len = some_length(t, LARGE_MAX), room = len + OVERHEAD;
	const char *info = info_for(t, len);
	key_serial_t key = key_of(t, t->aead);
	long ret;

	if (chance(&t->random, 20))
		room = below(&t->random, room + 50);
	fill(&t->random, t->in, len < 64 ? len : 64);
	ret = result(keyctl_pkey_encrypt(key, info, t->in, len, t->out, room));
	if (ret < 0)
		return ret;
	/* some cores write more than there is room for, if the key has more to say */
	if ((size_t)ret != len + OVERHEAD) {
		complain(t, "encrypt: %ld bytes of %zu", ret, len);
		return ret;
	}
	keep(t, key, len, ret, false);
	return ret;
}

static long decrypt(struct thread *t, key_serial_t key, const void *in, size_t len)
{
	size_t plain = len > OVERHEAD ? len - OVERHEAD : 0;

	return result(keyctl_pkey_decrypt(key, plain > RAW_MAX ? "enc=large" : "enc=raw",
					  in, len, t->out, plain + OVERHEAD));
}

long do_decrypt(struct thread *t)
{
	struct kept *k = any_kept(t, false);
	long ret;

	if (!k)
		return do_encrypt(t);
	ret = decrypt(t, k->key, k->made, k->made_len);
	if (ret < 0) {
		if (ret == -EBADMSG || ret == -EPROTONOSUPPORT || ret == -EINVAL)
			complain(t, "own message of %d: %s", k->key, strerror(-ret));
		return ret;
	}
	if ((size_t)ret != k->data_len || memcmp(t->out, k->data, ret))
		complain(t, "own message of %d: another plaintext", k->key);
	shared->opened++;
	return ret;
}

static bool same(const void *a, size_t a_len, const void *b, size_t b_len)
{
	return a_len == b_len && !memcmp(a, b, a_len);
}

long do_decrypt_spoilt(struct thread *t)
{
	struct kept *k = any_kept(t, false);
	size_t len;
	long ret;

	if (!k)
		return do_encrypt(t);
	memcpy(t->in, k->made, k->made_len);
	len = spoil(t, (char *)t->in, k->made_len, MESSAGE_MAX);
	ret = decrypt(t, chance(&t->random, 8) ? any_key(t) : k->key, t->in, len);
	if (ret >= 0 && !same(t->in, len, k->made, k->made_len))
		complain(t, "a spoilt message of %d opens", k->key);
	shared->spoilt += ret < 0;
	return ret;
}

/* Signatures of ECDSA are longer than all others. */
static bool is_ecdsa(const struct kept *k)
{
	return k->made_len > SIG_HMAC;
}

/* As long as the longest, for some cores read so much. */
static void pad_signature(uint8_t to[SIG_MAX + 64], const struct kept *k)
{
	memset(to, 0, SIG_MAX + 64);
	memcpy(to, k->made, k->made_len);
}

long do_sign(struct thread *t)
{
	size_t len = chance(&t->random, 4) ? DIGEST : some_length(t, SIGN_MAX);
	key_serial_t key = key_of(t, t->mac);
	long ret;

	fill(&t->random, t->in, len < 64 ? len : 64);
	ret = result(keyctl_pkey_sign(
		key, chance(&t->random, 20) ? any_info(t) : "", t->in, len, t->out,
		chance(&t->random, 20) ? below(&t->random, 100) : SIG_HMAC));
	if (ret < 0)
		return ret;
	/* quotes and r || s are not DER */
	if (len >= DIGEST && len <= 2 * DIGEST && (ret == 64 || ret > 100))
		return ret;
	if (ret != 24 && ret != SIG_HMAC && (ret < 60 || ret > SIG_MAX))
		complain(t, "sign: %ld bytes", ret);
	else
		keep(t, key, len, ret, true);
	return ret;
}

long do_verify(struct thread *t)
{
	struct kept *k = any_kept(t, true);
	uint8_t made[SIG_MAX + 64];
	long ret;

	if (!k)
		return do_sign(t);
	pad_signature(made, k);
	ret = result(
		keyctl_pkey_verify(k->key, "", k->data, k->data_len, made, k->made_len));
	if (ret == -EKEYREJECTED || ret == -EBADMSG || ret == -EPROTONOSUPPORT ||
	    ret == -EINVAL)
		complain(t, "own signature of %d: %s", k->key, strerror(-ret));
	shared->verified += ret >= 0;
	return ret;
}

long do_verify_spoilt(struct thread *t)
{
	struct kept *k = any_kept(t, true);
	bool spoil_data = chance(&t->random, 2), changed;
	size_t data_len, made_len;
	uint8_t made[SIG_MAX + 64];
	long ret;

	if (!k)
		return do_sign(t);
	data_len = k->data_len;
	made_len = k->made_len;
	memcpy(t->in, k->data, data_len);
	memcpy(made, k->made, made_len);
	if (spoil_data)
		data_len = spoil(t, (char *)t->in, data_len, SIGN_MAX);
	else
		made_len = spoil(t, (char *)made, made_len, sizeof(made));
	/* some cores read to the end of the longest signature, whatever its length */
	memset(made + made_len, ~k->made[k->made_len - 1], sizeof(made) - made_len);
	changed = !same(t->in, data_len, k->data, k->data_len) ||
		  !same(made, made_len, k->made, k->made_len);
	/* what is behind the DER, and behind the first 32 bytes of a digest, does not count */
	if (is_ecdsa(k))
		changed = data_len < DIGEST || memcmp(t->in, k->data, DIGEST) ||
			  memcmp(made, k->made, k->made_len);
	ret = result(keyctl_pkey_verify(k->key, "", t->in, data_len, made, made_len));
	if (ret >= 0 && changed)
		complain(t, "a spoilt signature of %d verifies", k->key);
	shared->spoilt += ret < 0;
	return ret;
}
