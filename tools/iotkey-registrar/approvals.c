// SPDX-License-Identifier: GPL-2.0-or-later
#include "approvals.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"

#define FILE_BYTES (1u << 20)
#define LINE_BYTES 512

static char *next_word(char **p)
{
	char *word = *p + strspn(*p, " \t");

	*p = word + strcspn(word, " \t");
	if (**p)
		*(*p)++ = '\0';
	return word;
}

static bool parse(char *line, struct iotkey_approval *approval)
{
	const char *selection = next_word(&line), *digest = next_word(&line),
		   *signature = next_word(&line);

	return !iotkey_pcr_selection_parse(selection, &approval->selection) &&
	       hex_read(digest, strlen(digest), approval->pcr_digest,
			IOTKEY_POLICY_SIZE) &&
	       hex_read(signature, strlen(signature), approval->signature,
			IOTKEY_APPROVAL_SIZE);
}

static int add(struct approvals *approvals, const struct iotkey_approval *approval)
{
	struct iotkey_approval *more = reallocarray(approvals->one, approvals->count + 1,
						    sizeof(*approvals->one));

	if (!more)
		return -ENOMEM;
	approvals->one = more;
	memmove(more + 1, more, approvals->count++ * sizeof(*more));
	more[0] = *approval;
	return 0;
}

int approvals_read(const char *path, struct approvals *approvals)
{
	struct iotkey_approval approval;
	char *text, *line, *rest;
	unsigned int number = 0;
	size_t len;
	int err;

	*approvals = (struct approvals){ 0 };
	err = read_file(path, FILE_BYTES, &text, &len);
	if (err == -ENOENT)
		return 0;
	if (err) {
		say_file_error(err, "cannot read %s", path);
		return err;
	}
	for (rest = text; !err && (line = strsep(&rest, "\n"));) {
		number++;
		line += strspn(line, " \t\r");
		if (!*line || *line == '#')
			continue;
		err = parse(line, &approval) ? add(approvals, &approval) : -EINVAL;
		if (err == -EINVAL)
			say("%s:%u: not SELECTION DIGEST SIGNATURE, as approve writes it",
			    path, number);
	}
	free(text);
	return err;
}

void approvals_free(struct approvals *approvals)
{
	free(approvals->one);
	*approvals = (struct approvals){ 0 };
}

static bool same_selection(const struct iotkey_pcr_selection *a,
			   const struct iotkey_pcr_selection *b)
{
	uint8_t one[IOTKEY_PCR_SELECTION_MAX], two[IOTKEY_PCR_SELECTION_MAX];
	size_t len = iotkey_pcr_selection_marshal(a, one);

	return iotkey_pcr_selection_marshal(b, two) == len && !memcmp(one, two, len);
}

const struct iotkey_approval *approvals_find(const struct approvals *approvals,
					     const struct iotkey_pcr_selection *selection,
					     const uint8_t pcr_digest[IOTKEY_POLICY_SIZE])
{
	size_t i;

	for (i = 0; i < approvals->count; i++)
		if (same_selection(&approvals->one[i].selection, selection) &&
		    !memcmp(approvals->one[i].pcr_digest, pcr_digest, IOTKEY_POLICY_SIZE))
			return &approvals->one[i];
	return NULL;
}

/* One write(), so that who reads it meanwhile sees a whole line or none */
int approvals_add(const char *path, const char *selection,
		  const struct iotkey_approval *approval, const char *name)
{
	char digest[2 * IOTKEY_POLICY_SIZE + 1], signature[2 * IOTKEY_APPROVAL_SIZE + 1];
	char line[LINE_BYTES];
	int fd, len, err = 0;

	len = snprintf(line, sizeof(line), "%s %s %s %.100s\n", selection,
		       hex_write(digest, approval->pcr_digest, IOTKEY_POLICY_SIZE),
		       hex_write(signature, approval->signature, IOTKEY_APPROVAL_SIZE),
		       name);
	if (len >= (int)sizeof(line))
		return -E2BIG;
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)len) != len || fsync(fd))
		err = errno ? -errno : -EIO;
	if (close(fd) && !err)
		err = -errno;
	return err;
}
