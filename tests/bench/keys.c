// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Adding, finding and using a key, beside the kernel's own types.
 *
 * All keys carry 256 bits.  "use" is one message of 64 bytes by a program that has nothing but the
 * key's serial number.  The kernel's types do that through AF_ALG, which takes a key by
 * its serial number; who keeps that socket open pays what the rows of "aead" say, and
 * does not notice when the key is replaced or revoked.
 */
#include <linux/if_alg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "bench.h"

#define SECRET	 "0123456789abcdef0123456789abcdef"
#define TEXT	 64
#define TAG	 16
#define HEAD	 32
#define IV	 12
#define OVERHEAD 48
#define MANY	 10000

#ifndef ALG_SET_KEY_BY_KEY_SERIAL
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

/* One way to make a key of some type. */
struct kind {
	const char *type, *prefix, *payload;
	serial keyring;
	long made;
};

static struct kind user = { "user", "", SECRET, 0, 0 };
static struct kind logon = { "logon", "bench:", SECRET, 0, 0 };
static struct kind encrypted = { "encrypted", "", "new default user:master 32", 0, 0 };
static struct kind derived = { "iot", "", "new aes-256-gcm root=soft mode=derive", 0, 0 };
static struct kind randomly = { "iot", "", "new aes-256-gcm root=soft", 0, 0 };
static struct kind encrypted_load = { "encrypted", "", NULL, 0, 0 };
static struct kind *const kinds[] = { &user, &logon, &encrypted, &derived, &randomly };

static void name_of(const struct kind *k, long n, char name[32])
{
	snprintf(name, 32, "%skey-%ld", k->prefix, n);
}

static void add_next(void *arg)
{
	struct kind *k = arg;
	char name[32];

	name_of(k, k->made++, name);
	add(k->type, name, k->payload, k->keyring);
}

static void empty(struct kind *k, const char *name)
{
	k->keyring = keyring_of(name, KEY_SPEC_SESSION_KEYRING);
	k->made = 0;
}

static double cost_of_adding(struct kind *k)
{
	empty(k, "adding");
	return measure(add_next, k);
}

static void bench_add(void)
{
	double derive = cost_of_adding(&derived), fresh = cost_of_adding(&randomly);
	double peer = cost_of_adding(&encrypted);

	row("keys/add/derive", "instructions", derive, "user", cost_of_adding(&user));
	row("keys/add/derive-logon", "instructions", derive, "logon",
	    cost_of_adding(&logon));
	row("keys/add/derive-encrypted", "instructions", derive, "encrypted", peer);
	row("keys/add/random", "instructions", fresh, "encrypted", peer);
}

/* From a blob, as at boot.  An iot key loads under its own name only, and once. */
struct load {
	char *blobs[256];
	long next;
	serial keyring;
};

static void load_next(void *arg)
{
	struct load *l = arg;
	char name[32];

	name_of(&randomly, l->next, name);
	add("iot", name, l->blobs[l->next++], l->keyring);
}

static char *blob_of(serial key)
{
	char *text;
	void *blob;

	if (keyctl_read_alloc(key, &blob) < 0 ||
	    asprintf(&text, "load %s", (char *)blob) < 0)
		die("read");
	free(blob);
	return text;
}

static double cost_of_loading(void)
{
	static struct load l;
	double cost;

	empty(&randomly, "saving");
	for (int i = 0; i < 256; i++) {
		char name[32];
		serial key;

		name_of(&randomly, i, name);
		key = add("iot", name, randomly.payload, randomly.keyring);
		l.blobs[i] = blob_of(key);
		if (keyctl_revoke(key))
			die("revoke");
	}
	l.keyring = keyring_of("loading", KEY_SPEC_SESSION_KEYRING);
	cost = measure(load_next, &l);
	for (int i = 0; i < 256; i++)
		free(l.blobs[i]);
	return cost;
}

static void bench_load(void)
{
	char *blob = blob_of(
		add("encrypted", "saved", encrypted.payload, KEY_SPEC_SESSION_KEYRING));

	encrypted_load.payload = blob;
	row("keys/load", "instructions", cost_of_loading(), "encrypted",
	    cost_of_adding(&encrypted_load));
	free(blob);
}

static void search(void *arg)
{
	struct kind *k = arg;
	char name[32];

	name_of(k, k->made / 2, name);
	if (keyctl_search(k->keyring, k->type, name, 0) < 0)
		die("search %s %s", k->type, name);
}

static void request(void *arg)
{
	struct kind *k = arg;
	char name[32];

	name_of(k, k->made / 2, name);
	if (request_key(k->type, name, NULL, 0) < 0)
		die("request %s %s", k->type, name);
}

static void search_row(const char *what, long keys, struct kind *peer, double iotkey,
		       double peer_value)
{
	char name[64];

	snprintf(name, sizeof(name), "keys/%s/%ld-%s", what, keys, peer->type);
	row(name, "instructions", iotkey, peer->type, peer_value);
}

static void bench_search(long keys)
{
	struct kind *const peers[] = { &user, &logon, &encrypted };
	double found[3], requested[3], iot_found, iot_requested;

	/* one keyring for each type, and only that in the session keyring besides the root */
	for (int i = 0; i < 4; i++) {
		struct kind *k = i < 3 ? peers[i] : &derived;

		empty(k, "searching");
		while (k->made < keys)
			add_next(k);
		if (i < 3) {
			found[i] = measure(search, k);
			requested[i] = measure(request, k);
		} else {
			iot_found = measure(search, k);
			iot_requested = measure(request, k);
		}
	}
	for (int i = 0; i < 3; i++) {
		search_row("search", keys, peers[i], iot_found, found[i]);
		search_row("request", keys, peers[i], iot_requested, requested[i]);
	}
}

static void iot_use(void *arg)
{
	static uint8_t out[TEXT + OVERHEAD], text[TEXT];

	if (keyctl_pkey_encrypt(*(serial *)arg, "enc=112", text, TEXT, out,
				sizeof(out)) != sizeof(out))
		die("encrypt");
}

/* Headers of the message: what to do, with which nonce. */
static void send_text(int fd, const uint8_t *text)
{
	union {
		struct cmsghdr align;
		char bytes[2 * CMSG_SPACE(sizeof(uint32_t)) +
			   CMSG_SPACE(sizeof(struct af_alg_iv) + IV)];
	} control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = (void *)text, .iov_len = HEAD + TEXT };
	struct msghdr m = { .msg_control = &control,
			    .msg_controllen = sizeof(control.bytes),
			    .msg_iov = &part,
			    .msg_iovlen = 1 };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_ALG;
	c->cmsg_type = ALG_SET_OP;
	c->cmsg_len = CMSG_LEN(sizeof(uint32_t));
	*(uint32_t *)CMSG_DATA(c) = ALG_OP_ENCRYPT;
	c = CMSG_NXTHDR(&m, c);
	c->cmsg_level = SOL_ALG;
	c->cmsg_type = ALG_SET_AEAD_ASSOCLEN;
	c->cmsg_len = CMSG_LEN(sizeof(uint32_t));
	*(uint32_t *)CMSG_DATA(c) = HEAD;
	c = CMSG_NXTHDR(&m, c);
	c->cmsg_level = SOL_ALG;
	c->cmsg_type = ALG_SET_IV;
	c->cmsg_len = CMSG_LEN(sizeof(struct af_alg_iv) + IV);
	((struct af_alg_iv *)CMSG_DATA(c))->ivlen = IV;
	if (sendmsg(fd, &m, 0) != (ssize_t)part.iov_len)
		die("AF_ALG: send");
}

static void peer_use(void *arg)
{
	static const struct sockaddr_alg gcm = { .salg_family = AF_ALG,
						 .salg_type = "aead",
						 .salg_name = "gcm(aes)" };
	static uint8_t out[HEAD + TEXT + TAG], text[HEAD + TEXT];
	int fd = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), op;

	if (fd < 0 || bind(fd, (const struct sockaddr *)&gcm, sizeof(gcm)) ||
	    setsockopt(fd, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, arg, sizeof(serial)) ||
	    setsockopt(fd, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, TAG))
		die("AF_ALG: key by serial");
	op = accept4(fd, NULL, 0, SOCK_CLOEXEC);
	if (op < 0)
		die("AF_ALG: accept");
	send_text(op, text);
	if (read(op, out, sizeof(out)) != sizeof(out))
		die("AF_ALG: read");
	close(op);
	close(fd);
}

static void bench_use(void)
{
	serial iot = add("iot", "used", derived.payload, KEY_SPEC_SESSION_KEYRING);
	double cost = measure(iot_use, &iot);
	struct kind *const peers[] = { &user, &logon, &encrypted };

	for (int i = 0; i < 3; i++) {
		const struct kind *k = peers[i];
		char name[64];
		serial key;

		snprintf(name, sizeof(name), "%sused", k->prefix);
		key = add(k->type, name, k->payload, KEY_SPEC_SESSION_KEYRING);
		snprintf(name, sizeof(name), "keys/use/%s", k->type);
		row(name, "instructions", cost, k->type, measure(peer_use, &key));
	}
}

void bench_keys(void)
{
	raise_quota();
	soft_root();
	add("user", "master", SECRET, KEY_SPEC_SESSION_KEYRING);
	bench_add();
	bench_load();
	bench_use();
	bench_search(1);
	bench_search(MANY);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		keyctl_clear(kinds[i]->keyring);
}
