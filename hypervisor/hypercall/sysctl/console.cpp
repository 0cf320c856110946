// SPDX-License-Identifier: Apache-2.0
// sysctl: the console ring and the debug keys.
#include "machine/console.hpp"
#include "domain/guest_pointer.hpp"
#include "hypercall/sysctl/sysctl.hpp"

#include <algorithm>

namespace px::hypercall::sysctl_command {

Result<> read_console(abi::SysctlReadconsole& op) {
    const console::RingRange range = console::ring_range();
    u32 position = range.start;
    // Positions wrap: an index counts if it is not farther from the start than the end is.
    if (op.incremental && op.index - range.start <= range.end - range.start) position = op.index;
    const GuestPointer<char> buffer(op.buffer);
    u32 done = 0;
    while (done < op.count && range.end - position - 1 < range.end - range.start) {
        char text[256];
        const u32 wanted = std::min<u32>({sizeof(text), op.count - done, range.end - position});
        const u32 got = console::read_ring(position, std::span(text, wanted));
        if (got == 0) break;
        TRY(buffer.write_array(text, got, done));
        done += got;
    }
    if (op.clear) console::clear_ring(position);
    op.count = done;
    op.index = position;
    return {};
}

Result<> debug_keys(const abi::SysctlDebugKeys& op) {
    constexpr u32 most_keys = 1024;
    const GuestPointer<const char> keys(op.keys);
    for (u32 i = 0; i < std::min(op.nr_keys, most_keys); ++i) {
        const char key = TRY(GuestPointer<char>(keys.address().raw()).read(i));
        console::handle_key(key);
    }
    return {};
}

} // namespace px::hypercall::sysctl_command
