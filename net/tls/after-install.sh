#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# after-install.sh installed|removed RELEASE [LOG]: the modules have been installed for a
# kernel, or are gone again. Says, a line each, what keeps that kernel from using them, or
# its own; LOG is what building them said. SYSFS and BOOT in the environment are for tests.

event=$1
release=$2
log=$3
sysfs=${SYSFS:-/sys}
boot=${BOOT:-/boot}

say()
{
	echo "net/tls: $*"
}

# Nobody looks into the log of a build that went well.
built()
{
	grep -s '^net/tls: ' "$log"
}

signed()
{
	if grep -qs Y "$sysfs/module/module/parameters/sig_enforce" ||
	   grep -Eqs '\[(integrity|confidentiality)\]' "$sysfs/kernel/security/lockdown"; then
		say "this kernel refuses modules whose signer it does not know (Key was" \
		    "rejected by service): sign them with a key that is enrolled, or enroll" \
		    "that of DKMS: mokutil --import /var/lib/dkms/mok.pub"
	fi
}

# Unloading is left to those who know what depends on it.
loaded()
{
	if [ "$release" != "$(uname -r)" ] || ! [ -e "$sysfs/module/tls/refcnt" ] ||
	   grep -qs '^net/tls: tls.ko is not built' "$log"; then
		return
	fi
	# What is not of the kernel's own build has an O there.
	case $event/$(cat "$sysfs/module/tls/taint") in
	removed/*O*)	whose="still ours" ;;
	*/*O*|removed/*) return ;;
	*)		whose="the kernel's own" ;;
	esac
	users=$(cat "$sysfs/module/tls/refcnt")
	holders=$(ls "$sysfs/module/tls/holders" | paste -sd ' ')
	if [ "$users" -gt 0 ]; then
		say "the tls.ko that is loaded is $whose, and in use (refcnt $users, modules:" \
		    "${holders:-none}): end what uses it, then modprobe -r tls, or reboot"
	else
		say "the tls.ko that is loaded is $whose: modprobe -r tls"
	fi
}

initramfs()
{
	if lsinitramfs "$boot/initrd.img-$release" 2>/dev/null | grep -q '/tls\.ko'; then
		say "the initramfs of $release may load the tls.ko that is in it:" \
		    "update-initramfs -u -k $release, once this is done"
	fi
}

if [ "$event" = installed ]; then
	built
	signed
fi
loaded
initramfs
exit 0
