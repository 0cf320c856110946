// SPDX-License-Identifier: Apache-2.0
// Console input, polled by a timer (which also sends what output is left), for the hypervisor's debug keys or for dom0.
#include "base/lock.hpp"
#include "boot/options.hpp"
#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "machine/machine.hpp"
#include "schedule/timer.hpp"
#include "x86/machine/console/console.hpp"
#include "x86/machine/console/console_ring.hpp"

namespace px::console {

namespace {

constexpr Nanoseconds poll_period = 10'000'000;
constexpr Nanoseconds send_period = 1'000'000; // 16 characters at 115200 baud take 1.4 ms
constexpr unsigned switch_count = 3;

constinit SpinLock<LockRank::ConsoleRing> input_lock;
constinit char input_store[1024] = {};
constinit CharacterRing input PX_GUARDED_BY(input_lock){input_store};

/// ASCII code of the key that switches; 0: none.
constinit char switch_key = 'a' - '`';
constinit bool switches_at_boot = true;
/// Only the polling code changes these.
constinit bool is_for_dom0 = false;
constinit unsigned switch_seen = 0;

struct Key {
    const char* description;
    void (*handler)();
};
constinit Key keys[128] = {};

bool parse_switch(std::string_view value) {
    if (value.empty()) return false;
    const char c = value.front();
    switch_key = c >= 'a' && c <= 'z' ? static_cast<char>(c - '`') : '\0';
    switches_at_boot = !(value.size() > 1 && value[1] == 'x');
    return true;
}
PX_OPTION(conswitch, "conswitch", parse_switch);

void announce() {
    char how[64] = "";
    if (switch_key)
        format_to(how, " (type 'CTRL-{}' three times to switch input)", static_cast<char>(switch_key + '`'));
    banner("*** Serial input to {}{}", is_for_dom0 ? "DOM0" : "Xen", static_cast<const char*>(how));
}

void deliver(char c) {
    if (!is_for_dom0) return handle_key(c);
    {
        IrqGuard guard(input_lock);
        if (input.end() - input.start() == input.size()) return; // dom0 does not read: the oldest stay
        input.put(c);
    }
    send_global_virq(abi::Virq::Console);
}

void poll(void*);
alignas(Timer) constinit char timer_store[sizeof(Timer)] = {};
Timer& timer() { return *reinterpret_cast<Timer*>(timer_store); }

void poll(void*) {
    for (unsigned i = 0; i < 64; ++i) {
        const int c = poll_character();
        if (c < 0) break;
        character_typed(static_cast<char>(c));
    }
    if (hardware_domain() && take_ring_news()) send_global_virq(abi::Virq::ConRing);
    const bool is_output_left = pump_output();
    timer().set(machine::now() + (is_output_left ? send_period : poll_period));
}

void show_help() {
    banner("'h' pressed -> showing installed handlers");
    for (unsigned k = 0; k < 128; ++k)
        if (keys[k].handler) banner(" key '{}' (ascii '{:02x}') => {}", static_cast<char>(k), k, keys[k].description);
}

} // namespace

void character_typed(char c) {
    if (switch_key && c == switch_key) {
        if (++switch_seen == switch_count) {
            switch_seen = 0;
            is_for_dom0 = !is_for_dom0 && hardware_domain();
            announce();
        }
        return;
    }
    for (; switch_seen; --switch_seen) deliver(switch_key); // was not meant as a switch
    deliver(c);
}

void register_key(char key, const char* description, void (*handler)()) {
    keys[static_cast<unsigned char>(key) & 127] = {description, handler};
}

void handle_key(char key) {
    const auto index = static_cast<unsigned char>(key);
    if (index >= 128) return;
    const Key& k = keys[index];
    if (!k.handler) return;
    show_all(true); // who presses a key wants to see, whatever the log level is
    k.handler();
    show_all(false);
}

u32 read_input(std::span<char> out) {
    IrqGuard guard(input_lock);
    u32 position = input.start();
    const u32 n = input.read(position, out);
    input.clear_to(position);
    return n;
}

void init_input() {
    register_key('h', "show this message", show_help);
    new (timer_store) Timer(poll, nullptr);
    timer().set(machine::now() + poll_period);
    buffer_output();
}

void end_boot() {
    is_for_dom0 = switches_at_boot;
    announce();
    release_screen();
}

} // namespace px::console
