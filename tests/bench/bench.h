/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the benches share: a counter of instructions, a median, and a way to say a row.
 *
 * QEMU runs with -icount: the guest's clocks, its TSC too, advance by 2 ns with each
 * instruction and with nothing else, so a difference of TSCs is a number of instructions,
 * the kernel's included.  A string instruction counts once per repetition.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <keyutils.h>

#define NS_PER_INSTRUCTION 2
#define NS_PER_SECOND	   1000000000LL

typedef int32_t serial;

/* bench.c */
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void row(const char *name, const char *unit, double iotkey, const char *peer,
	 double peer_value);
uint64_t now(void);
uint64_t instructions(void);
int64_t clock_ns(int clock);
double median(double *values, size_t n);
double measure(void (*operation)(void *), void *arg);
serial keyring_of(const char *name, serial parent);
serial add(const char *type, const char *name, const char *payload, serial keyring);
void soft_root(void);
void raise_quota(void);

/* Each group of rows. */
void bench_aead(void);
void bench_bulk(void);
void bench_keys(void);
void bench_scale(void);
void bench_time(void);
void bench_tools(void);
void bench_tpm(void);

#endif /* BENCH_H */
