# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's command line for a guest, but for its NICs."""

from . import accel, tsc

# Nothing here changes what a driver or the network stack sees; it is about time:
# no mitigations and no self-tests under TCG, no probing of what q35 has not.
# One CPU until init brings up the others: see there.
KERNEL_COMMAND_LINE = (
    "console=ttyS0", "panic=-1", "mitigations=off", "random.trust_cpu=on",
    "tsc=reliable", "no_timer_check", "8250.nr_uarts=1", "i8042.nokbd", "i8042.noaux",
    "cryptomgr.notests", "maxcpus=1",
)
# Strict: what has been unmapped faults at once, not after the next flush.
IOMMU_COMMAND_LINE = ("intel_iommu=on", "iommu.strict=1")
# The guest's programs are where they were, so that what is counted is the same.
COUNTED_COMMAND_LINE = ("norandmaps",)
# Ports of the virtio-serial device, in the order of init.c's enum port.
PORTS = ("control", "stdin", "stdout", "stderr")


def arguments(qemu, kernel, root_image, acceleration, options, run_directory):
    """Everything but NICs, serial ports and shares."""
    command = [
        str(qemu.program), "-L", str(qemu.firmware),
        "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35,memory-backend=ram", "-accel", acceleration,
        "-cpu", accel.CPUS[acceleration],
        "-smp", str(options.cpus), "-m", f"{options.memory}M",
        "-object", f"memory-backend-memfd,id=ram,size={options.memory}M,share=on",
        "-kernel", str(kernel.image), "-initrd", str(run_directory / "initramfs"),
        "-append", " ".join(kernel_command_line(kernel, acceleration, options)),
        "-chardev", f"file,id=console,path={escaped(run_directory / 'console.log')}",
        "-serial", "chardev:console",
    ]
    if options.iommu:
        command += ["-device", "intel-iommu"]
    for image in (root_image, kernel.module_image):
        if image:
            command += disk(image)
    return command


def kernel_command_line(kernel, acceleration, options):
    """Under TCG the guest is told its clock's rate: on a busy host it measures wrongly,
    and a clock that is wrong by a factor makes every timeout in the guest wrong.  The
    length of its delay loop follows from that, which saves each CPU's measuring it."""
    clock = ()
    if acceleration != accel.KVM:
        khz = accel.COUNTED_KHZ if acceleration == accel.COUNTED else tsc.khz()
        clock = (f"tsc_early_khz={khz}", f"lpj={khz * 1000 // kernel.timer_hz()}")
    iommu = IOMMU_COMMAND_LINE if options.iommu else ()
    counted = COUNTED_COMMAND_LINE if acceleration == accel.COUNTED else ()
    return KERNEL_COMMAND_LINE + clock + iommu + counted + tuple(options.append)


def disk(image):
    name = image.stem
    return ["-blockdev", f"driver=file,node-name={name},filename={escaped(image)},read-only=on",
            "-device", f"virtio-blk-pci,drive={name}"]


def ports(descriptors):
    """Serial ports on sockets that QEMU inherits."""
    command = ["-device", "virtio-serial-pci,id=serial,max_ports=8"]
    for number, (name, descriptor) in enumerate(zip(PORTS, descriptors), start=1):
        command += ["-chardev", f"socket,id={name},fd={descriptor}",
                    "-device", f"virtserialport,bus=serial.0,nr={number},chardev={name}"]
    return command


def share(number, socket):
    """A directory of the host, through virtiofsd on that socket."""
    return ["-chardev", f"socket,id=share{number},path={escaped(socket)}",
            "-device", f"vhost-user-fs-pci,chardev=share{number},tag=share{number}"]


def file_port(number, name, file):
    """One more serial port; what the guest writes there goes to a file."""
    return ["-chardev", f"file,id={name},path={escaped(file)}",
            "-device", f"virtserialport,bus=serial.0,nr={number},chardev={name}"]


def escaped(text):
    """As the value of one of QEMU's options."""
    return str(text).replace(",", ",,")
