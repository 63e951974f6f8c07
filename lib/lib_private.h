/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the files of libiotkey share with each other and with the unit tests.
 */
#ifndef _LIB_PRIVATE_H
#define _LIB_PRIVATE_H

#include <iotkey.h>

#include <errno.h>

struct nlattr;
struct nlmsghdr;

#define IOTKEY_TYPE   "iot"
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

static inline uint16_t get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get_be32(const uint8_t *p)
{
	return (uint32_t)get_be16(p) << 16 | get_be16(p + 2);
}

static inline uint64_t get_be64(const uint8_t *p)
{
	return (uint64_t)get_be32(p) << 32 | get_be32(p + 4);
}

static inline void put_be32(uint32_t v, uint8_t *p)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

static inline void put_be64(uint64_t v, uint8_t *p)
{
	put_be32((uint32_t)(v >> 32), p);
	put_be32((uint32_t)v, p + 4);
}

/* spec.c */
uint32_t iotkey__algorithm_usage(unsigned int algorithm);

/* blob.c */
ssize_t iotkey__base64_decode(const char *text, size_t len, uint8_t *out, size_t size);

/* public.c */

/* iotkey_public() of the text of a TSS2 PRIVATE KEY, which is zero-terminated */
ssize_t iotkey__public_of(const char *pem, uint8_t spki[IOTKEY_PUBLIC_SIZE]);

/* genl.c */

/*
 * Fill @notice from the attributes of a key message.  -EBADMSG when one has
 * the wrong size.  Attributes that this library does not know are passed over.
 */
int iotkey__parse_key(struct nlmsghdr *nlh, struct iotkey_notice *notice);

/*
 * Ask the kernel for the family's number and (unless @group is NULL) for the
 * number of its events group.  -ENOPKG when there is no such family.
 */
int iotkey__resolve(int *family, int *group);

/* stream.c */

/* What makes messages and opens them: the kernel, or in tests OpenSSL */
struct iotkey__cipher {
	ssize_t (*encrypt)(const struct iotkey__cipher *cipher, const void *in,
			   size_t len, void *out, size_t size);
	ssize_t (*decrypt)(const struct iotkey__cipher *cipher, const void *in,
			   size_t len, void *out, size_t size);
	int32_t key;
	const void *arg;
};

int iotkey__stream_encrypt(const struct iotkey__cipher *cipher, int in, int out,
			   struct iotkey_stream *stream);
int iotkey__stream_decrypt(const struct iotkey__cipher *cipher, int in, int out,
			   struct iotkey_stream *stream);

#endif /* _LIB_PRIVATE_H */
