/* SPDX-License-Identifier: GPL-2.0-only */
/* Events of keys in IMA's measurement list, and so in a PCR. */
#ifndef _IOT_MEASURE_H
#define _IOT_MEASURE_H

#include <linux/types.h>

struct iot_key;

int iot_measure_init(void);
void iot_measure_exit(void);
void iot_measure(struct iot_key *ik, u8 event, int error);

#endif /* _IOT_MEASURE_H */
