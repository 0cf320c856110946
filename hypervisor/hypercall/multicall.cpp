// SPDX-License-Identifier: Apache-2.0
// multicall: a list of calls in one. Interrupted between entries, or inside one that is not finished.
#include "domain/guest_pointer.hpp"
#include "hypercall/handlers.hpp"

namespace px::hypercall {

namespace {

using Entries = GuestPointer<abi::MulticallEntry>;

Result<> write_result(const Entries& list, u64 index, s64 value) {
    const GuestPointer<u64> result(list.address().raw() + index * sizeof(abi::MulticallEntry) +
                                   offsetof(abi::MulticallEntry, result));
    return result.write(static_cast<u64>(value));
}

/// The call goes on with entry `index`.
Outcome restart_at(Call& call, const Entries& list, u64 index) {
    call.args[0] = list.address().raw() + index * sizeof(abi::MulticallEntry);
    call.args[1] -= index;
    return Outcome::restart();
}

} // namespace

Outcome multicall(Call& call) {
    if (call.in_multicall) return Outcome::error(Error::Invalid);
    const Entries list(call.args[0]);
    const u32 count = static_cast<u32>(call.args[1]);
    call.args[1] = count;
    const Table& table = current_table();
    for (u32 i = 0; i < count; ++i) {
        if (i != 0 && should_preempt()) return restart_at(call, list, i);
        Result<abi::MulticallEntry> entry = list.read(i);
        if (!entry) return Outcome::error(entry.error());
        Call inner{{entry->args[0], entry->args[1], entry->args[2], entry->args[3], entry->args[4], entry->args[5]},
                   true};
        const Outcome outcome = dispatch(table, entry->op, inner);
        if (outcome.is_restart) {
            check_restart(table, entry->op);
            // The arguments to go on with stand in the guest's list: it reads them back as if it had made this call.
            for (u32 a = 0; a < 6; ++a) entry->args[a] = inner.args[a];
            if (Result<> written = list.write(*entry, i); !written) return Outcome::error(written.error());
            return restart_at(call, list, i);
        }
        // The caller's state is another one now, perhaps another address space: what follows is not run.
        if (entry->op == static_cast<u64>(abi::Hypercall::Iret)) return outcome;
        if (Result<> written = write_result(list, i, outcome.value); !written) return Outcome::error(written.error());
    }
    return Outcome::of(0);
}

} // namespace px::hypercall
