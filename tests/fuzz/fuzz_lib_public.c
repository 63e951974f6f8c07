// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any text that the kernel might give for a key: no crash; what the library takes for a
 * public key is what the kernel's own parser finds there.
 *
 * covers: lib/public.c
 * sources: lib/public.c lib/blob.c lib/spec.c lib/words.c
 */
#include <errno.h>
#include "../../lib/lib_private.h"
#undef ARRAY_SIZE
#include "base64.h"
#include "fuzz.h"
#include "tss2.h"

#define BEGIN "-----BEGIN TSS2 PRIVATE KEY-----\n"
#define END   "-----END TSS2 PRIVATE KEY-----\n"

/* The keys of the library's other half are not here. */
int iotkey_read_blob(int32_t key, char **blob, size_t *len)
{
	(void)key;
	(void)blob;
	(void)len;
	return -ENOKEY;
}

static void check(const char *pem, const u8 *der, size_t size)
{
	u8 spki[IOTKEY_PUBLIC_SIZE];
	ssize_t n = iotkey__public_of(pem, spki);
	struct tss2_public pub;
	struct tss2_key key;

	must(n == sizeof(spki) || n == -EBADMSG || n == -EOPNOTSUPP || n == -E2BIG);
	if (!der || tss2_parse(der, size, &key) || tss2_ecdsa(&key, &pub))
		return;
	must(n == sizeof(spki));
	must(!memcmp(spki + sizeof(spki) - sizeof(pub.point), pub.point,
		     sizeof(pub.point)));
}

/* The input is DER, or behind an "-" the text itself. */
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	size_t len = strlen(BEGIN) + IOT_BASE64_LEN(size) + strlen(END) + 1;
	char *text;

	if (size && data[0] == '-') {
		text = room(size + 1);
		memcpy(text, data, size);
		text[size] = '\0';
		check(text, NULL, 0);
	} else {
		text = room(len);
		strcpy(text, BEGIN);
		iot_base64_encode(text + strlen(BEGIN), data, size);
		strcpy(text + len - 1 - strlen(END), END);
		check(text, data, size);
	}
	free(text);
	return 0;
}
