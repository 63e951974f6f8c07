/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure files (policy.c, payload.c, schedule.c, blob.c, record.c, base64.c,
 * tss2.c, ecdsa.c, tpmbuf.c, session.c) may use.  They touch no locks, timers or keys, so
 * that unit tests and fuzzers compile the very same sources on the host.  (session.c
 * computes with the functions of crypto.h, which a test there brings along.)
 */
#ifndef _IOT_PURE_H
#define _IOT_PURE_H

#ifdef __KERNEL__
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/types.h>
#include <crypto/algapi.h>
#include "compat.h"
#else
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int32_t s32;
typedef int64_t s64;

#define U32_MAX UINT32_MAX
#define S64_MAX INT64_MAX
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define BIT(n) (1UL << (n))
#define BIT_ULL(n) (1ULL << (n))

static inline void memzero_explicit(void *p, size_t len)
{
	explicit_bzero(p, len);
}

/* 0 if equal */
static inline unsigned long crypto_memneq(const void *a, const void *b, size_t len)
{
	return memcmp(a, b, len) != 0;
}

static inline u32 min_not_zero(u32 a, u32 b)
{
	return !a || (b && b < a) ? b : a;
}

static inline u64 div64_u64(u64 a, u64 b)
{
	return a / b;
}

static inline u16 get_unaligned_be16(const void *p)
{
	const u8 *b = p;

	return (u16)(b[0] << 8 | b[1]);
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

static inline u64 get_unaligned_be64(const void *p)
{
	return (u64)get_unaligned_be32(p) << 32 |
	       get_unaligned_be32((const u8 *)p + 4);
}

static inline void put_unaligned_be16(u16 v, void *p)
{
	u8 *b = p;

	b[0] = v >> 8;
	b[1] = v & 0xff;
}

static inline void put_unaligned_be32(u32 v, void *p)
{
	put_unaligned_be16(v >> 16, p);
	put_unaligned_be16(v & 0xffff, (u8 *)p + 2);
}

static inline void put_unaligned_be64(u64 v, void *p)
{
	put_unaligned_be32(v >> 32, p);
	put_unaligned_be32(v & 0xffffffff, (u8 *)p + 4);
}
#endif

#endif /* _IOT_PURE_H */
