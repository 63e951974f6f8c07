/* SPDX-License-Identifier: GPL-2.0-only */
/* One queue of deadlines, one timer, few wake-ups. */
#ifndef _IOT_DEADLINE_H
#define _IOT_DEADLINE_H

struct iot_key;

void iot_deadline_init(void);
void iot_deadline_exit(void);
void iot_deadline_arm(struct iot_key *ik);
void iot_deadline_cancel(struct iot_key *ik);
void iot_deadline_reconsider(void);

#endif /* _IOT_DEADLINE_H */
