// SPDX-License-Identifier: Apache-2.0
// top: what every domain uses, again and again; on a terminal by ncurses, else (or with -b) as xentop's batch lines.
#include "base/text.hpp"
#include "domain/usage.hpp"
#include "xl/doctor.hpp"
#include "xl/top/top_screen.hpp"

#include <unistd.h>

namespace xl {

std::string top_header() {
    return fmt::format("{:>10} {:>6} {:>10} {:>6} {:>10} {:>6} {:>10} {:>9} {:>5} {:>4} {:>8} {:>8} {:>4} {:>8} {:>8} "
                       "{:>8} {:>10} {:>10} {:>4}",
                       "NAME", "STATE", "CPU(sec)", "CPU(%)", "MEM(k)", "MEM(%)", "MAXMEM(k)", "MAXMEM(%)", "VCPUS",
                       "NETS", "NETTX(k)", "NETRX(k)", "VBDS", "VBD_OO", "VBD_RD", "VBD_WR", "VBD_RSECT", "VBD_WSECT",
                       "SSID");
}

std::string top_row(const domain::Used& used, const domain::Sample& sample, bool full_name) {
    auto& entry = used.domain;
    auto flag = [&](std::uint32_t bit, char letter) { return entry.has(bit) ? letter : '-'; };
    // xentop's order of letters differs from list's.
    bool crashed = entry.has(abi::dominf_shutdown) && entry.reason() == 3;
    std::string state = {flag(abi::dominf_dying, 'd'), flag(abi::dominf_shutdown, 's'), flag(abi::dominf_blocked, 'b'),
                         crashed ? 'c' : '-',          flag(abi::dominf_paused, 'p'),   flag(abi::dominf_running, 'r')};
    auto percent = [&](std::uint64_t kib) {
        return 100.0 * static_cast<double>(kib) / static_cast<double>(sample.total_kib);
    };
    auto kib = entry.info.tot_pages * 4, most = entry.info.max_pages * 4;
    bool unlimited = most > sample.total_kib * 16;
    auto name = full_name ? entry.name : entry.name.substr(0, 10);
    return fmt::format("{:>10} {:>6} {:>10} {:>6.1f} {:>10} {:>6.1f} {:>10} {:>9} {:>5} {:>4} {:>8} {:>8} {:>4} {:>8} "
                       "{:>8} {:>8} {:>10} {:>10} {:>4}",
                       name, state, entry.info.cpu_time / 1000000000, used.cpu_percent, kib, percent(kib),
                       unlimited ? "no limit" : std::to_string(most),
                       unlimited ? "n/a" : fmt::format("{:.1f}", percent(most)), entry.info.nr_online_vcpus,
                       used.net.count, used.net.sent / 1024, used.net.received / 1024, used.disk.count, used.disk.full,
                       used.disk.reads, used.disk.writes, used.disk.read_sectors, used.disk.written_sectors,
                       entry.info.ssidref);
}

Result<int> run_top(Context& context, const Words& words) {
    auto number = [&](char letter, std::uint64_t fallback) -> Result<std::uint64_t> {
        auto text = words.value(letter);
        auto value = text ? toolstack::to_unsigned(*text) : std::optional(fallback);
        if (!value || *value == 0) return fail(fmt::format("'{}' is not a number above 0", *text));
        return *value;
    };
    auto delay = TRY(number('d', 3)), rounds = TRY(number('i', UINT64_MAX));
    bool batch = words.has('b') || !isatty(STDOUT_FILENO);
    if (!batch) return show_top(context, static_cast<unsigned>(delay), rounds, words.has('f'));
    domain::Sample before;
    for (std::uint64_t round = 0; round < rounds; ++round) {
        if (round) sleep(static_cast<unsigned>(delay));
        auto now = TRY(domain::sample(context.session, before));
        out("{}\n", top_header());
        for (auto& used : now.domains) out("{}\n", top_row(used, now, words.has('f')));
        fflush(stdout);
        before = std::move(now);
    }
    return exit_good;
}

} // namespace xl
