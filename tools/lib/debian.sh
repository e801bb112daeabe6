# shellcheck shell=bash
# Which Debian this is: packages and kernels are known by its names.

# Its code name, nothing where it is not Debian.
debian_suite() {
	# shellcheck source=/dev/null
	(. /etc/os-release && if [[ $ID == debian ]]; then echo "${VERSION_CODENAME:-}"; fi) 2>/dev/null
}

# The series of kernels that it has, the oldest first; nothing where we do not know it.
kernel_series() {
	case $(debian_suite) in
	bookworm) echo 6.1 6.12 ;;
	trixie) echo 6.12 ;;
	esac
}

# A Debian whose packages and kernels we know, or a reason and what to do.
debian_known() {
	[[ -z $(kernel_series) ]] || return 0
	# shellcheck source=/dev/null
	cat >&2 <<-END
		setup: this is $( (. /etc/os-release && echo "${PRETTY_NAME:-unknown}") 2>/dev/null || echo unknown), and what tools/setup installs are packages and kernels of Debian 12 (bookworm) or 13 (trixie).
		To build and install here, get what docs/install.md names and run 'make && sudo make install'. To see the demo or
		to run the tests, take one of the two in a virtual machine, a container or a directory:
		  debootstrap --variant=minbase trixie DIRECTORY http://deb.debian.org/debian
	END
	return 1
}
