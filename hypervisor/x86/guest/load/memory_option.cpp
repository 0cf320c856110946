// SPDX-License-Identifier: Apache-2.0
// dom0_mem=.
#include "x86/guest/load/memory_option.hpp"

#include "boot/options.hpp"

#include <algorithm>

namespace px::guest::load {

namespace {

bool parse_size(std::string_view text, u64& bytes) {
    const auto size = options::size(text, 1024);
    if (size) bytes = *size;
    return size.has_value();
}

bool parse_amount(std::string_view text, Amount& out) {
    out = {.is_set = true};
    const auto percent = text.find('%');
    if (percent == std::string_view::npos) {
        out.is_negative = text.starts_with('-');
        return parse_size(text.substr(out.is_negative ? 1 : 0), out.bytes);
    }
    const auto share = options::number(text.substr(0, percent));
    if (!share || *share > 100) return false;
    out.percent = static_cast<u32>(*share);
    text.remove_prefix(percent + 1);
    if (text.empty()) return true;
    if (text[0] != '+' && text[0] != '-') return false;
    out.is_negative = text[0] == '-';
    return parse_size(text.substr(1), out.bytes);
}

} // namespace

bool parse_memory_option(std::string_view text, MemoryOption& out) {
    while (!text.empty()) {
        const auto comma = std::min(text.find(','), text.size());
        std::string_view part = text.substr(0, comma);
        text.remove_prefix(std::min(comma + 1, text.size()));
        Amount* amount = &out.size;
        if (part.starts_with("min:")) amount = &out.min;
        if (part.starts_with("max:")) amount = &out.max;
        if (amount != &out.size) part.remove_prefix(4);
        if (!parse_amount(part, *amount)) return false;
    }
    return true;
}

u64 frames_of(const Amount& amount, u64 available) {
    const u64 plain = amount.bytes >> page_shift;
    const u64 base = amount.percent ? available * amount.percent / 100 : (amount.is_negative ? available : 0);
    if (amount.is_negative) return base > plain ? base - plain : 0;
    return base + plain;
}

MemorySize memory_size(const MemoryOption& option, u64 available) {
    constexpr u64 most_reserved = (u64{128} << 20) >> page_shift;
    u64 frames =
        option.size.is_set ? frames_of(option.size, available) : available - std::min(available / 16, most_reserved);
    const u64 max_frames = option.max.is_set ? frames_of(option.max, available) : ~u64{0};
    if (option.min.is_set) frames = std::max(frames, frames_of(option.min, available));
    frames = std::min({frames, max_frames, available});
    return {frames, std::max(max_frames, frames)};
}

} // namespace px::guest::load
