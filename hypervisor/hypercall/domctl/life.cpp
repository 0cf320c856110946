// SPDX-License-Identifier: Apache-2.0
// domctl: domains come, stop, go on and go.
#include "domain/time.hpp"
#include "hypercall/domctl/domctl.hpp"

#include <algorithm>
#include <cstring>

namespace px::hypercall::domctl_command {

namespace {
constexpr u32 most_pauses = 255;

bool is_self(const Command& c) { return &c.domain == &current_domain(); }
} // namespace

Result<> create_domain(abi::Domctl& op) {
    const u16 wanted = op.domain < abi::first_reserved ? op.domain : 0;
    Domain* domain = TRY(px::create_domain(wanted, op.u.createdomain, false));
    op.domain = domain->id.raw();
    return {};
}

Result<> destroy(Command& c) {
    if (is_self(c)) return fail(Error::Invalid);
    return destroy_domain(c.domain);
}

Result<> pause(Command& c) {
    if (is_self(c)) return fail(Error::Invalid);
    if (c.domain.controller_paused.load() >= most_pauses) return fail(Error::Overflow);
    ++c.domain.controller_paused;
    c.domain.pause();
    return {};
}

Result<> unpause(Command& c) {
    if (c.domain.controller_paused.load() == 0) return fail(Error::Invalid);
    // Who built or restored it has written the shared page as a whole, clocks included.
    write_clocks(c.domain);
    --c.domain.controller_paused;
    c.domain.unpause();
    return {};
}

Result<> resume(Command& c) {
    if (is_self(c)) return fail(Error::Invalid);
    c.domain.resume();
    return {};
}

Result<> max_vcpus(Command& c) {
    const u32 count = c.op.u.max_vcpus.max;
    if (is_self(c) || count != c.domain.max_vcpus || c.domain.is_dying()) return fail(Error::Invalid);
    c.domain.pause();
    Result<> made;
    for (u32 i = 0; i < count && made; ++i) {
        if (c.domain.vcpus[i]) continue;
        if (Result<Vcpu*> vcpu = create_vcpu(c.domain, VcpuId(i)); !vcpu) made = fail(vcpu.error());
    }
    c.domain.unpause();
    return made;
}

Result<> max_mem(Command& c) {
    // A limit below what it has stops it from growing; the balloon driver does the rest.
    const u64 pages = c.op.u.max_mem.max_memkb >> (page_shift - 10);
    Guard guard(c.domain.page_lock);
    c.domain.max_pages = std::min<u64>(pages, ~u32{0});
    return {};
}

Result<> set_handle(Command& c) {
    std::memcpy(c.domain.handle, c.op.u.setdomainhandle.handle, sizeof(c.domain.handle));
    return {};
}

Result<> set_time_offset(Command& c) {
    c.domain.time_offset_ns = static_cast<u64>(c.op.u.settimeoffset.time_offset_seconds) * 1'000'000'000;
    write_wall_clock(c.domain);
    return {};
}

Result<> subscribe(Command& c) {
    Guard guard(c.domain.lock);
    c.domain.suspend_port = Port(c.op.u.subscribe.port);
    return {};
}

} // namespace px::hypercall::domctl_command
