/* SPDX-License-Identifier: GPL-2.0-only */
/* Everything that differs between the supported kernels, and nothing else. */
#ifndef _IOT_COMPAT_H
#define _IOT_COMPAT_H

#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 12, 0)
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#include <linux/slab.h>

/* Keeps secrets apart from other objects of their size; since 6.5. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE 0
#endif

/* Exported by all kernels, declared in none of the headers that modules have. */
#include <linux/key.h>

struct cred;
int key_task_permission(const key_ref_t key_ref, const struct cred *cred,
			enum key_need_perm need_perm);

#endif /* _IOT_COMPAT_H */
