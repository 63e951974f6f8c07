// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iotkeyd-tpm: does one thing that takes the TPM or long, for the keeper, and ends.  The
 * request comes on descriptor 0, a socketpair; so goes the answer (request.h, answer.h).
 */
#include "answer.h"
#include "sandbox.h"
#include "tpm.h"

#include "../common/say.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static const struct {
	uint8_t type;
	bool needs_tpm; /* besides what the kernel does with it */
	int (*answer)(struct job *job);
} verbs[] = {
	{ REQUEST_IDENTITY, true, answer_identity },
	{ REQUEST_ACTIVATE, true, answer_activate },
	{ REQUEST_KEY, true, answer_key },
	{ REQUEST_EVIDENCE, true, answer_evidence },
	{ REQUEST_PARENT, true, answer_parent },
	{ REQUEST_ROOT, false, answer_root },
};

int job_bytes(const struct job *job, unsigned int i, const uint8_t **data, size_t *len)
{
	return request_field(job->request, JOB_FIELDS + i, data, len);
}

static int read_job(struct job *job)
{
	uint64_t parent, ring;

	if (request_u64(job->request, 0, &parent) ||
	    request_u64(job->request, 1, &ring) || parent > UINT32_MAX ||
	    ring > INT32_MAX)
		return -EBADMSG;
	job->parent = (uint32_t)parent;
	job->ring = (int32_t)ring;
	return 0;
}

static int run(struct job *job)
{
	uint8_t type = request_type(job->request);
	size_t i;
	int err;

	err = read_job(job);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (verbs[i].type == type)
			break;
	if (i == sizeof(verbs) / sizeof(verbs[0]))
		err = -EPROTO;
	if (err)
		return err;
	request_begin(job->answer, type | REQUEST_ANSWER);
	if (verbs[i].needs_tpm)
		err = tpm_open();
	return err ? err : verbs[i].answer(job);
}

int main(void)
{
	static struct request request, answer;
	struct job job = { .request = &request, .answer = &answer, .files = { -1, -1 } };
	int err;

	/* what is wrong is said here */
	setenv("TSS2_LOG", "all+none", 1);
	if (sandbox_worker())
		return EXIT_FAILED;
	if (request_receive(STDIN_FILENO, &request, NULL, 0)) {
		say("iotkeyd starts this program");
		return EXIT_USAGE;
	}
	err = run(&job);
	tpm_close();
	request_wipe(&request);
	if (err)
		request_error(&answer, err, NULL);
	err = request_send(STDIN_FILENO, &answer, job.files,
			   job.files[0] >= 0 && job.files[1] >= 0 ? 2 : 0);
	request_wipe(&answer);
	return err ? EXIT_FAILED : EXIT_OK;
}
