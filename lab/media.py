# SPDX-License-Identifier: Apache-2.0
"""Bootable media: a GRUB ISO for each door that is not QEMU's own loader."""

import os

from lab.host import call

# door -> (GRUB platform, command that loads the image, command that loads a module)
GRUB = {
    "multiboot": ("i386-pc", "multiboot", "module"),
    "multiboot2": ("i386-pc", "multiboot2", "module2"),
    "uefi": ("x86_64-efi", "multiboot2", "module2"),
}


def _link(source, target):
    """The file in the ISO's folder, without a copy where the file system allows."""
    try:
        os.link(source, target)
    except OSError:
        call(["cp", "--reflink=auto", source, target])


def iso(door, work, hypervisor, arguments, modules):
    """Build the ISO of a door: hypervisor, then its modules [(file, command line)] in order."""
    platform, load, module = GRUB[door]
    folder = work / "iso"
    (folder / "boot/grub").mkdir(parents=True)
    _link(hypervisor, folder / "boot/hypervisor")
    # GRUB's multiboot2 gives the arguments without the file's name, as Xen's rules expect.
    lines = [
        "set timeout=0",
        "serial --unit=0 --speed=115200",
        "terminal_output serial",
        "menuentry lab {",
        f"  {load} /boot/hypervisor {arguments}",
    ]
    for number, (path, text) in enumerate(modules):
        _link(path, folder / f"boot/module{number}")
        lines.append(f"  {module} /boot/module{number} {text}".rstrip())
    (folder / "boot/grub/grub.cfg").write_text("\n".join([*lines, "  boot", "}", ""]))
    target = work / "boot.iso"
    call(["grub-mkrescue", "-d", f"/usr/lib/grub/{platform}", "-o", target, folder])
    return target
