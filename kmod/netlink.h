/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _IOT_NETLINK_H
#define _IOT_NETLINK_H

#include <linux/types.h>

struct iot_key;

int iot_netlink_init(void);
void iot_netlink_exit(void);
void iot_netlink_notify(struct iot_key *ik, u8 event, int error);

#endif /* _IOT_NETLINK_H */
