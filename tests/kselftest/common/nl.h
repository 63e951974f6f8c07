/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic netlink family as it is on the wire.  Every message that comes in is
 * checked: against the table that repeats Documentation/netlink/iotkey.yaml, and for
 * bytes of known secrets.
 */
#ifndef IOT_NL_H
#define IOT_NL_H

#include <linux/iotkey.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include "iot.h"

#define NL_MESSAGE_MAX 8192

extern int nl_family, nl_group;

/* What messages have been found to be, since the start. */
struct nl_tally {
	unsigned int messages;
	unsigned int malformed; /* not as the description says */
	unsigned int secrets;	/* that held known bytes */
	char first[128];	/* the first thing that was wrong */
};

extern struct nl_tally nl_tally;

/* One message, kept. */
struct nl_notice {
	union {
		struct nlmsghdr header;
		uint8_t bytes[NL_MESSAGE_MAX];
	};
	struct nlattr *at[IOTKEY_A_KEY_MAX + 1];
};

/* A connected socket; NULL without the family. Sets nl_family and nl_group. */
struct nl_sock *nl_open(void);

/* Bytes that no message may hold, nor either half of them. */
void nl_forbid(const uint8_t secret[32]);

/*
 * Sends a request and reads to the end of the answer: 0, or the errno it ends with.
 * @each gets every message of the family.
 */
typedef void nl_each(const struct nlmsghdr *message, void *arg);
int nl_ask(struct nl_sock *sock, struct nl_msg *request, nl_each *each, void *arg);

/* A request with nothing in it yet. */
struct nl_msg *nl_request(uint8_t command, int flags);

/* key-get of one serial: 0 or the errno. */
int nl_get(struct nl_sock *sock, int32_t serial, struct nl_notice *notice);

/* The counter @which (IOTKEY_A_STATS_*); all of them in one answer. */
struct nl_stats {
	uint64_t value[IOTKEY_A_STATS_MAX + 1];
	unsigned int present; /* one bit each */
};

int nl_stats(struct nl_sock *sock, struct nl_stats *stats);

/* Keeps a message, checked. */
bool nl_keep(struct nl_notice *notice, const struct nlmsghdr *message);

/* Values; 0 when the attribute is missing. */
uint32_t nl_u32(const struct nl_notice *notice, int attribute);
uint64_t nl_u64(const struct nl_notice *notice, int attribute);
const char *nl_text(const struct nl_notice *notice, int attribute);

/* The next message on a subscribed socket within @ms milliseconds. */
bool nl_next(struct nl_sock *sock, struct nl_notice *notice, int ms);

/* One line that sums up nl_tally. */
void nl_verdict(void);

/* Runs @what in a child as uid 1000, with a session keyring of its own. */
int as_user(int (*what)(void *arg), void *arg);

/* The 32 bytes of a soft root's secret, from its blob. */
bool soft_secret(key_serial_t root, uint8_t secret[32]);

#endif
