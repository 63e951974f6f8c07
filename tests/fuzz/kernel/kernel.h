/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of the kernel as the files of kmod/ that talk to the TPM use, for the fuzzers of
 * them; chip.c is its TPM core.  The headers beside stand for the kernel's.
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
#define mutex_lock(m)	       ((void)(m))
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

/* Pointers that are errnos */
#define IS_ERR(p)	   IS_ERR_VALUE(p)
#define ERR_PTR(n)	   ((void *)(long)(n))
#define PTR_ERR(p)	   ((long)(p))
#define PTR_ERR_OR_ZERO(p) (IS_ERR(p) ? (int)PTR_ERR(p) : 0)

void get_random_bytes(void *p, size_t len);
int get_random_bytes_wait(void *p, size_t len);
void sha256(const u8 *data, size_t len, u8 *digest);

typedef struct {
	s64 counter;
} atomic64_t;

#define atomic64_inc_return(a) (++(a)->counter)

/* What headers of the module have in their structures, and these sources do not use. */
struct nothing {
	int unused;
};

#define kref		nothing
#define mutex		nothing
#define list_head	nothing
#define rb_node		nothing
#define timerqueue_node nothing
#define work_struct	nothing
typedef struct nothing seqcount_t;

struct key {
	struct {
		void *data[4];
	} payload;
};

/* What keyctl asks for */
enum { kernel_pkey_encrypt, kernel_pkey_decrypt, kernel_pkey_sign, kernel_pkey_verify };

struct kernel_pkey_query {
	u32 supported_ops, key_size;
	u16 max_data_size, max_sig_size, max_enc_size, max_dec_size;
};

struct kernel_pkey_params {
	const char *encoding, *hash_algo;
	u32 in_len;
	union {
		u32 out_len, in2_len;
	};
	int op;
};

/* A worker, which the fuzzer has run, and the machine's sleep */
struct delayed_work {
	void (*run)(struct work_struct *work);
	bool queued;
};

#define DECLARE_DELAYED_WORK(name, f)  struct delayed_work name = { f, false }
#define mod_delayed_work(wq, work, ms) ((void)(ms), fuzz_queue(work))
#define cancel_delayed_work_sync(work) ((work)->queued = false)
void fuzz_queue(struct delayed_work *work);

struct notifier_block {
	int (*notifier_call)(struct notifier_block *nb, unsigned long event, void *data);
};

enum {
	PM_HIBERNATION_PREPARE = 1,
	PM_POST_HIBERNATION,
	PM_SUSPEND_PREPARE,
	PM_POST_SUSPEND,
	PM_RESTORE_PREPARE,
	PM_POST_RESTORE,
};

#define NOTIFY_DONE 0
int register_pm_notifier(struct notifier_block *nb);
int unregister_pm_notifier(struct notifier_block *nb);

#define module_param(name, type, mode)
#define MODULE_PARM_DESC(name, text)

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
