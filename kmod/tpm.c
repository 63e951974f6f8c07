// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands to the kernel's TPM chip.  Frames are our own: tpm_buf_*() differs
 * between the supported kernels and is not exported by all.
 */
#include <linux/err.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
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

/* No room for one more object. */
#define RC_OBJECT_MEMORY	0x902
#define RC_MEMORY		0x904
#define RC_OBJECT_HANDLES	0x906

/* One conversation of ours at a time; outside the TPM core's locks. */
static DEFINE_MUTEX(conversation);

/* What stays in the TPM from one conversation to the next; during a conversation. */
static struct {
	struct tpm_chip *chip;	/* with a reference; NULL: nothing stays */
	u32 handle;
	u64 owner;
} kept;

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

static int start(struct iot_tpm *t)
{
	u8 *data;
	int ret;

	/* looked up at each use: it may come after us, and go */
	t->chip = tpm_default_chip();
	if (kept.chip && kept.chip != t->chip)
		iot_tpm_forget();
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
	if (ret == -ENODEV)
		iot_tpm_forget();
put_chip:
	put_device(&t->chip->dev);
	return ret;
}

/**
 * iot_tpm_start() - take the TPM
 * @t: filled in
 *
 * Those who wait for it wait here, in turn, so that they are one to other users
 * of the TPM, however many they are.
 *
 * Return: 0 (then iot_tpm_stop() is due), -ENODEV without a TPM 2.0, -EBUSY
 * while it is suspended, -ENOMEM, -EINTR.
 */
int iot_tpm_start(struct iot_tpm *t)
{
	int ret;

	if (mutex_lock_killable(&conversation))
		return -EINTR;
	ret = start(t);
	if (ret)
		mutex_unlock(&conversation);
	return ret;
}

/* Both buffers have held secrets. */
void iot_tpm_stop(struct iot_tpm *t)
{
	tpm_put_ops(t->chip);
	kfree_sensitive(t->in.data);
	put_device(&t->chip->dev);
	mutex_unlock(&conversation);
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
			 const struct tpmbuf_writer *in, struct iot_session *s,
			 u8 attributes)
{
	int len;

	if (s) {
		get_random_bytes(s->caller, sizeof(s->caller));
		iot_session_put(s, call, attributes);
	}
	len = tpmbuf_command(call, in, t->frame, TPMBUF_SIZE);
	if (len < 0 || !s)
		return len;
	return iot_session_protect(s, call, t->frame, len, in->len);
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

/* The TPM is full, and what we keep there, which this command does not use, can go. */
static bool make_room(struct iot_tpm *t, const struct tpmbuf_call *call,
		      ssize_t rc)
{
	if (rc != RC_OBJECT_MEMORY && rc != RC_MEMORY && rc != RC_OBJECT_HANDLES)
		return false;
	if (!kept.chip || (call->handles && call->handle[0] == kept.handle))
		return false;
	iot_tpm_evict(t);
	return true;
}

/*
 * The answer comes in the frame of the command, and a session's nonces are for one
 * try: a repetition frames anew.
 */
static int exec(struct iot_tpm *t, struct tpmbuf_call *call,
		const struct tpmbuf_writer *in, struct iot_session *s,
		u8 attributes)
{
	unsigned int wait = FIRST_WAIT_MS;
	ssize_t rc;
	int ret;

	for (;;) {
		ret = frame_command(t, call, in, s, attributes);
		if (ret < 0)
			return ret;
		rc = transmit(t, call->cc);
		if (make_room(t, call, rc))
			continue;
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

int iot_tpm_exec_in(struct iot_tpm *t, struct tpmbuf_call *call,
		    struct iot_session *s, u8 attributes)
{
	return exec(t, call, &t->in, s, attributes);
}

int iot_tpm_exec(struct iot_tpm *t, struct tpmbuf_call *call)
{
	return exec(t, call, &t->in, NULL, 0);
}

int iot_tpm_exec_password(struct iot_tpm *t, struct tpmbuf_call *call)
{
	call->authorized = true;
	call->auth = (struct tpmbuf_auth){ .handle = TPMBUF_RS_PW };
	return exec(t, call, &t->in, NULL, 0);
}

void iot_tpm_flush(struct iot_tpm *t, u32 handle)
{
	struct tpmbuf_call call = { .cc = TPMBUF_CC_FLUSH_CONTEXT };
	u8 be[4];
	struct tpmbuf_writer in = { .data = be, .size = sizeof(be) };

	if (!handle)
		return;
	/* the handle is a parameter here, by the specification */
	tpmbuf_put_u32(&in, handle);
	exec(t, &call, &in, NULL, 0);
}

/* The handle of what @owner has left there, or 0. */
u32 iot_tpm_kept(u64 owner)
{
	return kept.chip && kept.owner == owner ? kept.handle : 0;
}

/* May something of ours be there? For who is in no conversation. */
bool iot_tpm_keeps(void)
{
	return READ_ONCE(kept.chip);
}

/* @handle stays from here on, and nothing else. */
void iot_tpm_keep(struct iot_tpm *t, u32 handle, u64 owner)
{
	iot_tpm_evict(t);
	get_device(&t->chip->dev);
	WRITE_ONCE(kept.chip, t->chip);
	kept.handle = handle;
	kept.owner = owner;
}

/* What stays there goes. */
void iot_tpm_evict(struct iot_tpm *t)
{
	if (!kept.chip)
		return;
	iot_tpm_forget();
	iot_tpm_flush(t, kept.handle);
}

/* What was said to stay there is not there; or the module goes. */
void iot_tpm_forget(void)
{
	if (kept.chip)
		put_device(&kept.chip->dev);
	WRITE_ONCE(kept.chip, NULL);
}
