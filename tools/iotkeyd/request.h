/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the agent's processes say to each other: one packet for a request, one for its answer,
 * on a socketpair of type SOCK_SEQPACKET (Documentation/fleet.rst, "Inside the agent").
 *
 *	type u8 | count u8 | 0 u16 | count times: length u32 | bytes		(big-endian)
 *
 * Each side takes the other for hostile: what was received is whole and within its bounds, or an
 * error.  What is too large for a packet goes beside it, as a file in memory that can no longer
 * be changed.  Functions return 0 or -errno.
 */
#ifndef _IOTKEYD_REQUEST_H
#define _IOTKEYD_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX	   (96 * 1024) /* bytes of a packet */
#define REQUEST_FIELDS_MAX 24
#define REQUEST_FILES_MAX  2
#define REQUEST_FILE_MAX   (16u << 20)

/* From the net process to the keeper; from HELLO to CERTIFY also to its worker */
enum request_type {
	REQUEST_HELLO = 1,
	REQUEST_TRUST,
	REQUEST_IDENTITY,
	REQUEST_ACTIVATE,
	REQUEST_DEVICE,
	REQUEST_KEY,
	REQUEST_CERTIFICATE,
	REQUEST_PROMOTE,
	REQUEST_EVIDENCE,
	REQUEST_PARENT,
	REQUEST_ROOT,
	REQUEST_STATEMENT,
	REQUEST_REPORT,

	REQUEST_ANSWER = 0x80, /* with the request's type */
	REQUEST_ERROR = 0xff,  /* errno u32, text */
};

/* About 96 KiB: static, or from calloc(3).  request_wipe() zeroises what it holds. */
struct request {
	size_t len;
	bool overflow;
	unsigned int count;
	size_t at[REQUEST_FIELDS_MAX]; /* where the bytes of each field begin */
	uint8_t data[REQUEST_MAX];
};

/*
 * Writing.  What does not fit is told by request_send().
 */
void request_begin(struct request *m, uint8_t type);
void request_add(struct request *m, const void *data, size_t len);
void request_add_text(struct request *m,
		      const char *text); /* without its end; NULL: empty */
void request_add_u64(struct request *m, uint64_t value);

/* request_error(): @err is an errno, or -errno; @text is a sentence for people, or NULL */
void request_error(struct request *m, int err, const char *text);

/*
 * request_send(): with @nfds descriptors (at most REQUEST_FILES_MAX), which stay open here.
 * Errors: -EMSGSIZE, it is longer than REQUEST_MAX, or has too many fields; -EPIPE, nobody is
 * at the other end (there is no SIGPIPE); -EAGAIN, on a socket that does not block.
 */
int request_send(int fd, const struct request *m, const int *fds, unsigned int nfds);

/*
 * Reading
 */

/*
 * request_receive(): the next packet, and the descriptors with it: fds[0] to fds[maxfds - 1],
 * -1 where there is none.
 * Errors: -EPIPE, the other side has closed; -EBADMSG, it is none, or came with more
 * descriptors (all are closed); -EAGAIN, on a socket that does not block.
 */
int request_receive(int fd, struct request *m, int *fds, unsigned int maxfds);

/* request_parse(): the @len bytes in m->data.  -EBADMSG: they are no packet. */
int request_parse(struct request *m, size_t len);

uint8_t request_type(const struct request *m);

/* Field @i, counted from 0.  -EBADMSG: there is none, or it is no such thing. */
int request_field(const struct request *m, unsigned int i, const uint8_t **data,
		  size_t *len);
int request_u64(const struct request *m, unsigned int i, uint64_t *value);

/* request_text(): as a string in @size bytes; a byte of zero in it is refused */
int request_text(const struct request *m, unsigned int i, char *text, size_t size);

/*
 * request_answered(): whether @m answers a request of @type: 0; -errno, what it says is wrong;
 * -EBADMSG, it is another one's answer.
 */
int request_answered(const struct request *m, uint8_t type);

/* request_call(): send @m, and receive the answer into it.  Errors: all of the above. */
int request_call(int fd, struct request *m, const int *give, unsigned int ngive,
		 int *take, unsigned int maxtake);

void request_wipe(struct request *m);

/*
 * Files in memory
 */

/* request_file(): a sealed file of these bytes; returns its descriptor, or -errno */
int request_file(const void *data, size_t len);

/*
 * request_read_file(): all of it, to be freed with free(3); never blocks.
 * Errors: -EBADMSG, it is none that request_file() made; -EFBIG, it is longer than @max.
 */
int request_read_file(int fd, size_t max, uint8_t **data, size_t *len);

#endif /* _IOTKEYD_REQUEST_H */
