// SPDX-License-Identifier: Apache-2.0
// CPUID texts. Positions of the bits are those of the SDM (vol. 2, CPUID) and the APM (vol. 3, appendix E); names are
// libxl's.
#include "config/cpuid.hpp"

#include "base/text.hpp"

#include <algorithm>
#include <fmt/format.h>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

constexpr std::string_view register_names[] = {"eax", "ebx", "ecx", "edx"};
constexpr std::uint32_t none = ~std::uint32_t{0};

/// Names of one register's bits from bit 0 on; "-" for bits without a name.
struct Row {
    std::uint32_t leaf, subleaf;
    unsigned place; ///< index of the register
    std::string_view names;
};

constexpr Row rows[] = {
    {1, none, 2,
     "sse3 pclmulqdq dtes64 monitor dscpl vmx smx est tm2 ssse3 cntxid - fma cmpxchg16 xtpr pdcm - pcid dca sse4.1 "
     "sse4.2 "
     "x2apic movbe popcnt tsc-deadline aes xsave osxsave avx f16c rdrand hypervisor"},
    {1, none, 3,
     "fpu vme de pse tsc msr pae mce cmpxchg8 apic - sysenter mtrr pge mca cmov pat pse36 psn clfsh - ds acpi mmx fxsr "
     "sse "
     "sse2 ss htt tm ia64 pbe"},
    {6, none, 0, "- - arat"},
    {7, 0, 1,
     "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cmt - mpx - avx512f avx512dq rdseed adx smap "
     "avx512-ifma - "
     "clflushopt clwb proc-trace avx512pf avx512er avx512cd sha avx512bw avx512vl"},
    {7, 0, 2,
     "prefetchwt1 avx512-vbmi umip pku ospke - avx512-vbmi2 cet-ss gfni vaes vpclmulqdq avx512-vnni avx512-bitalg - "
     "avx512-vpopcntdq - - - - - - - rdpid - - cldemote - - - - - pks"},
    {7, 0, 3,
     "- - avx512-4vnniw avx512-4fmaps fsrm - - - avx512-vp2intersect srbds-ctrl md-clear - - tsx-force-abort serialize "
     "- - - - - "
     "cet-ibt - - - - - ibrsb stibp l1d-flush arch-caps core-caps ssbd"},
    {7, 1, 0, "- - - - avx-vnni avx512-bf16 - - - - fzrm fsrs fsrcs"},
    {0xd, 1, 0, "xsaveopt xsavec xgetbv1 xsaves"},
    {0x80000001, none, 2,
     "lahfsahf cmplegacy svm extapic altmovcr8 abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - lwp fma4 "
     "tce - nodeid - tbm topoext perfctr_core perfctr_nb"},
    {0x80000001, none, 3,
     "- - - - - - - - - - - syscall - - - - - - - procpkg nx - mmxext - - ffxsr page1gb rdtscp - lm 3dnowext 3dnow"},
    {0x80000007, none, 3, "- - - - - - - - invtsc"},
    {0x80000008, none, 1,
     "clzero - rstr-fp-err-ptrs - - - - - - wbnoinvd - - ibpb - - stibp-amd - - - - - - - ppin ssbd-amd virt-ssbd - - "
     "psfd"},
};

/// A field that takes a number.
struct Field {
    std::string_view name;
    std::uint32_t leaf, subleaf;
    unsigned place, bit, width;
};
constexpr Field fields[] = {
    {"maxleaf", 0, none, 0, 0, 32},     {"stepping", 1, none, 0, 0, 4},
    {"clflush", 1, none, 1, 8, 8},      {"proccount", 1, none, 1, 16, 8},
    {"localapicid", 1, none, 1, 24, 8}, {"brandid", 1, none, 1, 0, 8},
    {"nc", 0x80000008, none, 2, 0, 8},  {"apicidsize", 0x80000008, none, 2, 12, 4},
};

/// Old spellings that libxl still takes.
std::string_view modern(std::string_view name) {
    constexpr std::pair<std::string_view, std::string_view> old[] = {
        {"sse4_1", "sse4.1"},  {"sse4_2", "sse4.2"}, {"tscdeadline", "tsc-deadline"},
        {"cx16", "cmpxchg16"}, {"cx8", "cmpxchg8"},  {"clflush_size", "clflush"}};
    for (auto& [from, to] : old)
        if (name == from) return to;
    return name;
}

/// Where a named feature is, if there is one of that name.
std::optional<Field> find_feature(std::string_view name) {
    for (auto& row : rows) {
        auto names = row.names;
        for (unsigned bit = 0; !names.empty(); ++bit) {
            auto end = names.find(' ');
            if (names.substr(0, end) == name && name != "-")
                return Field{name, row.leaf, row.subleaf, row.place, bit, 1};
            names.remove_prefix(end == std::string_view::npos ? names.size() : end + 1);
        }
    }
    return std::nullopt;
}

std::string& letters_of(std::vector<CpuidLeaf>& leaves, std::uint32_t leaf, std::optional<std::uint32_t> subleaf,
                        unsigned place) {
    auto found = std::ranges::find_if(leaves, [&](auto& each) { return each.leaf == leaf && each.subleaf == subleaf; });
    if (found == leaves.end()) {
        leaves.push_back({leaf, subleaf, {}});
        found = leaves.end() - 1;
    }
    auto& letters = found->registers[place];
    if (letters.empty()) letters.assign(32, 'x');
    return letters;
}

Result<void> take_term(std::vector<CpuidLeaf>& leaves, std::string_view name, std::string_view value) {
    auto field = std::ranges::find(fields, modern(name), &Field::name);
    auto place = field != std::end(fields) ? std::optional(*field) : find_feature(modern(name));
    if (!place) return fail(fmt::format("knows no CPU feature '{}'", name), "see xl.cfg(5), or write a list of leaves");
    auto subleaf = place->subleaf == none ? std::nullopt : std::optional(place->subleaf);
    auto& letters = letters_of(leaves, place->leaf, subleaf, place->place);
    auto number = toolstack::to_unsigned(value);
    bool letter = value.size() == 1 && std::string_view("xks").find(value[0]) != std::string_view::npos;
    if (!letter && (!number || (place->width < 32 && *number >> place->width)))
        return fail(fmt::format("has '{}' for '{}'", value, name),
                    place->width == 1 ? "choose 0, 1, x, k or s" : "the number does not fit");
    for (unsigned i = 0; i < place->width; ++i)
        letters[31 - place->bit - i] = letter ? value[0] : *number >> i & 1 ? '1' : '0';
    return {};
}

std::optional<std::uint32_t> leaf_number(std::string_view text) {
    auto number = toolstack::to_signed(toolstack::trim(text), 0);
    if (!number || *number < 0 || *number > none) return std::nullopt;
    return static_cast<std::uint32_t>(*number);
}

template <class Each> Result<void> for_each_term(std::string_view text, Each each) {
    while (!text.empty()) {
        auto end = text.find(',');
        auto term = toolstack::trim(text.substr(0, end));
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        auto equal = term.find('=');
        if (equal == std::string_view::npos)
            return fail(fmt::format("has '{}' without a value", term), "write NAME=VALUE");
        TRY(each(term.substr(0, equal), term.substr(equal + 1)));
    }
    return {};
}

} // namespace

Result<std::vector<CpuidLeaf>> parse_cpuid(std::string_view text) {
    std::vector<CpuidLeaf> leaves;
    auto end = text.find(',');
    if (toolstack::trim(text.substr(0, end)) != "host")
        return fail("must begin with 'host'", "write host,NAME=VALUE...");
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    TRY(for_each_term(text,
                      [&](std::string_view name, std::string_view value) { return take_term(leaves, name, value); }));
    return leaves;
}

Result<std::vector<CpuidLeaf>> parse_cpuid_leaves(const std::vector<std::string>& items) {
    std::vector<CpuidLeaf> leaves;
    for (auto& item : items) {
        auto colon = item.find(':');
        auto where = std::string_view(item).substr(0, colon);
        auto comma = where.find(',');
        auto leaf = leaf_number(where.substr(0, comma));
        auto subleaf = comma == std::string_view::npos ? std::nullopt : leaf_number(where.substr(comma + 1));
        if (colon == std::string::npos || !leaf || (comma != std::string_view::npos && !subleaf))
            return fail(fmt::format("has '{}'", item),
                        "write LEAF:REGISTER=BITS, such as 1:ecx=xxxxxxxxxxxxxxxxxxxxxxxxxxx0xxxx");
        TRY(for_each_term(
            std::string_view(item).substr(colon + 1),
            [&](std::string_view name, std::string_view bits) -> Result<void> {
                auto place = std::ranges::find(register_names, name);
                if (place == std::end(register_names)) return fail(fmt::format("has no register '{}'", name));
                if (bits.size() != 32 || bits.find_first_not_of("01xks") != std::string_view::npos)
                    return fail(fmt::format("has '{}' for {}", bits, name), "write 32 of 0, 1, x, k and s");
                letters_of(leaves, *leaf, subleaf, static_cast<unsigned>(place - std::begin(register_names))) = bits;
                return {};
            }));
    }
    return leaves;
}

std::uint32_t apply_bits(std::string_view letters, std::uint32_t value, std::uint32_t host) {
    for (unsigned bit = 0; bit < 32 && letters.size() == 32; ++bit) {
        auto mask = std::uint32_t{1} << bit;
        switch (letters[31 - bit]) {
        case '0': value &= ~mask; break;
        case '1': value |= mask; break;
        case 'k':
        case 's': value = (value & ~mask) | (host & mask); break;
        default: break;
        }
    }
    return value;
}

} // namespace config
