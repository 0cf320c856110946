// SPDX-License-Identifier: Apache-2.0
// Whose counter a guest reads.
#include "x86/guest/time_stamp.hpp"

#include "domain/time.hpp"
#include "x86/guest/x86_domain.hpp"
#include "x86/instructions.hpp"

namespace px::guest {

namespace {

/// The mode of a domain that leaves the choice: its counter is emulated where the host's cannot be trusted.
bool wants_emulation(u32 mode) {
    return mode == abi::tsc_mode_always_emulate || (mode == abi::tsc_mode_default && !machine::cycles_are_reliable());
}

} // namespace

Result<> set_time_stamp(X86Domain& domain, u32 mode, u64 elapsed, u32 khz, u32 incarnation) {
    if (mode > abi::tsc_mode_never_emulate) return fail(Error::Invalid);
    domain.tsc_mode = mode;
    // The hardware domain drives devices by it: its counter is the host's, whatever the mode.
    if (domain.is_hardware_domain) return {};
    TimeStamp& t = domain.time_stamp;
    t.is_emulated = wants_emulation(mode);
    t.incarnation = incarnation + 1;
    t.start = static_cast<Nanoseconds>(static_cast<u64>(machine::now()) - elapsed);
    t.last.store(0, std::memory_order_relaxed);
    t.set_rate(t.is_emulated && khz != 0 ? khz : static_cast<u32>(machine::cycles_khz()));
    domain.own_time_scale = t.is_emulated ? std::optional(t.scale()) : std::nullopt;
    write_clocks(domain);
    return {};
}

u64 read_time_stamp(X86Domain& domain) {
    return domain.time_stamp.is_emulated ? domain.time_stamp.read(machine::now()) : x86::rdtsc();
}

} // namespace px::guest
