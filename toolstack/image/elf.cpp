// SPDX-License-Identifier: Apache-2.0
// 64-bit ELF kernels and their Xen notes.
#include "image/elf.hpp"

#include "image/zero_runs.hpp"

#include <cstring>
#include <elf.h>
#include <fmt/format.h>

namespace image {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::size_t most_examined =
    64; ///< parts of segments; a file of many more is no kernel, but must not make us slow
constexpr std::uint64_t max_kernel = std::uint64_t{1} << 32; ///< of one segment; far above any kernel

/// A copy of a structure at an offset that a file gives, or nothing if it lies outside.
template <class T> std::optional<T> record(View bytes, std::uint64_t at) {
    if (at > bytes.size() || bytes.size() - at < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

std::optional<View> part(View bytes, std::uint64_t at, std::uint64_t size) {
    if (at > bytes.size() || bytes.size() - at < size) return std::nullopt;
    return bytes.subspan(at, size);
}

std::uint64_t number(View desc) {
    return desc.size() >= 8 ? read_le<std::uint64_t>(desc, 0) : read_le<std::uint32_t>(desc, 0);
}

std::string text(View desc) {
    auto begin = reinterpret_cast<const char*>(desc.data());
    return std::string(begin, strnlen(begin, desc.size()));
}

void take(Notes& notes, std::uint32_t type, View desc) {
    switch (type) {
    case 1: notes.entry = number(desc); break;
    case 2: notes.hypercall_page = number(desc); break;
    case 3: notes.virtual_base = number(desc); break;
    case 4: notes.physical_offset = number(desc); break;
    case 5: notes.version = text(desc); break;
    case 6: notes.guest_os = text(desc); break;
    case 8: notes.loader = text(desc); break;
    case 10: notes.features = text(desc); break;
    case 15: notes.init_p2m = number(desc); break;
    case 16: notes.module_by_frame = number(desc) != 0; break;
    case 17: notes.supported_features = number(desc); break;
    case 18: notes.physical_entry = number(desc); break;
    default: break;
    }
}

void read_notes(Notes& notes, View area) {
    while (auto header = record<Elf64_Nhdr>(area, 0)) {
        std::uint64_t name_size = (std::uint64_t{header->n_namesz} + 3) & ~std::uint64_t{3};
        std::uint64_t desc_size = (std::uint64_t{header->n_descsz} + 3) & ~std::uint64_t{3};
        auto name = part(area, sizeof *header, header->n_namesz);
        auto desc = part(area, sizeof *header + name_size, header->n_descsz);
        if (!name || !desc) return;
        if (name->size() == 4 && std::memcmp(name->data(), "Xen", 4) == 0) take(notes, header->n_type, *desc);
        auto whole = sizeof *header + name_size + desc_size;
        if (whole > area.size()) return;
        area = area.subspan(whole);
    }
}

std::unexpected<toolstack::Failure> truncated(std::string_view what) {
    return fail(fmt::format("the kernel's {} lies outside the file", what), "the file may be truncated");
}

} // namespace

bool is_elf(View bytes) { return bytes.size() >= SELFMAG && std::memcmp(bytes.data(), ELFMAG, SELFMAG) == 0; }

Result<Elf> read_elf(View bytes, std::span<const ZeroRun> holes) {
    auto header = record<Elf64_Ehdr>(bytes, 0);
    if (!is_elf(bytes) || !header) return fail("the kernel is not an ELF file");
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
        return fail("the kernel is not for 64-bit x86", "32-bit guests are not supported");
    if (header->e_phentsize != sizeof(Elf64_Phdr)) return fail("the kernel has no usable program headers");
    Elf elf;
    elf.entry = header->e_entry;
    std::uint64_t noted = 0;
    for (unsigned i = 0; i < header->e_phnum; ++i) {
        auto program = record<Elf64_Phdr>(bytes, header->e_phoff + std::uint64_t{i} * sizeof(Elf64_Phdr));
        if (!program || header->e_phoff > bytes.size()) return truncated("table of segments");
        if (program->p_type != PT_LOAD && program->p_type != PT_NOTE) continue;
        auto data = part(bytes, program->p_offset, program->p_filesz);
        if (!data) return truncated(program->p_type == PT_NOTE ? "note" : "segment");
        if (program->p_type == PT_NOTE) {
            noted += data->size(); // many headers may name one area: the work is bounded by the file's size
            if (noted <= bytes.size()) read_notes(elf.notes, *data);
            continue;
        }
        if (program->p_memsz == 0) continue;
        if (program->p_memsz < program->p_filesz || program->p_memsz > max_kernel ||
            program->p_paddr + program->p_memsz < program->p_paddr)
            return fail("the kernel has a segment of senseless size");
        add_parts(elf.segments, {*data, program->p_paddr, program->p_memsz}, program->p_offset,
                  elf.segments.size() < most_examined ? zero_runs(bytes, *header, *program, holes)
                                                      : std::vector<ZeroRun>{});
    }
    if (elf.segments.empty()) return fail("the kernel has nothing to load");
    return elf;
}

} // namespace image
