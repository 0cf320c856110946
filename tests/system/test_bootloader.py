# SPDX-License-Identifier: Apache-2.0
"""Boot loaders in domain 0: a program that is shown the guest's disk and answers with a kernel, as pygrub does."""

import pytest

TOOLS_ALONE = True

LOADER = r"""#!/bin/bash
echo "the loader is at work"
for word; do
    case $word in
    --output=*) output=${word#*=} ;;
    --output-directory=*) folder=${word#*=} ;;
    --args=*) arguments=${word#*=} ;;
    --mark=*) mark=${word#*=} ;;
    esac
done
[ -f "$word" ] || exit 3
ln -s /boot/vmlinux "$folder/kernel.x"
ln -s /boot/guest.cpio.gz "$folder/ramdisk.x"
printf 'kernel %s\0ramdisk %s\0args %s mark=%s disk=%s\0' "$folder/kernel.x" "$folder/ramdisk.x" "$arguments" "$mark" "$word" > "$output"
"""


@pytest.fixture
def loader(dom0):
    dom0.machine.put("/root/loader", LOADER)
    dom0.out("chmod +x /root/loader; truncate -s 16M /root/boot.img; mkdir -p /var/log/xen")
    dom0.machine.put(
        "/etc/xen/loaded.cfg",
        'name = "loaded"\nmemory = 128\nbootloader = "/root/loader"\nbootloader_args = ["--mark=77"]\n'
        'extra = "console=hvc0 quiet"\ndisk = ["/root/boot.img,raw,xvda,rw"]\n',
    )
    dom0.run("rm -f /var/log/xen/console/guest-loaded.log")
    return dom0


def test_kernel_of_the_loader(loader):
    """Kernel, RAM disk and arguments are the loader's; its files do not stay."""
    loader.out("xl create /etc/xen/loaded.cfg", 240)
    loader.until(lambda: "GUEST-UP" in loader.run("cat /var/log/xen/console/guest-loaded.log").output, "not up", 90)
    tty = loader.out("xenstore-read /local/domain/$(xl domid loaded)/console/tty").strip()
    loader.run(f"echo 'cat /proc/cmdline' > {tty}")
    loader.until(
        lambda: "console=hvc0 quiet mark=77 disk=/root/boot.img"
        in loader.run("cat /var/log/xen/console/guest-loaded.log").output,
        "other arguments",
        30,
    )
    assert loader.run("ls -d /run/xen/bootloader.*").output.strip() == ""


def test_loader_that_fails(loader, cell):
    """Nothing is made; our tools say why."""
    said = loader.fails("xl create /etc/xen/loaded.cfg 'bootloader=\"false\"'", 120)
    assert len(loader.rows()) == 1
    if cell.toolstack == "proxenos":
        assert "boot loader 'false' failed with status 1" in said
        assert "needs a disk" in loader.fails("xl create /etc/xen/loaded.cfg 'disk=[]'")
        assert "cannot be started" in loader.fails("xl create /etc/xen/loaded.cfg 'bootloader=\"/nowhere\"'")
