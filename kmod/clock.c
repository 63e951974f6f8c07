// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys count on boot time, which nobody can set. Where the wall clock is declared
 * trusted, its lead over boot time is what every key's offset is at least: it is
 * remembered at its highest, so that setting the clock back changes nothing.
 */
#include <linux/atomic.h>
#include <linux/limits.h>
#include <linux/init.h>
#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/ktime.h>
#include "clock.h"
#include "deadline.h"

static bool trusted;
static atomic64_t highest_lead = ATOMIC64_INIT(S64_MIN);

/* Fixed when the module is loaded. */
static u64 this_instance __ro_after_init;
static s64 loaded_at __ro_after_init;

void __init iot_clock_init(void)
{
	this_instance = get_random_u64();
	loaded_at = ktime_get_boottime_ns();
}

/* Written into blobs, so that they can be told from those of another boot. */
u64 iot_clock_instance(void)
{
	return this_instance;
}

/**
 * iot_clock_resume() - the offset of a key that comes from a blob
 * @instance: of the module that saved the blob
 * @lead: the key's offset then
 * @saved: the key time then, in seconds
 *
 * A blob of this instance goes on as if it had never been away.  Any other was
 * saved before this instance was loaded, so at least the time since then has passed;
 * and as this depends on nothing else, loading it once more does not turn time back.
 */
s64 iot_clock_resume(u64 instance, s64 lead, s64 saved)
{
	return instance == this_instance ? lead :
	       saved * NSEC_PER_SEC - loaded_at;
}

bool iot_clock_trusted(void)
{
	return READ_ONCE(trusted);
}

/* The wall clock's lead over boot time, in ns, whatever it is worth. */
s64 iot_clock_wall(void)
{
	return ktime_get_real_ns() - ktime_get_boottime_ns();
}

/*
 * What every key's offset is at least, in ns; S64_MIN while nothing is known.  What was
 * seen while the clock was trusted holds on, for time does not go back.
 */
s64 iot_clock_floor(void)
{
	s64 seen = atomic64_read(&highest_lead);
	s64 lead;

	if (!iot_clock_trusted())
		return seen;
	lead = iot_clock_wall();
	while (lead > seen) {
		if (atomic64_try_cmpxchg(&highest_lead, &seen, lead))
			return lead;
	}
	return seen;
}

static int set_trusted(const char *value, const struct kernel_param *param)
{
	int ret = param_set_bool(value, param);

	if (!ret)
		iot_deadline_reconsider();
	return ret;
}

static const struct kernel_param_ops trusted_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_trusted,
	.get = param_get_bool,
};

module_param_cb(clock_trusted, &trusted_ops, &trusted, 0644);
MODULE_PARM_DESC(clock_trusted, "the wall clock is right: epochs follow it forward");
