// SPDX-License-Identifier: GPL-2.0-or-later
/* Any text: no crash, and what is taken obeys the policy's rules. */
#include <stdlib.h>
#include "payload.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	struct iot_payload p;
	size_t where;
	int ret = iot_payload_parse(&p, (const char *)data, size, &where);

	if (ret && ret != -EINVAL)
		abort();
	if (where > size)
		abort();
	if (!ret && p.verb == IOT_VERB_NEW_KEY &&
	    (iot_policy_check(&p.policy) || !iot_name_ok(p.root.p, p.root.len)))
		abort();
	return 0;
}
