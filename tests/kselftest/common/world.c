// SPDX-License-Identifier: GPL-2.0-or-later
/* What an operation may change, as a text; see campaign.h. */
#include <errno.h>
#include <linux/iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "campaign.h"
#include "nl.h"
#include "tpm.h"

#define MODULE_REFS "/sys/module/iotkey/refcnt"

static struct nl_sock *looker;

void world_open(void)
{
	looker = nl_open();
	if (!looker)
		bail("netlink");
}

void world_close(void)
{
	nl_socket_free(looker);
	looker = NULL;
}

/* What is of the moment, or may change though nothing came of the operation. */
static bool passes_by(const struct operation *op, int type)
{
	return type == IOTKEY_A_KEY_ROTATES_IN || type == IOTKEY_A_KEY_EXPIRES_IN ||
	       (type == IOTKEY_A_KEY_OPS && op->counts);
}

struct printer {
	const struct operation *op;
	FILE *out;
};

static void print_key(const struct nlmsghdr *message, void *arg)
{
	const struct genlmsghdr *head = nlmsg_data(message);
	const struct printer *p = arg;
	struct nlattr *a;
	int rest, i;

	fprintf(p->out, "key");
	nla_for_each_attr(a, genlmsg_attrdata(head, 0), genlmsg_attrlen(head, 0), rest)
	{
		if (passes_by(p->op, a->nla_type))
			continue;
		fprintf(p->out, " %d:", a->nla_type);
		for (i = 0; i < nla_len(a); i++)
			fprintf(p->out, "%02x", ((uint8_t *)nla_data(a))[i]);
	}
	fprintf(p->out, "\n");
}

static void print_keyring(FILE *out)
{
	key_serial_t *keys;
	long n = keyctl_read_alloc(SESSION, (void **)&keys), i;

	if (n < 0)
		bail("the session keyring");
	fprintf(out, "session");
	for (i = 0; i < n / (long)sizeof(*keys); i++)
		fprintf(out, " %d", keys[i]);
	fprintf(out, "\n");
	free(keys);
}

/* root's keys, those that are instantiated, and both of its quotas */
static void print_quota(FILE *out)
{
	char line[256], quota[128] = "";
	FILE *f = fopen("/proc/key-users", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, " 0: %*s %127[^\n]", quota) == 1)
			break;
	if (f)
		fclose(f);
	fprintf(out, "quota %s\n", quota);
}

static void print_file(FILE *out, const char *path)
{
	char line[64] = "none\n";
	FILE *f = fopen(path, "r");

	if (f) {
		if (!fgets(line, sizeof(line), f))
			bail(path);
		fclose(f);
	}
	fprintf(out, "%s %s", path, line);
}

static void print_tpm(FILE *out, const char *what, uint32_t first)
{
	uint32_t handles[TPM_HANDLES_MAX];
	unsigned int n = tpm_handles(campaign_tpm, first, handles), i;

	fprintf(out, "%s", what);
	for (i = 0; i < n; i++)
		fprintf(out, " %08x", handles[i]);
	fprintf(out, "\n");
}

char *world(const struct operation *op)
{
	struct nl_stats stats;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	struct printer p = { op, out };

	if (nl_ask(looker, nl_request(IOTKEY_CMD_KEY_GET, NLM_F_DUMP), print_key, &p) ||
	    nl_stats(looker, &stats))
		bail("netlink");
	fprintf(out, "keys %lu roots %lu scheduled %lu\n",
		stats.value[IOTKEY_A_STATS_KEYS], stats.value[IOTKEY_A_STATS_ROOTS],
		stats.value[IOTKEY_A_STATS_SCHEDULED]);
	print_keyring(out);
	print_quota(out);
	print_file(out, MODULE_REFS);
	if (op->tpm) {
		print_tpm(out, "transient", TPM_TRANSIENT);
		print_tpm(out, "sessions", TPM_SESSIONS);
	}
	if (op->tpm && !op->mkparent)
		print_tpm(out, "persistent", TPM_PERSISTENT);
	fclose(out);
	return text;
}

static void complain_difference(const char *before, const char *now)
{
	const char *line = before;

	while (*line && !strncmp(line, now, strcspn(line, "\n") + 1)) {
		now += strcspn(line, "\n") + 1;
		line += strcspn(line, "\n") + 1;
	}
	complain("  was: %.*s", (int)strcspn(line, "\n"), line);
	complain("   is: %.*s", (int)strcspn(now, "\n"), now);
}

bool world_is(const struct operation *op, const char *before)
{
	time_t limit = time(NULL) + SETTLE_S;
	char *now = world(op);
	bool same;

	while (!(same = !strcmp(now, before)) && time(NULL) <= limit) {
		free(now);
		usleep(2000);
		now = world(op);
	}
	if (!same)
		complain_difference(before, now);
	free(now);
	return same;
}

/* What the world is when nothing goes on, with and without a look at the TPM. */
static char *empty[3];

static unsigned int which(const struct operation *op)
{
	return op->mkparent ? 2 : op->tpm;
}

bool world_is_empty(const struct operation *op)
{
	return world_is(op, empty[which(op)]);
}

void world_know_empty(void)
{
	static const struct operation none, tpm = { .tpm = true },
					    parent = { .tpm = true, .mkparent = true };
	time_t limit = time(NULL) + SETTLE_S;
	struct nl_stats stats;

	do {
		usleep(2000);
		if (nl_stats(looker, &stats) || time(NULL) > limit)
			bail("the keys do not go");
	} while (stats.value[IOTKEY_A_STATS_KEYS] ||
		 stats.value[IOTKEY_A_STATS_ROOTS] != 2); /* "soft", "soft2" */
	empty[0] = world(&none);
	if (campaign_tpm < 0)
		return;
	empty[1] = world(&tpm);
	empty[2] = world(&parent);
}

char *world_it(const struct operation *op)
{
	struct nl_notice notice;
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	int error = ENOKEY, type, i;

	if (op->it > 0)
		error = nl_get(looker, op->it, &notice);
	if (error)
		fprintf(out, "%s", errno_name(error));
	for (type = 1; !error && type <= IOTKEY_A_KEY_MAX; type++) {
		const struct nlattr *a = notice.at[type];

		if (passes_by(op, type))
			continue;
		switch (type) {
		case IOTKEY_A_KEY_SERIAL:
		case IOTKEY_A_KEY_ID:
		case IOTKEY_A_KEY_ROOT_ID:
		case IOTKEY_A_KEY_START:
			continue;
		}
		fprintf(out, " %d:", type);
		for (i = 0; a && i < nla_len(a); i++)
			fprintf(out, "%02x", ((uint8_t *)nla_data(a))[i]);
	}
	fclose(out);
	return text;
}
