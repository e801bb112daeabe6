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
PREFIX ?= /usr/local

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
	cmake -S . -B $(TOOL) -DDMR_TESTS=OFF -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(if $(shell command -v ninja),-G Ninja)
	cmake --build $(TOOL) $(jobs)

host:
	cmake -S . -B $(HOST) $(if $(shell command -v ninja),-G Ninja)
	cmake --build $(HOST) $(jobs)

# Both are staged in build/, and from there put into their places with a list of what was put, for `make uninstall`. Not
# kbuild's modules_install: it signs with a key that no headers package has, and leaves out depmod without System.map.
# depmod is for a system: what is below DESTDIR becomes a package, which runs it when it is installed.
place        := tools/packaging/place.sh
root          = $(if $(DESTDIR),$(abspath $(DESTDIR)))
modules_to    = lib/modules/$(KVER)/updates
modules_root  = $(root)$(INSTALL_MOD_PATH)
modules_list  = $(modules_to)/dm-remap/.installed
tool_list     = $(patsubst /%,%,$(PREFIX))/share/dm-remap/installed
depmod        = $(if $(DESTDIR),,depmod $(if $(INSTALL_MOD_PATH),-b $(INSTALL_MOD_PATH)) -a $(KVER))

install: install-modules
	@if test -e $(TOOL)/CMakeCache.txt; then $(MAKE) --no-print-directory install-tool; \
	  else echo "dmremap is not built and not installed: make tool, then make install-tool"; fi

install-modules: modules
	$(if $(MUTANT),$(error modules with a deliberate mistake are not for use: install without MUTANT))
	@for ko in $(modules_root)/$(modules_to)/dkms/dm-remap.ko*; do test ! -e $$ko || { \
	  echo "not installed: kernel $(KVER) has modules of the package dm-remap-dkms, $$ko."; \
	  echo "Those of 'make install' would win over them, now and after each upgrade of the package: to have these, remove it first."; exit 1; } >&2; done
	rm -rf $(build)/stage
	install -Dm 644 -t $(build)/stage/$(modules_to)/dm-remap $(build)/*.ko
	$(place) put $(build)/stage $(modules_root)/ $(modules_list)
	$(depmod)

# That the tool is where the rules and units say is CMake's part: it is told PREFIX again.
install-tool:
	@if test -z "$(DESTDIR)" && { test -e /var/lib/dpkg/info/dm-remap.list || rpm -q dm-remap >/dev/null 2>&1; }; then \
	  echo "not installed: the package dm-remap has files in the same places. Remove it first."; exit 1; fi >&2
	@test -e $(TOOL)/CMakeCache.txt || { echo "dmremap is not built: make tool" >&2; exit 1; }
	cmake -DCMAKE_INSTALL_PREFIX=$(PREFIX) $(TOOL) >$(TOOL)/configure.log
	cmake --build $(TOOL) $(jobs)
	rm -rf $(TOOL)/stage
	DESTDIR=$(abspath $(TOOL))/stage cmake --install $(TOOL) >$(TOOL)/install.log
	mkdir -p $(TOOL)/stage$(PREFIX)/share/dm-remap
	$(place) put $(abspath $(TOOL))/stage $(root)/ $(tool_list)
	@if test -z "$(DESTDIR)" && test -d /run/systemd/system; then systemctl daemon-reload; fi
	@test -n "$(DESTDIR)" || echo "What the initramfs needs comes into it with 'update-initramfs -u' or 'dracut --force'."

# A package that was installed afterwards has taken over what it has itself.
uninstall:
	@$(place) remove $(modules_root)/ $(modules_list)
	@owned=$$(mktemp); test -n "$(DESTDIR)" || { dpkg -L dm-remap || rpm -ql dm-remap; } 2>/dev/null | sed 's|^/||' >$$owned; \
	  $(place) remove $(root)/ $(tool_list) $$owned; rm -f $$owned
	@if test -d $(modules_root)/lib/modules/$(KVER); then $(or $(depmod),:); fi

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
	@echo 'make install [KVER=<release>] [PREFIX=/usr/local] [DESTDIR=<dir>] [INSTALL_MOD_PATH=<dir>]'
	@echo '                                             modules, depmod, and if it is built the tool with what finds sets at boot'
	@echo 'make install-modules, make install-tool      one of the two'
	@echo 'make uninstall [the same words]              removes what make install placed, and that alone'
	@echo 'tools/package deb|rpm                        packages: docs/install.md'
	@echo 'make gates   [KVER=<release>]                properties of the built modules, see tests/gates'
	@echo 'make clean                                   removes build/'

.PHONY: all modules locked-modules tree tool host install install-modules install-tool uninstall gates clean help
