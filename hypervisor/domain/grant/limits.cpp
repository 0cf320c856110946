// SPDX-License-Identifier: Apache-2.0
#include "domain/grant/limits.hpp"

#include "base/log.hpp"
#include "boot/options.hpp"
#include "domain/grant/internal.hpp"

namespace px::grant {
namespace {

constinit Limits chosen;

bool parse_frames(std::string_view value, s32& frames, u32 most) {
    const auto n = options::number(value);
    if (!n || *n == 0 || *n > most) return false;
    frames = static_cast<s32>(*n);
    return true;
}

bool parse_word(std::string_view word) {
    if (word == "max-ver:1" || word == "max_ver:1") chosen.max_version = 1;
    else if (word == "max-ver:2" || word == "max_ver:2") chosen.max_version = 2;
    else {
        const auto flag = options::flag(word);
        if (!flag.value) return false;
        if (flag.name == "transitive") chosen.has_transitive = *flag.value;
        else if (flag.name != "transfer") return false;
        else if (*flag.value)
            log::warning("parameter \"gnttab\": \"transfer\" has no effect: pages are not transferred");
    }
    return true;
}

bool parse_gnttab(std::string_view value) { return options::list(value, parse_word); }

PX_OPTION(gnttab, "gnttab", parse_gnttab);
PX_OPTION(gnttab_max_frames, "gnttab_max_frames",
          [](std::string_view v) { return parse_frames(v, chosen.max_frames, GrantTable::max_frames_ever); });
PX_OPTION(gnttab_max_maptrack_frames, "gnttab_max_maptrack_frames", [](std::string_view v) {
    return parse_frames(v, chosen.max_maptrack_frames, GrantTable::max_maptrack_ever);
});

} // namespace

const Limits& limits() { return chosen; }

} // namespace px::grant
