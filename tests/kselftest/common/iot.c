// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "iot.h"

#define TEXT_MAX 16384

key_serial_t iot_add(const char *name, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return add_key("iot", name, text, len, KEY_SPEC_SESSION_KEYRING);
}

int iot_update(key_serial_t key, const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return keyctl_update(key, text, len) ? errno : 0;
}

/* The collector works at its own pace. */
void iot_drop(key_serial_t key)
{
	char text[256];
	int i;

	keyctl_unlink(key, KEY_SPEC_SESSION_KEYRING);
	for (i = 0; i < 500; i++) {
		if (keyctl_describe(key, text, sizeof(text)) < 0 && errno == ENOKEY)
			return;
		usleep(10000);
	}
}

/* The core takes no buffer that is larger than the largest message. */
static size_t at_most(size_t size, size_t max)
{
	return size < max ? size : max;
}

long iot_encrypt(key_serial_t key, const void *in, size_t len, void *out, size_t size)
{
	bool large = len > RAW_MAX;
	long ret = keyctl_pkey_encrypt(
		key, large ? "enc=large" : "enc=raw", in, len, out,
		at_most(size, OVERHEAD + (large ? LARGE_MAX : RAW_MAX)));

	return ret < 0 ? -errno : ret;
}

long iot_decrypt(key_serial_t key, const void *in, size_t len, void *out, size_t size)
{
	bool large = len > RAW_MAX + OVERHEAD;
	long ret = keyctl_pkey_decrypt(
		key, large ? "enc=large" : "enc=raw", in, len, out,
		at_most(size, OVERHEAD + (large ? LARGE_MAX : RAW_MAX)));

	return ret < 0 ? -errno : ret;
}

long iot_sign(key_serial_t key, const void *in, size_t len, void *sig, size_t size)
{
	long ret = keyctl_pkey_sign(key, "", in, len, sig, size);

	return ret < 0 ? -errno : ret;
}

int iot_verify(key_serial_t key, const void *in, size_t len, const void *sig, size_t size)
{
	return keyctl_pkey_verify(key, "", in, len, sig, size) ? errno : 0;
}

unsigned int iot_count(void)
{
	FILE *f = fopen("/proc/keys", "r");
	unsigned int n = 0;
	char line[1024];

	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		n += strlen(line) > 54 && strstr(line, " iot ") && line[9] == 'I';
	fclose(f);
	return n;
}

static const char digits[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *iot_base64(const void *in, size_t len, char *out)
{
	const uint8_t *p = in;
	char *o = out;
	size_t i;

	for (i = 0; i < len; i += 3) {
		uint32_t v = p[i] << 16 | (i + 1 < len ? p[i + 1] << 8 : 0) |
			     (i + 2 < len ? p[i + 2] : 0);

		*o++ = digits[v >> 18];
		*o++ = digits[v >> 12 & 63];
		*o++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*o++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*o = '\0';
	return out;
}

size_t iot_save(key_serial_t key, uint8_t *blob, size_t size)
{
	char text[TEXT_MAX];
	long len = keyctl_read(key, text, sizeof(text));
	unsigned int have = 0;
	uint32_t bits = 0;
	size_t n = 0;
	long i;

	for (i = 0; i < len && text[i] != '='; i++) {
		bits = bits << 6 | (strchr(digits, text[i]) - digits);
		have += 6;
		if (have >= 8 && n < size) {
			have -= 8;
			blob[n++] = bits >> have;
		}
	}
	return n;
}

static const struct {
	int error;
	const char *name;
} errors[] = {
#define E(x)          \
	{             \
		x, #x \
	}
	E(EINVAL),  E(EEXIST),		E(ENOKEY),	E(EKEYREJECTED), E(EBADMSG),
	E(EXDEV),   E(EPROTONOSUPPORT), E(EOPNOTSUPP),	E(EACCES),	 E(EAGAIN),
	E(ETIME),   E(EKEYEXPIRED),	E(EKEYREVOKED), E(EOVERFLOW),	 E(EPERM),
	E(ENODEV),  E(ENXIO),		E(EBUSY),	E(EIO),		 E(ENOMEM),
	E(ENOBUFS), E(EINTR),		E(ETIMEDOUT),	E(EDQUOT),	 E(EFAULT),
	E(ENOENT),  E(EMSGSIZE),	E(ENOSPC),	E(ENOPROTOOPT),
};

const char *errno_name(int error)
{
	static char text[32];
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (errors[i].error == error)
			return errors[i].name;
	}
	snprintf(text, sizeof(text), "%d", error);
	return text;
}

bool errno_in(int error, const char *list)
{
	const char *name = errno_name(error), *at = list;
	size_t len = strlen(name);

	while ((at = strstr(at, name))) {
		if ((at == list || at[-1] == ' ') && (!at[len] || at[len] == ' '))
			return true;
		at += len;
	}
	return false;
}

uint32_t seeded(void)
{
	static uint32_t x = 2463534242u;

	x ^= x << 13;
	x ^= x >> 17;
	return x ^= x << 5;
}
