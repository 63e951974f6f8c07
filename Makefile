# SPDX-License-Identifier: GPL-2.0-or-later
#
# `make help` lists the targets.  All output goes to build/.

KDIR    ?= /lib/modules/$(shell uname -r)/build
DESTDIR ?=
PREFIX  ?= /usr/local
KERNELS ?= 6.1 6.12
export DESTDIR PREFIX KERNELS

# the provider needs OpenSSL
provider := $(if $(filter no,$(OPENSSL)),,provider)
have_kdir := $(wildcard $(KDIR)/Makefile)

all: $(if $(have_kdir),modules,no-modules) lib tools $(provider)

no-modules:
	@echo "no kernel headers in $(KDIR): the module is not built (KDIR= names others)"

## modules: the kernel module for the running kernel, or for KDIR=
modules:
	kmod/build.sh "$(KDIR)" build/kmod/host

## kmod-6.1, kmod-6.12, kmod-6.12-debug: for the kernels of the test VM, the last with self-tests
## kmod-6.1-selftest: with self-tests too
vm_kernels := 6.12-debug $(filter-out 6.12-debug,$(KERNELS))
kmod_targets := $(foreach k,$(vm_kernels),kmod-$(k) kmod-$(k)-selftest)
$(foreach k,$(vm_kernels),$(eval kmod-$(k) kmod-$(k)-selftest: kernel-$(k)))
kernel-%: FORCE
	tests/vm/kernel.sh $*

$(kmod_targets): kmod-%: FORCE
	+kmod/build.sh build/kernels/$(*:-selftest=)/headers build/kmod/$* \
		KCFLAGS=-Werror $(if $(filter %-debug %-selftest,$*),CONFIG_IOTKEY_SELFTEST=y)

kmod-splat: kernel-6.12-debug
	mkdir -p build/kmod/splat
	cp tests/vm/splat/* build/kmod/splat/
	$(MAKE) -C build/kernels/6.12-debug/headers M=$(CURDIR)/build/kmod/splat modules

## lib: libiotkey, shared and static
lib:
	$(MAKE) -C lib

## tools: iotkeyctl
tools: lib
	$(MAKE) -C tools

## registrar-asan: the registrar in build/asan, to find memory errors in it
registrar-asan:
	$(MAKE) -C lib O=$(CURDIR)/build/asan CFLAGS="-O1 -g $(sanitize)"
	$(MAKE) -C tools O=$(CURDIR)/build/asan CFLAGS="-O1 -g $(sanitize)" \
		$(CURDIR)/build/asan/tools/sbin/iotkey-registrar
sanitize := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

## provider: the OpenSSL provider, ossl-modules/iotkey.so
provider: lib
	$(MAKE) -C lib/provider

## check: every test; installs packages it misses (as root); ends with a summary
check:
	tests/check.sh

## check-host: without the VM; check-unit, check-fuzz, check-cli, check-fleet, check-bench, check-vm: one part (TESTS="name ..." for some of the VM's)
## check-debug: the VM's on a kernel that looks for memory errors, leaks, deadlocks (built if need be)
check-host check-unit check-fuzz check-cli check-fleet check-bench check-vm check-debug: check-%: FORCE
	tests/check.sh $*

## check-long: the same with a week of virtual time, 50 power cuts, minutes of fuzzing and hammering
check-long:
	IOTKEY_LONG=1 FUZZ_SECONDS=300 FUZZ_VM_SECONDS=600 SUITE_TIMEOUT=3600 VM_TIMEOUT=7200 tests/check.sh

## bench: cost beside the alternatives: a table, build/bench.json and .svg (BENCH= some groups)
bench: lib tools provider kmod-$(lastword $(KERNELS)) kmod-6.12-debug
	@tests/setup.sh check
	$(MAKE) -C tests bench vm fleet-bench
	tests/bench/bench.sh $(lastword $(KERNELS)) $(BENCH)

## bench-fleet: the fleet's part of it, which takes minutes and no VM (LONG=1: with a million devices)
bench-fleet: lib tools
	@tests/setup.sh check
	$(MAKE) -C tests fleet-bench
	tests/bench/bench.sh - fleet

## fuzz-vm: random calls on the debug kernel for MINUTES= (10), from SEED= (any)
MINUTES ?= 10
fuzz-vm:
	SEED=$${SEED:-$$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')} TESTS=fuzz \
		FUZZ_VM_SECONDS=$$(($(MINUTES) * 60)) VM_TIMEOUT=$$(($(MINUTES) * 60 + 900)) \
		tests/check.sh debug

## demo: the life of a device in a fleet, in one go
demo:
	@tests/setup.sh demo
	@$(MAKE) -s --no-print-directory lib tools provider kmod-$(firstword $(KERNELS))
	@tests/demo.sh

## vm: a shell in the test VM, with the module and the tools (KERNELS= names the kernel)
vm: lib tools provider kmod-$(lastword $(KERNELS))
	$(MAKE) -C tests kselftest
	tests/vm/shell.sh $(lastword $(KERNELS))

## install, uninstall: DESTDIR= PREFIX=; the module only if `make modules` built it
install: lib tools $(provider)
	$(MAKE) -C lib install
	$(if $(provider),$(MAKE) -C lib/provider install)
	$(MAKE) -C tools install
	kmod/install.sh install "$(KDIR)"

uninstall:
	$(MAKE) -C lib uninstall
	$(MAKE) -C tools uninstall
	$(MAKE) -C lib/provider uninstall
	kmod/install.sh uninstall "$(KDIR)"

c_files = $(shell find lib tools tests include -name '*.[ch]' ! -path 'include/uapi/*')
CHECKPATCH ?= $(firstword $(wildcard build/kernels/6.12-debug/headers/scripts/checkpatch.pl \
	/usr/src/linux*/scripts/checkpatch.pl))

## lint: clang-format, shellcheck, sparse, and CHECKPATCH= (a kernel's scripts/checkpatch.pl)
lint: kmod-$(lastword $(KERNELS))
	tests/lint.sh $(lastword $(KERNELS)) "$(CHECKPATCH)"

## format: let clang-format rewrite the C files of user space
format:
	clang-format -i $(c_files)

## clean: remove build/
clean:
	rm -rf build

help:
	@sed -n 's/^## //p' Makefile

FORCE:
.PHONY: all no-modules modules lib tools registrar-asan provider check check-long bench bench-fleet demo vm install uninstall lint format \
	clean help FORCE
