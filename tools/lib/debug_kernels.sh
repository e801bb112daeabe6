# shellcheck shell=bash
# Kernels that look harder: built from Debian's sources with the options in tests/vm/debug, and kept beside the fetched
# ones, so that "debug" and "kcsan" name kernels as "6.12" does. Sourced after packages.sh and kernels.sh.

# The newer one: its failure injection can be told to fail only what is called from certain code.
DEBUG_SERIES=6.12
DEBUG_CONFIGS=$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../../tests/vm/debug

debug_source_version() {
	apt-cache policy "linux-source-$DEBUG_SERIES" | sed -n 's/^  Candidate: \([0-9].*\)/\1/p' | grep . && return
	apt_refresh
	apt-cache policy "linux-source-$DEBUG_SERIES" | sed -n 's/^  Candidate: \([0-9].*\)/\1/p' | grep .
}

debug_config() { cat "$DEBUG_CONFIGS/base.config" "$DEBUG_CONFIGS/$1.config"; } # NAME

# What the kernel is made by: another one has another release, and so never meets modules of this one.
debug_key() { # NAME
	{
		debug_config "$1" | grep -E '^(# )?CONFIG_'
		gcc --version
		declare -f debug_compile
	} | sha256sum | head -c 8
}

# kbuild drops without a word what depends on something that is off.
debug_config_check() { # WANTED CONFIGURATION
	local line name lost=0
	while read -r line; do
		case $line in
		'# CONFIG_'*' is not set') name=${line#\# } name=${name%% *} ;;
		CONFIG_*) name=${line%%=*} ;;
		*) continue ;;
		esac
		if [[ $line == CONFIG_*=[!n]* ]]; then
			grep -qxF "$line" "$2" && continue
		else
			! grep -q "^$name=" "$2" && continue
		fi
		echo "check-debug: the kernel's configuration does not take: $line" >&2
		lost=1
	done <"$1"
	return $lost
}

debug_compile() { # NAME KEY SOURCE-ARCHIVE DIRECTORY
	local out=$4 source=$4/.source wanted=$4/.wanted make release
	mkdir -p "$source"
	tar -C "$source" --strip-components=1 -xf "$3" || return
	debug_config "$1" >"$wanted"
	# Of what KCSAN instruments, the modules alone: what the kernel does with its own data is neither ours nor free.
	make=(make -s -C "$source" KCSAN_SANITIZE=n "LOCALVERSION=-dmr-$1-$2" "-j$(nproc)")
	"${make[@]}" KCONFIG_ALLCONFIG="$wanted" allnoconfig >&2 || return
	debug_config_check "$wanted" "$source/.config" || return
	"${make[@]}" bzImage modules >&2 || return
	release=$("${make[@]}" kernelrelease) || return
	mkdir -p "$out/boot"
	cp "$source/arch/x86/boot/bzImage" "$out/boot/vmlinuz-$release" &&
		cp "$source/.config" "$out/boot/config-$release" &&
		cp "$source/System.map" "$out/boot/System.map-$release" || return
	"${make[@]}" INSTALL_MOD_PATH="$out" modules_install >&2 || return
	rm -f "$out/lib/modules/$release/build" "$out/lib/modules/$release/source"
	# What building a module takes, as in a headers package.
	"${make[@]}" run-command KBUILD_RUN_COMMAND="\$(srctree)/scripts/package/install-extmod-build $out/build" >&2 || return
	rm -rf "$source" "$wanted"
	echo "$release"
}

# debug_kernel_make NAME: makes it unless it is there; prints its release. The cache wins over what apt has newer: a run must not
# change kernels underfoot. Deleting the symlink asks for the newest again.
debug_kernel_make() {
	local name=$1 version key link=$KERNEL_CACHE/$1 tmp release
	key=$(debug_key "$name")
	if [[ -L $link && $(readlink "$link") == *"-dmr-$name-$key" && -f $link/.complete ]]; then
		basename "$(readlink "$link")"
		return 0
	fi
	version=$(debug_source_version) || {
		echo "check-debug: apt knows no linux-source-$DEBUG_SERIES (is $(debian_suite)-security among its sources?)" >&2
		return 1
	}
	echo "check-debug: building kernel '$name' from linux-source-$DEBUG_SERIES $version" >&2
	mkdir -p "$KERNEL_CACHE"
	tmp=$(mktemp -d "$KERNEL_CACHE/.tmp.XXXXXX")
	chmod 755 "$tmp"
	release=$(
		set -e
		cd "$tmp"
		"${APT[@]}" download "linux-source-$DEBUG_SERIES=$version" >&2
		dpkg-deb -x ./*.deb .deb
		mkdir kernel
		debug_compile "$name" "$key" "$tmp/.deb/usr/src/linux-source-$DEBUG_SERIES.tar.xz" "$tmp/kernel"
	) || {
		rm -rf "$tmp"
		return 1
	}
	touch "$tmp/kernel/.complete"
	[[ ! -L $link ]] || rm -rf "${KERNEL_CACHE:?}/$(readlink "$link")"
	rm -rf "${KERNEL_CACHE:?}/$release"
	mv "$tmp/kernel" "$KERNEL_CACHE/$release"
	rm -rf "$tmp"
	ln -sfn "$release" "$link"
	echo "$release"
}
