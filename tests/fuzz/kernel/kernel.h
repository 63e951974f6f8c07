/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of the kernel as kmod/root_tpm.c, tpm_parent.c and tpm.c use, for
 * fuzz_root_tpm.c, which is its TPM core.  The headers beside stand for the kernel's.
 */
#ifndef FUZZ_KERNEL_H
#define FUZZ_KERNEL_H

#include <stdlib.h>
#include "pure.h"

/* Memory: the fuzzer has some allocation fail. */
#define GFP_KERNEL 0
void *kmalloc(size_t size, int flags);
void *kzalloc(size_t size, int flags);
void *kmemdup(const void *p, size_t size, int flags);
#define kfree		free
#define kfree_sensitive free

/* One thread */
#define DEFINE_MUTEX(name)     struct mutex name
#define mutex_lock_killable(m) ((void)(m), 0)
#define mutex_unlock(m)	       ((void)(m))
#define READ_ONCE(x)	       (x)
#define WRITE_ONCE(x, value)   ((x) = (value))

/* Numbers */
#define ERESTARTSYS		     512
#define hweight32(n)		     ((u32)__builtin_popcount(n))
#define __ffs			     __builtin_ctz
#define __fls(n)		     (31 - __builtin_clz(n))
#define IS_ERR_VALUE(n)		     ((unsigned long)(n) >= (unsigned long)-4095)
#define ktime_get_ns()		     0
#define msecs_to_jiffies(n)	     (n)
#define schedule_timeout_killable(n) ((void)(n), 0)
#define SHA256_DIGEST_SIZE	     32

void get_random_bytes(void *p, size_t len);
int get_random_bytes_wait(void *p, size_t len);
void sha256(const u8 *data, size_t len, u8 *digest);

/* What headers of the module have in their structures, and these sources do not use. */
typedef struct {
	s64 counter;
} atomic64_t;

struct kref {
	int unused;
};

struct mutex {
	int unused;
};

struct list_head {
	int unused;
};

struct work_struct {
	int unused;
};

/* The TPM core */
#define TPM_CHIP_FLAG_TPM2	BIT(1)
#define TPM_CHIP_FLAG_SUSPENDED BIT(8)

struct device {
	int references;
};

struct tpm_chip {
	struct device dev;
	unsigned int flags;
	const void *ops;
};

struct tpm_buf {
	u8 *data;
};

struct tpm_chip *tpm_default_chip(void);
void get_device(struct device *dev);
void put_device(struct device *dev);
int tpm_try_get_ops(struct tpm_chip *chip);
void tpm_put_ops(struct tpm_chip *chip);
ssize_t tpm_transmit_cmd(struct tpm_chip *chip, struct tpm_buf *buf, size_t min,
			 const char *what);

#endif
