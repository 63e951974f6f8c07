/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef _NET_CSR_H
#define _NET_CSR_H

#include <iotkey-fleet.h>
#include <openssl/x509.h>

#include "fault.h"
#include "keeper.h"

/*
 * csr_make(): a request for a certificate of @key, with its evidence where there is some, signed
 * by that key; DER, to be freed with OPENSSL_free(3).  Its subject is that of the certificate
 * @old, or, where that is NULL, @device.  Returns the length; 0 with the fault filled in.
 */
size_t csr_make(const struct keeper_key *key, const char *old, const char *device,
		uint8_t **der, struct fault *f);

#endif /* _NET_CSR_H */
