// SPDX-License-Identifier: GPL-2.0-only
/*
 * kmod/session.c on the host: this side and a TPM's side that is written here from the
 * specification agree, and no changed bit of an answer is taken.
 *
 * sources: kmod/session.c tests/host/crypto.c
 * libs: -lcrypto
 */
#include "../../kmod/session.h"
#include "ktap.h"

#define HEADER 10

static const u8 salt[32] = "a salt that both of them know..";
static const u8 key_name[34] = { 0x00, 0x0b, 0x01 };

static struct iot_session new_session(void)
{
	struct iot_session s = { .handle = 0x02000000, .tpm_len = 16 };

	memset(s.caller, 0xc1, sizeof(s.caller));
	memset(s.tpm, 0x71, 16);
	iot_session_key(&s, salt);
	memset(s.caller, 0xc2, sizeof(s.caller));
	return s;
}

static struct tpmbuf_call new_call(void)
{
	return (struct tpmbuf_call){
		.cc = TPMBUF_CC_UNSEAL,
		.handle = { 0x80000000 },
		.name = { { key_name, sizeof(key_name) } },
		.handles = 1,
	};
}

/* HMAC of Part 1, over one buffer made by hand. */
static void hmac_of(const struct iot_session *s, const u8 *hash, const u8 *newer,
		    const u8 *older, u8 attributes, u8 *out)
{
	u8 text[32 + 16 + 16 + 1];
	struct iot_part part = { text, sizeof(text) };

	memcpy(text, hash, 32);
	memcpy(text + 32, newer, 16);
	memcpy(text + 48, older, 16);
	text[64] = attributes;
	iot_hmac_sha256(s->key, sizeof(s->key), &part, 1, out);
}

static void cfb(const struct iot_session *s, const u8 *newer, const u8 *older, u8 *data,
		size_t len, bool encrypt)
{
	u8 key[32];

	iot_kdfa(s->key, 32, "CFB", (struct iot_part){ newer, 16 },
		 (struct iot_part){ older, 16 }, key);
	iot_aes_cfb(key, key + 16, data, len, encrypt);
}

static void test_command(void)
{
	struct iot_session s = new_session();
	struct tpmbuf_call call = new_call();
	u8 frame[256], data[64], text[4 + 34 + 10], hash[32], hmac[32];
	struct tpmbuf_writer w = { .data = data, .size = sizeof(data) };
	struct iot_part part = { text, sizeof(text) };
	size_t at = HEADER + 4;
	int len;

	tpmbuf_put_2b(&w, "a secret", 8);
	iot_session_put(&s, &call, TPMBUF_SA_CONTINUE | TPMBUF_SA_DECRYPT);
	len = tpmbuf_command(&call, &w, frame, sizeof(frame));
	ktap_ok(len == HEADER + 4 + 4 + 4 + 2 + 16 + 1 + 2 + 32 + 10, "a framed command");
	ktap_ok(!iot_session_protect(&s, &call, frame, len, w.len), "is protected");
	ktap_ok(!memcmp(frame + at + 4, "\x02\0\0\0\0\x10\xc2", 7) &&
			frame[at + 4 + 4 + 2 + 16] == 0x21,
		"its session, nonce and attributes are where they belong");
	ktap_ok(!memcmp(frame + len - 10, "\0\x08", 2) &&
			memcmp(frame + len - 8, "a secret", 8),
		"the parameter's size is in clear, the parameter is not");

	put_unaligned_be32(call.cc, text);
	memcpy(text + 4, key_name, 34);
	memcpy(text + 38, frame + len - 10, 10);
	iot_sha256(&part, 1, hash);
	hmac_of(&s, hash, s.caller, s.tpm, 0x21, hmac);
	ktap_ok(!memcmp(frame + len - 10 - 32, hmac, 32),
		"the HMAC is what a TPM expects");
	cfb(&s, s.caller, s.tpm, frame + len - 8, 8, false);
	ktap_ok(!memcmp(frame + len - 8, "a secret", 8), "the TPM reads the parameter");

	w.len = 0;
	tpmbuf_put_u16(&w, 9);
	len = tpmbuf_command(&call, &w, frame, sizeof(frame));
	ktap_ok(iot_session_protect(&s, &call, frame, len, w.len) == -EBADMSG,
		"a first parameter that is longer than all of them");
	ktap_ok(iot_session_protect(&s, &call, frame, len, 0) == -EBADMSG,
		"no parameter");
}

/* The TPM's answer: an unsealed secret, encrypted. Its length. */
static size_t answer(const struct iot_session *s, u8 attributes, u8 *frame)
{
	struct tpmbuf_writer w = { .data = frame, .size = 256 };
	u8 text[8 + 2 + 11] = { 0 }, nonce[16], hash[32], hmac[32];
	struct iot_part part = { text, sizeof(text) };

	memset(nonce, 0x72, sizeof(nonce));
	tpmbuf_put_u16(&w, 0x8002);
	tpmbuf_put_u32(&w, 0);
	tpmbuf_put_u32(&w, 0);
	tpmbuf_put_u32(&w, 2 + 11);
	tpmbuf_put_2b(&w, "the secret!", 11);
	if (attributes & TPMBUF_SA_ENCRYPT)
		cfb(s, nonce, s->caller, frame + w.len - 11, 11, true);
	put_unaligned_be32(TPMBUF_CC_UNSEAL, text + 4);
	memcpy(text + 8, frame + w.len - 13, 13);
	iot_sha256(&part, 1, hash);
	hmac_of(s, hash, nonce, s->caller, attributes, hmac);
	tpmbuf_put_2b(&w, nonce, sizeof(nonce));
	tpmbuf_put_u8(&w, attributes);
	tpmbuf_put_2b(&w, hmac, sizeof(hmac));
	put_unaligned_be32(w.len, frame + 2);
	return w.len;
}

static int take(struct iot_session *s, u8 attributes, u8 *frame,
		struct tpmbuf_reader *out)
{
	struct tpmbuf_call call = new_call();
	int ret;

	iot_session_put(s, &call, attributes);
	ret = tpmbuf_answer(&call, frame, 256, out);
	return ret ? ret : iot_session_check(s, &call, attributes, frame, out);
}

static void test_answer(void)
{
	struct iot_session s = new_session(), before;
	u8 frame[256] = { 0 };
	struct tpmbuf_reader out;
	const u8 *p;
	size_t len, n;

	len = answer(&s, TPMBUF_SA_ENCRYPT, frame);
	ktap_ok(!take(&s, TPMBUF_SA_ENCRYPT, frame, &out), "an authentic answer");
	p = tpmbuf_get_2b(&out, &n);
	ktap_ok(p && n == 11 && !memcmp(p, "the secret!", 11), "is decrypted");
	ktap_ok(s.proven && s.tpm[0] == 0x72 && !s.handle,
		"the session is proven, goes on with the TPM's nonce, and has ended");

	s = new_session();
	answer(&s, TPMBUF_SA_CONTINUE | TPMBUF_SA_EXCLUSIVE, frame);
	ktap_ok(!take(&s, TPMBUF_SA_CONTINUE, frame, &out) && s.handle,
		"a TPM may say that an audit is exclusive; the session goes on");

	s = before = new_session();
	n = 0;
	for (size_t bit = 0; bit < 8 * len; bit++) {
		answer(&s, TPMBUF_SA_ENCRYPT, frame);
		frame[bit / 8] ^= 1 << bit % 8;
		n += take(&s, TPMBUF_SA_ENCRYPT, frame, &out) != -EBADMSG;
		n += memcmp(&s, &before, sizeof(s)) != 0;
	}
	ktap_ok(!n, "no changed bit of %zu is taken, or changes the session", 8 * len);
	answer(&s, TPMBUF_SA_CONTINUE, frame);
	ktap_ok(take(&s, TPMBUF_SA_ENCRYPT, frame, &out) == -EBADMSG,
		"nor an answer that was not encrypted as ordered");
	answer(&s, TPMBUF_SA_ENCRYPT, frame);
	memset(s.caller, 0xc3, sizeof(s.caller));
	ktap_ok(take(&s, TPMBUF_SA_ENCRYPT, frame, &out) == -EBADMSG,
		"nor an older answer");
}

int main(void)
{
	test_command();
	test_answer();
	return ktap_done();
}
