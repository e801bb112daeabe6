# For the scripts of packages, which set $package: without the package no set starts at the next boot. What runs goes on running:
# nothing is unloaded.
in_use() {
	command -v dmsetup >/dev/null || return 0
	names=
	for name in $(dmsetup ls --target remap 2>/dev/null | cut -f 1); do
		if [ -e "/dev/mapper/$name" ]; then names="$names $name"; fi
	done
	[ "$names" ] || return 0
	below=$(lsblk -snro NAME "$(findmnt -nvo SOURCE / || :)" 2>/dev/null || :)
	for name in $names; do
		if echo "$below" | grep -qxF "$name" && [ ! -e /run/dm-remap-removal-is-meant ]; then
			cat >&2 <<-END
			$package: not removed: the root filesystem is on $name, a device of dm-remap, and this
			  machine would not boot without the package, or from the disk below, which lacks what was remapped.
			  Take the filesystem off it first: 'dmremap replace', see dmremap(8). Whoever means it all the same:
			  'touch /run/dm-remap-removal-is-meant', and remove the package again.
			END
			exit 1
		fi
	done
	echo "$package: these go on running and do not start at the next boot:$names" >&2
	echo "  Never mount the disks below them instead: they lack what was remapped." >&2
}
