// SPDX-License-Identifier: GPL-2.0-or-later
/* Any DER: no crash, and what is taken survives being written and read again. */
#include <stdlib.h>
#include <string.h>
#include "tss2.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	static u8 first[TSS2_MAX], second[TSS2_MAX];
	struct tss2_key a, b;
	struct tss2_public public;
	int len;

	if (tss2_parse(data, size, &a))
		return 0;
	tss2_sealed(&a, &public);
	len = tss2_encode(&a, first, sizeof(first));
	if (len < 0)
		return 0;
	if (tss2_parse(first, len, &b) ||
	    tss2_encode(&b, second, sizeof(second)) != len ||
	    memcmp(first, second, len) || a.policies != b.policies || a.type != b.type ||
	    a.parent != b.parent)
		abort();
	return 0;
}
