#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Run by the guest's init before COMMAND: shares, the NIC's driver, addresses.
# Few processes, since each costs several milliseconds under TCG.

set -e

fail()
{
	echo "setup: $*" >&2
	exit 1
}

# The name of the interface with this MAC address, waiting for its driver.
interface_of()
{
	for path in /sys/class/net/*; do
		read -r address < "$path/address"
		if [ "$address" = "$1" ]; then
			interface=${path##*/}
			return
		fi
	done
	fail "no interface has the address $1: did the driver of $VM_NIC bind?"
}

# What COMMAND is to find in its environment besides what the host put there.
export_names()
{
	printf 'NETIF=%s\0' "$1" >> /run/vm/environment
}

# Links take their time to negotiate: wait, but not for ever.
wait_for_carrier()
{
	tries=0
	until [ "$($2 cat "/sys/class/net/$1/carrier")" = 1 ]; do
		tries=$((tries + 1))
		[ "$tries" -lt 200 ] || fail "no link on $1 after 10 s"
		sleep 0.05
	done
}

mount_shares()
{
	tag=0
	for directory in $VM_SHARES; do
		mkdir -p "$directory"
		mount -t virtiofs "share$tag" "$directory" || fail "cannot mount $directory"
		tag=$((tag + 1))
	done
}

# modprobe finds the module among the host's files, instead of one of the kernel's.
take_from_host()
{
	mkdir -p /etc/modprobe.d
	depends=$(cat "/run/vm/$1.depends")
	cat > "/etc/modprobe.d/$1.conf" <<-END
		install $1 ${depends:+modprobe -a $depends &&} insmod /run/vm/$1.ko \$CMDLINE_OPTS
		remove $1 rmmod $1
	END
}

load_driver()
{
	for module in tls ktlsnic; do
		if [ -e "/run/vm/$module.ko" ]; then
			take_from_host "$module"
		fi
	done
	modprobe "$VM_DRIVER"
}

# One guest with both ends: the remote one in a namespace of its own.
link_loop()
{
	interface_of "$VM_MAC0"
	local_if=$interface
	interface_of "$VM_MAC1"
	remote_if=$interface
	export_names "$local_if"
	ip -batch - <<-END
		link set dev lo up
		netns add $REMOTE_ARGS
		link set dev $remote_if netns $REMOTE_ARGS
		addr add $LOCAL_V4/24 dev $local_if
		addr add $LOCAL_V6/64 dev $local_if nodad
		link set dev $local_if up
	END
	ip -n "$REMOTE_ARGS" -batch - <<-END
		link set dev lo up
		addr add $REMOTE_V4/24 dev $remote_if
		addr add $REMOTE_V6/64 dev $remote_if nodad
		link set dev $remote_if up
	END
	wait_for_carrier "$local_if" ""
	wait_for_carrier "$remote_if" "ip netns exec $REMOTE_ARGS"
}

# The far guest of a pair is reached by ssh, like any remote end of drv-net.
serve_ssh()
{
	mkdir -p /run/sshd
	/usr/sbin/sshd
}

# One end only; the other is another guest, or whatever is on the host's tap.
link_single()
{
	interface_of "$VM_MAC0"
	export_names "$interface"
	ip -batch - <<-END
		link set dev lo up
		addr add $LOCAL_V4/24 dev $interface
		addr add $LOCAL_V6/64 dev $interface nodad
		link set dev $interface up
	END
	wait_for_carrier "$interface" ""
}

exec 2>/dev/kmsg
if [ -e /run/vm/vm-mark ]; then
	install -m 755 /run/vm/vm-mark /usr/local/bin/vm-mark
fi
echo "$VM_HOSTNAME" > /proc/sys/kernel/hostname
mount_shares
load_driver
case $VM_TOPOLOGY in
loop)	link_loop ;;
*)	link_single ;;
esac
if [ "$VM_HOSTNAME" = remote ]; then
	serve_ssh
fi
