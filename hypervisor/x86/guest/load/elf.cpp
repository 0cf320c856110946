// SPDX-License-Identifier: Apache-2.0
// Reading paravirtual kernels' ELF files (System V ABI, chapters 4 and 5; public/elfnote.h).
#include "x86/guest/load/elf.hpp"

#include "abi/elfnote.hpp"

#include <algorithm>
#include <cstring>

namespace px::guest::load {

namespace {

struct FileHeader {
    u8 ident[16];
    u16 type, machine;
    u32 version;
    u64 entry, program_headers, section_headers;
    u32 flags;
    u16 header_bytes, program_header_bytes, program_header_count, section_header_bytes, section_header_count, names;
};
static_assert(sizeof(FileHeader) == 64);

struct ProgramHeader {
    u32 type, flags;
    u64 offset, virtual_address, physical_address, file_bytes, memory_bytes, align;
};
static_assert(sizeof(ProgramHeader) == 56);

struct NoteHeader {
    u32 name_bytes, value_bytes, type;
};

constexpr u32 type_load = 1, type_note = 4;
constexpr u16 machine_x86_64 = 62;
constexpr u64 address_limit = u64{1} << 40; // of pseudo-physical addresses

using File = std::span<const u8>;

template <class T> bool read_at(File file, u64 offset, T& out) {
    if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
    std::memcpy(&out, file.data() + offset, sizeof(T));
    return true;
}

u64 number_of(File value) {
    u64 n = 0;
    std::memcpy(&n, value.data(), std::min<std::size_t>(value.size(), sizeof(n)));
    return n;
}

bool starts_with(File value, const char* text) {
    const std::size_t n = std::strlen(text);
    return value.size() >= n && std::memcmp(value.data(), text, n) == 0;
}

void take_note(Kernel& kernel, u32 type, File value) {
    switch (static_cast<abi::ElfNote>(type)) {
    case abi::ElfNote::Entry: kernel.entry = GuestVaddr(number_of(value)); break;
    case abi::ElfNote::HypercallPage: kernel.hypercall_page = GuestVaddr(number_of(value)); break;
    case abi::ElfNote::VirtBase:
        kernel.virt_base = GuestVaddr(number_of(value));
        kernel.has_virt_base = true;
        break;
    case abi::ElfNote::PaddrOffset:
        kernel.paddr_offset = number_of(value);
        kernel.has_paddr_offset = true;
        break;
    case abi::ElfNote::XenVersion: kernel.is_xen_kernel = starts_with(value, "xen-3.0"); break;
    case abi::ElfNote::InitP2m: kernel.init_p2m = GuestVaddr(number_of(value)); break;
    case abi::ElfNote::ModStartPfn: kernel.takes_module_by_frame = number_of(value) != 0; break;
    default: break;
    }
}

void read_notes(Kernel& kernel, File notes) {
    u64 at = 0;
    NoteHeader note;
    while (read_at(notes, at, note)) {
        at += sizeof(note);
        const u64 name_end = at + ((u64{note.name_bytes} + 3) & ~u64{3});
        const u64 next = name_end + ((u64{note.value_bytes} + 3) & ~u64{3});
        if (next > notes.size()) return;
        const bool is_ours = note.name_bytes == sizeof(abi::elfnote_name) &&
                             std::memcmp(notes.data() + at, abi::elfnote_name, sizeof(abi::elfnote_name)) == 0;
        if (is_ours) take_note(kernel, note.type, notes.subspan(name_end, note.value_bytes));
        at = next;
    }
}

bool take_segment(Kernel& kernel, File file, const ProgramHeader& p) {
    if (kernel.segment_count == Kernel::max_segments) return false;
    if (p.offset > file.size() || p.file_bytes > file.size() - p.offset || p.file_bytes > p.memory_bytes) return false;
    const u64 address = p.physical_address - kernel.paddr_offset;
    if (address >= address_limit || p.memory_bytes >= address_limit) return false;
    kernel.segments[kernel.segment_count++] = {p.offset, p.file_bytes, address, p.memory_bytes};
    kernel.start = kernel.segment_count == 1 ? address : std::min(kernel.start, address);
    kernel.end = std::max(kernel.end, address + p.memory_bytes);
    return true;
}

} // namespace

Result<Kernel> parse_kernel(File file) {
    static constexpr u8 magic[] = {0x7f, 'E', 'L', 'F', 2, 1};
    FileHeader header;
    if (!read_at(file, 0, header) || std::memcmp(header.ident, magic, sizeof(magic)) != 0 ||
        header.machine != machine_x86_64 || header.program_header_bytes != sizeof(ProgramHeader))
        return fail(Error::NoExec);
    Kernel kernel;
    kernel.entry = GuestVaddr(header.entry);
    const auto each = [&](u32 type, auto&& function) {
        for (u64 i = 0; i < header.program_header_count; ++i) {
            ProgramHeader p;
            if (!read_at(file, header.program_headers + i * sizeof(p), p)) return false;
            if (p.type == type && p.memory_bytes + p.file_bytes != 0 && !function(p)) return false;
        }
        return true;
    };
    const bool has_notes = each(type_note, [&](const ProgramHeader& p) {
        if (p.offset > file.size() || p.file_bytes > file.size() - p.offset) return false;
        read_notes(kernel, file.subspan(p.offset, p.file_bytes));
        return true;
    });
    if (!has_notes || !kernel.is_xen_kernel || !kernel.has_virt_base) return fail(Error::NoExec);
    // Without the note, physical addresses of the file are virtual ones.
    if (!kernel.has_paddr_offset) kernel.paddr_offset = kernel.virt_base.raw();
    if (!each(type_load, [&](const ProgramHeader& p) { return take_segment(kernel, file, p); }))
        return fail(Error::NoExec);
    if (kernel.segment_count == 0 || kernel.virt_base.raw() % page_size != 0) return fail(Error::NoExec);
    return kernel;
}

} // namespace px::guest::load
