// SPDX-License-Identifier: Apache-2.0
// The hypervisor's log: lines with a level, to the console ring and the consoles.
#pragma once

#include "base/format.hpp"

namespace px::log {

/// Levels as `loglvl=` and `guest_loglvl=` name them.
enum class Level : u8 { Error, Warning, Info, Debug };
/// Ours, or caused by a guest (then rate limited and filtered by guest_loglvl).
enum class Source : u8 { Host, Guest };

/// One line without its newline, already formatted. Implemented by the console (tests: to stdout or nothing).
void line(Level level, Source source, std::string_view text);
/// True if such a line would be shown: to skip costly formatting.
bool enabled(Level level, Source source);

template <class... Args> void write(Level level, Source source, const char* format, const Args&... args) {
    if (!enabled(level, source)) return;
    char text[256];
    line(level, source, std::string_view(text, format_to(text, format, args...)));
}

template <class... Args> void error(const char* f, const Args&... a) { write(Level::Error, Source::Host, f, a...); }
template <class... Args> void warning(const char* f, const Args&... a) { write(Level::Warning, Source::Host, f, a...); }
template <class... Args> void info(const char* f, const Args&... a) { write(Level::Info, Source::Host, f, a...); }
template <class... Args> void debug(const char* f, const Args&... a) { write(Level::Debug, Source::Host, f, a...); }
/// A guest did something wrong: says which and what.
template <class... Args> void guest(const char* f, const Args&... a) { write(Level::Warning, Source::Guest, f, a...); }

} // namespace px::log
