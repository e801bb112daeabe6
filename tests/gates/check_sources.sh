#!/bin/sh
# What the sources of the modules may not say: check_sources.sh [<top of the tree>]
exec python3 "$(dirname "$0")/check_sources.py" "$@"
