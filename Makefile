# SPDX-License-Identifier: GPL-2.0-or-later
#
# The commands of ktlsnic; `make help` lists them.  Kernel modules are described
# in Kbuild, as kbuild wants it: `make -C KDIR M=$PWD` works as well.

# A kernel tree, a QEMU tree and a directory to install in may be the user's own.
export KDIR QEMU_SRC INSTALL_MOD_PATH

# Which hardware is below the driver's TLS half; one that is not given is the default.
BACKEND = $(if $(KTLSNIC_BACKEND),--backend $(KTLSNIC_BACKEND))

# Everything is built by programs that know what is up to date.
.PHONY: help demo check check-all check-debug check-planted bench qemu modules modules_install clean
.DEFAULT_GOAL := help

##@ demo              show offloaded TLS, with the evidence
demo:
	@tests/demo

##@ check             run the test suites; SUITE="unit nic tls-tx" for some of them
check:
	@tests/check $(BACKEND) $(if $(KERNELS),--kernels "$(KERNELS)") $(SUITE)

##@ check-all         the same on each kernel, in all combinations of parameters (hours)
check-all:
	@tests/check $(BACKEND) --every --kernels "$(or $(KERNELS),6.1 6.12 latest)" $(SUITE)

##@ check-debug       the guest suites on a kernel with KASAN, lockdep, kmemleak, ...
check-debug:
	@tests/check $(BACKEND) --debug $(if $(KERNELS),--kernels "$(KERNELS)") $(SUITE)

##@ check-planted     plant bugs in copies of driver and model; each must be noticed
check-planted:
	@tests/check-planted $(BUG)

##@ bench             measure what offload is worth; BENCH="B1 B3" for some: build/bench/
bench:
	@tests/bench/run $(BENCH)

##@ qemu              build QEMU with the NIC in it: build/qemu/
qemu:
	@tests/prepare qemu

##@ modules           build the driver: build/modules/RELEASE/
modules:
	@tests/prepare $(BACKEND) modules

##@ modules_install   install the modules (INSTALL_MOD_PATH=... to put them elsewhere)
modules_install:
	@tests/prepare $(BACKEND) modules_install

##@ clean             remove build/; what was downloaded stays in the cache
clean:
	rm -rf build

##@ help              show this
help:
	@echo 'Targets:'
	@sed -n 's/^##@ /  /p' $(firstword $(MAKEFILE_LIST))
	@echo
	@echo 'Variables:'
	@echo '  SUITE="NAME ..."    which suites make check and make check-debug run'
	@echo '  KERNELS="6.1 ..."   the kernels of Debian (or latest) of make check and check-all'
	@echo '  BUG="NAME ..."      which bugs make check-planted plants'
	@echo '  BENCH="B1 ..."      which benchmarks make bench runs'
	@echo '  KDIR=DIRECTORY      use (and boot) your own built kernel tree'
	@echo '  QEMU_SRC=DIRECTORY  build the NIC into your own QEMU tree'
	@echo '  KTLSNIC_BACKEND=mailbox  the driver with its second hardware half (driver README)'
	@echo
	@echo 'tests/vm -- COMMAND   runs a command in a guest with the NIC (tests/vm --help)'
