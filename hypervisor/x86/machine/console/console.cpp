// SPDX-License-Identifier: Apache-2.0
// Console output: lines with prefix and time stamp, to the ring, the serial ports and the screen.
#include "x86/machine/console/console.hpp"

#include "base/lock.hpp"
#include "boot/boot_info.hpp"
#include "boot/options.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "x86/machine/console/console_ring.hpp"
#include "x86/machine/console/console_stamp.hpp"
#include "x86/machine/console/serial.hpp"
#include "x86/machine/console/vga.hpp"

#include <bit>

namespace px::console {
namespace {

constexpr unsigned default_ring_bytes = 16384;
constinit char first_store[default_ring_bytes] = {};

/// Taken with interrupts off, unless a panic forces its way.
constinit SpinLock<LockRank::Console> lock;
constinit CharacterRing ring{first_store};
constinit std::atomic<bool> is_forced{false}, is_clock_ready{false}, shows_all{false};
constinit u32 ring_news_position = 0;

constinit x86::SerialPort ports[2] = {{0x3f8, 4}, {0x2f8, 3}};
constinit bool uses_port[2] = {true, false}, uses_vga = true, keeps_vga = false, has_console_option = false;
constinit bool is_up = false, guest_to_ring = false;
constinit u64 ring_bytes = 0;
constinit Stamp stamp_kind = Stamp::None;
/// What is shown: levels below `always`, levels below `limited` within the rate limit. (Exclusive bounds.)
struct Threshold {
    u8 always, limited;
};
constinit Threshold host_threshold{2, 2}, guest_threshold{0, 2};
constinit RateLimit guest_limit{500'000'000, 10};

bool is_unfiltered() { return is_forced.load(std::memory_order_relaxed) || shows_all.load(std::memory_order_relaxed); }

/// Holds the console: interrupts off and, but for panics, the lock.
class PX_SCOPED_CAPABILITY Hold {
  public:
    Hold() PX_ACQUIRE(lock) PX_NO_THREAD_SAFETY : is_locked_(!is_forced.load(std::memory_order_relaxed)) {
        if (is_locked_) lock.lock();
    }
    ~Hold() PX_RELEASE() PX_NO_THREAD_SAFETY {
        if (is_locked_) lock.unlock();
    }
    Hold(const Hold&) = delete;
    Hold& operator=(const Hold&) = delete;

  private:
    IrqOff off_;
    bool is_locked_;
};

void put_device(char c) PX_REQUIRES(lock) {
    for (unsigned i = 0; i < 2; ++i) {
        if (!uses_port[i]) continue;
        if (c == '\n') ports[i].write('\r');
        ports[i].write(c);
    }
    if (uses_vga) x86::vga::write(c);
}

/// What the ports take at once; in a panic all of it.
bool send_out() PX_REQUIRES(lock) {
    bool is_left = false;
    for (unsigned i = 0; i < 2; ++i) {
        if (!uses_port[i]) continue;
        if (is_forced.load(std::memory_order_relaxed)) ports[i].flush();
        else is_left |= ports[i].pump();
    }
    return is_left;
}

void put(std::string_view text, bool to_ring) PX_REQUIRES(lock) {
    for (const char c : text) {
        if (to_ring) ring.put(c);
        if (is_up) put_device(c);
    }
    send_out();
}

void put_line(std::string_view text) {
    char head[64];
    const std::size_t n = format_stamp(head, stamp_kind, has_clock());
    Hold hold;
    for (;;) {
        const auto end = text.find('\n');
        put("(XEN) ", true);
        put({head, n}, true);
        put(text.substr(0, end), true);
        put("\n", true);
        if (end == std::string_view::npos || end + 1 == text.size()) break;
        text.remove_prefix(end + 1);
    }
}

std::optional<u8> level_named(std::string_view name) {
    if (name == "none") return 0;
    if (name == "error") return 1;
    if (name == "warning") return 2;
    if (name == "info") return 3;
    if (name == "debug" || name == "all") return 4;
    return std::nullopt;
}

bool parse_threshold(std::string_view value, Threshold& out) {
    const auto slash = value.find('/');
    const auto lower = level_named(value.substr(0, slash));
    if (!lower) return false;
    out = {*lower, *lower};
    if (slash == std::string_view::npos) return true;
    const auto upper = level_named(value.substr(slash + 1));
    if (!upper) return false;
    out.limited = *upper > *lower ? *upper : *lower;
    return true;
}

bool parse_console(std::string_view value) {
    uses_port[0] = uses_port[1] = uses_vga = false;
    has_console_option = true;
    while (!value.empty()) {
        const auto comma = value.find(',');
        const auto name = value.substr(0, comma);
        if (name.starts_with("com1")) uses_port[0] = true;
        else if (name.starts_with("com2")) uses_port[1] = true;
        else if (name == "vga") uses_vga = true;
        else if (name == "pv" || name == "xen" || name == "ehci" || name == "xhci" || name.starts_with("dbgp"))
            log::warning("parameter \"console\": there is no console \"{}\"", name);
        else if (name != "none") return false;
        value = comma == std::string_view::npos ? std::string_view{} : value.substr(comma + 1);
    }
    return true;
}

bool parse_stamps(std::string_view value) {
    const auto kind = stamp_named(value);
    if (kind) stamp_kind = *kind;
    return kind.has_value();
}

bool parse_ring_size(std::string_view value) {
    const auto bytes = options::size(value, 1024);
    if (!bytes || *bytes > (u64{1} << 26)) return false;
    ring_bytes = *bytes;
    return true;
}

constinit bool is_synchronous = false;
constinit u64 transmit_bytes = 16384;
constexpr u64 most_transmit_bytes = u64{1} << 20;
/// Output is always written out before the call returns.
bool parse_sync(std::string_view value) {
    const auto on = options::boolean(value);
    is_synchronous = on.value_or(false);
    return on.has_value();
}
bool parse_transmit_buffer(std::string_view value) {
    const auto bytes = options::size(value, 1024);
    if (!bytes || *bytes < page_size || *bytes > most_transmit_bytes) return false;
    transmit_bytes = std::bit_floor(*bytes);
    return true;
}

PX_OPTION(console, "console", parse_console);
PX_OPTION(com1, "com1", [](std::string_view v) { return ports[0].configure(v); });
PX_OPTION(com2, "com2", [](std::string_view v) { return ports[1].configure(v); });
PX_OPTION(vga, "vga", [](std::string_view v) {
    return options::list(v, [](std::string_view word) {
        if (word == "keep") keeps_vga = true;
        else if (word == "current") return true; // it is so
        else log::warning("parameter \"vga\": \"{}\" has no effect: the screen stays in its mode", word);
        return true;
    });
});
PX_OPTION(loglvl, "loglvl", [](std::string_view v) { return parse_threshold(v, host_threshold); });
PX_OPTION(guest_loglvl, "guest_loglvl", [](std::string_view v) { return parse_threshold(v, guest_threshold); });
PX_OPTION(console_timestamps, "console_timestamps", parse_stamps);
PX_OPTION(conring_size, "conring_size", parse_ring_size);
PX_OPTION(sync_console, "sync_console", parse_sync);
PX_OPTION(serial_tx_buffer, "serial_tx_buffer", parse_transmit_buffer);
PX_OPTION(console_to_ring, "console_to_ring", [](std::string_view v) {
    const auto on = options::boolean(v);
    guest_to_ring = on.value_or(false);
    return on.has_value();
});

} // namespace

void init() {
    for (unsigned i = 0; i < 2; ++i)
        if (uses_port[i]) uses_port[i] = ports[i].init();
    if (boot_info.efi_system_table || boot_info.framebuffer.is_present) uses_vga = false; // no text screen there
    if (uses_vga) x86::vga::init();
    Hold hold;
    is_up = true;
    for (u32 p = ring.start(); p != ring.end();) { // what was said before
        char c;
        if (ring.read(p, {&c, 1}) == 0) break;
        put_device(c);
    }
}

void init_ring() {
    const u64 bytes = std::bit_floor(ring_bytes);
    if (bytes <= default_ring_bytes) return;
    Frame* frames = heap::allocate({.order = static_cast<unsigned>(std::countr_zero(bytes >> page_shift))});
    if (!frames) return log::warning("no memory for a console ring of {} KiB", bytes >> 10);
    {
        Hold hold;
        ring.move_to({to_virtual<char>(*frames), bytes});
    }
    log::info("Allocated console ring of {} KiB.", bytes >> 10);
}

void buffer_output() {
    if (is_synchronous) return banner("Console output is synchronous.");
    for (unsigned i = 0; i < 2; ++i) {
        if (!uses_port[i]) continue;
        Frame* frames =
            heap::allocate({.order = static_cast<unsigned>(std::countr_zero(transmit_bytes >> page_shift))});
        if (!frames) return; // it stays synchronous
        Hold hold;
        ports[i].use_buffer({to_virtual<char>(*frames), transmit_bytes});
    }
}

bool pump_output() {
    Hold hold;
    return send_out();
}

void flush() {
    Hold hold;
    for (unsigned i = 0; i < 2; ++i)
        if (uses_port[i]) ports[i].flush();
}

void clock_is_ready() { is_clock_ready.store(true, std::memory_order_relaxed); }
bool has_clock() { return is_clock_ready.load(std::memory_order_relaxed); }
void force() { is_forced.store(true, std::memory_order_relaxed); }
void show_all(bool on) { shows_all.store(on, std::memory_order_relaxed); }
void banner_line(std::string_view text) { put_line(text); }

void write_raw(std::string_view text) {
    Hold hold;
    put(text, guest_to_ring);
}

void release_screen() {
    Hold hold;
    if (!keeps_vga) uses_vga = false;
}

RingRange ring_range() {
    Hold hold;
    return {ring.start(), ring.end()};
}

u32 read_ring(u32& position, std::span<char> out) {
    Hold hold;
    return ring.read(position, out);
}

void clear_ring(u32 position) {
    Hold hold;
    ring.clear_to(position);
}

bool take_ring_news() {
    Hold hold;
    const bool is_new = ring.end() != ring_news_position;
    ring_news_position = ring.end();
    return is_new;
}

u16 serial_port_in_use(unsigned index) { return index < 2 && uses_port[index] ? ports[index].base() : 0; }

int poll_character() {
    Hold hold;
    for (unsigned i = 0; i < 2; ++i) {
        const int c = uses_port[i] ? ports[i].read() : -1;
        if (c >= 0) return c;
    }
    return -1;
}

} // namespace px::console

namespace px::log {

bool enabled(Level level, Source source) {
    using namespace console;
    const auto& t = source == Source::Host ? host_threshold : guest_threshold;
    return static_cast<u8>(level) < t.limited || is_unfiltered();
}

void line(Level level, Source source, std::string_view text) {
    using namespace console;
    const auto& t = source == Source::Host ? host_threshold : guest_threshold;
    if (static_cast<u8>(level) >= t.always && !is_unfiltered()) {
        u32 missed = 0;
        {
            Hold hold;
            if (has_clock() && !guest_limit.allow(machine::now(), missed)) return;
        }
        if (missed) banner("printk: {} messages suppressed.", missed);
    }
    put_line(text);
}

} // namespace px::log
