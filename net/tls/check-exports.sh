#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# check-exports.sh SYMVERS CMD...: every symbol that an object exports, as kbuild
# notes it down in the object's .cmd file, has the checksum that the kernel's list
# has for it. Lists them; fails at the first that differs.

set -e
symvers=$1
shift

sed -n 's/^#SYMVER \([^ ]*\) \(.*\)$/\1 \2/p' "$@" | while read -r symbol ours
do
	theirs=$(awk -v symbol="$symbol" '$2 == symbol { print $1 }' "$symvers")
	if [ -n "$theirs" ] && [ $((theirs)) -ne $((ours)) ]; then
		echo "$symbol: checksum $ours, but the kernel's is $theirs" >&2
		exit 1
	fi
	echo "$symbol ${theirs:-none} $ours"
done
