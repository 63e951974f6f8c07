// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Bulk data through the kernel's ciphers (AF_ALG), keyed by the serial number of a key, so
 * that the key is never here.
 *
 * libkcapi would do, but it knows no key by serial number and does not give the socket that
 * the option is set on.
 *
 * Each operation has a socket of its own, accepted from the keyed one: none meets what another
 * left behind, and threads may share the cipher.
 */
#include "lib_private.h"

#include <keyutils.h>
#include <linux/if_alg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#ifndef ALG_SET_KEY_BY_KEY_SERIAL /* the headers of Linux 6.1 */
#define ALG_SET_KEY_BY_KEY_SERIAL 7
#endif

struct iotkey_bulk {
	int tfm;
	size_t tag; /* bytes; 0: not an AEAD */
};

/* A socket of that cipher, or -errno */
static int bind_cipher(const char *type, const char *name)
{
	struct sockaddr_alg addr = { .salg_family = AF_ALG };
	int tfm, err;

	tfm = socket(AF_ALG, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (tfm < 0)
		return errno == EAFNOSUPPORT ? -ENOPROTOOPT : -errno;
	memcpy(addr.salg_type, type, strlen(type));
	memcpy(addr.salg_name, name, strlen(name));
	if (bind(tfm, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		/* the kernel's word for a template that makes no cipher of this type */
		err = errno == EINVAL ? -ENOENT : -errno;
		close(tfm);
		return err;
	}
	return tfm;
}

/* The kernel says ENOPROTOOPT when it lacks the option, and to a key of a type it does not take */
static int no_option(int32_t key)
{
	static const char *const types[] = { "logon;", "user;", "encrypted;",
					     "trusted;" };
	char text[512];
	size_t i;

	if (keyctl_describe(key, text, sizeof(text)) < 0)
		return errno == EACCES ? -ENOPROTOOPT : -errno;
	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strncmp(text, types[i], strlen(types[i])))
			return -ENOPROTOOPT;
	return -EINVAL;
}

static int set_key(const struct iotkey_bulk *bulk, int32_t key)
{
	if (setsockopt(bulk->tfm, SOL_ALG, ALG_SET_KEY_BY_KEY_SERIAL, &key, sizeof(key)) <
	    0)
		return errno == ENOPROTOOPT ? no_option(key) : -errno;
	/* its length is the value's */
	if (bulk->tag &&
	    setsockopt(bulk->tfm, SOL_ALG, ALG_SET_AEAD_AUTHSIZE, NULL, bulk->tag) < 0)
		return -errno;
	return 0;
}

int iotkey_bulk_open(int32_t key, const char *cipher, struct iotkey_bulk **out)
{
	struct iotkey_bulk *bulk;
	int err;

	if (!*cipher || strlen(cipher) >= sizeof(((struct sockaddr_alg *)0)->salg_name))
		return -EINVAL;
	bulk = calloc(1, sizeof(*bulk));
	if (!bulk)
		return -ENOMEM;
	bulk->tag = IOTKEY_BULK_TAG;
	bulk->tfm = bind_cipher("aead", cipher);
	if (bulk->tfm == -ENOENT) {
		bulk->tag = 0;
		bulk->tfm = bind_cipher("skcipher", cipher);
	}
	err = bulk->tfm < 0 ? bulk->tfm : set_key(bulk, key);
	if (err) {
		iotkey_bulk_close(bulk);
		return err;
	}
	*out = bulk;
	return 0;
}

void iotkey_bulk_close(struct iotkey_bulk *bulk)
{
	if (!bulk)
		return;
	if (bulk->tfm >= 0)
		close(bulk->tfm);
	free(bulk);
}

static void put_control(struct cmsghdr *c, int type, const void *data, size_t len)
{
	c->cmsg_level = SOL_ALG;
	c->cmsg_type = type;
	c->cmsg_len = CMSG_LEN(len);
	memcpy(CMSG_DATA(c), data, len);
}

/*
 * What to do and to which data.  An IV is always sent: without one the kernel would take zeros.
 */
static int send_request(int op, bool encrypt, const struct iotkey_bulk_params *params,
			const void *in, size_t len)
{
	uint32_t direction = encrypt ? ALG_OP_ENCRYPT : ALG_OP_DECRYPT;
	uint32_t aad_len = (uint32_t)params->aad_len;
	union {
		struct cmsghdr align;
		uint8_t space[2 * CMSG_SPACE(sizeof(uint32_t)) +
			      CMSG_SPACE(sizeof(uint32_t) + IOTKEY_BULK_IV_MAX)];
	} control = { .space = { 0 } };
	struct {
		uint32_t len;
		uint8_t data[IOTKEY_BULK_IV_MAX];
	} iv = { .len = (uint32_t)params->iv_len };
	size_t iv_size = sizeof(iv.len) + params->iv_len;
	struct iovec data[] = {
		{ (void *)params->aad, params->aad_len },
		{ (void *)in, len },
	};
	struct msghdr msg = {
		.msg_iov = data,
		.msg_iovlen = ARRAY_SIZE(data),
		.msg_control = &control,
		.msg_controllen = 2 * CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(iv_size),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	ssize_t n;

	if (params->iv_len)
		memcpy(iv.data, params->iv, params->iv_len);
	put_control(c, ALG_SET_OP, &direction, sizeof(direction));
	c = CMSG_NXTHDR(&msg, c);
	put_control(c, ALG_SET_AEAD_ASSOCLEN, &aad_len, sizeof(aad_len));
	c = CMSG_NXTHDR(&msg, c);
	put_control(c, ALG_SET_IV, &iv, iv_size);

	/* nobody reads meanwhile: what does not fit at once would wait for ever */
	n = sendmsg(op, &msg, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN ? -ENOMEM : -errno;
	return (size_t)n == params->aad_len + len ? 0 : -ENOMEM;
}

/* An AEAD gives the AAD back in front of the result */
static int receive(int op, size_t aad_len, void *out, size_t len)
{
	uint8_t aad[IOTKEY_BULK_AAD_MAX];
	struct iovec data[] = { { aad, aad_len }, { out, len } };
	ssize_t n;

	do
		n = readv(op, data, ARRAY_SIZE(data));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == aad_len + len ? 0 : -EIO;
}

static ssize_t operate(struct iotkey_bulk *bulk, bool encrypt,
		       const struct iotkey_bulk_params *params, const void *in,
		       size_t len, void *out, size_t size)
{
	size_t result;
	int op, err;

	if (params->iv_len > IOTKEY_BULK_IV_MAX ||
	    params->aad_len > (bulk->tag ? IOTKEY_BULK_AAD_MAX : 0) ||
	    len > IOTKEY_BULK_MAX + (encrypt ? 0 : bulk->tag))
		return -EINVAL;
	if (!encrypt && len < bulk->tag)
		return -EBADMSG;
	result = encrypt ? len + bulk->tag : len - bulk->tag;
	if (size < result)
		return -EINVAL;
	if (!bulk->tag && !len) /* the kernel would wait for more */
		return 0;

	op = accept4(bulk->tfm, NULL, NULL, SOCK_CLOEXEC);
	if (op < 0)
		return -errno;
	err = send_request(op, encrypt, params, in, len);
	if (!err)
		err = receive(op, params->aad_len, out, result);
	close(op);
	if (err == -EBADMSG) /* what was deciphered before it was found out */
		explicit_bzero(out, result);
	return err ? err : (ssize_t)result;
}

ssize_t iotkey_bulk_encrypt(struct iotkey_bulk *bulk,
			    const struct iotkey_bulk_params *params, const void *in,
			    size_t len, void *out, size_t size)
{
	return operate(bulk, true, params, in, len, out, size);
}

ssize_t iotkey_bulk_decrypt(struct iotkey_bulk *bulk,
			    const struct iotkey_bulk_params *params, const void *in,
			    size_t len, void *out, size_t size)
{
	return operate(bulk, false, params, in, len, out, size);
}
