// SPDX-License-Identifier: GPL-2.0-only
/*
 * The one object of ours that may stay in the TPM, so that a run of signatures costs a
 * command each.  It goes when nobody has used it for a while, when its key is dead, before
 * the machine sleeps (the TPM would lose it), and with the module.
 */
#include <linux/jiffies.h>
#include <linux/moduleparam.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>
#include "slot.h"
#include "tpm.h"

#define AGAIN_MS	1000

static unsigned int linger = 500;
module_param(linger, uint, 0644);
MODULE_PARM_DESC(linger, "milliseconds that a loaded key stays in the TPM unused; 0: none");

static bool asleep;

/* Return: 0, or why it may still be there. */
static int evict(void)
{
	struct iot_tpm t;
	int ret;

	if (!iot_tpm_keeps())
		return 0;
	ret = iot_tpm_start(&t);
	if (ret)
		return ret;
	iot_tpm_evict(&t);
	iot_tpm_stop(&t);
	return 0;
}

static void evict_later(struct work_struct *work);
static DECLARE_DELAYED_WORK(evict_work, evict_later);

/* Freezable: it must not talk to a TPM that is being suspended. */
static void wake(unsigned int ms)
{
	mod_delayed_work(system_freezable_wq, &evict_work,
			 msecs_to_jiffies(ms));
}

static void evict_later(struct work_struct *work)
{
	int ret = evict();

	if (ret && ret != -ENODEV)
		wake(AGAIN_MS);
}

/* May what is loaded stay behind? To be asked during the conversation. */
bool iot_slot_may_keep(void)
{
	return READ_ONCE(linger) && !READ_ONCE(asleep);
}

/* After a conversation that left something behind. */
void iot_slot_used(void)
{
	wake(READ_ONCE(linger));
}

/* A key is dead, and what stays in the TPM may be its object. Does not sleep. */
void iot_slot_clear(void)
{
	wake(0);
}

/*
 * Tasks run until they are frozen, so what is used from here on is not kept; whoever
 * asked before still has the TPM, and evict() waits for it.
 */
static int on_sleep(struct notifier_block *nb, unsigned long event, void *unused)
{
	switch (event) {
	case PM_SUSPEND_PREPARE:
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		WRITE_ONCE(asleep, true);
		evict();
		break;
	case PM_POST_SUSPEND:
	case PM_POST_HIBERNATION:
	case PM_POST_RESTORE:
		WRITE_ONCE(asleep, false);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block sleep_block = { .notifier_call = on_sleep };

int iot_slot_init(void)
{
	return register_pm_notifier(&sleep_block);
}

/* No key is left. */
void iot_slot_exit(void)
{
	unregister_pm_notifier(&sleep_block);
	cancel_delayed_work_sync(&evict_work);
	evict();
	iot_tpm_forget();
}
