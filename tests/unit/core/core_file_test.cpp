// SPDX-License-Identifier: Apache-2.0
// Headers of core files, read back as any ELF tool would.
#include "core/core_file.hpp"

#include "abi/pv.hpp"
#include "abi/types.hpp"

#include <cstring>
#include <elf.h>
#include <gtest/gtest.h>
#include <map>

using namespace core;

namespace {

template <class T> T at(const std::vector<std::uint8_t>& bytes, std::uint64_t offset) {
    T value;
    EXPECT_LE(offset + sizeof value, bytes.size());
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

CoreFacts some_facts(bool translated, bool shared) {
    CoreFacts facts;
    facts.translated = translated;
    facts.shared_info = shared;
    facts.vcpus = 3;
    facts.pages = 1000;
    facts.major = 4;
    facts.minor = 17;
    facts.extra = ".7";
    facts.capabilities = std::string(2000, 'c'); // longer than its place
    facts.virtual_start = 0xffff800000000000;
    return facts;
}

std::map<std::string, Elf64_Shdr> sections(const CoreFacts& facts, const std::vector<std::uint8_t>& head) {
    auto elf = at<Elf64_Ehdr>(head, 0);
    auto names = core_names(facts.translated);
    std::map<std::string, Elf64_Shdr> out;
    for (unsigned i = 1; i < elf.e_shnum; ++i) {
        auto section = at<Elf64_Shdr>(head, elf.e_shoff + i * sizeof(Elf64_Shdr));
        EXPECT_LT(section.sh_name, names.size());
        out[names.c_str() + section.sh_name] = section;
    }
    return out;
}

} // namespace

TEST(CoreFile, IsAnElfCoreWithoutSegments) {
    auto head = core_head(some_facts(false, true));
    auto elf = at<Elf64_Ehdr>(head, 0);
    EXPECT_EQ(std::memcmp(elf.e_ident, ELFMAG, SELFMAG), 0);
    EXPECT_EQ(elf.e_ident[EI_CLASS], ELFCLASS64);
    EXPECT_EQ(elf.e_type, ET_CORE);
    EXPECT_EQ(elf.e_machine, EM_X86_64);
    EXPECT_EQ(elf.e_phnum, 0);
    EXPECT_EQ(elf.e_shentsize, sizeof(Elf64_Shdr));
}

TEST(CoreFile, SectionsLieSideBySideAndDoNotOverlap) {
    for (bool translated : {false, true})
        for (bool shared : {false, true}) {
            auto facts = some_facts(translated, shared);
            auto head = core_head(facts);
            auto layout = layout_core(facts);
            auto found = sections(facts, head);
            EXPECT_EQ(head.size(), layout.states_at);
            EXPECT_EQ(found.size(), shared ? 6u : 5u);
            EXPECT_EQ(found.count(".xen_shared_info"), shared ? 1u : 0u);
            auto numbers = translated ? ".xen_pfn" : ".xen_p2m";
            ASSERT_EQ(found.count(numbers), 1u);
            std::map<std::uint64_t, std::uint64_t> spans;
            for (auto& [name, section] : found) spans[section.sh_offset] = section.sh_size;
            std::uint64_t end = 0;
            for (auto& [offset, size] : spans) {
                EXPECT_GE(offset, end);
                end = offset + size;
            }
            EXPECT_EQ(end, layout.end);
            EXPECT_EQ(found[".xen_pages"].sh_offset % abi::page_size, 0u);
            EXPECT_EQ(found[".xen_pages"].sh_size, 1000 * abi::page_size);
            EXPECT_EQ(found[numbers].sh_size, 1000u * (translated ? 8 : 16));
            EXPECT_EQ(found[".xen_prstatus"].sh_size, 3 * sizeof(abi::VcpuGuestContext));
            EXPECT_EQ(found[".note.Xen"].sh_type, static_cast<std::uint32_t>(SHT_NOTE));
        }
}

TEST(CoreFile, NotesSayWhatTheyMust) {
    auto facts = some_facts(true, true);
    auto head = core_head(facts);
    auto note = sections(facts, head)[".note.Xen"];
    std::map<std::uint32_t, std::uint64_t> found; // type to offset of the descriptor
    for (std::uint64_t offset = 0; offset < note.sh_size;) {
        auto header = at<Elf64_Nhdr>(head, note.sh_offset + offset);
        EXPECT_EQ(header.n_namesz, 4u);
        EXPECT_STREQ(reinterpret_cast<const char*>(head.data() + note.sh_offset + offset + sizeof header), "Xen");
        found[header.n_type] = note.sh_offset + offset + sizeof header + 4;
        offset += sizeof header + 4 + header.n_descsz;
    }
    ASSERT_EQ(found.size(), 4u);
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000001]), 0xf00febeeu);
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000001] + 8), 3u);
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000001] + 16), 1000u);
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000002]), 4u);
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000002] + 8), 17u);
    EXPECT_STREQ(reinterpret_cast<const char*>(head.data() + found[0x2000002] + 16), ".7");
    EXPECT_EQ(strnlen(reinterpret_cast<const char*>(head.data() + found[0x2000002] + 176), 1024),
              1023u); // cut, and still ended
    EXPECT_EQ(at<std::uint64_t>(head, found[0x2000003]), 1u);
}
