// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands to the kernel's TPM chip.  Frames are our own: tpm_buf_*() differs
 * between the supported kernels and is not exported by all.
 */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/random.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/tpm.h>
#include "notify.h"
#include "tpm.h"

/* The core repeats RETRY and TESTING itself, for seconds; not these. */
#define RC_YIELDED	0x908
#define RC_NV_RATE	0x920

#define FIRST_WAIT_MS	20
#define LAST_WAIT_MS	320

static int errno_of_driver(ssize_t error)
{
	switch (error) {
	case -EFAULT:		/* the core's word for a wrong length */
		return -EBADMSG;
	case -EAGAIN:
	case -EBUSY:
	case -ECANCELED:
		return -EBUSY;
	case -EINTR:
	case -ERESTARTSYS:
		return -EINTR;
	case -ENODEV:
	case -ENXIO:
		return -ENODEV;
	case -ENOMEM:
		return -ENOMEM;
	}
	return -EIO;
}

/*
 * While suspended a chip must not be talked to: 6.1 does not look, later
 * kernels answer -EIO.  The flag stands still while a task runs, for tasks
 * are frozen before devices are suspended.
 */
static int get_chip(struct tpm_chip *chip)
{
	int ret;

	if (chip->flags & TPM_CHIP_FLAG_SUSPENDED)
		return -EBUSY;
	ret = tpm_try_get_ops(chip);
	if (ret)	/* without operations its driver has gone */
		return chip->ops ? errno_of_driver(ret) : -ENODEV;
	if (chip->flags & TPM_CHIP_FLAG_TPM2)
		return 0;
	tpm_put_ops(chip);
	return -ENODEV;
}

/**
 * iot_tpm_start() - take the TPM
 * @t: filled in
 *
 * Return: 0 (then iot_tpm_stop() is due), -ENODEV without a TPM 2.0, -EBUSY
 * while it is suspended, -ENOMEM.
 */
int iot_tpm_start(struct iot_tpm *t)
{
	u8 *data;
	int ret;

	/* looked up at each use: it may come after us, and go */
	t->chip = tpm_default_chip();
	if (!t->chip)
		return -ENODEV;
	data = kmalloc(2 * TPMBUF_SIZE, GFP_KERNEL);
	if (!data) {
		ret = -ENOMEM;
		goto put_chip;
	}
	t->in = (struct tpmbuf_writer){ .data = data, .size = TPMBUF_SIZE };
	t->frame = data + TPMBUF_SIZE;
	ret = get_chip(t->chip);
	if (ret)
		goto free;
	return 0;

free:
	kfree(data);
put_chip:
	put_device(&t->chip->dev);
	return ret;
}

/* Both buffers have held secrets. */
void iot_tpm_stop(struct iot_tpm *t)
{
	tpm_put_ops(t->chip);
	kfree_sensitive(t->in.data);
	put_device(&t->chip->dev);
}

void iot_tpm_begin(struct iot_tpm *t)
{
	t->in.len = 0;
	t->in.bad = false;
}

/* 0, a response code, or the driver's -errno. */
static ssize_t transmit(struct iot_tpm *t, u32 cc)
{
	struct tpm_buf buf = { .data = t->frame };
	u64 begin = ktime_get_ns();
	ssize_t rc;

	/* no description: the core then prints nothing */
	rc = tpm_transmit_cmd(t->chip, &buf, 0, NULL);
	if (!IS_ERR_VALUE(rc))
		rc = (u32)rc;	/* the core's int: a forged code may be negative */
	iot_stats_tpm(rc);
	iot_trace_tpm(cc, rc, ktime_get_ns() - begin);
	return rc;
}

static int frame_command(struct iot_tpm *t, struct tpmbuf_call *call,
			 struct iot_session *s, u8 attributes)
{
	int len;

	if (s) {
		get_random_bytes(s->caller, sizeof(s->caller));
		iot_session_put(s, call, attributes);
	}
	len = tpmbuf_command(call, &t->in, t->frame, TPMBUF_SIZE);
	if (len < 0 || !s)
		return len;
	return iot_session_protect(s, call, t->frame, len, t->in.len);
}

/* An answer that is refused may have left an object or a session in the TPM. */
static int read_answer(struct iot_tpm *t, struct tpmbuf_call *call,
		       struct iot_session *s, u8 attributes)
{
	int ret;

	ret = tpmbuf_answer(call, t->frame, TPMBUF_SIZE, &t->out);
	if (!ret && s)
		ret = iot_session_check(s, call, attributes, t->frame, &t->out);
	if (ret && call->gives && call->given >> 24 == call->gives)
		iot_tpm_flush(t, call->given);
	return ret;
}

/*
 * The answer comes in the frame of the command, and a session's nonces are for one
 * try: a repetition frames anew.
 */
int iot_tpm_exec_in(struct iot_tpm *t, struct tpmbuf_call *call,
		    struct iot_session *s, u8 attributes)
{
	unsigned int wait = FIRST_WAIT_MS;
	ssize_t rc;
	int ret;

	for (;;) {
		ret = frame_command(t, call, s, attributes);
		if (ret < 0)
			return ret;
		rc = transmit(t, call->cc);
		if ((rc != RC_YIELDED && rc != RC_NV_RATE) ||
		    wait > LAST_WAIT_MS)
			break;
		if (schedule_timeout_killable(msecs_to_jiffies(wait)))
			return -EINTR;
		wait *= 2;
	}
	if (rc < 0)
		return errno_of_driver(rc);
	if (!rc)
		return read_answer(t, call, s, attributes);
	if (!tpmbuf_is_error(t->frame))
		return -EBADMSG;
	return tpmbuf_errno(call->cc, rc);
}

int iot_tpm_exec(struct iot_tpm *t, struct tpmbuf_call *call)
{
	return iot_tpm_exec_in(t, call, NULL, 0);
}

int iot_tpm_exec_password(struct iot_tpm *t, struct tpmbuf_call *call)
{
	call->authorized = true;
	call->auth = (struct tpmbuf_auth){ .handle = TPMBUF_RS_PW };
	return iot_tpm_exec_in(t, call, NULL, 0);
}

void iot_tpm_flush(struct iot_tpm *t, u32 handle)
{
	struct tpmbuf_call call = { .cc = TPMBUF_CC_FLUSH_CONTEXT };

	if (!handle)
		return;
	/* the handle is a parameter here, by the specification */
	iot_tpm_begin(t);
	tpmbuf_put_u32(&t->in, handle);
	iot_tpm_exec(t, &call);
}
