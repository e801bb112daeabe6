# SPDX-License-Identifier: GPL-2.0-only
# Front door. Kernel objects are built in build/<release>/, a tree of symlinks
# to the sources, so that several kernels live side by side and kbuild leaves
# the source tree clean.

KVER  ?= $(shell uname -r)
KDIR  ?= /lib/modules/$(KVER)/build
# With MUTANT=<name> the deliberate mistake tests/mutants/<name>.patch is made, to see whether tests notice.
BUILD ?= $(CURDIR)/build/$(KVER)$(addprefix -,$(MUTANT))
HOST  ?= $(CURDIR)/build/host
TOOL  ?= $(CURDIR)/build/tool

jobs  := $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
build := $(abspath $(BUILD))

# Headers can be upgraded in place, under the same release name and with old
# time stamps, which make cannot see: such a tree is built again from scratch.
identity = $(KDIR) $(MUTANT) $(shell stat -Lc %Y.%Z.%s $(KDIR)/include/generated/autoconf.h $(KDIR)/Module.symvers 2>/dev/null)

all: modules tool

modules:
	@test -e $(KDIR)/Makefile || { \
	  echo "$(KDIR) has no kernel headers. Give KVER=<release>, one of:"; \
	  for d in /lib/modules/*/build; do test -e $$d/Makefile && basename $${d%/build}; done; exit 1; } >&2
	@mkdir -p $(build)
	@flock $(build)/.lock $(MAKE) --no-print-directory $(jobs) locked-modules

locked-modules: tree
	$(MAKE) -C $(KDIR) M=$(build) modules

# BUILD is emptied only if it is one of ours. Dangling links are files that
# were removed or renamed.
tree:
	@cd $(build) && if [ "$$(cat .identity 2>/dev/null)" != "$(identity)" ]; then \
	  if [ ! -e .identity ] && [ -n "$$(find . -mindepth 1 ! -name .lock)" ]; then \
	    echo "$(build) is neither empty nor a build tree of dm-remap" >&2; exit 1; fi; \
	  find . -mindepth 1 ! -name .lock -delete; echo "$(identity)" > .identity; fi
	@find $(build) -xtype l -delete
	@cp -rsf $(addprefix $(CURDIR)/,$(wildcard Kbuild include src)) $(build)/
	$(if $(MUTANT),@tests/mutants/apply.sh $(MUTANT) $(build))
# Every module has its own copy of the C++ runtime (see runtime.c).
	@for d in metadata spare_pool reassembly stats; do ln -sf ../shim/runtime.c $(build)/src/$$d/; done

# dmremap alone: what is installed.
tool:
	cmake -S . -B $(TOOL) -DDMR_TESTS=OFF $(if $(shell command -v ninja),-G Ninja)
	cmake --build $(TOOL) $(jobs)

host:
	cmake -S . -B $(HOST) $(if $(shell command -v ninja),-G Ninja)
	cmake --build $(HOST) $(jobs)

# Not kbuild's modules_install: it signs with a key that no headers package has,
# and leaves out depmod without System.map. depmod is for the live system; a
# package runs it when it is installed.
install: modules
	$(if $(MUTANT),$(error modules with a deliberate mistake are not for use: install without MUTANT))
	install -d $(DESTDIR)/lib/modules/$(KVER)/updates/dm-remap
	install -m 644 $(build)/*.ko $(DESTDIR)/lib/modules/$(KVER)/updates/dm-remap/
	$(if $(DESTDIR),,depmod -a $(KVER))
	if test -e $(TOOL)/CMakeCache.txt; then DESTDIR=$(DESTDIR) cmake --install $(TOOL); fi

gates: modules
	tests/gates/check_sources.sh
	tests/gates/check_modules.sh $(build)
	tests/gates/build_quiet.sh $(KVER)
	tests/gates/negative.sh $(KVER)

clean:
	rm -rf build

help:
	@echo 'make modules [KVER=<release>] [KDIR=<dir>]   build/<release>/*.ko (default: the running kernel)'
	@echo '             MUTANT=<name>                            with a deliberate mistake, in a folder of its own'
	@echo 'make tool                                    build/tool/tools/dmremap/dmremap, man page, completions'
	@echo 'make [KVER=<release>]                        both of them'
	@echo 'make host                                    cmake build of libraries, simulators, tests in build/host'
	@echo 'make install [KVER=] [DESTDIR=<dir>]         modules, depmod, and the tool if it is built'
	@echo 'make gates   [KVER=<release>]                properties of the built modules, see tests/gates'
	@echo 'make clean                                   removes build/'

.PHONY: all modules locked-modules tree tool host install gates clean help
