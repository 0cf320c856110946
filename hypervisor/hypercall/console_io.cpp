// SPDX-License-Identifier: Apache-2.0
// console_io(cmd, count, buffer): dom0's emergency console (public/xen.h).
#include "abi/console.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/handlers.hpp"
#include "machine/console.hpp"

#include <algorithm>

namespace px::hypercall {
namespace {

constexpr u64 chunk_bytes = 128;
constexpr u64 most_bytes = 0x7fffffff;

Outcome write(Call& call) {
    char chunk[chunk_bytes];
    while (call.args[1] != 0) {
        const u64 n = std::min(call.args[1], chunk_bytes);
        if (!GuestPointer<char>(call.args[2]).read_array(chunk, n)) return Outcome::error(Error::Fault);
        console::write_raw({chunk, n});
        call.args[1] -= n;
        call.args[2] += n;
        if (call.args[1] != 0 && should_preempt()) return Outcome::restart();
    }
    return Outcome::of(0);
}

/// Returns the number of characters read.
Outcome read(Call& call) {
    char chunk[chunk_bytes];
    const GuestPointer<char> to(call.args[2]);
    u64 done = 0;
    while (done < call.args[1]) {
        const u32 n = console::read_input({chunk, std::min(call.args[1] - done, chunk_bytes)});
        if (n == 0) break;
        if (!to.write_array(chunk, n, done)) return Outcome::error(Error::Fault);
        done += n;
    }
    return Outcome::of(static_cast<s64>(done));
}

} // namespace

/// Only privileged domains may use it, as in release builds of the reference.
Outcome console_io(Call& call) {
    if (!current_domain().is_privileged) return Outcome::error(Error::Perm);
    const auto command = static_cast<abi::ConsoleIo>(call.args[0]);
    if (command != abi::ConsoleIo::Write && command != abi::ConsoleIo::Read) return Outcome::error(Error::NoSys);
    if (call.args[1] > most_bytes) return Outcome::error(Error::TooBig);
    return command == abi::ConsoleIo::Write ? write(call) : read(call);
}

} // namespace px::hypercall
