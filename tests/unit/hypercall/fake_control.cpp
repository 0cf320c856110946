// SPDX-License-Identifier: Apache-2.0
// What control operations call in the rest of the hypervisor, as little of it as they can notice.
#include "domain/create.hpp"
#include "domain/event/channels.hpp"
#include "domain/grant/limits.hpp"
#include "domain/host_policy.hpp"
#include "domain/run/schedule.hpp"
#include "domain/time.hpp"
#include "hypercall/fake_caller.hpp"
#include "machine/console.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

#include <cstdlib>

namespace px {

u64 frame_table_start, direct_map_start;
Mfn max_frame(256);

/// As without options.
const grant::Limits& grant::limits() {
    static const Limits usual;
    return usual;
}

namespace {
/// 1 MiB of machine memory; pages are handed out once.
struct MachineMemory {
    MachineMemory() {
        direct_map_start = reinterpret_cast<u64>(std::aligned_alloc(page_size, max_frame.raw() * page_size));
        frame_table_start = reinterpret_cast<u64>(std::calloc(max_frame.raw(), sizeof(Frame)));
    }
    u64 next = 1;
} memory;
} // namespace

namespace heap {
Frame* allocate(const Request&) {
    if (memory.next >= max_frame.raw()) return nullptr;
    std::memset(to_virtual(Mfn(memory.next)), 0, page_size);
    return &frame_of(Mfn(memory.next++));
}
u64 total_frames() { return max_frame.raw(); }
u64 free_frames() { return 10; }
u64 free_frames_below(unsigned bits) { return bits / 8; }
u64 outstanding_claims() { return 0; }
} // namespace heap

Result<Domain*> create_domain(u16, const abi::DomctlCreateDomain&, bool) { return fail(Error::NoMemory); }
Result<> destroy_domain(Domain&) { return {}; }
void free_domain(Domain&) {}
Result<Vcpu*> create_vcpu(Domain&, VcpuId) { return fail(Error::NoMemory); }
void write_clocks(Domain&) {}
void write_wall_clock(Domain&) {}
Result<> event::set_global_virq_handler(Domain&, u32 virq) { return virq < 24 ? Result<>{} : fail(Error::Invalid); }

namespace schedule {
Result<> set_affinity(Vcpu& vcpu, const CpuMask& hard, const CpuMask& soft) {
    if (!hard.any()) return fail(Error::Invalid);
    vcpu.hard_affinity = hard;
    vcpu.soft_affinity = soft;
    return {};
}
void set_weight(Domain& domain, u16 weight) { domain.weight = weight; }
static u16 percent = 0; // of whatever domain
Result<> set_cap(Domain&, u16 to) {
    percent = to;
    return {};
}
u16 cap_of(const Domain&) { return percent; }
u64 idle_time(CpuId) { return 1; }
u32 rate_limit_us() { return 1000; }
void set_rate_limit_us(u32) {}
} // namespace schedule

namespace console {
RingRange ring_range() { return {0xffffff00, 0x200}; } // around the wrap
u32 read_ring(u32& position, std::span<char> out) {
    for (char& c : out) c = 'x';
    position += static_cast<u32>(out.size());
    return static_cast<u32>(out.size());
}
void clear_ring(u32) {}
void handle_key(char) {}
} // namespace console

namespace host_policy {
Result<> get(abi::SysctlCpuPolicy&) { return {}; }
Result<> get_featureset(abi::SysctlCpuFeatureset&) { return {}; }
u32 levelling_capabilities() { return 0; }
} // namespace host_policy

namespace machine {
CpuTopology cpu_topology(CpuId cpu) { return {cpu.raw(), 0, 0}; }
HostShape host_shape() { return {1, 2}; }
void hardware_capabilities(u32 (&words)[8]) {
    for (u32& w : words) w = 1;
}
u64 cycles_khz() { return 1000; }
} // namespace machine

} // namespace px
