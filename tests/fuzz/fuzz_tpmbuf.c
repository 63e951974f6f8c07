// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any answer of a TPM: no crash; what is taken lies within it, and put together again
 * gives the very same bytes; and every response code has a documented errno.
 *
 * The input is a command code, whether the command was authorized, the type of the handle
 * that it gives, and the answer.
 *
 * covers: kmod/tpmbuf.c
 */
#include <errno.h>
#include "fuzz.h"
#include "tpmbuf.h"

#define HEAD 6

static void check_errno(u32 cc, u32 rc)
{
	int ret = tpmbuf_errno(cc, rc);

	must(ret == -EIO || ret == -EBUSY || ret == -EPERM || ret == -EOPNOTSUPP ||
	     ret == -EKEYREJECTED || ret == -ENXIO || ret == -EINVAL || ret == -EBADMSG);
}

/* The frame of what was taken out of one. */
static void check_same(const struct tpmbuf_call *call, const struct tpmbuf_reader *params,
		       const u8 *answer, size_t size)
{
	const struct tpmbuf_auth *auth = &call->auth;
	size_t len = get_unaligned_be32(answer + 2);
	struct tpmbuf_writer w = { .data = room(len), .size = len };

	must(len <= size);
	tpmbuf_put_u16(&w, call->authorized ? 0x8002 : 0x8001);
	tpmbuf_put_u32(&w, len);
	tpmbuf_put_u32(&w, 0);
	if (call->gives)
		tpmbuf_put_u32(&w, call->given);
	if (call->authorized)
		tpmbuf_put_u32(&w, params->left);
	tpmbuf_put(&w, params->p, params->left);
	if (call->authorized) {
		must(auth->nonce_len <= sizeof(auth->nonce));
		must(lies_in(answer + auth->hmac_at, auth->hmac_len, answer, len));
		tpmbuf_put_2b(&w, auth->nonce, auth->nonce_len);
		tpmbuf_put_u8(&w, auth->attributes);
		tpmbuf_put_2b(&w, answer + auth->hmac_at, auth->hmac_len);
	}
	must(!w.bad && w.len == len && !memcmp(w.data, answer, len));
	free(w.data);
}

/* Reads as the lengths say, and once it is bad, nothing more. */
static void check_reader(struct tpmbuf_reader r, const u8 *answer, size_t size)
{
	const u8 *p;
	size_t len;

	while (!r.bad && r.left) {
		p = tpmbuf_get_2b(&r, &len);
		must(!p == r.bad && (p || !len));
		must(!p || lies_in(p, len, answer, size));
	}
	if (r.bad) {
		must(!tpmbuf_get(&r, 0) && !tpmbuf_get_u8(&r));
		must(!tpmbuf_get_u16(&r) && !tpmbuf_get_u32(&r) && r.bad);
	}
}

static void check_answer(struct tpmbuf_call *call, const u8 *answer, size_t size)
{
	struct tpmbuf_reader params;
	int ret;

	memset(&params, 0xff, sizeof(params));
	ret = tpmbuf_answer(call, answer, size, &params);
	must(!ret || ret == -EBADMSG);
	if (ret)
		return;
	must(!params.bad && lies_in(params.p, params.left, answer, size));
	must(!call->gives || call->given >> 24 == call->gives);
	check_same(call, &params, answer, size);
	check_reader(params, answer, size);
}

/* A frame around what is there: sizes of nonce and HMAC are the fuzzer's. */
static void frame(u8 *answer, size_t size, bool authorized, size_t at, unsigned int seed)
{
	size_t nonce = seed >> 8 & 0x7f, hmac = seed >> 16 & 0x3f, left = size - at;

	put_unaligned_be16(authorized ? 0x8002 : 0x8001, answer);
	put_unaligned_be32(size, answer + 2);
	memset(answer + 6, 0, 4);
	if (!authorized || left < 4 + 5 + nonce + hmac)
		return;
	left -= 4 + 5 + nonce + hmac;
	put_unaligned_be32(left, answer + at);
	at += 4 + left;
	put_unaligned_be16(nonce, answer + at);
	put_unaligned_be16(hmac, answer + at + 3 + nonce);
}

size_t LLVMFuzzerCustomMutator(u8 *data, size_t size, size_t max, unsigned int seed)
{
	size_t at;

	size = LLVMFuzzerMutate(data, size, max);
	if (seed % 4 == 0 || size < HEAD + 10)
		return size;
	at = data[5] ? 14 : 10;
	if (size < HEAD + at)
		return size;
	if (data[5])
		data[HEAD + 10] = data[5];
	frame(data + HEAD, size - HEAD, data[4] & 1, at, seed);
	return size;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct tpmbuf_call call = { 0 };

	if (size < HEAD)
		return 0;
	call.cc = get_unaligned_be32(data);
	call.authorized = data[4] & 1;
	/* a password's answer has but one form, others are for the session to judge */
	call.auth.handle = data[4] & 2 ? TPMBUF_RS_PW : 0x02000000;
	call.gives = data[5];
	data += HEAD;
	size -= HEAD;
	if (size >= 10) {
		check_errno(call.cc, get_unaligned_be32(data + 6));
		if (tpmbuf_is_error(data))
			must(get_unaligned_be32(data + 2) == 10);
	}
	check_answer(&call, data, size);
	return 0;
}
