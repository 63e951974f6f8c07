// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The firmware's event log (TCG PC Client Platform Firmware Profile, 10):
 *
 *	crypto agile: u32 PCR, u32 type, u32 count, count times { u16 hash, digest },
 *	              u32 length, data
 *	SHA-1:        u32 PCR, u32 type, digest, u32 length, data
 *
 * little endian.  The first event always has the old form; what stands in it
 * ("Spec ID Event03") tells that the rest is crypto agile, and with which hashes.
 */
#include "attest_private.h"

#include <stdio.h>
#include <stdlib.h>

#define SHA1_SIZE 20

static const struct {
	uint32_t type;
	const char *name;
} types[] = {
	{ 0x00000000, "EV_PREBOOT_CERT" },
	{ 0x00000001, "EV_POST_CODE" },
	{ 0x00000002, "EV_UNUSED" },
	{ 0x00000003, "EV_NO_ACTION" },
	{ 0x00000004, "EV_SEPARATOR" },
	{ 0x00000005, "EV_ACTION" },
	{ 0x00000006, "EV_EVENT_TAG" },
	{ 0x00000007, "EV_S_CRTM_CONTENTS" },
	{ 0x00000008, "EV_S_CRTM_VERSION" },
	{ 0x00000009, "EV_CPU_MICROCODE" },
	{ 0x0000000a, "EV_PLATFORM_CONFIG_FLAGS" },
	{ 0x0000000b, "EV_TABLE_OF_DEVICES" },
	{ 0x0000000c, "EV_COMPACT_HASH" },
	{ 0x0000000d, "EV_IPL" },
	{ 0x0000000e, "EV_IPL_PARTITION_DATA" },
	{ 0x0000000f, "EV_NONHOST_CODE" },
	{ 0x00000010, "EV_NONHOST_CONFIG" },
	{ 0x00000011, "EV_NONHOST_INFO" },
	{ 0x00000012, "EV_OMIT_BOOT_DEVICE_EVENTS" },
	{ 0x00000013, "EV_POST_CODE2" },
	{ 0x80000000, "EV_EFI_EVENT_BASE" },
	{ 0x80000001, "EV_EFI_VARIABLE_DRIVER_CONFIG" },
	{ 0x80000002, "EV_EFI_VARIABLE_BOOT" },
	{ 0x80000003, "EV_EFI_BOOT_SERVICES_APPLICATION" },
	{ 0x80000004, "EV_EFI_BOOT_SERVICES_DRIVER" },
	{ 0x80000005, "EV_EFI_RUNTIME_SERVICES_DRIVER" },
	{ 0x80000006, "EV_EFI_GPT_EVENT" },
	{ 0x80000007, "EV_EFI_ACTION" },
	{ 0x80000008, "EV_EFI_PLATFORM_FIRMWARE_BLOB" },
	{ 0x80000009, "EV_EFI_HANDOFF_TABLES" },
	{ 0x8000000a, "EV_EFI_PLATFORM_FIRMWARE_BLOB2" },
	{ 0x8000000b, "EV_EFI_HANDOFF_TABLES2" },
	{ 0x8000000c, "EV_EFI_VARIABLE_BOOT2" },
	{ 0x8000000d, "EV_EFI_GPT_EVENT2" },
	{ 0x80000010, "EV_EFI_HCRTM_EVENT" },
	{ 0x800000e0, "EV_EFI_VARIABLE_AUTHORITY" },
	{ 0x800000e1, "EV_EFI_SPDM_FIRMWARE_BLOB" },
	{ 0x800000e2, "EV_EFI_SPDM_FIRMWARE_CONFIG" },
	{ 0x800000e3, "EV_EFI_SPDM_DEVICE_POLICY" },
	{ 0x800000e4, "EV_EFI_SPDM_DEVICE_AUTHORITY" },
};

const char *iotkey_log_type_name(uint32_t type)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (types[i].type == type)
			return types[i].name;
	return NULL;
}

int iotkey_log_type_value(const char *name, uint32_t *type)
{
	unsigned long long n;
	char *end;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(types[i].name, name)) {
			*type = types[i].type;
			return 0;
		}
	n = strtoull(name, &end, 0);
	if (*name < '0' || *name > '9' || *end || n > UINT32_MAX)
		return -EINVAL;
	*type = (uint32_t)n;
	return 0;
}

void iotkey_eventlog_open(struct iotkey_eventlog *log, const void *data, size_t len)
{
	*log = (struct iotkey_eventlog){ .data = data, .len = len };
}

/* Whether the data of an EV_NO_ACTION event begin with this; its zero counts */
static bool begins(const struct iotkey_log_event *event, const char *signature)
{
	size_t len = strlen(signature) + 1;

	return event->type == IOTKEY_EV_NO_ACTION && event->data.len >= len &&
	       !memcmp(event->data.data, signature, len);
}

/* TCG_EfiSpecIdEvent: the hashes of all events that follow, and their sizes */
static int read_spec_id(struct iotkey_eventlog *log, const struct iotkey_log_event *event)
{
	struct reader reader = { event->data.data, event->data.len, 16, false, false };
	uint32_t banks, i;
	size_t size;

	read_bytes(&reader, 8); /* class of platform, versions, size of a pointer */
	banks = read_u32(&reader);
	if (reader.bad || !banks || banks > IOTKEY_LOG_DIGESTS_MAX)
		return -EBADMSG;
	for (i = 0; i < banks; i++) {
		log->bank[i].hash = read_u16(&reader);
		log->bank[i].size = read_u16(&reader);
		size = iotkey_hash_size(log->bank[i].hash);
		if (!log->bank[i].size || (size && size != log->bank[i].size))
			return -EBADMSG;
	}
	log->banks = banks;
	return reader.bad ? -EBADMSG : 0;
}

static int read_digest(const struct iotkey_eventlog *log, struct reader *reader,
		       struct iotkey_log_event *event)
{
	unsigned int hash = read_u16(reader), i;

	for (i = 0; i < log->banks && log->bank[i].hash != hash; i++)
		;
	if (reader->bad || i == log->banks || iotkey_log_event_digest(event, hash))
		return -EBADMSG;
	event->digest[event->digests].hash = log->bank[i].hash;
	event->digest[event->digests].size = log->bank[i].size;
	event->digest[event->digests++].value = read_bytes(reader, log->bank[i].size);
	return reader->bad ? -EBADMSG : 0;
}

static int read_digests(const struct iotkey_eventlog *log, struct reader *reader,
			struct iotkey_log_event *event)
{
	uint32_t count;

	if (!log->banks) {
		event->digest[0].hash = IOTKEY_HASH_SHA1;
		event->digest[0].size = SHA1_SIZE;
		event->digest[0].value = read_bytes(reader, SHA1_SIZE);
		event->digests = 1;
		return reader->bad ? -EBADMSG : 0;
	}
	/* No hash comes twice, so there are no more than .banks */
	for (count = read_u32(reader); count; count--)
		if (read_digest(log, reader, event))
			return -EBADMSG;
	return 0;
}

int iotkey_eventlog_next(struct iotkey_eventlog *log, struct iotkey_log_event *event)
{
	struct reader reader = { log->data, log->len, log->offset, false, false };

	if (log->offset == log->len)
		return 0;
	memset(event, 0, sizeof(*event));
	event->number = log->number;
	event->pcr = read_u32(&reader);
	event->type = read_u32(&reader);
	if (read_digests(log, &reader, event))
		return -EBADMSG;
	event->data = read_block(&reader, read_u32(&reader));
	if (reader.bad ||
	    (event->type != IOTKEY_EV_NO_ACTION && event->pcr >= IOTKEY_PCRS))
		return -EBADMSG;
	if (!log->number && begins(event, "Spec ID Event03") && read_spec_id(log, event))
		return -EBADMSG;
	log->number++;
	log->offset = reader.offset;
	return 1;
}

const uint8_t *iotkey_log_event_digest(const struct iotkey_log_event *event,
				       unsigned int hash)
{
	unsigned int i;

	for (i = 0; i < event->digests; i++)
		if (event->digest[i].hash == hash)
			return event->digest[i].value;
	return NULL;
}

int iotkey_log_event_extend(struct iotkey_attest *attest,
			    const struct iotkey_log_event *event,
			    struct iotkey_pcrs *pcrs)
{
	const uint8_t *digest = iotkey_log_event_digest(event, pcrs->hash);

	/* What PCR 0 starts with is told before it is extended */
	if (!(pcrs->set & 1)) {
		if (begins(event, "StartupLocality") && event->data.len == 17)
			iotkey_pcrs_start(pcrs, event->data.data[16]);
		else if (event->type == IOTKEY_EV_EFI_HCRTM && !event->pcr)
			iotkey_pcrs_start(pcrs, 4);
	}
	if (event->type == IOTKEY_EV_NO_ACTION || !digest)
		return 0;
	return iotkey_pcrs_extend(attest, pcrs, event->pcr, digest);
}

/* Types whose digest is over .data, on all firmware that has been seen */
static bool digest_of_data(uint32_t type)
{
	return type == IOTKEY_EV_SEPARATOR || type == 0x80000001 || type == 0x80000006;
}

int iotkey_log_event_check(struct iotkey_attest *attest,
			   const struct iotkey_log_event *event)
{
	uint8_t digest[IOTKEY_DIGEST_MAX];
	unsigned int i;
	int err;

	for (i = 0; digest_of_data(event->type) && i < event->digests; i++) {
		if (!iotkey_hash_size(event->digest[i].hash))
			continue;
		err = iotkey_digest(attest, event->digest[i].hash, event->data.data,
				    event->data.len, digest);
		if (err)
			return err;
		if (memcmp(digest, event->digest[i].value, event->digest[i].size))
			return -EBADMSG;
	}
	return 0;
}

/* UEFI_VARIABLE_DATA: GUID, u64 length of the name, u64 length of the value, UTF-16 */
static bool variable_text(struct iotkey_bytes data, char *buf, size_t size)
{
	struct reader reader = { data.data, data.len, 0, false, false };
	uint64_t letters;
	unsigned int c;
	size_t n = 0;

	read_bytes(&reader, 16);
	letters = read_u64(&reader);
	read_u64(&reader);
	if (reader.bad || letters > (reader.len - reader.offset) / 2)
		return false;
	while (letters-- && n + 1 < size) {
		c = read_u16(&reader);
		buf[n++] = c > ' ' && c < 0x7f ? (char)c : '?';
	}
	buf[n] = '\0';
	return n;
}

/* A text: more than 3 letters, nothing unprintable but zeros at its end */
static bool plain_text(struct iotkey_bytes data, char *buf, size_t size)
{
	size_t n = 0, len = data.len;

	while (len && !data.data[len - 1])
		len--;
	if (len < 4)
		return false;
	for (; n < len && n + 1 < size; n++) {
		if (data.data[n] < ' ' || data.data[n] > '~')
			return false;
		buf[n] = (char)data.data[n];
	}
	buf[n] = '\0';
	return true;
}

const char *iotkey_log_event_text(const struct iotkey_log_event *event, char *buf,
				  size_t size)
{
	bool known;

	switch (event->type) {
	case 0x80000001:
	case 0x80000002:
	case 0x8000000c:
	case 0x800000e0:
		known = variable_text(event->data, buf, size);
		break;
	default:
		known = plain_text(event->data, buf, size);
	}
	if (!known)
		buf[0] = '\0';
	return buf;
}
