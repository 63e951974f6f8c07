// SPDX-License-Identifier: GPL-2.0-only
/* Documentation/iotkey.rst, "Measured history". Pure. */
#include "record.h"

#define MAGIC		"iKm1"

/* Offsets of the fields. */
enum {
	AT_MAGIC = 0,
	AT_EVENT = 4,
	AT_ALGORITHM = 5,
	AT_MODE = 6,
	AT_PROVIDER = 7,
	AT_INSTANCE = 8,
	AT_SEQUENCE = 16,
	AT_COUNT = 20,
	AT_ID = 24,
	AT_ROOT_ID = 40,
	AT_VERSION = 56,
	AT_EPOCH = 60,
	AT_TIME = 64,
	AT_ERROR = 72,
	AT_KEY_FLAGS = 76,
	AT_NAME_LEN = 80,
};

/**
 * iot_record_encode() - the bytes of a record
 * @out: room for IOT_RECORD_MAX
 *
 * IMA, when the TPM fails it, hands the buffer to the audit log as a string: an errno has
 * zero bytes that end it.
 *
 * Return: bytes written.
 */
size_t iot_record_encode(const struct iot_record *r, u8 *out)
{
	size_t len = strlen(r->name);

	memcpy(out + AT_MAGIC, MAGIC, 4);
	out[AT_EVENT] = r->event;
	out[AT_ALGORITHM] = r->algorithm;
	out[AT_MODE] = r->mode;
	out[AT_PROVIDER] = r->provider;
	put_unaligned_be64(r->instance, out + AT_INSTANCE);
	put_unaligned_be32(r->sequence, out + AT_SEQUENCE);
	put_unaligned_be32(r->count, out + AT_COUNT);
	memcpy(out + AT_ID, r->id, IOT_ID_SIZE);
	memcpy(out + AT_ROOT_ID, r->root_id, IOT_ID_SIZE);
	put_unaligned_be32(r->version, out + AT_VERSION);
	put_unaligned_be32(r->epoch, out + AT_EPOCH);
	put_unaligned_be64(r->time, out + AT_TIME);
	put_unaligned_be32(r->error, out + AT_ERROR);
	put_unaligned_be32(r->flags, out + AT_KEY_FLAGS);
	if (len > IOT_NAME_MAX)
		len = IOT_NAME_MAX;
	out[AT_NAME_LEN] = len;
	memcpy(out + IOT_RECORD_HEADER, r->name, len);
	return IOT_RECORD_HEADER + len;
}

u8 iot_record_event(const u8 *record)
{
	return record[AT_EVENT];
}

u32 iot_record_sequence(const u8 *record)
{
	return get_unaligned_be32(record + AT_SEQUENCE);
}
