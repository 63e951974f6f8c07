// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Resident keys with a TPM whose answers the fuzzer makes (chip.h): one is created or
 * loaded, then used, verified, dropped, and another beside it, while the worker that evicts
 * runs when the fuzzer likes and the machine falls asleep.
 *
 * No crash; an errno that is documented; no signature given out that is not the key's, of
 * what was asked; nothing left in memory, nor, with a TPM that does not lie, in the TPM but
 * the one object that is kept; and that goes with the module.
 *
 * The input is bytes that steer: which allocation fails, then operations, and for every
 * command how it is answered.  What is missing is 0, and a good answer.
 *
 * covers: kmod/resident.c kmod/slot.c kmod/use_resident.c kmod/tpm_object.c kmod/tpm.c
 * sources: kmod/resident.c kmod/slot.c kmod/use_resident.c kmod/tpm_object.c kmod/tpm_parent.c kmod/tpm.c kmod/session.c tests/host/crypto.c tests/fuzz/kernel/chip.c
 * flags: -Ifuzz/kernel -Wno-missing-field-initializers -Wno-sign-compare -Wno-unused-parameter
 * libs: -lcrypto -Wl,--wrap=iot_session_check
 */
#include <errno.h>
#include "chip.h"
#include "ecdsa.h"
#include "key.h"
#include "slot.h"
#include "tpm.h"

/* The rest of the module and of the kernel */

static struct delayed_work *worker;
static struct notifier_block *sleeper;

void fuzz_queue(struct delayed_work *work)
{
	work->queued = true;
	worker = work;
}

int register_pm_notifier(struct notifier_block *nb)
{
	sleeper = nb;
	return 0;
}

int unregister_pm_notifier(struct notifier_block *nb)
{
	must(nb == sleeper);
	sleeper = NULL;
	return 0;
}

/* use.c */
int iot_may_use(struct iot_key *ik, u8 usage)
{
	return ik->policy.usage & usage ? 0 : -EACCES;
}

/* It may queue itself again. */
static void run_worker(void)
{
	if (!worker || !worker->queued)
		return;
	worker->queued = false;
	worker->run(NULL);
}

/* Keys */

#define KEYS 2

static struct iot_key keys[KEYS];
static const u8 digest[64] =
	"what a digest looks like, were there one in here as there is not";

/* DER of a signing key, of a kind that @how says. */
static size_t make_der(u8 how, u8 *der, size_t size)
{
	static const u8 priv[] = "\0\x10"
				 "0123456789abcdef";
	u8 area[256];
	struct tpmbuf_writer w = { .data = area, .size = sizeof(area) };
	struct tss2_key key = { .empty_auth = true };
	u32 attributes = TSS2_OA_NO_DA | TSS2_OA_USER_WITH_AUTH | TSS2_OA_SIGN;
	size_t begin = tpmbuf_begin_2b(&w);
	int len;

	tpmbuf_put_u16(&w, TSS2_ALG_ECC);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u32(&w, attributes | (how & 8 ? TSS2_OA_RESTRICTED : 0));
	tpmbuf_put_u16(&w, 0);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_u16(&w, TSS2_ALG_ECDSA);
	tpmbuf_put_u16(&w, TSS2_ALG_SHA256);
	tpmbuf_put_u16(&w, TSS2_ECC_P256);
	tpmbuf_put_u16(&w, TSS2_ALG_NULL);
	tpmbuf_put_2b(&w, fuzz_point, 32);
	tpmbuf_put_2b(&w, fuzz_point + 32, 32);
	tpmbuf_end_2b(&w, begin);
	key.type = how & 1 ? TSS2_IMPORTABLE : TSS2_LOADABLE;
	key.parent = how & 4 ? TSS2_RH_OWNER : PARENT;
	if (key.type == TSS2_IMPORTABLE)
		key.secret = (struct tpmbuf_span){ priv, 18 };
	key.priv = (struct tpmbuf_span){ priv, 18 };
	key.pub = (struct tpmbuf_span){ area, w.len };
	len = tss2_encode(&key, der, size);
	must(len > 0);
	return len;
}

static struct iot_resident *load(void)
{
	u8 bytes[TSS2_MAX], how = next_step(&input), *exact;
	struct iot_resident *r;
	size_t len = make_der(how, bytes, sizeof(bytes));

	if (how & 0x20)
		spoil(bytes, len);
	if (how & 0x40)
		len = take_bytes(bytes, sizeof(bytes));
	exact = room(len);
	memcpy(exact, bytes, len);
	r = iot_resident_load(exact, len);
	free(exact);
	return r;
}

static struct iot_resident *create(u8 options)
{
	struct iot_root_spec spec = { .parent = PARENT,
				      .mkparent = options & 1,
				      .restricted = options & 2 };

	return iot_resident_create(&spec);
}

static void drop(struct iot_key *ik)
{
	if (!ik->resident)
		return;
	if (next_step(&input) & 1)
		iot_resident_die(ik->resident);
	iot_resident_free(ik->resident);
	memset(ik, 0, sizeof(*ik));
}

static void make(struct iot_key *ik, u8 options)
{
	struct iot_resident *r;

	drop(ik);
	r = options & 0x20 ? load() : create(options >> 6);
	check_errno(PTR_ERR_OR_ZERO(r));
	if (IS_ERR(r))
		return;
	/* what is kept says itself what it is */
	must(lies_in(r->key.pub.p, r->key.pub.len, r->der.data, r->der.len));
	must(lies_in(r->key.priv.p, r->key.priv.len, r->der.data, r->der.len));
	must(iot_p256_is_point(r->point));
	ik->resident = r;
	ik->policy.usage = IOT_USAGE_SIGN | IOT_USAGE_VERIFY;
}

static const char *const encodings[] = { "raw", "x962", "p1363", "quote" };
static const char *const hashes[] = { NULL, "sha256", "sha384", "sha512" };

/* What it wrote is what it says: the same key verifies it. */
static void check_signature(struct iot_key *ik, struct kernel_pkey_params *params,
			    const u8 *in, const u8 *sig, long len)
{
	params->op = kernel_pkey_verify;
	params->in2_len = len;
	must(!iot_resident_check(ik, params, in, sig));
}

static void sign(struct iot_key *ik, u8 how)
{
	struct kernel_pkey_params params = { .encoding = encodings[how & 3],
					     .hash_algo = hashes[how >> 2 & 3],
					     .op = kernel_pkey_sign };
	struct kernel_pkey_query info;
	size_t in_len, room_left;
	u8 ask[300], *in, *out;
	long n;

	if (iot_resident_query(ik, &params, &info))
		return;
	memcpy(ask, "\0\4four\0\0\0\1\0\x0b\3\1\2\3", 16);
	in_len = 16;
	if (params.encoding != encodings[3]) {
		in_len = 32 + 16 * (next_step(&input) % 3);
		memcpy(ask, digest, in_len);
	} else if (how & 0x10) {
		in_len = take_bytes(ask, IOT_QUOTE_ASK_MAX);
	}
	room_left = info.max_sig_size;
	in = room(in_len);
	out = room(room_left);
	memcpy(in, ask, in_len);
	params.in_len = in_len;
	params.out_len = room_left;
	n = iot_resident_eds(ik, &params, in, out);
	must(n <= (long)room_left && n != 0);
	if (n < 0) {
		/* what core and use.c let pass to here */
		check_errno(n);
	} else if (params.encoding != encodings[3]) {
		check_signature(ik, &params, in, out, n);
	} else {
		must(ik->resident->restricted);
		/* it is signed, and speaks of the same data */
		must(memmem(out, n, in, 2 + get_unaligned_be16(in)));
	}
	free(in);
	free(out);
}

/* Any octets as a signature: never good, unless they are. */
static void verify(struct iot_key *ik, u8 how)
{
	struct kernel_pkey_params params = { .encoding = encodings[how & 3],
					     .op = kernel_pkey_verify,
					     .in_len = 32 };
	u8 bytes[IOT_ECDSA_DER_MAX], *sig;
	size_t len = take_bytes(bytes, sizeof(bytes));
	int ret;

	sig = room(len);
	memcpy(sig, bytes, len);
	params.in2_len = len;
	ret = iot_resident_check(ik, &params, digest, sig);
	must(!ret || ret == -EBADMSG || ret == -EKEYREJECTED || ret == -EOPNOTSUPP);
	free(sig);
}

static void sleep_and_wake(u8 how)
{
	if (how & 1)
		run_worker();
	failing = 0; /* without memory there is no eviction */
	sleeper->notifier_call(sleeper, PM_SUSPEND_PREPARE, NULL);
	must(!iot_slot_may_keep());
	must(lied || !iot_tpm_keeps());
	if (how & 2 && keys[0].resident)
		sign(&keys[0], how >> 3);
	must(lied || !tpm.open);
	sleeper->notifier_call(sleeper, PM_POST_SUSPEND, NULL);
}

static void operate(u8 what)
{
	struct iot_key *ik = &keys[what >> 3 & 1];

	switch (what & 7) {
	case 0:
	case 1:
	case 2:
		if (ik->resident)
			sign(ik, next_step(&input));
		break;
	case 3:
		make(ik, what);
		break;
	case 4:
		drop(ik);
		break;
	case 5:
		run_worker();
		break;
	case 6:
		sleep_and_wake(what >> 3);
		break;
	case 7:
		if (ik->resident)
			verify(ik, next_step(&input));
		break;
	}
	/* one object stays, at most */
	must(lied || !(tpm.open & ~1u));
	must(lied || !tpm.open == !iot_tpm_keeps());
	must(!in_use && chip.dev.references == iot_tpm_keeps());
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u8 what;

	input = (struct steps){ data, size };
	what = next_step(&input);
	failing = what & 1 ? next_step(&input) : 0;
	memset(&tpm, 0, sizeof(tpm));
	tpm.parent = !(what & 2);
	lied = false;
	must(!iot_slot_init());
	make(&keys[0], what);
	while (input.left)
		operate(next_step(&input));
	for (int i = 0; i < KEYS; i++)
		drop(&keys[i]);
	failing = 0;
	iot_slot_exit();
	must(!iot_tpm_keeps());
	must(!chip.dev.references && !in_use);
	must(lied || !tpm.open);
	return 0;
}
