/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fleet takes back: signed statements, one after the other (fleet/statements has the
 * number and digest of the last), and what they do here.
 */
#ifndef _IOTKEYD_REVOKE_H
#define _IOTKEYD_REVOKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* revoke_open(): returns an exit code, and has said what was wrong */
int revoke_open(void);

/*
 * revoke_statement(): the next one.  When it returns 0, what it names is dead in the kernel, and
 * all is on the disk.
 * Errors: -ENOENT, there is no CA or no id yet; as trust_statement(); as write(2).
 */
int revoke_statement(const uint8_t *data, size_t len);

uint64_t revoke_sequence(void);

/* revoke_device(): whether this device is thrown out */
bool revoke_device(void);

/* revoke_all(): once more, all keys, as the device is thrown out */
void revoke_all(void);

#endif /* _IOTKEYD_REVOKE_H */
