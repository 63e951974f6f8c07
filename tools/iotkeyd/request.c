// SPDX-License-Identifier: GPL-2.0-or-later
#include "request.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define HEAD   4
#define LENGTH 4
#define SEALS  (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

static void put_u32(uint8_t *p, uint32_t v)
{
	int i;

	for (i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * (3 - i));
}

static uint32_t get_u32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/*
 * Writing
 */

void request_begin(struct request *m, uint8_t type)
{
	request_wipe(m);
	m->data[0] = type;
	m->len = HEAD;
}

void request_add(struct request *m, const void *data, size_t len)
{
	if (m->count == REQUEST_FIELDS_MAX || len > REQUEST_MAX ||
	    LENGTH + len > REQUEST_MAX - m->len) {
		m->overflow = true;
		return;
	}
	put_u32(m->data + m->len, (uint32_t)len);
	m->at[m->count++] = m->len + LENGTH;
	m->data[1] = (uint8_t)m->count;
	if (len)
		memcpy(m->data + m->len + LENGTH, data, len);
	m->len += LENGTH + len;
}

void request_add_text(struct request *m, const char *text)
{
	request_add(m, text, text ? strlen(text) : 0);
}

void request_add_u64(struct request *m, uint64_t value)
{
	uint8_t bytes[8];

	put_u32(bytes, (uint32_t)(value >> 32));
	put_u32(bytes + 4, (uint32_t)value);
	request_add(m, bytes, sizeof(bytes));
}

void request_error(struct request *m, int err, const char *text)
{
	uint8_t bytes[4];

	request_begin(m, REQUEST_ERROR);
	put_u32(bytes, (uint32_t)(err < 0 ? -err : err));
	request_add(m, bytes, sizeof(bytes));
	request_add_text(m, text);
}

/* What recvmsg(2) and sendmsg(2) take */
struct envelope {
	struct msghdr header;
	struct iovec part;
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(REQUEST_FILES_MAX * sizeof(int))];
	} control;
};

static void envelope_make(struct envelope *e, const void *data, size_t len)
{
	memset(e, 0, sizeof(*e));
	e->part = (struct iovec){ .iov_base = (void *)data, .iov_len = len };
	e->header.msg_iov = &e->part;
	e->header.msg_iovlen = 1;
	e->header.msg_control = e->control.bytes;
}

int request_send(int fd, const struct request *m, const int *fds, unsigned int nfds)
{
	struct envelope e;
	struct cmsghdr *c;
	ssize_t n;

	if (m->overflow || nfds > REQUEST_FILES_MAX)
		return -EMSGSIZE;
	envelope_make(&e, m->data, m->len);
	if (nfds) {
		e.header.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		c = CMSG_FIRSTHDR(&e.header);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, nfds * sizeof(int));
	}
	do {
		n = sendmsg(fd, &e.header, MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	return 0;
}

/*
 * Reading
 */

/* True: all that came is in @fds */
static bool take_files(struct envelope *e, int *fds, unsigned int maxfds)
{
	unsigned int n = 0, i, count;
	struct cmsghdr *c;
	bool good = !(e->header.msg_flags & MSG_CTRUNC);
	int fd;

	for (c = CMSG_FIRSTHDR(&e->header); c; c = CMSG_NXTHDR(&e->header, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (i = 0; i < count; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (n < maxfds) {
				fds[n++] = fd;
			} else {
				close(fd);
				good = false;
			}
		}
	}
	return good;
}

static void close_files(int *fds, unsigned int maxfds)
{
	unsigned int i;

	for (i = 0; i < maxfds; i++) {
		if (fds[i] >= 0)
			close(fds[i]);
		fds[i] = -1;
	}
}

int request_receive(int fd, struct request *m, int *fds, unsigned int maxfds)
{
	struct envelope e;
	unsigned int i;
	ssize_t n;
	int err;

	for (i = 0; i < maxfds; i++)
		fds[i] = -1;
	request_wipe(m);
	envelope_make(&e, m->data, sizeof(m->data));
	e.header.msg_controllen = sizeof(e.control.bytes);
	do {
		n = recvmsg(fd, &e.header, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? -EPIPE : -errno;
	m->len = (size_t)n;
	err = n ? 0 : -EPIPE;
	if (!take_files(&e, fds, maxfds) || e.header.msg_flags & MSG_TRUNC)
		err = -EBADMSG;
	if (!err)
		err = request_parse(m, (size_t)n);
	if (err)
		close_files(fds, maxfds);
	return err;
}

int request_parse(struct request *m, size_t len)
{
	size_t at = HEAD, field;
	unsigned int i;

	m->count = 0;
	m->overflow = false;
	m->len = len;
	if (len < HEAD || len > REQUEST_MAX || m->data[2] || m->data[3] ||
	    m->data[1] > REQUEST_FIELDS_MAX)
		return -EBADMSG;
	for (i = 0; i < m->data[1]; i++) {
		if (len - at < LENGTH)
			return -EBADMSG;
		field = get_u32(m->data + at);
		at += LENGTH;
		if (field > len - at)
			return -EBADMSG;
		m->at[i] = at;
		at += field;
	}
	if (at != len)
		return -EBADMSG;
	m->count = i;
	return 0;
}

uint8_t request_type(const struct request *m)
{
	return m->data[0];
}

int request_field(const struct request *m, unsigned int i, const uint8_t **data,
		  size_t *len)
{
	if (i >= m->count)
		return -EBADMSG;
	*data = m->data + m->at[i];
	*len = get_u32(*data - LENGTH);
	return 0;
}

int request_u64(const struct request *m, unsigned int i, uint64_t *value)
{
	const uint8_t *data;
	size_t len;

	if (request_field(m, i, &data, &len) || len != 8)
		return -EBADMSG;
	*value = (uint64_t)get_u32(data) << 32 | get_u32(data + 4);
	return 0;
}

int request_text(const struct request *m, unsigned int i, char *text, size_t size)
{
	const uint8_t *data;
	size_t len;

	if (request_field(m, i, &data, &len) || len >= size || memchr(data, 0, len))
		return -EBADMSG;
	memcpy(text, data, len);
	text[len] = '\0';
	return 0;
}

int request_answered(const struct request *m, uint8_t type)
{
	const uint8_t *data;
	size_t len;
	uint32_t err;

	if (request_type(m) == (type | REQUEST_ANSWER))
		return 0;
	if (request_type(m) != REQUEST_ERROR || request_field(m, 0, &data, &len) ||
	    len != 4)
		return -EBADMSG;
	err = get_u32(data);
	return err && err < 4096 ? -(int)err : -EBADMSG;
}

int request_call(int fd, struct request *m, const int *give, unsigned int ngive,
		 int *take, unsigned int maxtake)
{
	uint8_t type = request_type(m);
	int err;

	err = request_send(fd, m, give, ngive);
	if (!err)
		err = request_receive(fd, m, take, maxtake);
	if (err)
		return err;
	err = request_answered(m, type);
	if (err)
		close_files(take, maxtake);
	return err;
}

void request_wipe(struct request *m)
{
	explicit_bzero(m->data, m->len > sizeof(m->data) ? sizeof(m->data) : m->len);
	m->len = 0;
	m->count = 0;
	m->overflow = false;
}

/*
 * Files in memory
 */

int request_file(const void *data, size_t len)
{
	int err, fd = memfd_create("iotkeyd", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	const uint8_t *at = data;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while (len) {
		n = write(fd, at, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			goto fail;
		at += n;
		len -= (size_t)n;
	}
	if (!fcntl(fd, F_ADD_SEALS, SEALS))
		return fd;
fail:
	err = -errno;
	close(fd);
	return err;
}

int request_read_file(int fd, size_t max, uint8_t **data, size_t *len)
{
	int seals = fcntl(fd, F_GET_SEALS);
	struct stat st;
	size_t done = 0;
	uint8_t *buf;
	ssize_t n;

	/* it can neither change below us, nor make us wait */
	if (seals < 0 || (seals & SEALS) != SEALS || fstat(fd, &st) || st.st_size < 0)
		return -EBADMSG;
	if ((uintmax_t)st.st_size > max)
		return -EFBIG;
	buf = malloc((size_t)st.st_size + 1);
	if (!buf)
		return -ENOMEM;
	while (done < (size_t)st.st_size) {
		n = pread(fd, buf + done, (size_t)st.st_size - done, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			explicit_bzero(buf, done);
			free(buf);
			return n ? -errno : -EBADMSG;
		}
		done += (size_t)n;
	}
	*data = buf;
	*len = done;
	return 0;
}
