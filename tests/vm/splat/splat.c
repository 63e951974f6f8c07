// SPDX-License-Identifier: GPL-2.0-only
/*
 * Does on purpose, once, what the debug kernel must notice: proof that a test on it can
 * fail.  modprobe splat kind=leak, or one of the other kinds below.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

static char *kind;
module_param(kind, charp, 0);

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(one);
static DEFINE_MUTEX(two);

static void leak(void)
{
	void *volatile p = kmalloc(1000, GFP_KERNEL);

	p = NULL;
}

static void use_after_free(void)
{
	volatile char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	kfree((void *)p);
	p[50];
}

static void out_of_bounds(void)
{
	volatile char *p = kmalloc(100, GFP_KERNEL);

	if (!p)
		return;
	p[100] = 1;
	kfree((void *)p);
}

static void shift(void)
{
	volatile int by = 40, x = 1;

	x <<= by;
}

static void atomic_sleep(void)
{
	spin_lock(&spin);
	might_sleep();
	spin_unlock(&spin);
}

static void lock_order(void)
{
	mutex_lock(&one);
	mutex_lock(&two);
	mutex_unlock(&two);
	mutex_unlock(&one);
	mutex_lock(&two);
	mutex_lock(&one);
	mutex_unlock(&one);
	mutex_unlock(&two);
}

static void nothing(struct work_struct *work)
{
}

static void free_active(void)
{
	struct delayed_work *work = kmalloc(sizeof(*work), GFP_KERNEL);

	if (!work)
		return;
	INIT_DELAYED_WORK(work, nothing);
	schedule_delayed_work(work, 1000 * HZ);
	kfree(work);
}

static int __init splat_init(void)
{
	static const struct {
		const char *name;
		void (*what)(void);
	} kinds[] = {
		{ "leak", leak },
		{ "use-after-free", use_after_free },
		{ "out-of-bounds", out_of_bounds },
		{ "shift", shift },
		{ "atomic-sleep", atomic_sleep },
		{ "lock-order", lock_order },
		{ "free-active", free_active },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (kind && !strcmp(kind, kinds[i].name)) {
			kinds[i].what();
			return 0;
		}
	}
	return -EINVAL;
}

static void __exit splat_exit(void)
{
}

module_init(splat_init);
module_exit(splat_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Mistakes for the debug kernel to notice");
