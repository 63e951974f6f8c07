/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _IOT_MAIN_H
#define _IOT_MAIN_H

#include <linux/workqueue.h>

/* All deferred work; it has ended before the module's code goes. */
extern struct workqueue_struct *iot_wq;

#endif /* _IOT_MAIN_H */
