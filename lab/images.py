# SPDX-License-Identifier: Apache-2.0
"""The images a machine boots: Debian's kernel, dom0's and the test guest's initramfs, the hypervisors.

Everything is cached under .cache/ by a hash of its inputs. The initramfs is an uncompressed cpio: under emulation,
unpacking costs more than reading.
"""

import gzip
import lzma
import shutil
import struct
import subprocess
from pathlib import Path

from lab import debian, progress
from lab.host import BUILD, CACHE, LAB, LabError, call, content, forget_others, key, locked, noted, remove, say, words
from lab.other_suites import RELEASE, Absent, Suite
from lab.settings import KERNELS

# Left out of dom0's image: documentation, and data that only other programs' set-up needs.
UNUSED = [
    "usr/share/doc",
    "usr/share/man",
    "usr/share/locale",
    "usr/share/info",
    "usr/share/lintian",
    "usr/share/bug",
    "usr/share/perl*",
    "usr/share/python3",
    "usr/share/bash-completion",
    "usr/share/i18n",
    "usr/share/zoneinfo",
    "usr/lib/python3*",
    "usr/lib/xen-4.17/lib",
    "usr/lib/xen-4.17/boot/xen-shim",
    "usr/share/initramfs-tools",
    "usr/lib/x86_64-linux-gnu/gconv",
    "usr/lib/x86_64-linux-gnu/perl*",
    "boot/System.map*",
    "boot/config*",
    "usr/lib/systemd",
    "var/lib/dpkg",
    "usr/lib/udev",
    "etc/cron*",
    "usr/share/common-licenses",
    "usr/lib/x86_64-linux-gnu/engines-3",
    "usr/lib/xen-4.17/bin/test-*",
    "usr/share/gdb",
]
# What tests and hotplug scripts start most. A program with shared libraries costs a tenth of a second to start under emulation,
# bash a quarter: here they are linked statically, bash Debian's own, the others busybox's, which differ in nothing used here.
STATIC = ("cat", "cut", "head", "mkdir", "readlink", "rm", "sleep", "tail", "timeout", "touch", "tr", "true")


def _cpio(folder, target):
    """Pack a folder as a 'newc' cpio owned by root."""
    with open(target, "wb") as out:
        names = subprocess.run(
            ["find", ".", "-mindepth", "1", "-print0"], cwd=folder, stdout=subprocess.PIPE, check=True
        )
        subprocess.run(
            ["cpio", "--quiet", "-0", "-o", "-H", "newc", "-R", "0:0"],
            cwd=folder,
            input=names.stdout,
            stdout=out,
            check=True,
        )
        out.write(b"\0" * (-out.tell() % 512))


def _module_closure(root, version, names):
    """Module files that `names` need, in load order, as paths relative to the root."""
    files = {}
    for name in names:
        text = call(["modprobe", "-d", root, "-S", version, "--show-depends", name])
        for line in text.splitlines():
            if line.startswith("insmod "):
                files[Path(line.split()[1]).resolve().relative_to(root.resolve())] = True
    return list(files)


def unpack_bzimage(image):
    """The ELF kernel inside a bzImage with an xz or zstd payload (Debian 12's kinds)."""
    data = Path(image).read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{image} is no bzImage")
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (data[0x1F1] + 1) * 512 + offset
    payload = data[start : start + length]
    if payload[:6] == b"\xfd7zXZ\0":
        return lzma.LZMADecompressor().decompress(payload)
    if payload[:4] == b"\x28\xb5\x2f\xfd":  # its last four bytes are the unpacked size, not part of the frame
        return subprocess.run(["zstd", "-dcq"], input=payload[:-4], stdout=subprocess.PIPE, check=True).stdout
    raise LabError(f"{image}: its payload is neither xz nor zstd")


def kernel_archives(kernel):
    """The folder with the package of another kernel than dom0's packages have; None for theirs. Raises Absent."""
    if kernel == KERNELS[0]:
        return None
    suite, package = Suite(f"{RELEASE}-backports"), "linux-image-amd64"

    def choose():
        version = suite.field(package, "Version")
        if not version.startswith(f"{kernel}."):
            raise Absent(f"the mirror's {suite.name} has Linux {version}, not {kernel}")
        return [suite.field(package, "Depends").split()[0]]

    return suite.fetch(f"kernel-{kernel}", [package, kernel], choose)


def _label(kernel):
    """What begins the names in the cache that belong to another kernel than dom0's packages have."""
    return "" if kernel == KERNELS[0] else f"linux-{kernel}-"


def _base_root(kernel=KERNELS[0]):
    """The unpacked Debian packages: full module tree, kernel, programs."""
    archives, other = debian.fetch(LAB / "dom0/packages.txt"), kernel_archives(kernel)
    root = CACHE / (f"{_label(kernel)}root-" + archives.name[5:] + (f"-{other.name[-16:]}" if other else ""))
    if not (root / ".complete").exists():
        shutil.rmtree(root, ignore_errors=True)
        debian.unpack_all(archives, root, "linux-image-*" if other else "")
        if other:
            debian.unpack(next(other.glob("*.deb")), root)
        version = kernel_version(root)
        call(["depmod", "-b", root, version])
        image = root / f"boot/vmlinuz-{version}"
        (root / "boot/vmlinux").write_bytes(unpack_bzimage(image))
        image.rename(root / "boot/vmlinuz")
        (root / ".complete").touch()
        forget_others(f"{_label(kernel)}root-*", root)
    return root


def kernel_version(root):
    """The version of the one kernel in a root."""
    return next((root / "lib/modules").iterdir()).name


def _copy_modules(base, target, list_file):
    """Copy a module list with its dependencies and make its indexes. Returns (load at start, all in load order)."""
    version = kernel_version(base)
    entries = words(list_file)
    files = _module_closure(base, version, [entry.lstrip("+") for entry in entries])
    for name in files + [Path(f"usr/lib/modules/{version}/{index}") for index in ("modules.order", "modules.builtin")]:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if name.suffix == ".xz":  # newer packages have them so; unpacked here, the guest's insmod needs to know nothing
            (target / name).with_suffix("").write_bytes(lzma.decompress((base / name).read_bytes()))
        else:
            shutil.copy(base / name, target / name)
    files = [name.with_suffix("") if name.suffix == ".xz" else name for name in files]
    call(["depmod", "-b", target, version])
    return [entry[1:] for entry in entries if entry.startswith("+")], files


def _load_order(base, name):
    """File names of a module and of what it needs, in the order in which they are to be inserted."""
    return [path.name.removesuffix(".xz") for path in _module_closure(base, kernel_version(base), [name])]


def _guest_image(base, target):
    """The test guest's initramfs: busybox, the two frontends, one script. Gzipped: xl reads it for each guest."""
    work = target.with_suffix(".dir")
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(LAB / "guest/root", work)
    for name in ("bin", "usr/lib", "proc", "sys", "dev", "mnt"):
        (work / name).mkdir(parents=True)
    (work / "lib").symlink_to("usr/lib")
    shutil.copy(base / "bin/busybox", work / "bin/busybox")
    applets = subprocess.run(
        [base / "bin/busybox", "--list"], check=True, capture_output=True, text=True
    ).stdout.split()
    for name in set(applets) - {"busybox"}:
        (work / "bin" / name).symlink_to("busybox")
    at_start, files = _copy_modules(base, work, LAB / "guest/modules.txt")
    (work / "modules").mkdir()
    for name in files:
        shutil.move(work / name, work / "modules" / name.name)
    shutil.rmtree(work / "usr/lib/modules")
    # What insmod takes, one after the other, for each name that somebody may ask for: no indexes needed.
    for name in [entry.lstrip("+") for entry in words(LAB / "guest/modules.txt")]:
        (work / "modules" / name).write_text("".join(f"{file}\n" for file in _load_order(base, name)))
    first = [file for name in at_start for file in _load_order(base, name)]
    (work / "modules/at-start").write_text("".join(f"{file}\n" for file in dict.fromkeys(first)))
    shutil.copy(LAB / "guest/init", work / "init")
    _cpio(work, work.with_suffix(".cpio"))
    target.write_bytes(gzip.compress(work.with_suffix(".cpio").read_bytes(), 6, mtime=0))
    work.with_suffix(".cpio").unlink()
    shutil.rmtree(work)


def _agent():
    """The command agent, linked statically."""
    source = LAB / "agent/agent.cpp"
    program = CACHE / ("agent-" + key(source))
    if not program.exists():
        call(["clang++-19", "-std=c++23", "-O2", "-Wall", "-Wextra", "-Werror", "-static", "-s", source, "-o", program])
        forget_others("agent-*", program)
    return program


def _dom0_image(base, target):
    """dom0's initramfs: the Debian root without what it does not use, our start scripts, kernels and the guest."""
    work = target.with_suffix(".dir")
    shutil.rmtree(work, ignore_errors=True)
    call(["cp", "-a", "--reflink=auto", base, work])
    for pattern in UNUSED:
        for path in work.glob(pattern):
            remove(path)
    shutil.rmtree(work / "usr/lib/modules")
    (work / "boot/vmlinux").unlink()  # travels in a cpio of its own
    at_start, _ = _copy_modules(base, work, LAB / "dom0/modules.txt")
    call(["cp", "-a", f"{LAB}/dom0/files/.", work])
    (work / "etc/lab-modules").write_text(" ".join(at_start) + "\n")
    for name in (
        "proc",
        "sys",
        "dev",
        "run",
        "tmp",
        "root",
        "mnt",
        "var/log/xen/console",
        "var/lib/xenstored",
        "var/lib/xen",
        "var/lock",
    ):
        (work / name).mkdir(parents=True, exist_ok=True)
    if not (work / "var/run").is_symlink():
        if (work / "var/run").exists():
            (work / "var/run").rmdir()
        (work / "var/run").symlink_to("/run")
    shutil.copy(_agent(), work / "usr/sbin/lab-agent")
    (work / "usr/bin/bash-static").replace(work / "usr/bin/bash")
    for applet in STATIC:
        (work / "usr/bin" / applet).unlink()
    for applet in call([base / "bin/busybox", "--list"]).split():
        if not any((work / "usr" / folder / applet).exists() for folder in ("bin", "sbin", "local/sbin")):
            (work / "usr/bin" / applet).symlink_to("busybox")
    guest = target.with_name("guest.tmp.gz")
    _guest_image(base, guest)
    shutil.move(guest, work / "boot/guest.cpio.gz")
    call(["ldconfig", "-r", work])
    _cpio(work, target.with_suffix(".tmp"))
    shutil.rmtree(work)
    (work_kernel := target.with_suffix(".kernel.dir")).joinpath("boot").mkdir(parents=True)
    shutil.copy(base / "boot/vmlinux", work_kernel / "boot/vmlinux")
    _cpio(work_kernel, target.with_suffix(".kernel"))
    shutil.rmtree(work_kernel)
    target.with_suffix(".tmp").rename(target)


def dom0_image(kernel=KERNELS[0]):
    """Path of dom0's initramfs, built when its inputs changed. Raises Absent for a kernel that cannot be had."""
    with locked("images"):
        label, name = _label(kernel), key(
            *(LAB / part for part in ("dom0", "guest", "agent", "images.py", "debian.py"))
        )
        target = CACHE / f"{label}dom0-{name}.cpio"
        if not target.exists():
            base = _base_root(kernel)
            what = "making dom0's image" + (f" with Linux {kernel}" if label else "")
            with progress.step(what, f"image {label}dom0") as step:
                step.at(0)
                _dom0_image(base, target)
            for old in CACHE.glob(f"{label}dom0-*"):
                if not old.name.startswith(target.stem):
                    remove(old)
        return target


def device_model_image():
    """Path of a further cpio with QEMU and its libraries, for machines whose guests need it."""
    with locked("device-model"):
        archives = debian.fetch(LAB / "dom0/packages-qemu.txt", "qemu-", debian.fetch(LAB / "dom0/packages.txt"))
        target = CACHE / f"qemu-image-{key(LAB / 'images.py')}-{archives.name[-16:]}.cpio"
        if not target.exists():
            say("making the image with QEMU")
            work = target.with_suffix(".dir")
            shutil.rmtree(work, ignore_errors=True)
            debian.unpack_all(archives, work)
            for pattern in [*UNUSED, "usr/share/*", "usr/share/qemu/*"]:
                for path in work.glob(pattern):
                    if path.name in ("qemu", "keymaps"):
                        continue  # a VNC server starts with a keymap only
                    remove(path)
            for link in ("bin", "sbin", "lib", "lib64"):
                (work / link).unlink()  # dom0's own image has them
            _cpio(work, target.with_suffix(".tmp"))
            shutil.rmtree(work)
            target.with_suffix(".tmp").rename(target)
            forget_others("qemu-image-*", target)
        return target


def dom0_kernel(machine):
    """Path of Debian's kernel: as shipped, or unpacked where nothing but time depends on it (xz is half of a boot under
    emulation). Boot loaders and bare hosts get it as shipped."""
    dom0_image(machine.kernel)
    packed = machine.packed_kernel or machine.door != "kernel" or machine.hypervisor == "none"
    return _base_root(machine.kernel) / ("boot/vmlinuz" if packed else "boot/vmlinux")


def _overlay(work, files):
    """A further cpio with {path in dom0: host path}: the kernel unpacks it over the first."""
    folder = work / "overlay"
    for inside, outside in files.items():
        path = folder / str(inside).lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(outside, path, follow_symlinks=False)
        if str(outside).startswith(str(BUILD / "toolstack")) and not path.is_symlink():
            call(["strip", "--strip-debug", path])
    target = work / "overlay.cpio"
    _cpio(folder, target)
    shutil.rmtree(folder)
    return target


def initrd_parts(machine):
    """What dom0's initramfs is made of for one machine: (images, {path in dom0: host path})."""
    parts = [dom0_image(machine.kernel)]
    if machine.unpacked_kernel and machine.hypervisor != "none":
        parts.append(parts[0].with_suffix(".kernel"))
    if machine.device_model:
        parts.append(device_model_image())
    files = dict(toolstack_files() if machine.toolstack == "proxenos" and machine.hypervisor != "none" else {})
    files.update(machine.files)
    return parts, files


def initrd(machine, work):
    """dom0's initramfs for one machine: the cached image, the unpacked kernel, our toolstack, extra files."""
    parts, files = initrd_parts(machine)
    if files:
        parts.append(_overlay(work, files))
    if len(parts) == 1:
        return parts[0]
    target = work / "dom0.cpio"
    with open(target, "wb") as out:
        for part in parts:
            with open(part, "rb") as source:
                shutil.copyfileobj(source, out, 1 << 20)
    return target


def _head(path):
    with open(path, "rb") as file:
        return file.read(4)


def _ldd(program):
    # It fails for static ones: no libraries.
    return subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout


def toolstack_files():
    """{path in dom0: host path} of our own toolstack's programs and of the libraries that dom0 does not have."""
    folder = BUILD / "toolstack"
    programs = [
        p
        for p in folder.rglob("*")
        if p.is_file()
        and not p.suffix
        and "CMakeFiles" not in p.parts
        and not p.name.endswith("_test")
        and _head(p) == b"\x7fELF"
    ]
    if not programs:
        raise LabError("our toolstack is not built (build/toolstack holds no program): use --toolstack stock")
    dom0_image()
    base, files = _base_root(), {}
    for program in programs:
        files[f"usr/local/sbin/{program.name}"] = program
        for line in noted("libraries", content(program), lambda program=program: _ldd(program)).splitlines():
            part = line.split()
            if len(part) >= 3 and part[1] == "=>" and not list(base.glob(f"usr/lib/x86_64-linux-gnu/{part[0]}")):
                files[f"usr/local/lib/{part[0]}"] = Path(part[2])
    return files


def hypervisor(name):
    """Path of a bootable hypervisor image: 'proxenos' is ours, 'xen' is Debian's, a path is itself."""
    if name == "proxenos":
        image = BUILD / "proxenos"
        if not image.exists():
            raise LabError("our hypervisor is not built (build/proxenos): use --hypervisor xen or none")
        return image
    if name == "xen":
        return _xen()
    image = Path(name)
    if not image.is_file():
        raise LabError(f"no such hypervisor: {name} (proxenos, xen, none or a file)")
    return image


def _xen():
    """Debian's Xen 4.17 as the ELF that `qemu -kernel` takes."""
    target = CACHE / "xen-4.17.elf"
    with locked("xen"):
        if not target.exists():
            installed = Path("/boot/xen-4.17-amd64.gz")
            if not installed.exists():
                folder = CACHE / "xen"
                folder.mkdir(parents=True, exist_ok=True)
                call(["apt-get", "-o", "APT::Sandbox::User=root", "download", "xen-hypervisor-4.17-amd64"], cwd=folder)
                debian.unpack(next(folder.glob("*.deb")), folder)
                installed = folder / "boot/xen-4.17-amd64.gz"
            target.with_suffix(".tmp").write_bytes(gzip.decompress(installed.read_bytes()))
            target.with_suffix(".tmp").rename(target)
    return target
