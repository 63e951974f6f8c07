// SPDX-License-Identifier: GPL-2.0-or-later
#include "master.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>
#include <p11-kit/uri.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIN_MAX	  256
#define SLOTS_MAX 64
#define LABEL_MAX 64
#define INPUT_MAX (4 + LABEL_MAX + 1 + MASTER_CONTEXT_MAX + 4)

struct master {
	/* a file */
	uint8_t secret[MASTER_SIZE];

	/* a token; NULL: a file */
	P11KitUri *uri;
	CK_FUNCTION_LIST **modules; /* as p11-kit is configured, or… */
	CK_FUNCTION_LIST *own;	    /* …the one of module-path */
	CK_FUNCTION_LIST *module;
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE key;
};

static int fail(char *message, int err, const char *what, const char *why)
{
	snprintf(message, MASTER_MESSAGE, "the master: %s%s%s", what, why ? ": " : "",
		 why ? why : "");
	return err;
}

/* ---- a file ---- */

static int read_secret(int fd, uint8_t *secret)
{
	uint8_t data[MASTER_SIZE + 1];
	size_t done = 0;
	ssize_t n;

	while (done < sizeof(data) &&
	       (n = read(fd, data + done, sizeof(data) - done)) > 0)
		done += (size_t)n;
	if (done == MASTER_SIZE)
		memcpy(secret, data, MASTER_SIZE);
	OPENSSL_cleanse(data, sizeof(data));
	return done == MASTER_SIZE ? 0 : -EINVAL;
}

static int open_file(struct master *master, const char *path, char *message)
{
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return fail(message, -errno, path, strerror(errno));
	if (fstat(fd, &st))
		err = fail(message, -errno, path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		err = fail(message, -EPERM, path,
			   "others than its owner may read it: chmod 600, and doubt it");
	else if (read_secret(fd, master->secret))
		err = fail(message, -EINVAL, path, "it is not 32 bytes long");
	close(fd);
	return err;
}

/* ---- a token ---- */

static int read_pin(const char *path, char pin[PIN_MAX], char *message)
{
	FILE *file = fopen(path, "re");

	if (!file)
		return fail(message, -errno, path, strerror(errno));
	setvbuf(file, NULL, _IONBF, 0); /* no copy of it in a buffer */
	if (!fgets(pin, PIN_MAX, file))
		pin[0] = '\0';
	pin[strcspn(pin, "\r\n")] = '\0';
	fclose(file);
	return 0;
}

static int get_pin(struct master *master, char pin[PIN_MAX], char *message)
{
	const char *value = p11_kit_uri_get_pin_value(master->uri);
	const char *source = p11_kit_uri_get_pin_source(master->uri);

	pin[0] = '\0';
	if (value) {
		snprintf(pin, PIN_MAX, "%s", value);
		return 0;
	}
	if (!source)
		return 0;
	if (!strncmp(source, "file:", 5))
		source += 5;
	if (!strncmp(source, "//", 2))
		source += 2;
	return read_pin(source, pin, message);
}

static int login(struct master *master, char *message)
{
	char pin[PIN_MAX];
	int err = get_pin(master, pin, message);
	CK_RV rv = CKR_OK;

	if (!err && pin[0])
		rv = master->module->C_Login(master->session, CKU_USER,
					     (CK_UTF8CHAR *)pin, strlen(pin));
	OPENSSL_cleanse(pin, sizeof(pin));
	if (!err && rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		err = fail(message, -EACCES, "cannot log in to the token",
			   p11_kit_strerror(rv));
	return err;
}

static int find_key(struct master *master, char *message)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_ATTRIBUTE match[16], *given;
	CK_OBJECT_HANDLE keys[2];
	CK_ULONG count = 0, i;
	CK_RV rv;

	given = p11_kit_uri_get_attributes(master->uri, &count);
	match[0] = (CK_ATTRIBUTE){ CKA_CLASS, &class, sizeof(class) };
	for (i = 0; i < count && i < 14; i++)
		match[i + 1] = given[i].type == CKA_CLASS ? match[0] : given[i];
	rv = master->module->C_FindObjectsInit(master->session, match, i + 1);
	count = 0;
	if (rv == CKR_OK)
		rv = master->module->C_FindObjects(master->session, keys, 2, &count);
	master->module->C_FindObjectsFinal(master->session);
	if (rv != CKR_OK)
		return fail(message, -EIO, "cannot search the token",
			    p11_kit_strerror(rv));
	if (!count)
		return fail(message, -ENOENT, "the token has no such secret key", NULL);
	if (count > 1)
		return fail(message, -EEXIST, "several keys of the token fit the URI",
			    NULL);
	master->key = keys[0];
	return 0;
}

static bool is_token(struct master *master, CK_FUNCTION_LIST *module, CK_SLOT_ID slot)
{
	CK_TOKEN_INFO token;
	CK_SLOT_INFO info;

	return module->C_GetTokenInfo(slot, &token) == CKR_OK &&
	       module->C_GetSlotInfo(slot, &info) == CKR_OK &&
	       p11_kit_uri_match_token_info(master->uri, &token) &&
	       p11_kit_uri_match_slot_info(master->uri, &info);
}

/* The session of the first slot with the token; 0 when this module has none */
static int open_session(struct master *master, CK_FUNCTION_LIST *module, char *message)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX, i;
	CK_RV rv;

	if (module->C_GetSlotList(CK_TRUE, slots, &count) != CKR_OK)
		return -ENOENT;
	for (i = 0; i < count && !is_token(master, module, slots[i]); i++)
		;
	if (i == count)
		return -ENOENT;
	rv = module->C_OpenSession(slots[i], CKF_SERIAL_SESSION, NULL, NULL,
				   &master->session);
	if (rv != CKR_OK)
		return fail(message, -EIO, "cannot open the token", p11_kit_strerror(rv));
	master->module = module;
	return 0;
}

static int find_token(struct master *master, char *message)
{
	int err = -ENOENT;
	size_t i;

	if (master->own)
		err = open_session(master, master->own, message);
	for (i = 0; err == -ENOENT && master->modules && master->modules[i]; i++)
		err = open_session(master, master->modules[i], message);
	if (err == -ENOENT)
		return fail(message, err, "there is no such token", NULL);
	if (!err)
		err = login(master, message);
	return err ? err : find_key(master, message);
}

static int load_modules(struct master *master, char *message)
{
	const char *path = p11_kit_uri_get_module_path(master->uri);

	if (!path) {
		master->modules = p11_kit_modules_load_and_initialize(0);
		return master->modules ? 0
				       : fail(message, -ENOENT, "p11-kit has no module",
					      p11_kit_message());
	}
	master->own = p11_kit_module_load(path, 0);
	if (!master->own)
		return fail(message, -ENOENT, path, p11_kit_message());
	if (p11_kit_module_initialize(master->own) == CKR_OK)
		return 0;
	p11_kit_module_release(master->own);
	master->own = NULL;
	return fail(message, -EIO, path, p11_kit_message());
}

static int open_token(struct master *master, const char *uri, char *message)
{
	int err;

	master->uri = p11_kit_uri_new();
	if (!master->uri)
		return -ENOMEM;
	if (p11_kit_uri_parse(uri, P11_KIT_URI_FOR_ANY, master->uri) != P11_KIT_URI_OK ||
	    p11_kit_uri_any_unrecognized(master->uri))
		return fail(message, -EINVAL, "it is no pkcs11: URI as RFC 7512 has them",
			    NULL);
	err = load_modules(master, message);
	return err ? err : find_token(master, message);
}

static void close_token(struct master *master)
{
	if (master->session)
		master->module->C_CloseSession(master->session);
	if (master->modules)
		p11_kit_modules_finalize_and_release(master->modules);
	if (master->own) {
		p11_kit_module_finalize(master->own);
		p11_kit_module_release(master->own);
	}
	p11_kit_uri_free(master->uri);
}

static CK_RV sign(struct master *master, uint8_t *input, size_t len, uint8_t *out)
{
	CK_MECHANISM hmac = { CKM_SHA256_HMAC, NULL, 0 };
	CK_ULONG size = MASTER_SIZE;
	CK_RV rv = master->module->C_SignInit(master->session, &hmac, master->key);

	if (rv == CKR_OK)
		rv = master->module->C_Sign(master->session, input, len, out, &size);
	return rv == CKR_OK && size != MASTER_SIZE ? CKR_GENERAL_ERROR : rv;
}

static int token_hmac(struct master *master, uint8_t *input, size_t len, uint8_t *out)
{
	char message[MASTER_MESSAGE];

	if (master->session && sign(master, input, len, out) == CKR_OK)
		return 0;
	/* a token that was reset, or in a network HSM that came back */
	if (master->session)
		master->module->C_CloseSession(master->session);
	master->session = 0;
	if (find_token(master, message))
		return -EIO;
	return sign(master, input, len, out) == CKR_OK ? 0 : -EIO;
}

/* ---- what the registrar calls ---- */

int master_open(const char *uri, struct master **out, char message[MASTER_MESSAGE])
{
	struct master *master = calloc(1, sizeof(*master));
	int err;

	message[0] = '\0';
	if (!master)
		return -ENOMEM;
	err = strncmp(uri, "pkcs11:", 7) ? open_file(master, uri, message)
					 : open_token(master, uri, message);
	if (err) {
		master_close(master);
		return err;
	}
	*out = master;
	return 0;
}

void master_close(struct master *master)
{
	if (!master)
		return;
	if (master->uri)
		close_token(master);
	OPENSSL_cleanse(master, sizeof(*master));
	free(master);
}

static uint8_t *put_number(uint8_t *at, uint32_t number)
{
	const uint8_t bytes[4] = { (uint8_t)(number >> 24), (uint8_t)(number >> 16),
				   (uint8_t)(number >> 8), (uint8_t)number };

	return (uint8_t *)memcpy(at, bytes, sizeof(bytes)) + sizeof(bytes);
}

int master_derive(struct master *master, const char *label, const void *context,
		  size_t len, uint8_t out[MASTER_SIZE])
{
	const size_t label_len = strlen(label) + 1; /* with the zero between */
	uint8_t input[INPUT_MAX], *at = input;
	unsigned int size = MASTER_SIZE;

	if (label_len < 2 || label_len > LABEL_MAX || len > MASTER_CONTEXT_MAX)
		return -EINVAL;
	at = put_number(at, 1);
	at = (uint8_t *)memcpy(at, label, label_len) + label_len;
	if (len)
		memcpy(at, context, len);
	at = put_number(at + len, 8 * MASTER_SIZE);
	if (master->uri)
		return token_hmac(master, input, (size_t)(at - input), out);
	return HMAC(EVP_sha256(), master->secret, MASTER_SIZE, input,
		    (size_t)(at - input), out, &size)
		       ? 0
		       : -EIO;
}
