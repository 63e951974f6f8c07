/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the programs that test keys of type iot share. */
#ifndef IOT_H
#define IOT_H

#include <keyutils.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../../unit/ktap.h"

#define HEAD	  32 /* of an AEAD message */
#define OVERHEAD  48
#define RAW_MAX	  4096
#define LARGE_MAX 32720

/* A key in the session keyring from a text; -1 and errno. */
key_serial_t iot_add(const char *name, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* keyctl_update() with a text: 0, or the errno. */
int iot_update(key_serial_t key, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Unlinked from the session keyring; nobody finds it any more when this returns. */
void iot_drop(key_serial_t key);

/* Bytes written, or -errno. */
long iot_encrypt(key_serial_t key, const void *in, size_t len, void *out, size_t size);
long iot_decrypt(key_serial_t key, const void *in, size_t len, void *out, size_t size);
long iot_sign(key_serial_t key, const void *in, size_t len, void *sig, size_t size);
int iot_verify(key_serial_t key, const void *in, size_t len, const void *sig,
	       size_t size);

/* All living iot keys that /proc/keys shows. */
unsigned int iot_count(void);

/* The blob in binary; its length. The text is for "load". */
size_t iot_save(key_serial_t key, uint8_t *blob, size_t size);
char *iot_base64(const void *in, size_t len, char *out);

/* Is it one of the names in a list like "EBADMSG ETIME"? */
bool errno_in(int error, const char *list);
const char *errno_name(int error);

/* The same numbers at every run. */
uint32_t seeded(void);

#endif
