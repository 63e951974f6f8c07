// SPDX-License-Identifier: GPL-2.0-or-later
#include "nonce.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#define SKEW_MS 60000 /* clocks of two registrars */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool authenticate(const struct worker *worker, enum store_purpose purpose,
			 const uint8_t *id, const uint8_t *head, uint8_t tag[32])
{
	uint8_t data[STORE_NONCE + 1 + STORE_ID] = { 0 };

	memcpy(data, head, STORE_NONCE);
	data[STORE_NONCE] = (uint8_t)purpose;
	if (id)
		memcpy(data + STORE_NONCE + 1, id, STORE_ID);
	return HMAC(EVP_sha256(), worker->nonce_key, MASTER_SIZE, data, sizeof(data), tag,
		    NULL);
}

int nonce_make(const struct worker *worker, enum store_purpose purpose, const uint8_t *id,
	       uint8_t nonce[NONCE_SIZE])
{
	uint64_t time = (uint64_t)now_ms();
	uint8_t tag[32];
	int i;

	for (i = 0; i < 8; i++)
		nonce[i] = (uint8_t)(time >> (56 - 8 * i));
	if (RAND_bytes(nonce + 8, 8) != 1 ||
	    !authenticate(worker, purpose, id, nonce, tag))
		return -EIO;
	memcpy(nonce + STORE_NONCE, tag, NONCE_SIZE - STORE_NONCE);
	return 0;
}

int nonce_check(const struct worker *worker, enum store_purpose purpose,
		const uint8_t *id, const void *data, size_t len)
{
	const uint8_t *nonce = data;
	int64_t now = now_ms();
	uint64_t time = 0;
	uint8_t tag[32];
	int i;

	if (len != NONCE_SIZE || !authenticate(worker, purpose, id, nonce, tag) ||
	    CRYPTO_memcmp(nonce + STORE_NONCE, tag, NONCE_SIZE - STORE_NONCE))
		return -EKEYREJECTED;
	for (i = 0; i < 8; i++)
		time = time << 8 | nonce[i];
	if ((int64_t)time > now + SKEW_MS)
		return -ETIME;
	return (int64_t)time < now - NONCE_SECONDS * 1000 ? -EKEYEXPIRED : 0;
}
