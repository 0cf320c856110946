// SPDX-License-Identifier: Apache-2.0
// Sets of physical CPUs.
#include "config/cpus.hpp"

#include "base/text.hpp"

#include <fmt/format.h>

namespace config {

using toolstack::fail;
using toolstack::Result;

namespace {

struct Range {
    unsigned first = 0, last = 0;
};

Result<Range> parse_range(std::string_view text) {
    auto dash = text.find('-');
    auto first = toolstack::to_unsigned(toolstack::trim(text.substr(0, dash)));
    auto last = dash == std::string_view::npos ? first : toolstack::to_unsigned(toolstack::trim(text.substr(dash + 1)));
    if (!first || !last || *first > *last || *last >= max_cpus)
        return fail(fmt::format("'{}' is not a CPU or a range of CPUs", text), "write it as 2, 0-3 or ^1");
    return Range{static_cast<unsigned>(*first), static_cast<unsigned>(*last)};
}

Result<CpuSet> parse_term(std::string_view term, const NodeCpus& node_cpus) {
    CpuSet set;
    if (term == "all") return set.set();
    bool nodes = term.starts_with("nodes:"), node = term.starts_with("node:");
    if (!nodes && !node) {
        auto range = TRY(parse_range(term));
        for (auto cpu = range.first; cpu <= range.last; ++cpu) set.set(cpu);
        return set;
    }
    if (!node_cpus) return fail(fmt::format("'{}': nodes cannot be named here", term));
    auto range = TRY(parse_range(term.substr(nodes ? 6 : 5)));
    for (auto n = range.first; n <= range.last; ++n) set |= TRY(node_cpus(n));
    return set;
}

} // namespace

Result<CpuSet> parse_cpus(std::string_view text, const NodeCpus& node_cpus) {
    text = toolstack::trim(text);
    CpuSet set;
    if (text.empty()) return fail("empty list of CPUs", "write it as 0-3, all or ^1");
    if (text == "none") return set;
    bool first = true;
    for (auto term : toolstack::split(text, ',')) {
        term = toolstack::trim(term);
        bool remove = term.starts_with('^');
        if (remove) term = toolstack::trim(term.substr(1));
        if (remove && first) set.set();
        first = false;
        auto cpus = TRY(parse_term(term, node_cpus));
        if (remove) set &= ~cpus;
        else set |= cpus;
    }
    return set;
}

std::string print_ranges(const CpuSet& set, std::size_t limit) {
    std::string out;
    for (std::size_t cpu = 0; cpu < limit && cpu < max_cpus; ++cpu) {
        if (!set[cpu]) continue;
        auto last = cpu;
        while (last + 1 < limit && last + 1 < max_cpus && set[last + 1]) ++last;
        if (!out.empty()) out += ',';
        out += last == cpu ? fmt::format("{}", cpu) : fmt::format("{}-{}", cpu, last);
        cpu = last;
    }
    return out;
}

std::string print_cpus(const CpuSet& set, std::size_t online) {
    bool every = true;
    for (std::size_t cpu = 0; cpu < online && cpu < max_cpus; ++cpu) every = every && set[cpu];
    if (every) return "all";
    auto ranges = print_ranges(set, online);
    return ranges.empty() ? "none" : ranges;
}

} // namespace config
