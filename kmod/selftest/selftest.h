/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef _IOT_SELFTEST_H
#define _IOT_SELFTEST_H

/* Known answers, in builds with CONFIG_IOTKEY_SELFTEST: 0, or the module stays out. */
#ifdef CONFIG_IOTKEY_SELFTEST
int iot_selftest(void);
#else
static inline int iot_selftest(void)
{
	return 0;
}
#endif

#endif /* _IOT_SELFTEST_H */
