/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registrar's configuration: what ../common/conf.h reads.  The table in config.c is the
 * list of keys; iotkey-registrar(8) explains them.
 */
#ifndef _REGISTRAR_CONFIG_H
#define _REGISTRAR_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "../common/conf.h"

#define CONFIG_PATH "/etc/iotkey/registrar.conf"
#define CONFIG_MAX  (64u << 10) /* bytes of a file */

/* Strings are NULL when they are not set; files are relative to the working directory */
struct config {
	char *listen, *http_listen, *metrics_listen; /* ADDRESS:PORT */
	char *server_certificate, *server_key;	     /* PEM */
	char *ca_certificate;			     /* PEM */
	char *ca_key;	      /* PEM file, or a URI of OpenSSL's STORE: pkcs11:… */
	char *store;	      /* sqlite:PATH or postgresql://… */
	char *master;	      /* file or pkcs11: URI */
	char *admins;	      /* file: who may use the admin interface */
	char *audit;	      /* file */
	char *idevid_ca;      /* PEM, one or more */
	char *ek_ca;	      /* file or directory: whose EK certificates are believed */
	char *references;     /* file: what devices are to look like */
	char *roots;	      /* names of the roots that every device gets */
	char *release_policy; /* what they are bound to: none, pcrs, authorized */
	char *release_pcrs;   /* as tpm2_quote -l has it */
	char *policy_signer;  /* PEM, or a URI as ca_key: whose approvals count */
	char *approvals;      /* file: of PCR values, by policy_signer */
	char *crl_url, *ocsp_url; /* for certificates */
	char *san_suffix;	  /* a SAN dNSName may be CN and this */
	unsigned int workers;	  /* 0: one for each CPU */
	unsigned int certificate_days;
	unsigned int attest_valid; /* seconds a pass lasts */
	unsigned int
		request_seconds; /* for a request to arrive, and for an answer to leave */
	unsigned int idle_seconds; /* between two requests */
	unsigned int drain_seconds;
	unsigned int connections; /* most, for each worker */
	unsigned int crl_seconds; /* how long a CRL may be used, and an OCSP answer */
	bool require_tpm, approve, server_auth, serverkeygen, channel_binding;
};

/*
 * config_parse(): @text of @len bytes, which is changed; @file is its name for messages.  Returns
 * 0, -ENOMEM, or -EINVAL after all mistakes were told.  To be freed with config_free() in any
 * case.
 */
int config_parse(struct config *config, const char *file, char *text, size_t len,
		 conf_say_fn *tell);

/* config_read(): a file; has said what is wrong.  The same, and -errno of reading */
int config_read(struct config *config, const char *path);

void config_free(struct config *config);

/* config_root(): the next name in .roots, from *@at on, which it sets to it; its length, 0: none */
size_t config_root(const char **at);

#endif /* _REGISTRAR_CONFIG_H */
