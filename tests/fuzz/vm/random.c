// SPDX-License-Identifier: GPL-2.0-or-later
#include <string.h>
#include "caller.h"

/* splitmix64 */
uint64_t next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t below(struct random *r, uint32_t limit)
{
	return limit ? next(r) % limit : 0;
}

bool chance(struct random *r, uint32_t one_in)
{
	return !below(r, one_in);
}

int32_t any_number(struct random *r)
{
	static const int32_t edges[] = { 0,	1,	   -1,	     2,	    8,
					 4096,	4097,	   32720,    32768, 65535,
					 65536, INT32_MAX, INT32_MIN };

	return chance(r, 2) ? PICK(r, edges) : (int32_t)(next(r) >> below(r, 63));
}

void fill(struct random *r, void *bytes, size_t len)
{
	uint8_t *at = bytes;
	uint64_t v;

	for (; len; at += len < 8 ? len : 8, len -= len < 8 ? len : 8) {
		v = next(r);
		memcpy(at, &v, len < 8 ? len : 8);
	}
}
