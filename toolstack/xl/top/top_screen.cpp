// SPDX-License-Identifier: Apache-2.0
// The interactive screen of top: sorted rows with bars of CPU, arrows choose a domain, p pauses it.
#include "xl/top/top_screen.hpp"

#include "xen/domctl.hpp"

#include <algorithm>
#include <cstdlib>
#include <curses.h>

namespace xl {
namespace {

/// What rows are sorted by; s steps through them.
struct Order {
    const char* name;
    bool (*before)(const domain::Used&, const domain::Used&);
};

constexpr Order orders[] = {
    {"id", [](const domain::Used& a, const domain::Used& b) { return a.domain.info.domain < b.domain.info.domain; }},
    {"CPU", [](const domain::Used& a, const domain::Used& b) { return a.cpu_percent > b.cpu_percent; }},
    {"memory",
     [](const domain::Used& a, const domain::Used& b) { return a.domain.info.tot_pages > b.domain.info.tot_pages; }},
    {"network", [](const domain::Used& a,
                   const domain::Used& b) { return a.net.sent + a.net.received > b.net.sent + b.net.received; }},
    {"disk", [](const domain::Used& a,
                const domain::Used& b) { return a.disk.reads + a.disk.writes > b.disk.reads + b.disk.writes; }},
    {"name", [](const domain::Used& a, const domain::Used& b) { return a.domain.name < b.domain.name; }},
};

/// The terminal in curses' hands while it lives.
class Screen {
  public:
    Screen() {
        initscr();
        cbreak();
        noecho();
        keypad(stdscr, TRUE);
        curs_set(0);
        if (has_colors()) {
            start_color();
            use_default_colors();
            init_pair(1, COLOR_GREEN, -1);
            init_pair(2, COLOR_YELLOW, -1);
            init_pair(3, COLOR_RED, -1);
            init_pair(4, COLOR_CYAN, -1);
        }
    }
    ~Screen() { endwin(); }
    Screen(const Screen&) = delete;
    Screen& operator=(const Screen&) = delete;
};

std::string bar(double percent, unsigned width) {
    auto filled = std::min(width, static_cast<unsigned>(percent * width / 100 + 0.5));
    return "[" + std::string(filled, '|') + std::string(width - filled, ' ') + "]";
}

short heat(double percent) { return percent > 75 ? 3 : percent > 25 ? 2 : 1; }

void draw(const domain::Sample& sample, std::size_t order, std::size_t chosen, bool full_name) {
    erase();
    double cpu = 0;
    for (auto& used : sample.domains) cpu += used.cpu_percent;
    auto share = sample.cpus ? cpu / sample.cpus : 0;
    auto memory = sample.total_kib ? 100.0 * static_cast<double>(sample.total_kib - sample.free_kib) /
                                         static_cast<double>(sample.total_kib)
                                   : 0;
    auto text = fmt::format("{} domains   {} CPUs at {} MHz   sorted by {}", sample.domains.size(), sample.cpus,
                            sample.cpu_mhz, orders[order].name);
    mvaddstr(0, 0, text.c_str());
    attron(COLOR_PAIR(heat(share)));
    mvaddstr(1, 0, fmt::format("CPU {} {:5.1f} %", bar(share, 40), share).c_str());
    attroff(COLOR_PAIR(heat(share)));
    attron(COLOR_PAIR(heat(memory)));
    mvaddstr(2, 0,
             fmt::format("Mem {} {:5.1f} %  {} of {} MiB free", bar(memory, 40), memory, sample.free_kib >> 10,
                         sample.total_kib >> 10)
                 .c_str());
    attroff(COLOR_PAIR(heat(memory)));
    attron(A_REVERSE);
    mvaddnstr(4, 0, top_header().c_str(), COLS);
    attroff(A_REVERSE);
    int line = 5;
    for (std::size_t i = 0; i < sample.domains.size() && line < LINES - 1; ++i, ++line) {
        auto& used = sample.domains[i];
        auto style = (i == chosen ? A_BOLD | A_UNDERLINE : A_NORMAL) |
                     static_cast<attr_t>(COLOR_PAIR(used.domain.has(abi::dominf_paused) ? 4 : heat(used.cpu_percent)));
        attron(style);
        mvaddnstr(line, 0, top_row(used, sample, full_name).c_str(), COLS);
        attroff(style);
    }
    mvaddnstr(LINES - 1, 0, "q quit   s sort   up/down choose   p pause or unpause   + - slower, faster", COLS);
    refresh();
}

} // namespace

Result<int> show_top(Context& context, unsigned delay, std::uint64_t rounds, bool full_name) {
    if (!std::getenv("TERM")) return fail("TERM is not set", "use xl top -b");
    auto before = TRY(domain::sample(context.session, {}));
    Screen screen;
    std::size_t order = 1, chosen = 0;
    for (std::uint64_t round = 0; round < rounds;) {
        auto now = TRY(domain::sample(context.session, before));
        std::sort(now.domains.begin(), now.domains.end(), orders[order].before);
        chosen = std::min(chosen, now.domains.size() - 1);
        draw(now, order, chosen, full_name);
        timeout(round == 0 ? 200 : static_cast<int>(delay) * 1000); // the first shares come soon
        int key = getch();
        if (key == ERR) {
            ++round;
            before = std::move(now);
            continue;
        }
        if (key == 'q' || key == 'Q') break;
        if (key == 's' || key == 'S') order = (order + 1) % std::size(orders);
        if (key == KEY_DOWN && chosen + 1 < now.domains.size()) ++chosen;
        if (key == KEY_UP && chosen > 0) --chosen;
        if (key == '+') ++delay;
        if (key == '-' && delay > 1) --delay;
        if (key == 'p' && now.domains[chosen].domain.info.domain != 0) {
            auto& entry = now.domains[chosen].domain;
            auto control = TRY(context.session.xen());
            (void)(entry.has(abi::dominf_paused) ? xen::unpause_domain(*control, entry.id())
                                                 : xen::pause_domain(*control, entry.id()));
        }
    }
    return exit_good;
}

} // namespace xl
