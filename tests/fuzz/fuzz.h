/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the fuzz targets share.  The fuzzer hands each input over in memory of exactly
 * its size, so that ASan sees every byte that is read behind it.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What has to hold for every input; the fuzzer keeps one for which it does not. */
#define must(so)                                                                         \
	do {                                                                             \
		if (!(so)) {                                                             \
			fprintf(stderr, "%s:%d: %s is not so: %s\n", __FILE__, __LINE__, \
				__func__, #so);                                          \
			abort();                                                         \
		}                                                                        \
	} while (0)

/* Does the piece lie within the input? */
static inline bool lies_in(const void *piece, size_t len, const void *input, size_t size)
{
	uintptr_t p = (uintptr_t)piece, in = (uintptr_t)input;

	return p >= in && p - in <= size && len <= size - (p - in);
}

/* Room of exactly @size bytes, so that ASan sees every byte too many. */
static inline void *room(size_t size)
{
	void *p = malloc(size);

	must(p);
	return p;
}

/*
 * For a target's own mutator, where lengths depend on each other: change as libFuzzer
 * would, then make lengths right, mostly.
 */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);

/* The bytes of an input that steer a target; 0 when they are used up. */
struct steps {
	const uint8_t *p;
	size_t left;
};

static inline uint8_t next_step(struct steps *s)
{
	if (!s->left)
		return 0;
	s->left--;
	return *s->p++;
}

#endif
