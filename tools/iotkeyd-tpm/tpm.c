// SPDX-License-Identifier: GPL-2.0-or-later
#include "tpm.h"

#include "../common/say.h"

#include <errno.h>
#include <stdlib.h>
#include <tss2/tss2_tcti_device.h>

#define DEVICE "/dev/tpmrm0"

#define LAYER(rc) ((rc)&TSS2_RC_LAYER_MASK)

ESYS_CONTEXT *tpm;
static TSS2_TCTI_CONTEXT *tcti;

int tpm_open(void)
{
	size_t size = 0;
	TSS2_RC rc;

	rc = Tss2_Tcti_Device_Init(NULL, &size, DEVICE);
	if (rc)
		return tpm_error(rc, "the way to the TPM");
	tcti = calloc(1, size);
	if (!tcti)
		return -ENOMEM;
	rc = Tss2_Tcti_Device_Init(tcti, &size, DEVICE);
	if (!rc)
		rc = Esys_Initialize(&tpm, tcti, NULL);
	return tpm_error(rc, DEVICE);
}

void tpm_close(void)
{
	Esys_Finalize(&tpm);
	if (tcti)
		Tss2_Tcti_Finalize(tcti);
	free(tcti);
	tcti = NULL;
}

/* What the TPM itself answered (Part 2, 6.6.3), without the number of what it is about */
static int answer_error(TSS2_RC rc)
{
	if (rc & TPM2_RC_FMT1) {
		switch (rc & (TPM2_RC_FMT1 | 0x3f)) {
		case TPM2_RC_HANDLE:
			return -ENOENT;
		case TPM2_RC_AUTH_FAIL:
		case TPM2_RC_BAD_AUTH:
		case TPM2_RC_POLICY_FAIL:
			return -EACCES;
		case TPM2_RC_INTEGRITY:
		case TPM2_RC_VALUE:
		case TPM2_RC_SIZE:
		case TPM2_RC_ECC_POINT:
		case TPM2_RC_INSUFFICIENT:
			return -EBADMSG;
		}
		return -EIO;
	}
	switch (rc) {
	case TPM2_RC_LOCKOUT:
	case TPM2_RC_RETRY:
	case TPM2_RC_YIELDED:
	case TPM2_RC_TESTING:
	case TPM2_RC_NV_RATE:
	case TPM2_RC_NV_UNAVAILABLE:
	case TPM2_RC_OBJECT_MEMORY:
	case TPM2_RC_OBJECT_HANDLES:
	case TPM2_RC_SESSION_MEMORY:
	case TPM2_RC_SESSION_HANDLES:
	case TPM2_RC_CONTEXT_GAP:
	case TPM2_RC_MEMORY:
	case TPM2_RC_CANCELED:
		return -EAGAIN;
	case TPM2_RC_AUTH_UNAVAILABLE:
		return -EACCES;
	}
	return -EIO;
}

int tpm_error(TSS2_RC rc, const char *what)
{
	int err;

	if (!rc)
		return 0;
	if (LAYER(rc) == TSS2_TPM_RC_LAYER || LAYER(rc) == TSS2_RESMGR_TPM_RC_LAYER)
		err = answer_error(rc & ~TSS2_RC_LAYER_MASK);
	else if ((rc & ~TSS2_RC_LAYER_MASK) == TSS2_BASE_RC_MEMORY)
		err = -ENOMEM;
	else if (LAYER(rc) == TSS2_MU_RC_LAYER)
		err = -EBADMSG;
	else if (LAYER(rc) == TSS2_TCTI_RC_LAYER)
		err = -EAGAIN; /* not there yet, or another has it */
	else
		err = -EIO;
	if (err != -ENOENT)
		say("%s: TPM error 0x%x", what, rc);
	return err;
}

void tpm_flush(ESYS_TR *object)
{
	if (*object != ESYS_TR_NONE)
		Esys_FlushContext(tpm, *object);
	*object = ESYS_TR_NONE;
}

unsigned int tpm_handles(TPM2_HANDLE first, TPM2_HANDLE last, TPM2_HANDLE *handles,
			 unsigned int max)
{
	TPMS_CAPABILITY_DATA *data = NULL;
	unsigned int i, n = 0;
	TPMI_YES_NO more;
	TPML_HANDLE *list;

	if (Esys_GetCapability(tpm, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
			       TPM2_CAP_HANDLES, first, TPM2_MAX_CAP_HANDLES, &more,
			       &data))
		return 0;
	list = &data->data.handles;
	for (i = 0; i < list->count && n < max && list->handle[i] <= last; i++)
		handles[n++] = list->handle[i];
	Esys_Free(data);
	return n;
}

int tpm_persistent(TPM2_HANDLE handle, ESYS_TR *object, TPM2B_PUBLIC *area)
{
	TPM2B_PUBLIC *found;
	TSS2_RC rc;

	rc = Esys_TR_FromTPMPublic(tpm, handle, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
				   object);
	if (!rc)
		rc = Esys_ReadPublic(tpm, *object, ESYS_TR_NONE, ESYS_TR_NONE,
				     ESYS_TR_NONE, &found, NULL, NULL);
	if (rc)
		return tpm_error(rc, "a persistent object");
	*area = *found;
	Esys_Free(found);
	return 0;
}
