// SPDX-License-Identifier: GPL-2.0-or-later
// sources: tools/iotkey-registrar/master.c
// pkg: p11-kit-1 libcrypto
/*
 * The fleet's master secret; driven by master.sh.
 *
 *	test_master import MODULE LABEL   the secret of stdin becomes a key of the first token
 *	                                  that is called LABEL; its PIN is 1234
 *	test_master derive URI LABEL CONTEXTHEX
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/p11-kit.h>
#include <p11-kit/pkcs11.h>

#include "../../tools/iotkey-registrar/master.h"

static int import(const char *path, char *label)
{
	CK_OBJECT_CLASS class = CKO_SECRET_KEY;
	CK_KEY_TYPE type = CKK_GENERIC_SECRET;
	CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
	CK_BYTE secret[MASTER_SIZE];
	CK_ATTRIBUTE key[] = {
		{ CKA_CLASS, &class, sizeof(class) },
		{ CKA_KEY_TYPE, &type, sizeof(type) },
		{ CKA_TOKEN, &yes, sizeof(yes) },
		{ CKA_PRIVATE, &yes, sizeof(yes) },
		{ CKA_SENSITIVE, &yes, sizeof(yes) },
		{ CKA_EXTRACTABLE, &no, sizeof(no) },
		{ CKA_SIGN, &yes, sizeof(yes) },
		{ CKA_LABEL, label, strlen(label) },
		{ CKA_VALUE, secret, sizeof(secret) },
	};
	CK_FUNCTION_LIST *module = p11_kit_module_load(path, 0);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE object;
	CK_ULONG count = 8;
	CK_SLOT_ID slots[8];
	CK_RV rv;

	if (read(0, secret, sizeof(secret)) != sizeof(secret) || !module ||
	    p11_kit_module_initialize(module))
		return 1;
	rv = module->C_GetSlotList(CK_TRUE, slots, &count);
	if (rv == CKR_OK)
		rv = module->C_OpenSession(slots[0], CKF_SERIAL_SESSION | CKF_RW_SESSION,
					   NULL, NULL, &session);
	if (rv == CKR_OK)
		rv = module->C_Login(session, CKU_USER, (CK_BYTE *)"1234", 4);
	if (rv == CKR_OK)
		rv = module->C_CreateObject(session, key, sizeof(key) / sizeof(key[0]),
					    &object);
	if (rv != CKR_OK)
		fprintf(stderr, "import: %s\n", p11_kit_strerror(rv));
	p11_kit_module_finalize(module);
	p11_kit_module_release(module);
	return rv != CKR_OK;
}

static int derive(const char *uri, const char *label, const char *hex)
{
	uint8_t context[MASTER_CONTEXT_MAX + 1], out[MASTER_SIZE];
	char message[MASTER_MESSAGE];
	struct master *master;
	size_t len = 0;
	int err, i;

	while (len < sizeof(context) &&
	       sscanf(hex + 2 * len, "%2hhx", &context[len]) == 1)
		len++;
	err = master_open(uri, &master, message);
	if (err) {
		printf("%s (%s)\n", message, strerror(-err));
		return 1;
	}
	err = master_derive(master, label, context, len, out);
	if (!err) /* a second time, in the same session */
		err = master_derive(master, label, context, len, out);
	master_close(master);
	if (err) {
		printf("%s\n", strerror(-err));
		return 1;
	}
	for (i = 0; i < MASTER_SIZE; i++)
		printf("%02x", out[i]);
	puts("");
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "import"))
		return import(argv[2], argv[3]);
	if (argc == 5 && !strcmp(argv[1], "derive"))
		return derive(argv[2], argv[3], argv[4]);
	return 2;
}
