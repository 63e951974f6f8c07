/* SPDX-License-Identifier: GPL-2.0-only */
/* How long an object of ours stays in the TPM: see tpm.h, "kept". */
#ifndef _IOT_SLOT_H
#define _IOT_SLOT_H

#include <linux/types.h>

int iot_slot_init(void);
void iot_slot_exit(void);
bool iot_slot_may_keep(void);
void iot_slot_used(void);
void iot_slot_clear(void);

#endif /* _IOT_SLOT_H */
