// SPDX-License-Identifier: Apache-2.0
// The console's machine side: what the start code and panics need beyond machine/console.hpp.
#pragma once

#include "machine/console.hpp"

namespace px::console {

/// Opens the consoles that the command line wants; what was said before stands in the ring. After the options.
void init();

/// After the heap is there: takes the ring to its final size.
void init_ring();
/// machine::now() runs: time stamps and rate limits use it.
void clock_is_ready();
[[nodiscard]] bool has_clock();
/// Timers run: polls for input from now on.
void init_input();
/// dom0 is built: gives it the serial input and the VGA screen.
void end_boot();
/// The host ends, or is about to: all that was said is sent, and waited for.
void flush();
/// Hands the serial ports what they take without waiting. True if some is left. (polled by console_input.cpp)
bool pump_output();
/// Timers run: serial output is buffered from now on, unless `sync_console`.
void buffer_output();
/// Panic: no locks, no filters from now on. Never undone.
void force();
/// Lines of all levels are shown from now on, or only those that the log level lets through again.
void show_all(bool on);
/// dom0 has the VGA screen from now on, unless `vga=keep`.
void release_screen();
/// A line that is shown whatever the log level is.
void banner_line(std::string_view text);
template <class... Args> void banner(const char* format, const Args&... args) {
    char text[256];
    banner_line(std::string_view(text, format_to(text, format, args...)));
}
/// Polls the serial ports once; returns a character or -1. (console_input.cpp)
int poll_character();
/// Where typed characters go now.
void character_typed(char c);
/// First I/O port of serial port `index` (0, 1) if the console uses it, else 0: dom0 may not touch it.
[[nodiscard]] u16 serial_port_in_use(unsigned index);
/// The ring got new characters since the last call.
[[nodiscard]] bool take_ring_news();

} // namespace px::console
