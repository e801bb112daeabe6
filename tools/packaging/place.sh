#!/bin/sh
# For make install and make uninstall: puts a tree of files where it belongs, remembers what was put, and takes just that away.
#
#   place.sh put STAGE ROOT LIST     STAGE's files and links, to the same paths below ROOT
#   place.sh remove ROOT LIST [FILE] all that LIST (a path below ROOT) names, and folders that "put" had to make, once empty; not
#                                    what FILE names, as that belongs to somebody else by now
#
# What an earlier installation with the same LIST had and this one has not, goes.
set -eu
umask 022
export LC_ALL=C

remove() { # ROOT: the paths on standard input; those that end in / are folders
	sort -r | while read -r path; do
		case $path in
		*/) if [ -d "$1/$path" ]; then rmdir --ignore-fail-on-non-empty "$1/$path"; fi ;;
		*) rm -f "$1/$path" ;;
		esac
	done
}

put() { # STAGE ROOT LIST
	new=$(mktemp)
	old=$(mktemp)
	trap 'rm -f "$new" "$old"' EXIT
	if [ -e "$2/$3" ]; then cat "$2/$3" >"$old"; fi
	# Folders that are ours: made now, or then.
	(cd "$1" && find . -mindepth 1 -type d -printf '%P/\n' | sort) | while read -r folder; do
		if [ ! -d "$2/$folder" ]; then
			mkdir -p "$2/$folder"
			echo "$folder"
		elif grep -qxF "$folder" "$old"; then
			echo "$folder"
		fi
	done >"$new"
	(cd "$1" && find . ! -type d -printf '%P\n') >>"$new"
	grep -v '/$' "$new" | while read -r file; do
		# Under another name first: what runs keeps its file, and none is half there.
		cp -P --preserve=mode,timestamps "$1/$file" "$2/$file.dm-remap-new"
		mv -f "$2/$file.dm-remap-new" "$2/$file"
	done
	sort "$new" >"$2/$3.new"
	mv "$2/$3.new" "$2/$3"
	grep -vxFf "$new" "$old" | remove "$2" || :
}

case ${1:-} in
put) put "$2" "$3" "$4" ;;
remove)
	if [ ! -e "$2/$3" ]; then
		echo "$2/$3: nothing was installed there by 'make install' (with these DESTDIR, PREFIX, INSTALL_MOD_PATH, KVER)"
		exit 0
	fi
	{ cat "$2/$3" && echo "$3"; } | grep -vxFf "${4:-/dev/null}" | remove "$2"
	;;
*)
	sed -n '2,/^set/{/^set/d;s/^# \{0,1\}//p}' "$0" >&2
	exit 2
	;;
esac
