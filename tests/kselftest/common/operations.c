// SPDX-License-Identifier: GPL-2.0-or-later
/* The operations themselves, each a system call or two; see campaign.h. */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/iotkey.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>
#include "campaign.h"
#include "nl.h"

#define BLOB_MAX 16384
#define ANSWER_S 5

static int sock = -1;

/* Netlink on the wire, for libnl would allocate and retry behind our back. */

struct request {
	struct nlmsghdr nl;
	struct genlmsghdr genl;
	struct nlattr attr;
	char value[16];
};

static size_t put_request(struct request *r, uint16_t family, uint8_t command, int flags,
			  uint16_t attribute, const void *value, size_t len)
{
	static uint32_t seq = 1;

	memset(r, 0, sizeof(*r));
	r->nl.nlmsg_len = NLMSG_LENGTH(GENL_HDRLEN);
	r->nl.nlmsg_type = family;
	r->nl.nlmsg_flags = NLM_F_REQUEST | flags;
	r->nl.nlmsg_seq = seq++;
	r->genl.cmd = command;
	r->genl.version = 1;
	if (len) {
		r->attr.nla_type = attribute;
		r->attr.nla_len = NLA_HDRLEN + len;
		memcpy(r->value, value, len);
		r->nl.nlmsg_len += NLA_ALIGN(NLA_HDRLEN + len);
	}
	return r->nl.nlmsg_len;
}

/* Reads the answer to the end, and counts its messages. Return: 0 or the errno. */
static int take_answer(uint32_t seq, unsigned int *messages)
{
	static char buffer[65536];
	struct nlmsghdr *h;
	ssize_t n;

	for (;;) {
		n = recv(sock, buffer, sizeof(buffer), 0);
		if (n < 0)
			return errno == EAGAIN ? ETIMEDOUT : errno;
		for (h = (struct nlmsghdr *)buffer; NLMSG_OK(h, n);
		     h = NLMSG_NEXT(h, n)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
				return -*(int *)NLMSG_DATA(h);
			++*messages;
		}
	}
}

static int ask(uint16_t family, uint8_t command, int flags, uint16_t attribute,
	       const void *value, size_t len, unsigned int *messages)
{
	struct request r;
	size_t size = put_request(&r, family, command, flags, attribute, value, len);

	*messages = 0;
	if (send(sock, &r, size, 0) < 0)
		return errno;
	return take_answer(r.nl.nlmsg_seq, messages);
}

void op_socket(bool listen)
{
	struct timeval limit = { .tv_sec = ANSWER_S };
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };

	if (sock >= 0)
		close(sock);
	sock = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
	if (sock < 0 || bind(sock, (struct sockaddr *)&address, sizeof(address)) ||
	    setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)))
		bail("netlink");
	if (listen && setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl_group,
				 sizeof(nl_group)))
		bail("listen");
}

/* The operations. Between their system calls nothing allocates. */

static int act_add(struct operation *op)
{
	const char *text = op->load ? op->load : op->text;

	key_serial_t key = add_key("iot", "it", text, strlen(text), SESSION);

	if (key < 0)
		return errno;
	op->it = key;
	return 0;
}

static int act_update(struct operation *op)
{
	return keyctl_update(op->it, op->text, strlen(op->text)) ? errno : 0;
}

static int act_read(struct operation *op)
{
	static char blob[BLOB_MAX];
	long n = keyctl_read(op->it, blob, sizeof(blob));

	if (n < 0)
		return errno;
	return n > 200 && !memcmp(blob, "SU9US", 5) ? 0 : WRONG;
}

static int act_describe(struct operation *op)
{
	static char text[512];

	if (keyctl_describe(op->it, text, sizeof(text)) < 0)
		return errno;
	return strncmp(text, "iot;", 4) ? WRONG : 0;
}

/* Stdio would allocate. */
static int act_proc_keys(struct operation *op)
{
	static char text[65536];
	int fd = open("/proc/keys", O_RDONLY | O_CLOEXEC), error = 0;
	size_t len = 0;
	ssize_t n;

	(void)op;
	if (fd < 0)
		return errno;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	if (n < 0)
		error = errno;
	close(fd);
	text[len] = '\0';
	if (!error && !strstr(text, " it: aes-256-gcm random unsafe active v1 -"))
		return WRONG;
	return error;
}

static int act_revoke(struct operation *op)
{
	return keyctl_revoke(op->it) ? errno : 0;
}

static int act_invalidate(struct operation *op)
{
	return keyctl_invalidate(op->it) ? errno : 0;
}

static int act_unlink(struct operation *op)
{
	return keyctl_unlink(op->it, SESSION) ? errno : 0;
}

static int act_timeout(struct operation *op)
{
	return keyctl_set_timeout(op->it, 3600) ? errno : 0;
}

static int act_search(struct operation *op)
{
	key_serial_t found = keyctl_search(SESSION, "iot", "it", 0);

	if (found < 0)
		return errno;
	return found == op->it ? 0 : WRONG;
}

static int act_request(struct operation *op)
{
	key_serial_t found = request_key("iot", "it", NULL, 0);

	if (found < 0)
		return errno;
	return found == op->it ? 0 : WRONG;
}

static const uint8_t plain[32720] = "what is encrypted and signed";
static uint8_t output[33000];

static const char *encoding(const struct operation *op)
{
	return op->size > 4096 ? "enc=large" : "enc=raw";
}

static int act_query(struct operation *op)
{
	struct keyctl_pkey_query query;

	if (keyctl_pkey_query(op->it, encoding(op), &query))
		return errno;
	return query.max_enc_size == (op->size > 4096 ? 32768 : 4144) ? 0 : WRONG;
}

long op_encrypt(const struct operation *op, uint8_t *out)
{
	return keyctl_pkey_encrypt(op->it, encoding(op), plain, op->size, out,
				   op->size + OVERHEAD);
}

static int act_encrypt(struct operation *op)
{
	long n = op_encrypt(op, output);

	if (n < 0)
		return errno;
	if (n != op->size + OVERHEAD || memcmp(output, "iK\1", 3))
		return WRONG;
	return 0;
}

static int act_decrypt(struct operation *op)
{
	long n = keyctl_pkey_decrypt(op->it, encoding(op), op->message, op->message_len,
				     output, op->size + 32);

	if (n < 0)
		return errno;
	return n == op->size && !memcmp(output, plain, n) ? 0 : WRONG;
}

long op_sign(key_serial_t key, unsigned int size, uint8_t *out)
{
	struct keyctl_pkey_query query;

	if (keyctl_pkey_query(key, "", &query))
		return -1;
	return keyctl_pkey_sign(key, "", plain, size, out, query.max_sig_size);
}

static int act_sign(struct operation *op)
{
	return op_sign(op->it, op->size, output) < 0 ? errno : 0;
}

static int act_verify(struct operation *op)
{
	return keyctl_pkey_verify(op->it, "", plain, op->size, op->message,
				  op->message_len)
		       ? errno
		       : 0;
}

/* A key in the TPM: 32 bytes are a digest; or no data, and PCRs 0 and 7 of SHA-256. */
static long sign_resident(const struct operation *op, uint8_t *out)
{
	static const uint8_t ask[] = { 0, 0, 0, 0, 0, 1, 0, 0x0b, 3, 0x81, 0, 0 };

	if (op->size)
		return keyctl_pkey_sign(op->it, "enc=p1363", plain, 32, out, 64);
	return keyctl_pkey_sign(op->it, "enc=quote", ask, sizeof(ask), out, 1024);
}

static int act_sign_resident(struct operation *op)
{
	long n = sign_resident(op, output);

	if (n < 0)
		return errno;
	if (!op->size)
		return n > 150 && !memcmp(output + 2, "\xffTCG\x80\x18", 6) ? 0 : WRONG;
	if (n != 64)
		return WRONG;
	return keyctl_pkey_verify(op->it, "enc=p1363", plain, 32, output, 64) ? errno : 0;
}

bool op_signs(const struct operation *op)
{
	uint8_t sig[1024];

	return sign_resident(op, sig) > 0;
}

static int act_read_pem(struct operation *op)
{
	static char pem[BLOB_MAX];
	long n = keyctl_read(op->it, pem, sizeof(pem));

	if (n < 0)
		return errno;
	return n > 300 && !memcmp(pem, "-----BEGIN TSS2", 15) ? 0 : WRONG;
}

static int act_nl_get(struct operation *op)
{
	unsigned int n;
	int error = ask(nl_family, IOTKEY_CMD_KEY_GET, NLM_F_ACK, IOTKEY_A_KEY_SERIAL,
			&op->it, sizeof(op->it), &n);

	return error ? error : n == 1 ? 0 : WRONG;
}

static int act_nl_absent(struct operation *op)
{
	key_serial_t none = 1;
	unsigned int n;
	int error = ask(nl_family, IOTKEY_CMD_KEY_GET, NLM_F_ACK, IOTKEY_A_KEY_SERIAL,
			&none, sizeof(none), &n);

	(void)op;
	return error == ENOKEY ? 0 : error ? error : WRONG;
}

/* The roots "soft" and "soft2", and the key. */
static int act_nl_dump(struct operation *op)
{
	unsigned int n;
	int error = ask(nl_family, IOTKEY_CMD_KEY_GET, NLM_F_DUMP, 0, NULL, 0, &n);

	(void)op;
	return error ? error : n == 3 ? 0 : WRONG;
}

static int act_nl_stats(struct operation *op)
{
	unsigned int n;
	int error = ask(nl_family, IOTKEY_CMD_STATS_GET, NLM_F_ACK, 0, NULL, 0, &n);

	(void)op;
	return error ? error : n == 1 ? 0 : WRONG;
}

static int act_nl_family(struct operation *op)
{
	unsigned int n;
	int error = ask(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, NLM_F_ACK,
			CTRL_ATTR_FAMILY_NAME, "iotkey", 7, &n);

	(void)op;
	return error ? error : n == 1 ? 0 : WRONG;
}

static int act_nl_listen(struct operation *op)
{
	(void)op;
	return setsockopt(sock, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &nl_group,
			  sizeof(nl_group))
		       ? errno
		       : 0;
}

/* What the listener is told: the event, or that it missed one (ENOBUFS). */
static int act_nl_event(struct operation *op)
{
	static char buffer[8192];

	if (keyctl_update(op->it, "rotate", 6))
		return errno;
	if (recv(sock, buffer, sizeof(buffer), MSG_DONTWAIT) > 0 || errno == ENOBUFS)
		return 0;
	return WRONG;
}

/* A failed allocation may say ENOBUFS where netlink has its own word for it. */
#define SCHEDULE "rotate=1d overlap=1h"
#define RESIDENT "new ecdsa-p256 parent=0x81000001"
#define IN_TPM	 .tpm = true, .resident = true
#define AES	 "new aes-256-gcm root=soft"
#define HMAC	 "new hmac-sha256 root=soft"
#define KDF	 "new kdf root=soft mode=derive"
#define RANDOM	 .make = AES, .ready = "stored=2"
#define OF(how)	 "new aes-256-gcm root=soft mode=" how " " SCHEDULE
#define RATCHET	 .make = OF("ratchet"), .ready = "stored=1"
#define MESSAGE(algorithm, bytes) \
	.make = "new " algorithm " root=soft", .ready = "stored=2", .size = bytes

struct operation operations[] = {
	{ "new root, soft", act_add, .text = "new root provider=soft" },
	{ "new root, key", act_add,
	  .text = "new root provider=key key=logon:camp:secret" },
	{ "new root, tpm", act_add, .text = TPM_ROOT, .tpm = true },
	{ "new root, tpm, PCRs", act_add, .text = TPM_ROOT " pcrs=sha256:0,7",
	  .tpm = true },
	{ "new root, tpm, many PCRs", act_add,
	  .text = TPM_ROOT " pcrs=sha256:0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18",
	  .tpm = true },
	{ "new root, tpm, mkparent", act_add,
	  .text = "new root provider=tpm parent=0x81000002 mkparent", .tpm = true,
	  .mkparent = true },
	{ "load a soft root", act_add, .saved = "new root provider=soft" },
	{ "load a root of a key", act_add,
	  .saved = "new root provider=key key=logon:camp:secret" },
	{ "load a tpm root", act_add, .saved = TPM_ROOT, .tpm = true },
	{ "load a tpm root with PCRs", act_add, .saved = TPM_ROOT " pcrs=sha256:0,7",
	  .tpm = true },
	{ "load a sealed PEM", act_add, .pem = SEALED_PEM, .tpm = true },
	{ "load an importable PEM", act_add, .pem = IMPORTABLE_PEM, .tpm = true },
	{ "new ecdsa-p256", act_add, .text = RESIDENT, .size = 32, IN_TPM },
	{ "new ecdsa-p256, restricted", act_add, .text = RESIDENT " restricted", IN_TPM },
	{ "load an ecdsa-p256 key", act_add, .saved = RESIDENT, .size = 32, IN_TPM },
	{ "load a restricted key", act_add, .saved = RESIDENT " restricted", IN_TPM },
	{ "load an importable key", act_add, .pem = IDENTITY_PEM, .size = 32, IN_TPM },
	{ "sign, ecdsa-p256", act_sign_resident, .make = RESIDENT, .size = 32,
	  .counts = true, IN_TPM },
	{ "quote", act_sign_resident, .make = RESIDENT " restricted", .counts = true,
	  IN_TPM },
	{ "verify, ecdsa-p256", act_verify, .make = RESIDENT, .size = 32,
	  .needs = A_SIGNATURE },
	{ "read an ecdsa-p256 key", act_read_pem, .make = RESIDENT },
	{ "new aes-256-gcm", act_add, .text = AES },
	{ "new aes-128-ccm", act_add, .text = "new aes-128-ccm root=soft" },
	{ "new xchacha20-poly1305", act_add, .text = "new xchacha20-poly1305 root=soft" },
	{ "new hmac-sha256", act_add, .text = HMAC },
	{ "new aes-128-cmac", act_add, .text = "new aes-128-cmac root=soft" },
	{ "new kdf", act_add, .text = "new kdf root=soft mode=derive" },
	{ "new under two roots", act_add, .text = "new aes-256-gcm root=soft+soft2" },
	{ "new, random", act_add, .text = OF("random") " jitter=1h max-ops=5" },
	{ "new, derive", act_add, .text = OF("derive") " label=one lifetime=52w" },
	{ "new, ratchet", act_add, .text = OF("ratchet") " ahead=1m usage=encrypt" },
	{ "load a random key", act_add, .saved = OF("random") },
	{ "load a key of two roots", act_add,
	  .saved = "new hmac-sha256 root=soft+soft2 mode=derive" },
	{ "load a derive key", act_add, .saved = OF("derive") " label=one" },
	{ "load a ratchet", act_add, .saved = OF("ratchet") },
	{ "update rotate", act_update, RANDOM, .text = "rotate" },
	{ "update rotate, derive", act_update, .make = OF("derive"), .text = "rotate" },
	{ "update rotate, ratchet", act_update, RATCHET, .text = "rotate" },
	{ "update stored", act_update, .make = AES, .text = "stored=2" },
	{ "update mix", act_update, RATCHET,
	  .text = "mix=00112233445566778899aabbccddeeff" },
	{ "update epoch, derive", act_update, .make = OF("derive"), .text = "epoch=3" },
	{ "update epoch, ratchet", act_update, RATCHET, .text = "epoch=3" },
	{ "update set", act_update, RANDOM,
	  .text = "set rotate=2d overlap=2h jitter=1h lifetime=52w max-ops=9 usage=decrypt" },
	{ "update stored, root", act_update, .make = "new root provider=soft",
	  .text = "stored=1" },
	{ "update publish", act_update, .make = KDF, .text = "publish camp:pub size=64",
	  .publishes = true },
	{ "update publish again", act_update, .make = KDF, .ready = "publish camp:pub",
	  .text = "publish camp:pub size=64", .publishes = true },
	{ "add onto a key: update", act_add, RANDOM, .text = "rotate" },
	{ "read a key", act_read, RANDOM },
	{ "read a root", act_read, .make = "new root provider=soft" },
	{ "read a tpm root", act_read, .make = TPM_ROOT, .tpm = true },
	{ "describe", act_describe, RANDOM },
	{ "/proc/keys", act_proc_keys, RANDOM },
	{ "search", act_search, RANDOM },
	{ "request_key", act_request, RANDOM },
	{ "timeout", act_timeout, RANDOM },
	{ "revoke", act_revoke, RANDOM },
	{ "revoke a root with a key", act_revoke, .make = "new root provider=soft",
	  .kid = true },
	{ "invalidate", act_invalidate, RANDOM, .collected = true },
	{ "unlink", act_unlink, RANDOM },
	{ "query", act_query, RANDOM },
	{ "query, enc=large", act_query, RANDOM, .size = 32720 },
	{ "encrypt, aes-256-gcm", act_encrypt, MESSAGE("aes-256-gcm", 100),
	  .counts = true },
	{ "encrypt, aes-256-gcm, large", act_encrypt, MESSAGE("aes-256-gcm", 32720),
	  .counts = true },
	{ "encrypt, aes-128-ccm", act_encrypt, MESSAGE("aes-128-ccm", 100),
	  .counts = true },
	{ "encrypt, aes-128-ccm, large", act_encrypt, MESSAGE("aes-128-ccm", 32720),
	  .counts = true },
	{ "encrypt, xchacha20", act_encrypt, MESSAGE("xchacha20-poly1305", 100),
	  .counts = true },
	{ "encrypt, xchacha20, large", act_encrypt, MESSAGE("xchacha20-poly1305", 32720),
	  .counts = true },
	{ "decrypt, aes-256-gcm", act_decrypt, MESSAGE("aes-256-gcm", 100),
	  .needs = A_MESSAGE },
	{ "decrypt, aes-256-gcm, large", act_decrypt, MESSAGE("aes-256-gcm", 32720),
	  .needs = A_MESSAGE },
	{ "decrypt, aes-128-ccm", act_decrypt, MESSAGE("aes-128-ccm", 100),
	  .needs = A_MESSAGE },
	{ "decrypt, aes-128-ccm, large", act_decrypt, MESSAGE("aes-128-ccm", 32720),
	  .needs = A_MESSAGE },
	{ "decrypt, xchacha20", act_decrypt, MESSAGE("xchacha20-poly1305", 100),
	  .needs = A_MESSAGE },
	{ "decrypt, xchacha20, large", act_decrypt, MESSAGE("xchacha20-poly1305", 32720),
	  .needs = A_MESSAGE },
	{ "sign, hmac-sha256", act_sign, MESSAGE("hmac-sha256", 100), .counts = true },
	{ "sign, aes-128-cmac", act_sign, MESSAGE("aes-128-cmac", 100), .counts = true },
	{ "verify, hmac-sha256", act_verify, MESSAGE("hmac-sha256", 100),
	  .needs = A_SIGNATURE },
	{ "verify, aes-128-cmac", act_verify, MESSAGE("aes-128-cmac", 100),
	  .needs = A_SIGNATURE },
	{ "netlink: get", act_nl_get, RANDOM, .also = "ENOBUFS" },
	{ "netlink: get, no such key", act_nl_absent, .also = "ENOBUFS" },
	{ "netlink: dump", act_nl_dump, RANDOM, .also = "ENOBUFS" },
	{ "netlink: stats", act_nl_stats, .also = "ENOBUFS" },
	{ "netlink: the family", act_nl_family, .also = "ENOBUFS" },
	{ "netlink: subscribe", act_nl_listen, .needs = NOTHING },
	{ "netlink: an event", act_nl_event, RANDOM, .needs = A_LISTENER },
};

const unsigned int operation_count = sizeof(operations) / sizeof(operations[0]);
