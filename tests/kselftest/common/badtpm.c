// SPDX-License-Identifier: GPL-2.0-or-later
/* See badtpm.h. */
#include <errno.h>
#include <unistd.h>
#include "badtpm.h"

/* Its node is there a moment before the kernel gives the chip to others. */
key_serial_t bad_first(const char *name, const char *text)
{
	key_serial_t made;

	for (int i = 0; i < 500; i++) {
		made = iot_add(name, "%s", text);
		if (made > 0 || errno != ENODEV)
			break;
		usleep(10000);
	}
	ktap_ok(made > 0, "%.50s (%s)", text, errno_name(made > 0 ? 0 : errno));
	return made;
}

bool bad_is_empty(void)
{
	for (int i = 0; i < 100 && fake_tpm_holds(); i++)
		usleep(10000);
	return !fake_tpm_holds();
}

void bad_answer(const struct bad *bad, operate_fn operate, unsigned int keys)
{
	int error;

	behaviour = bad->b;
	also = bad->also;
	seen = 0;
	error = operate(bad->op);
	behaviour.cc = also.cc = 0;
	ktap_ok(error == bad->error && seen && iot_count() == keys, "%s: %s (%s)",
		bad->what, errno_name(bad->error), errno_name(error));
}

void bad_try(const struct bad *bad, operate_fn operate, unsigned int keys)
{
	int error;

	bad_answer(bad, operate, keys);
	ktap_ok(bad->leaves == !bad_is_empty(), "%s in the TPM (%u)",
		bad->leaves ? "something stays" : "nothing stays", fake_tpm_holds());
	fake_tpm_clear();
	error = operate(bad->op);
	ktap_ok(!error && bad_is_empty(), "and the next try works (%s, %u)",
		errno_name(error), fake_tpm_holds());
}

void bad_hang_up(pthread_t tpm, uint32_t cc, operate_fn operate, int op)
{
	int error;

	behaviour = (struct behaviour){ cc, HANG_UP, 0 };
	error = operate(op);
	ktap_ok(error == ENODEV || error == EBUSY, "a TPM that goes away (%s)",
		errno_name(error));
	pthread_join(tpm, NULL);
	error = operate(op);
	ktap_ok(error == ENODEV, "and is gone: ENODEV (%s)", errno_name(error));
}
