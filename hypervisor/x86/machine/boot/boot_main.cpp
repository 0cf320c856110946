// SPDX-License-Identifier: Apache-2.0
// From the boot entry to start/main.cpp: takes what the loader left into BootInfo, before anything reuses that memory.
#include "base/panic.hpp"
#include "base/percpu.hpp"
#include "boot/start.hpp"
#include "x86/machine/boot/image.hpp"
#include "x86/machine/boot/multiboot.hpp"

namespace px {

constinit BootInfo boot_info{};

namespace x86 {
namespace {

constinit boot::StringPool strings{};
constinit EfiMap efi_map{};
/// The multiboot2 loader's copy of ACPI's root pointer lies in memory that is going to be reused.
constinit char root_pointer[36];

void keep_root_pointer() {
    if (!boot_info.rsdp.is_valid()) return;
    __builtin_memcpy(root_pointer, to_virtual<char>(boot_info.rsdp), sizeof root_pointer);
    boot_info.rsdp = image::physical(root_pointer);
}

bool read_boot_info(u32 magic, u64 address) {
    const boot::PhysicalMemory memory(to_virtual<char>(Paddr(0)));
    boot_info.efi_map = &efi_map;
    switch (magic) {
    case boot::multiboot1_magic: return boot::read_multiboot1(memory, address, strings, boot_info);
    case boot::multiboot2_magic: return boot::read_multiboot2(memory, address, strings, boot_info);
    case boot::pvh_magic: return boot::read_pvh(memory, address, strings, boot_info);
    default: return false;
    }
}

} // namespace

/// First C++ on the boot CPU: on its stack block, interrupts off, the early page tables of boot_entry.S.
extern "C" [[noreturn]] void px_boot_main(u32 magic, u64 address) {
    cpu_info() = CpuInfo{};
    const bool is_good = read_boot_info(magic, address);
    keep_root_pointer();
    boot::normalise(boot_info);
    if (!is_good) {
        boot_info.command_line = boot_info.command_line ? boot_info.command_line : "";
        start::fail_early("the boot loader is none that Proxenos knows (multiboot 1 or 2, or PVH)");
    }
    start::run();
}

} // namespace x86
} // namespace px
