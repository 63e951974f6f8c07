/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is kept with a device of the last attestation that passed, so that any registrar goes on
 * from there: how far the IMA log is known, and the PCRs that roots may be bound to.
 *
 *	entries be32 | for each bank: hash be16 | value of PCR 10
 *	and, unless roots are bound to nothing:
 *	0 be16 | length u8 | TPML_PCR_SELECTION | SHA-256 of the values
 */
#ifndef _REGISTRAR_PROGRESS_H
#define _REGISTRAR_PROGRESS_H

#include <iotkey-fleet.h>

#include "store.h"

#define PROGRESS_PCR 10

struct progress {
	unsigned int entries;	      /* of the IMA log */
	struct iotkey_pcr_values ima; /* PCR 10 of each bank, after them */

	/* empty: nothing is known of the PCRs of release-pcrs */
	uint8_t selection[IOTKEY_PCR_SELECTION_MAX];
	size_t selection_len;
	uint8_t pcr_digest[IOTKEY_POLICY_SIZE];
};

void progress_write(const struct progress *progress, struct store_attestation *row);

/* progress_read(): false: there is none */
bool progress_read(const struct store_attestation *row, struct progress *progress);

/* progress_ima(): take PCR 10 from the values of a quote */
void progress_ima(struct progress *progress, const struct iotkey_pcr_values *values);

/* progress_proves(): whether the digest is of these PCRs */
bool progress_proves(const struct progress *progress,
		     const struct iotkey_pcr_selection *selection);

#endif /* _REGISTRAR_PROGRESS_H */
