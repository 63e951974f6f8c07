/* SPDX-License-Identifier: GPL-2.0-only */
/* Boot time and the trusted wall clock. */
#ifndef _IOT_CLOCK_H
#define _IOT_CLOCK_H

#include <linux/types.h>

bool iot_clock_trusted(void);
s64 iot_clock_floor(void);
s64 iot_clock_wall(void);

#endif /* _IOT_CLOCK_H */
