#!/bin/sh
# Properties of built modules: check_modules.sh [options] <dir with .ko>
exec python3 "$(dirname "$0")/check_modules.py" "$@"
