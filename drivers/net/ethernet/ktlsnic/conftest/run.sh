#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Compiles each probe beside this script against the kernel at hand and writes
# "#define HAVE_NAME" for those that the compiler accepts.
#
# usage: run.sh OUTPUT COMPILER [FLAGS...]

set -u
out=$1
shift
tmp=$out.o
{
	echo "/* Made by conftest/run.sh. */"
	for probe in "$(dirname "$0")"/*.c; do
		name=$(basename "$probe" .c | tr '[:lower:]' '[:upper:]')
		if "$@" -Werror -c -o "$tmp" "$probe" 2>/dev/null; then
			echo "#define HAVE_$name 1"
		else
			echo "/* no HAVE_$name */"
		fi
	done
} > "$out.tmp" && mv "$out.tmp" "$out"
rm -f "$tmp"
