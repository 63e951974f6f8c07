// SPDX-License-Identifier: GPL-2.0-only
/* The iot key type: what comes up, and goes down in reverse. */
#include <linux/module.h>
#include <linux/workqueue.h>
#include "aead.h"
#include "clock.h"
#include "deadline.h"
#include "key.h"
#include "keytype.h"
#include "main.h"
#include "measure.h"
#include "netlink.h"
#include "selftest/selftest.h"
#include "slot.h"

struct workqueue_struct *iot_wq;

static int __init iot_init(void)
{
	int ret;

	ret = iot_selftest();
	if (ret)
		return ret;
	iot_clock_init();
	iot_wq = alloc_workqueue("iotkey", WQ_UNBOUND, 0);
	if (!iot_wq) {
		ret = -ENOMEM;
		goto err_aead;
	}
	ret = iot_key_init();
	if (ret)
		goto err_wq;
	iot_deadline_init();
	ret = iot_slot_init();
	if (ret)
		goto err_deadline;
	ret = iot_netlink_init();
	if (ret)
		goto err_slot;
	ret = iot_measure_init();
	if (ret)
		goto err_netlink;
	ret = register_key_type(&iot_key_type);
	if (ret)
		goto err_measure;
	return 0;

err_measure:
	iot_measure_exit();
err_netlink:
	iot_netlink_exit();
err_slot:
	iot_slot_exit();
err_deadline:
	iot_deadline_exit();
	iot_key_exit();
err_wq:
	destroy_workqueue(iot_wq);
err_aead:	/* the self-tests have used it */
	iot_aead_exit();
	return ret;
}

/*
 * Every key holds a reference to the module, so none is left, and none can come
 * once the type is gone. The family goes after it, as keys tell events to the end, and
 * what they left in the TPM; the workqueue drains after nothing can queue; then all has been
 * told, and what waits to be measured is; the caches go last.
 */
static void __exit iot_exit(void)
{
	unregister_key_type(&iot_key_type);
	iot_netlink_exit();
	iot_slot_exit();
	iot_deadline_exit();
	destroy_workqueue(iot_wq);
	iot_measure_exit();
	iot_key_exit();
	iot_aead_exit();
}

module_init(iot_init);
module_exit(iot_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("IoT keys: TPM-rooted, versioned, rotating on time");
MODULE_SOFTDEP("pre: gcm ccm cmac");
