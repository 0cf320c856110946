// SPDX-License-Identifier: Apache-2.0
// Zeros in kernel images.
#include "image/zero_runs.hpp"

#include <algorithm>
#include <cstring>

namespace image {
namespace {

constexpr std::uint64_t least = 64 << 10; ///< bytes of a run worth a cut
constexpr std::size_t most = 64;          ///< runs of each kind; a hostile file must not make us slow

std::uint64_t end_of(const ZeroRun& run) { return run.offset + std::min(run.size, ~run.offset); }

/// Sections in memory, with contents or without, as address ranges.
std::vector<ZeroRun> sections(View bytes, const Elf64_Ehdr& header, bool with_contents) {
    std::vector<ZeroRun> out;
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shoff > bytes.size()) return out;
    auto count = std::min<std::uint64_t>(header.e_shnum, (bytes.size() - header.e_shoff) / sizeof(Elf64_Shdr));
    for (std::uint64_t i = 0; i < count; ++i) {
        Elf64_Shdr section;
        std::memcpy(&section, bytes.data() + header.e_shoff + i * sizeof section, sizeof section);
        // Thread-local sections take no memory of their own: their addresses mean nothing here.
        if (!(section.sh_flags & SHF_ALLOC) || section.sh_flags & SHF_TLS || section.sh_size == 0) continue;
        if (with_contents == (section.sh_type != SHT_NOBITS)) out.push_back({section.sh_addr, section.sh_size});
    }
    return out;
}

} // namespace

std::vector<ZeroRun> zero_runs(View bytes, const Elf64_Ehdr& header, const Elf64_Phdr& segment,
                               std::span<const ZeroRun> holes) {
    std::vector<ZeroRun> out;
    auto end = segment.p_offset + segment.p_filesz;
    for (auto& hole : holes.first(std::min(holes.size(), most)))
        if (hole.size >= least && hole.offset < end && end_of(hole) > segment.p_offset) out.push_back(hole);
    auto empty = sections(bytes, header, false);
    std::erase_if(empty, [&](auto& run) {
        return run.size < least || run.offset < segment.p_vaddr || run.offset - segment.p_vaddr >= segment.p_filesz;
    });
    if (empty.size() > most) empty.resize(most);
    if (!empty.empty()) {
        auto full = sections(bytes, header, true);
        for (auto& run : empty) {
            bool shared = std::ranges::any_of(
                full, [&](auto& other) { return other.offset < end_of(run) && run.offset < end_of(other); });
            if (!shared) out.push_back({run.offset - segment.p_vaddr + segment.p_offset, run.size});
        }
    }
    std::ranges::sort(out, {}, &ZeroRun::offset);
    return out;
}

void add_parts(std::vector<Segment>& out, Segment segment, std::uint64_t file_offset, std::span<const ZeroRun> runs) {
    for (auto& run : runs) {
        auto first = std::max(run.offset, file_offset), last = std::min(end_of(run), file_offset + segment.data.size());
        if (first >= last || last - first < least) continue;
        auto passed = last - file_offset;
        out.push_back({segment.data.first(first - file_offset), segment.address, passed});
        segment = {segment.data.subspan(passed), segment.address + passed, segment.size - passed};
        file_offset = last;
    }
    if (segment.size) out.push_back(segment);
}

} // namespace image
