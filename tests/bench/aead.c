// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One message through an iot key and through AF_ALG.
 *
 * Both make and open the same message: 32 bytes of associated data, ciphertext, tag.  The peer
 * gets every advantage: its socket is open and keyed before, it makes no nonce, its
 * buffers lie on pages, and the cheaper one of libkcapi's two ways into the kernel counts.
 */
#include <kcapi.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

#define LARGEST	 16384
#define OVERHEAD 48
#define TAG	 16
#define HEAD	 32
#define PAGE	 4096
#define CROWD	 8

static const size_t sizes[] = { 64, 1024, 4096, 16384 };

static const struct algorithm {
	const char *name, *peer;
	uint32_t key_size, iv_size;
} algorithms[] = {
	{ "aes-256-gcm", "gcm(aes)", 32, 12 },
	{ "aes-128-ccm", "ccm(aes)", 16, 16 },
	{ "xchacha20-poly1305", "rfc7539(chacha20,poly1305)", 32, 12 },
};

struct message {
	serial key;
	struct kcapi_handle *handle;
	int access;
	char info[16];
	size_t in_len, out_len;
	const uint8_t *iv;
	uint8_t *in, *out;
};

static void iot_encrypt(void *arg)
{
	struct message *m = arg;

	if (keyctl_pkey_encrypt(m->key, m->info, m->in, m->in_len, m->out, m->out_len) !=
	    (long)m->out_len)
		die("encrypt %zu bytes", m->in_len);
}

static void iot_decrypt(void *arg)
{
	struct message *m = arg;

	if (keyctl_pkey_decrypt(m->key, m->info, m->in, m->in_len, m->out, m->out_len) <
	    0)
		die("decrypt %zu bytes", m->in_len);
}

static void peer_encrypt(void *arg)
{
	struct message *m = arg;

	if (kcapi_aead_encrypt(m->handle, m->in, m->in_len, m->iv, m->out, m->out_len,
			       m->access) < 0)
		die("AF_ALG: encrypt %zu bytes", m->in_len);
}

static void peer_decrypt(void *arg)
{
	struct message *m = arg;

	if (kcapi_aead_decrypt(m->handle, m->in, m->in_len, m->iv, m->out, m->out_len,
			       m->access) < 0)
		die("AF_ALG: decrypt %zu bytes", m->in_len);
}

/* The cheaper way into the kernel for this message. */
static double peer_measure(void (*operation)(void *), struct message *m)
{
	double copied, spliced;

	m->access = KCAPI_ACCESS_SENDMSG;
	copied = measure(operation, m);
	m->access = KCAPI_ACCESS_VMSPLICE;
	spliced = measure(operation, m);
	return copied < spliced ? copied : spliced;
}

static uint8_t *pages(size_t size)
{
	void *p;

	if (posix_memalign(&p, PAGE, size))
		die("memory");
	memset(p, 0x5a, size);
	return p;
}

static void swap(struct message *m)
{
	uint8_t *in = m->in;
	size_t len = m->in_len;

	m->in = m->out;
	m->in_len = m->out_len;
	m->out = in;
	m->out_len = len;
}

static void say(const struct algorithm *a, const char *what, size_t size, double iotkey,
		double peer)
{
	char name[64], peer_name[64];

	snprintf(name, sizeof(name), "aead/%s/%s/%zu", a->name, what, size);
	snprintf(peer_name, sizeof(peer_name), "AF_ALG %s", a->peer);
	row(name, "instructions", iotkey, peer_name, peer);
}

static void bench_size(const struct algorithm *a, serial key, struct kcapi_handle *handle,
		       size_t size)
{
	static const uint8_t secret_iv[16] = { 2 }; /* CCM wants L - 1, with L = 3 */
	double iot_in, iot_out, peer_in, peer_out;
	struct message iot = { .key = key,
			       .in = pages(LARGEST + PAGE),
			       .out = pages(LARGEST + PAGE),
			       .in_len = size,
			       .out_len = size + OVERHEAD };
	struct message peer = { .handle = handle,
				.iv = secret_iv,
				.in = pages(LARGEST + PAGE),
				.out = pages(LARGEST + PAGE),
				.in_len = HEAD + size,
				.out_len = HEAD + size + TAG };

	snprintf(iot.info, sizeof(iot.info), "enc=%zu", size + OVERHEAD);
	iot_in = measure(iot_encrypt, &iot);
	swap(&iot);
	iot_out = measure(iot_decrypt, &iot);

	peer_in = peer_measure(peer_encrypt, &peer);
	swap(&peer);
	peer_out = peer_measure(peer_decrypt, &peer);

	say(a, "encrypt", size, iot_in, peer_in);
	say(a, "decrypt", size, iot_out, peer_out);
	free(iot.in);
	free(iot.out);
	free(peer.in);
	free(peer.out);
}

static struct kcapi_handle *peer_handle(const struct algorithm *a)
{
	static const uint8_t secret[32] = { 1, 2, 3 };
	struct kcapi_handle *handle;

	if (kcapi_aead_init(&handle, a->peer, 0) ||
	    kcapi_aead_setkey(handle, secret, a->key_size) ||
	    kcapi_aead_settaglen(handle, TAG))
		die("AF_ALG %s", a->peer);
	kcapi_aead_setassoclen(handle, HEAD);
	return handle;
}

static void bench_algorithm(const struct algorithm *a)
{
	char payload[64];
	struct kcapi_handle *handle = peer_handle(a);
	serial key;

	snprintf(payload, sizeof(payload), "new %s root=soft mode=derive", a->name);
	key = add("iot", a->name, payload, KEY_SPEC_SESSION_KEYRING);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		bench_size(a, key, handle, sizes[i]);
	kcapi_aead_destroy(handle);
}

/*
 * Keys that take turns, more than the module's pool has transforms: each message finds another
 * key's there.  The peer has a socket for each.
 */
struct turns {
	struct message messages[CROWD];
	int next;
};

static void iot_turn(void *arg)
{
	struct turns *t = arg;

	iot_encrypt(&t->messages[t->next++ % CROWD]);
}

static void peer_turn(void *arg)
{
	struct turns *t = arg;

	peer_encrypt(&t->messages[t->next++ % CROWD]);
}

static void bench_turns(const struct algorithm *a, size_t size)
{
	static const uint8_t iv[16];
	static struct turns iot, peer;
	uint8_t *in = pages(PAGE), *out = pages(PAGE);
	char name[64], payload[64];

	snprintf(payload, sizeof(payload), "new %s root=soft mode=derive", a->name);
	for (int i = 0; i < CROWD; i++) {
		snprintf(name, sizeof(name), "turn-%d", i);
		iot.messages[i] = (struct message){
			.key = add("iot", name, payload, KEY_SPEC_SESSION_KEYRING),
			.in = in,
			.out = out,
			.in_len = size,
			.out_len = size + OVERHEAD,
		};
		snprintf(iot.messages[i].info, sizeof(iot.messages[i].info), "enc=%zu",
			 size + OVERHEAD);
		peer.messages[i] = (struct message){
			.handle = peer_handle(a),
			.access = KCAPI_ACCESS_SENDMSG,
			.iv = iv,
			.in = in,
			.out = out,
			.in_len = HEAD + size,
			.out_len = HEAD + size + TAG,
		};
	}
	say(a, "encrypt-8-keys-in-turn", size, measure(iot_turn, &iot),
	    measure(peer_turn, &peer));
	for (int i = 0; i < CROWD; i++)
		kcapi_aead_destroy(peer.messages[i].handle);
	free(in);
	free(out);
}

void bench_aead(void)
{
	soft_root();
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		bench_algorithm(&algorithms[i]);
	bench_turns(&algorithms[0], sizes[0]);
}
