// SPDX-License-Identifier: GPL-2.0-or-later
#include "worker.h"

#include <errno.h>
#include <string.h>

#include "../common/say.h"
#include "metrics.h"

int worker_open(struct worker *worker, const struct config *config)
{
	char why[STORE_MESSAGE];
	int err;

	_Static_assert(STORE_MESSAGE >= MASTER_MESSAGE && STORE_MESSAGE >= AUDIT_MESSAGE,
		       "a message fits");
	memset(worker, 0, sizeof(*worker));
	worker->config = config;
	worker->attest = iotkey_attest_new();
	if (!worker->attest)
		return -ENOMEM;
	err = ca_open(config, &worker->ca);
	if (err)
		return err;
	err = policy_open(config, X509_get0_pubkey(worker->ca->certificate),
			  worker->attest, &worker->policy);
	if (err)
		return err;
	err = store_open(config->store, &worker->store, why);
	if (err) {
		say("store: %s", why);
		return err;
	}
	err = master_open(config->master, &worker->master, why);
	if (err) {
		say("master: %s", why);
		return err;
	}
	err = master_derive(worker->master, "iotkey nonce", NULL, 0, worker->nonce_key);
	if (err) {
		say("the master gives no keys: %s", strerror(-err));
		return err;
	}
	if (config->audit)
		err = audit_open(config->audit, &worker->audit, why);
	if (err)
		say("audit: %s", why);
	return err;
}

void worker_close(struct worker *worker)
{
	if (worker->audit)
		audit_close(worker->audit);
	if (worker->master)
		master_close(worker->master);
	if (worker->store)
		store_close(worker->store);
	policy_close(worker->policy);
	ca_close(worker->ca);
	iotkey_attest_free(worker->attest);
	explicit_bzero(worker, sizeof(*worker));
}

void worker_audit(struct worker *worker, const char *event, json_t *fields)
{
	metrics_event(worker, event, fields);
	if (worker->audit)
		audit_add(worker->audit, event, fields);
	else
		json_decref(fields);
}
