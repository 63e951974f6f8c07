// SPDX-License-Identifier: GPL-2.0-or-later
/* The payload grammar: what is taken, what is refused, and where. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "ktap.h"
#include "payload.h"

static int parse(struct iot_payload *p, const char *text, size_t *where)
{
	/* an exact copy on the heap, so that a read past the end is seen */
	size_t len = strlen(text);
	char *copy = malloc(len ?: 1);
	int ret;

	memcpy(copy, text, len);
	ret = iot_payload_parse(p, copy, len, where);
	free(copy);
	return ret;
}

static const char *const good[] = {
	"new root provider=tpm parent=0x81000001",
	"new root provider=tpm parent=0x81000001 mkparent pcrs=sha256:0,7\n",
	"new root pcrs=sha1:23 parent=0x81ffffff provider=tpm",
	"new root provider=tpm parent=0x81000000 pcrs=sha384:0",
	"new root provider=key key=trusted:kmk",
	"new root provider=key key=logon:dev:one",
	"new root provider=soft",
	"new aes-256-gcm root=r",
	"new kdf root=r mode=derive",
	"new kdf root=a+b",
	"new kdf root=1+2+3+4+5+6+7+8",
	"new kdf root=a+aa+aaa",
	"  new\taes-256-gcm \n root=r  ",
	"new aes-128-ccm root=r mode=random rotate=1s overlap=1s ahead=1s jitter=1",
	"new xchacha20-poly1305 root=r mode=derive rotate=3650d lifetime=36500d",
	"new hmac-sha256 root=r mode=ratchet rotate=2w overlap=0 ahead=0s usage=sign",
	"new aes-128-cmac root=r usage=verify,sign max-ops=281474976710656",
	"new aes-256-gcm root=r start=1 mode=derive label=x",
	"new aes-256-gcm root=r start=1099511627776",
	"new aes-256-gcm root=r overlap=1d",
	"new ecdsa-p256 parent=0x81000001",
	"new ecdsa-p256 mkparent restricted parent=0x81ffffff usage=sign",
	"new ecdsa-p256 parent=0x81000001 usage=verify,sign",
	"load QUJD",
	"load   QUJD QUJD\nQUJD",
	"policy QUJD",
	"rotate",
	"rotate \n",
	"stored=1",
	"stored=4294967295",
	"epoch=0",
	"publish a:b",
	"publish disk:data:2 size=16 epoch=4294967295\n",
	"publish dm:x epoch=0 size=64",
	"mix=00112233445566778899aabbccddeeff",
	"mix=00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff",
	"set overlap=0",
	"set jitter=1",
	"set rotate=1h overlap=5m ahead=1m lifetime=52w usage=encrypt max-ops=1",
};

/* One a line would be too long a table. */
/* clang-format off */
static const char *const bad[] = {
	"", " ", "\n", "new", "new ", "load", "load ", "policy", "policy ", "set", "set ", "frob",
	"rotate now", "rotate=1", "stored", "stored=", "stored=0", "stored=-1",
	"stored=4294967296", "stored=1x", "stored=0x1", "stored=1 2",
	"epoch", "epoch=", "epoch=x", "epoch=99999999999999999999999999",
	"mix", "mix=", "mix=00", "mix=0011223344556677889900112233445",
	"mix=zz112233445566778899aabbccddeeff",
	"mix=00112233445566778899aabbccddee",
	"mix=00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff"
	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff00",
	"publish", "publish a", "publish :a", "publish a:", "publish a:b c", "publish a:b size",
	"publish a:b size=15", "publish a:b size=65", "publish a:b size=32 size=32",
	"publish a:b epoch", "publish a:b epoch=-1", "publish a:b epoch=4294967296",
	"publish a:b rotate=1h", "publish a:\x7f", "set size=32", "new kdf root=r size=32",
	/* roots */
	"new root", "new root provider=", "new root provider=TPM",
	"new root provider=tpmx parent=0x81000001", "new root provider=tpm",
	"new root parent=0x81000001", "new root provider=soft parent=0x81000001",
	"new root provider=soft mkparent", "new root provider=soft key=logon:a:b",
	"new root provider=key", "new root provider=key key=", "new root provider=key key=a",
	"new root provider=key key=:a", "new root provider=key key=a:",
	"new root provider=key key=logon:a:b pcrs=sha256:0",
	"new root provider=tpm parent=0x81000001 key=logon:a:b",
	"new root provider=tpm parent=81000001", "new root provider=tpm parent=0x",
	"new root provider=tpm parent=0x80ffffff", "new root provider=tpm parent=0x82000000",
	"new root provider=tpm parent=0x181000001", "new root provider=tpm parent=0x8100000g",
	"new root provider=tpm parent=0x81000001 parent=0x81000001",
	"new root provider=tpm parent=0x81000001 mkparent mkparent",
	"new root provider=tpm parent=0x81000001 mkparent=1",
	"new root provider=tpm parent=0x81000001 mkparent=",
	"new root provider=tpm parent=0x81000001 pcrs=",
	"new root provider=tpm parent=0x81000001 pcrs=sha256",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:24",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:0,0",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:0,",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:,0",
	"new root provider=tpm parent=0x81000001 pcrs=sha512:0",
	"new root provider=tpm parent=0x81000001 pcrs=sha256:0+sha1:0",
	"new root provider=soft rotate=1h", "new root provider=soft lifetime=1h",
	"new root provider=soft root=x", "new root provider=soft provider=soft",
	/* keys */
	"new aes-256-gcm", "new AES-256-GCM root=r", "new aes-256-gcmx root=r",
	"new aes root=r", "new aes-256-gcm root=", "new aes-256-gcm root",
	"new kdf root=+", "new kdf root=a+", "new kdf root=+a", "new kdf root=a++b",
	"new kdf root=a+a", "new kdf root=a+b+a", "new kdf root=1+2+3+4+5+6+7+8+9",
	"new root provider=combined",
	"new aes-256-gcm root=r root=r", "new aes-256-gcm root=r extra",
	"new aes-256-gcm root=r provider=soft", "new aes-256-gcm root=r =1",
	"new aes-256-gcm root=r =", "new aes-256-gcm root=r rotate",
	"new aes-256-gcm root=r rotate=", "new aes-256-gcm root=r rotate=0",
	"new aes-256-gcm root=r rotate=1y", "new aes-256-gcm root=r rotate=h",
	"new aes-256-gcm root=r rotate=-1", "new aes-256-gcm root=r rotate=1.5h",
	"new aes-256-gcm root=r rotate=3651d", "new aes-256-gcm root=r rotate=4294967296",
	"new aes-256-gcm root=r rotate=18446744073709551617",
	"new aes-256-gcm root=r rotate=4294967295w",
	"new aes-256-gcm root=r rotate=1h rotate=1h",
	"new aes-256-gcm root=r rotate=1h overlap=3601",
	"new aes-256-gcm root=r rotate=1h ahead=3601",
	"new aes-256-gcm root=r rotate=1h jitter=3601",
	"new aes-256-gcm root=r ahead=1", "new aes-256-gcm root=r jitter=1",
	"new aes-256-gcm root=r overlap=3651d",
	"new aes-256-gcm root=r mode=derive rotate=1h jitter=1",
	"new aes-256-gcm root=r mode=ratchet rotate=1h jitter=1",
	"new aes-256-gcm root=r lifetime=0", "new aes-256-gcm root=r lifetime=36501d",
	"new aes-256-gcm root=r max-ops=0", "new aes-256-gcm root=r max-ops=281474976710657",
	"new aes-256-gcm root=r max-ops=1h", "new aes-256-gcm root=r start=0",
	"new aes-256-gcm root=r start=1099511627777", "new aes-256-gcm root=r mode=",
	"new aes-256-gcm root=r mode=rand", "new aes-256-gcm root=r usage=",
	"new aes-256-gcm root=r usage=sign", "new hmac-sha256 root=r usage=encrypt",
	"new aes-256-gcm root=r usage=encrypt,encrypt", "new aes-256-gcm root=r usage=encrypt,",
	"new aes-256-gcm root=r usage=,encrypt", "new kdf root=r usage=sign",
	"new aes-256-gcm root=r label=x", "new aes-256-gcm root=r mode=derive label=",
	"new aes-256-gcm root=r mode=derive label="
	"01234567890123456789012345678901234567890123456789012345678901234",
	/* in the TPM */
	"new ecdsa-p256", "new ecdsa-p256 root=r", "new ecdsa-p256 mkparent",
	"new ecdsa-p256 parent=0x81000001 root=r", "new ecdsa-p256 parent=0x40000001",
	"new ecdsa-p256 parent=0x81000001 mode=random",
	"new ecdsa-p256 parent=0x81000001 rotate=1h",
	"new ecdsa-p256 parent=0x81000001 overlap=1h",
	"new ecdsa-p256 parent=0x81000001 lifetime=1h",
	"new ecdsa-p256 parent=0x81000001 max-ops=1",
	"new ecdsa-p256 parent=0x81000001 start=1",
	"new ecdsa-p256 parent=0x81000001 label=x",
	"new ecdsa-p256 parent=0x81000001 pcrs=sha256:0",
	"new ecdsa-p256 parent=0x81000001 provider=tpm",
	"new ecdsa-p256 parent=0x81000001 usage=encrypt",
	"new ecdsa-p256 parent=0x81000001 restricted=1",
	"new ecdsa-p256 parent=0x81000001 restricted restricted",
	"new aes-256-gcm root=r parent=0x81000001", "new kdf root=r mkparent",
	"new hmac-sha256 root=r restricted", "new root provider=soft restricted",
	"set restricted", "set parent=0x81000001",
	/* set */
	"set frob=1", "set overlap", "set overlap=1 overlap=2", "set mode=derive",
	"set root=r", "set label=x", "set start=1", "set lifetime=0",
	"set rotate=0", "set usage=frob",
};
/* clang-format on */

static void test_tables(void)
{
	struct iot_payload p;
	size_t where, i;

	for (i = 0; i < ARRAY_SIZE(good); i++)
		ktap_ok(!parse(&p, good[i], &where), "taken: %.60s", good[i]);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		ktap_ok(parse(&p, bad[i], &where) == -EINVAL, "refused: %.60s", bad[i]);
}

static bool span_is(struct iot_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

static void test_values(void)
{
	static const char text[] =
		"new aes-256-gcm root=device-root mode=derive rotate=2h overlap=3m "
		"ahead=4s lifetime=5d max-ops=6 start=7 usage=decrypt label=fleet/x";
	static const char root[] =
		"new root provider=tpm parent=0x8100abCD mkparent pcrs=sha1:0,7,23";
	static const char resident[] = "new ecdsa-p256 restricted parent=0x81000007";
	static const char mix[] = "mix=000102030405060708090a0b0c0d0eFf";
	struct iot_payload p;
	size_t where;

	iot_payload_parse(&p, text, strlen(text), &where);
	ktap_ok(p.verb == IOT_VERB_NEW_KEY && span_is(p.root, "device-root") &&
			span_is(p.label, "fleet/x") &&
			p.policy.mode == IOTKEY_MODE_DERIVE && p.policy.rotate == 7200 &&
			p.policy.overlap == 180 && p.policy.ahead == 4 &&
			p.policy.lifetime == 5 * IOT_DAY && p.policy.max_ops == 6 &&
			p.policy.start == 7 && p.policy.usage == IOT_USAGE_DECRYPT,
		"values of a key");

	iot_payload_parse(&p, root, strlen(root), &where);
	ktap_ok(p.verb == IOT_VERB_NEW_ROOT && p.spec.parent == 0x8100abcd &&
			p.spec.mkparent && p.spec.pcr_bank == 4 &&
			p.spec.pcr_mask == (1 | 1 << 7 | 1 << 23),
		"values of a root");

	iot_payload_parse(&p, resident, strlen(resident), &where);
	ktap_ok(p.verb == IOT_VERB_NEW_KEY &&
			p.policy.algorithm == IOTKEY_ALGORITHM_ECDSA_P256 &&
			p.spec.parent == 0x81000007 && p.spec.restricted &&
			!p.spec.mkparent && !p.policy.mode &&
			p.policy.usage == (IOT_USAGE_SIGN | IOT_USAGE_VERIFY),
		"values of a key in the TPM");

	iot_payload_parse(&p, mix, strlen(mix), &where);
	ktap_ok(p.verb == IOT_VERB_MIX && p.mix_len == 16 && p.mix[1] == 1 &&
			p.mix[15] == 0xff,
		"values of mix");

	iot_payload_parse(&p, "new kdf root=r", 14, &where);
	ktap_ok(p.policy.mode == IOTKEY_MODE_RANDOM && p.policy.usage == 0, "defaults");
}

static void test_where(void)
{
	static const char text[] = "new aes-256-gcm root=r rotate=1h bogus=1 ahead=1";
	struct iot_payload p;
	size_t where;

	iot_payload_parse(&p, text, strlen(text), &where);
	ktap_ok(!strncmp(text + where, "bogus", 5), "the refused word is named");
	iot_payload_parse(&p, "new frob", 8, &where);
	ktap_ok(where == 4, "the refused algorithm is named");
}

static void test_sizes(void)
{
	char *text = malloc(IOT_PAYLOAD_MAX + 1);
	struct iot_payload p;
	char name[400];
	size_t where;

	memset(text, 'A', IOT_PAYLOAD_MAX + 1);
	memcpy(text, "load ", 5);
	ktap_ok(!iot_payload_parse(&p, text, IOT_PAYLOAD_MAX, &where) &&
			p.blob.len == IOT_PAYLOAD_MAX - 5,
		"the largest payload");
	ktap_ok(iot_payload_parse(&p, text, IOT_PAYLOAD_MAX + 1, &where) == -EINVAL,
		"a larger payload");
	ktap_ok(iot_payload_parse(&p, "rotate\0", 7, &where) == -EINVAL, "a NUL inside");
	free(text);

	snprintf(name, sizeof(name), "new kdf root=%0255d", 1);
	ktap_ok(!parse(&p, name, &where) && p.root.len == 255, "the longest name");
	snprintf(name, sizeof(name), "new kdf root=%0256d", 1);
	ktap_ok(parse(&p, name, &where) == -EINVAL, "a longer name");
	ktap_ok(parse(&p, "new kdf root=\x80", &where) == -EINVAL,
		"a name that is not ASCII");
}

int main(void)
{
	test_tables();
	test_values();
	test_where();
	test_sizes();
	return ktap_done();
}
