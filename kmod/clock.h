/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot time and the trusted wall clock. */
#ifndef _IOT_CLOCK_H
#define _IOT_CLOCK_H

#include <linux/types.h>

void iot_clock_init(void);
bool iot_clock_trusted(void);
u64 iot_clock_instance(void);
s64 iot_clock_resume(u64 instance, s64 lead, s64 saved);
s64 iot_clock_floor(void);
s64 iot_clock_wall(void);

#endif /* _IOT_CLOCK_H */
