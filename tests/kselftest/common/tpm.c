// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tpm.h"

#define CC_EVICT_CONTROL  0x120
#define CC_FLUSH_CONTEXT  0x165
#define CC_GET_CAPABILITY 0x17a
#define CAP_HANDLES	  1
#define RH_OWNER	  0x40000001
#define NO_SESSIONS	  0x8001
#define SESSIONS	  0x8002

uint32_t tpm_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

void tpm_put_be32(uint8_t *p, uint32_t value)
{
	p[0] = value >> 24;
	p[1] = value >> 16;
	p[2] = value >> 8;
	p[3] = value;
}

/* The device has one answer at a time. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

size_t tpm_exchange(int fd, uint8_t frame[TPM_FRAME_MAX], size_t len)
{
	uint32_t cc = tpm_be32(frame + 6);
	ssize_t n;

	pthread_mutex_lock(&one_at_a_time);
	do
		n = write(fd, frame, len);
	while (n < 0 && (errno == EBUSY || errno == EINTR));
	if (n == (ssize_t)len)
		n = read(fd, frame, TPM_FRAME_MAX);
	pthread_mutex_unlock(&one_at_a_time);
	if (n < TPM_HEADER) {
		printf("Bail out! the TPM: %zd bytes of an answer to %#x: %s\n", n, cc,
		       n < 0 ? strerror(errno) : "too few");
		exit(1);
	}
	return n;
}

/* Words after the header; the response code. */
static uint32_t command(int fd, uint16_t tag, uint32_t cc, const uint32_t *words,
			size_t n, uint8_t frame[TPM_FRAME_MAX])
{
	size_t len = TPM_HEADER + 4 * n, i;

	frame[0] = tag >> 8;
	frame[1] = tag;
	tpm_put_be32(frame + 2, len);
	tpm_put_be32(frame + 6, cc);
	for (i = 0; i < n; i++)
		tpm_put_be32(frame + TPM_HEADER + 4 * i, words[i]);
	tpm_exchange(fd, frame, len);
	return tpm_be32(frame + 6);
}

unsigned int tpm_handles(int fd, uint32_t first, uint32_t handles[TPM_HANDLES_MAX])
{
	const uint32_t words[] = { CAP_HANDLES, first, TPM_HANDLES_MAX };
	uint8_t frame[TPM_FRAME_MAX];
	uint32_t rc, n, i;

	rc = command(fd, NO_SESSIONS, CC_GET_CAPABILITY, words, 3, frame);
	if (rc) {
		printf("Bail out! the TPM's handles: %#x\n", rc);
		exit(1);
	}
	n = tpm_be32(frame + TPM_HEADER + 5);
	for (i = 0; i < n && i < TPM_HANDLES_MAX; i++)
		handles[i] = tpm_be32(frame + TPM_HEADER + 9 + 4 * i);
	return i;
}

void tpm_flush(int fd, uint32_t handle)
{
	uint8_t frame[TPM_FRAME_MAX];

	command(fd, NO_SESSIONS, CC_FLUSH_CONTEXT, &handle, 1, frame);
}

void tpm_evict(int fd, uint32_t handle)
{
	/* owner, object; 9 bytes of authorization, the empty password's */
	static const uint8_t auth[] = { 0, 0, 0, 9, 0x40, 0, 0, 9, 0, 0, 0, 0, 0 };
	uint8_t frame[TPM_FRAME_MAX] = { SESSIONS >> 8, SESSIONS & 0xff };
	size_t len = TPM_HEADER + 8 + sizeof(auth) + 4;

	tpm_put_be32(frame + 2, len);
	tpm_put_be32(frame + 6, CC_EVICT_CONTROL);
	tpm_put_be32(frame + 10, RH_OWNER);
	tpm_put_be32(frame + 14, handle);
	memcpy(frame + 18, auth, sizeof(auth));
	tpm_put_be32(frame + 18 + sizeof(auth), handle);
	tpm_exchange(fd, frame, len);
	if (tpm_be32(frame + 6)) {
		printf("Bail out! evict %#x: %#x\n", handle, tpm_be32(frame + 6));
		exit(1);
	}
}
