// SPDX-License-Identifier: GPL-2.0-or-later
#include "identity.h"

#include "../common/file.h"
#include "../common/hex.h"
#include "../common/say.h"
#include "files.h"
#include "keep.h"
#include "trust.h"

#include <errno.h>
#include <iotkey.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEVICE_FILE   "device"
#define IDENTITY_FILE "identity"
#define SMALL	      256

static char device[IDENTITY_DEVICE + 1];
static char current;	 /* 'a' or 'b'; 0: nothing is yet */
static char first = 'a'; /* where the next one comes to be when nothing is current */
static bool unclean;	 /* the other place holds what was current before */

static char place_of(enum identity_place place)
{
	if (place == IDENTITY_CURRENT)
		return current;
	if (!current)
		return first;
	return current == 'a' ? 'b' : 'a';
}

static const char *key_of(char place)
{
	return !place ? NULL : place == 'a' ? KEEP_OWN "a" : KEEP_OWN "b";
}

static const char *file_of(char place)
{
	return place == 'a' ? "certificate-a.pem" : "certificate-b.pem";
}

const char *identity_key_name(enum identity_place place)
{
	return key_of(place_of(place));
}

/* A short text; "" when there is no such file */
static int read_line(const char *name, char *line, size_t size)
{
	char *text;
	size_t len;
	int err;

	line[0] = '\0';
	err = files_read(name, SMALL, &text, &len);
	if (err == -ENOENT)
		return 0;
	if (err)
		return err;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) >= size)
		err = -EBADMSG;
	else
		strcpy(line, text);
	free_secret(text, len);
	return err;
}

static int write_identity(char place, bool to_clear)
{
	char line[8];

	snprintf(line, sizeof(line), "%c%s\n", place, to_clear ? "-" : "");
	return files_write(IDENTITY_FILE, line, strlen(line));
}

/* The key first: without it the certificate is none */
static int clear_place(char place)
{
	int err;

	err = keep_revoke(key_of(place));
	if (!err)
		err = keep_forget(key_of(place));
	if (!err)
		err = files_remove(file_of(place));
	return err;
}

static int clear_other(void)
{
	int err;

	if (!unclean)
		return 0;
	err = clear_place(place_of(IDENTITY_NEXT));
	if (!err)
		err = write_identity(current, false);
	if (!err)
		unclean = false;
	return err;
}

static bool is_id(const char *text)
{
	uint8_t id[IDENTITY_DEVICE / 2];

	return strlen(text) == IDENTITY_DEVICE &&
	       strspn(text, "0123456789abcdef") == IDENTITY_DEVICE &&
	       hex_read(text, IDENTITY_DEVICE, id, sizeof(id));
}

int identity_open(void)
{
	char line[IDENTITY_DEVICE + 2];
	int err;

	err = read_line(DEVICE_FILE, line, sizeof(line));
	if (!err && line[0] && !is_id(line))
		err = -EBADMSG;
	if (err)
		return say_file_error(err, "cannot read the device's id");
	strcpy(device, line);
	err = read_line(IDENTITY_FILE, line, sizeof(line));
	if (!err && line[0] &&
	    ((line[0] != 'a' && line[0] != 'b') || (line[1] && strcmp(line + 1, "-"))))
		err = -EBADMSG;
	if (err)
		return say_file_error(err, "cannot read which identity is current");
	current = line[0];
	first = keep_is_lost(key_of('b')) ? 'a' : 'b';
	unclean = line[0] && line[1] == '-';
	return EXIT_OK;
}

static void check_place(enum identity_place place)
{
	const char *name = identity_key_name(place);

	if (!name || !keep_is_lost(name))
		return;
	if (place == IDENTITY_NEXT) {
		files_remove(file_of(place_of(place)));
		return;
	}
	say("the key '%s' is gone, so this device is no fleet's any more", name);
	if (!files_remove(IDENTITY_FILE) && !files_remove(file_of(current))) {
		first = place_of(IDENTITY_NEXT);
		current = 0;
	}
}

void identity_begin(void)
{
	clear_other();
	check_place(IDENTITY_CURRENT);
	check_place(IDENTITY_NEXT);
}

const char *identity_device(void)
{
	return device;
}

int identity_set_device(const char *id)
{
	char line[IDENTITY_DEVICE + 2];
	int err;

	if (!is_id(id))
		return -EBADMSG;
	if (device[0])
		return strcmp(device, id) ? -EEXIST : 0;
	snprintf(line, sizeof(line), "%s\n", id);
	err = files_write(DEVICE_FILE, line, strlen(line));
	if (!err)
		strcpy(device, id);
	return err;
}

char *identity_certificate(enum identity_place place)
{
	char *text;
	size_t len;

	/* what was current before is not what comes next */
	if (!place_of(place) || (place == IDENTITY_NEXT && unclean) ||
	    files_read(file_of(place_of(place)), TRUST_CERTIFICATE_MAX, &text, &len))
		return NULL;
	return text;
}

int32_t identity_key(enum identity_place place)
{
	const char *name = identity_key_name(place);
	int32_t key;

	if (!name || (place == IDENTITY_NEXT && unclean) || keep_find(name, &key))
		return 0;
	return key;
}

/* Is the certificate of that place for its key, of this device, and by the CA? */
static int check_certificate(const char *pem, size_t len)
{
	uint8_t spki[IOTKEY_PUBLIC_SIZE];
	int32_t key = identity_key(IDENTITY_NEXT);
	ssize_t n;

	if (!device[0] || !trust_ca() || !key)
		return -ENOENT;
	n = iotkey_public(key, spki, sizeof(spki));
	return n < 0 ? (int)n : trust_certificate(pem, len, spki, (size_t)n, device);
}

int identity_set_certificate(const char *pem, size_t len)
{
	int err;

	if (len > TRUST_CERTIFICATE_MAX)
		return -EBADMSG;
	err = check_certificate(pem, len);
	/* the key is on the disk before its certificate */
	if (!err)
		err = keep_save(identity_key_name(IDENTITY_NEXT));
	return err ? err : files_write(file_of(place_of(IDENTITY_NEXT)), pem, len);
}

int identity_promote(void)
{
	char *pem = identity_certificate(IDENTITY_NEXT);
	char next = place_of(IDENTITY_NEXT);
	bool had = current;
	int err;

	if (!pem)
		return -ENOENT;
	err = check_certificate(pem, strlen(pem));
	free(pem);
	if (!err)
		err = write_identity(next, had);
	if (err)
		return err;
	current = next;
	unclean = had;
	/* what does not come off now does later */
	clear_other();
	return 0;
}

int identity_prepare(void)
{
	return clear_other();
}

void identity_drop(void)
{
	files_remove(IDENTITY_FILE);
	files_remove(file_of('a'));
	files_remove(file_of('b'));
	current = 0;
	unclean = false;
}
