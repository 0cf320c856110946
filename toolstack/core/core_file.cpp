// SPDX-License-Identifier: Apache-2.0
// Headers and notes of core files.
#include "core/core_file.hpp"

#include "abi/elfnote.hpp"
#include "abi/pv.hpp"
#include "abi/types.hpp"

#include <algorithm>
#include <cstring>
#include <elf.h>

namespace core {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::uint64_t magic_pv = 0xf00febed, magic_translated = 0xf00febee, format_version = 1;

/// Descriptor of the note that describes the hypervisor.
struct VersionNote {
    std::uint64_t major, minor;
    char extra[abi::extraversion_length];
    abi::CompileInfo compiled;
    char capabilities[abi::capabilities_length], changeset[abi::changeset_length];
    std::uint64_t virtual_start, page_size;
};
static_assert(sizeof(VersionNote) == 1280);

/// Descriptor of the note that describes the guest.
struct HeaderNote {
    std::uint64_t magic, vcpus, pages, page_size;
};

struct Numbered {
    std::uint64_t pfn, gmfn;
};

template <class T> void put(Bytes& out, const T& value) {
    auto bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out.insert(out.end(), bytes, bytes + sizeof value);
}

template <std::size_t size> void copy(char (&to)[size], const std::string& from) {
    std::memcpy(to, from.data(), std::min(from.size(), size - 1));
}

void put_note(Bytes& out, abi::ElfNote type, const void* descriptor, std::uint32_t size) {
    put(out, Elf64_Nhdr{sizeof abi::elfnote_name, size, static_cast<std::uint32_t>(type)});
    put(out, abi::elfnote_name);
    auto bytes = static_cast<const std::uint8_t*>(descriptor);
    out.insert(out.end(), bytes, bytes + size);
}

Bytes notes(const CoreFacts& facts) {
    Bytes out;
    put_note(out, abi::ElfNote::DumpcoreNone, nullptr, 0);
    HeaderNote header{facts.translated ? magic_translated : magic_pv, facts.vcpus, facts.pages, abi::page_size};
    put_note(out, abi::ElfNote::DumpcoreHeader, &header, sizeof header);
    VersionNote version{};
    version.major = facts.major;
    version.minor = facts.minor;
    copy(version.extra, facts.extra);
    version.compiled = facts.compiled;
    copy(version.capabilities, facts.capabilities);
    copy(version.changeset, facts.changeset);
    version.virtual_start = facts.virtual_start;
    version.page_size = abi::page_size;
    put_note(out, abi::ElfNote::DumpcoreXenVersion, &version, sizeof version);
    put_note(out, abi::ElfNote::DumpcoreFormatVersion, &format_version, sizeof format_version);
    return out;
}

std::uint64_t section_count(const CoreFacts& facts) { return facts.shared_info ? 7 : 6; }
std::uint64_t head_bytes(const CoreFacts& facts) {
    return sizeof(Elf64_Ehdr) + section_count(facts) * sizeof(Elf64_Shdr);
}

Elf64_Shdr section(const std::string& names, const char* name, std::uint32_t type, std::uint64_t at, std::uint64_t size,
                   std::uint64_t alignment, std::uint64_t entry) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<std::uint32_t>(names.find(std::string(1, '\0') + name) + 1);
    header.sh_type = type;
    header.sh_offset = at;
    header.sh_size = size;
    header.sh_addralign = alignment;
    header.sh_entsize = entry;
    return header;
}

std::uint64_t number_bytes(const CoreFacts& facts) {
    return facts.translated ? sizeof(std::uint64_t) : sizeof(Numbered);
}

} // namespace

std::string core_names(bool translated) {
    std::string out(1, '\0');
    for (auto name : {".shstrtab", ".note.Xen", ".xen_prstatus", ".xen_shared_info", ".xen_pages",
                      translated ? ".xen_pfn" : ".xen_p2m"})
        out.append(name).push_back('\0');
    return out;
}

CoreLayout layout_core(const CoreFacts& facts) {
    CoreLayout out;
    out.states_at = head_bytes(facts) + notes(facts).size();
    out.shared_info_at = out.states_at + facts.vcpus * sizeof(abi::VcpuGuestContext);
    auto end = out.shared_info_at + (facts.shared_info ? abi::page_size : 0);
    out.pages_at = (end + abi::page_size - 1) / abi::page_size * abi::page_size;
    out.numbers_at = out.pages_at + facts.pages * abi::page_size;
    out.names_at = out.numbers_at + facts.pages * number_bytes(facts);
    out.end = out.names_at + core_names(facts.translated).size();
    return out;
}

std::vector<std::uint8_t> core_head(const CoreFacts& facts) {
    auto layout = layout_core(facts);
    auto names = core_names(facts.translated);
    auto about = notes(facts);
    Elf64_Ehdr elf{};
    std::memcpy(elf.e_ident, ELFMAG, SELFMAG);
    elf.e_ident[EI_CLASS] = ELFCLASS64;
    elf.e_ident[EI_DATA] = ELFDATA2LSB;
    elf.e_ident[EI_VERSION] = EV_CURRENT;
    elf.e_type = ET_CORE;
    elf.e_machine = EM_X86_64;
    elf.e_version = EV_CURRENT;
    elf.e_shoff = elf.e_ehsize = sizeof elf;
    elf.e_phentsize = sizeof(Elf64_Phdr);
    elf.e_shentsize = sizeof(Elf64_Shdr);
    elf.e_shnum = static_cast<std::uint16_t>(section_count(facts));
    elf.e_shstrndx = 1;
    Bytes out;
    put(out, elf);
    put(out, Elf64_Shdr{});
    put(out, section(names, ".shstrtab", SHT_STRTAB, layout.names_at, names.size(), 0, 0));
    put(out, section(names, ".note.Xen", SHT_NOTE, head_bytes(facts), about.size(), 0, 0));
    put(out, section(names, ".xen_prstatus", SHT_PROGBITS, layout.states_at,
                     facts.vcpus * sizeof(abi::VcpuGuestContext), 8, sizeof(abi::VcpuGuestContext)));
    if (facts.shared_info)
        put(out,
            section(names, ".xen_shared_info", SHT_PROGBITS, layout.shared_info_at, abi::page_size, 8, abi::page_size));
    put(out, section(names, ".xen_pages", SHT_PROGBITS, layout.pages_at, facts.pages * abi::page_size, abi::page_size,
                     abi::page_size));
    put(out, section(names, facts.translated ? ".xen_pfn" : ".xen_p2m", SHT_PROGBITS, layout.numbers_at,
                     facts.pages * number_bytes(facts), 8, number_bytes(facts)));
    out.insert(out.end(), about.begin(), about.end());
    return out;
}

} // namespace core
