// SPDX-License-Identifier: Apache-2.0
// vcpu_op: a guest's own vCPUs: contexts, up and down, timers, registered areas.
#include "abi/pv.hpp"
#include "abi/sched.hpp"
#include "domain/event/channels.hpp"
#include "domain/guest_pointer.hpp"
#include "domain/time.hpp"
#include "hypercall/handlers.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"

namespace px::hypercall {

namespace {

constexpr Nanoseconds shortest_period = 1'000'000;
constexpr Nanoseconds longest_wait = Nanoseconds{1} << 56;

/// Memory from the heap for a context: too big for the stack. Freed at the end of the scope.
class ContextBuffer {
  public:
    ContextBuffer() : memory_(heap::allocate_bytes(sizeof(abi::VcpuGuestContext))) {}
    ~ContextBuffer() {
        if (memory_) heap::free_bytes(memory_);
    }
    ContextBuffer(const ContextBuffer&) = delete;
    ContextBuffer& operator=(const ContextBuffer&) = delete;
    [[nodiscard]] void* get() const { return memory_; }

  private:
    void* memory_;
};

Result<> initialise(Vcpu& vcpu, u64 argument) {
    // A first look: of two at once, the one that comes later finds out under the lock. The vCPU may run by then.
    if (vcpu.is_initialised) return fail(Error::Exists);
    ContextBuffer buffer;
    if (!buffer.get()) return fail(Error::NoMemory);
    if (current().copy_from_guest(buffer.get(), GuestVaddr(argument), sizeof(abi::VcpuGuestContext)) != 0)
        return fail(Error::Fault);
    return vcpu.set_context(buffer.get(), false);
}

Result<> up(Vcpu& vcpu) {
    if (!vcpu.is_initialised) return fail(Error::Invalid);
    if (vcpu.flags.fetch_and(~vcpu_flag::down) & vcpu_flag::down) vcpu.wake();
    return {};
}

Result<> get_runstate(Vcpu& vcpu, u64 argument) {
    abi::VcpuRunstateInfo info;
    vcpu.get_runstate(info);
    return GuestPointer<abi::VcpuRunstateInfo>(argument).write(info);
}

Result<> set_periodic(Vcpu& vcpu, u64 argument) {
    const auto op = TRY(GuestPointer<abi::VcpuSetPeriodicTimer>(argument).read());
    if (op.period_ns < static_cast<u64>(shortest_period) || op.period_ns > static_cast<u64>(longest_wait))
        return fail(Error::Invalid);
    const auto period = static_cast<Nanoseconds>(op.period_ns);
    vcpu.period = period;
    vcpu.periodic.set(machine::now() + period);
    return {};
}

void stop_periodic(Vcpu& vcpu) {
    vcpu.period = 0;
    vcpu.periodic.stop();
}

Result<> set_singleshot(Vcpu& vcpu, u64 argument) {
    if (&vcpu != &current()) return fail(Error::Invalid);
    const auto op = TRY(GuestPointer<abi::VcpuSetSingleshotTimer>(argument).read());
    const Nanoseconds now = machine::now();
    // A time that has passed fires at once, VCPU_SSHOTTMR_future or not: so does the reference since 4.16.
    const u64 latest = static_cast<u64>(now + longest_wait);
    vcpu.singleshot.set(static_cast<Nanoseconds>(op.timeout_abs_ns < latest ? op.timeout_abs_ns : latest));
    return {};
}

Result<> stop_singleshot(Vcpu& vcpu) {
    if (&vcpu != &current()) return fail(Error::Invalid);
    vcpu.singleshot.stop();
    return {};
}

/// Moves vcpu_info to a place in the guest's memory, which is held by a writable reference from then on.
Result<> register_info(Vcpu& vcpu, u64 argument) {
    const auto op = TRY(GuestPointer<abi::VcpuRegisterVcpuInfo>(argument).read());
    Domain& domain = vcpu.domain;
    // In one page, and aligned: the hypervisor changes its words atomically.
    if (op.offset > page_size - sizeof(abi::VcpuInfo) || op.offset % alignof(abi::VcpuInfo) != 0)
        return fail(Error::NoDeviceOrAddress);
    // Another one's pages must not change under its feet: it must not have come up.
    if (&vcpu != &current() && (vcpu.flags.load() & vcpu_flag::down) == 0) return fail(Error::Invalid);
    const Mfn mfn = TRY(domain.translate(Gfn(op.mfn)));
    if (!is_valid(mfn) || !acquire_writable(frame_of(mfn), domain.id)) return fail(Error::Invalid);
    auto* place = reinterpret_cast<abi::VcpuInfo*>(to_virtual<char>(mfn) + op.offset);
    {
        Guard guard(domain.lock);
        if (vcpu.info_frame.is_valid()) {
            release_writable(frame_of(mfn));
            return fail(Error::Invalid);
        }
        *place = *vcpu.info;
        if (vcpu.info == vcpu.hidden_info) place->evtchn_upcall_mask = 1; // never was visible: starts masked
        vcpu.info_frame = mfn;
        std::atomic_ref<abi::VcpuInfo*>(vcpu.info).store(place, std::memory_order_release);
    }
    write_time_info(vcpu);
    event::vcpu_info_moved(vcpu);
    return {};
}

/// Which CPU it is that runs a vCPU: for the owner of the hardware, and only while the vCPU cannot move.
Result<> get_physid(const Vcpu& vcpu, u64 argument) {
    u32 cpu = max_cpus, usable = 0;
    for (u32 i = 0; i < max_cpus; ++i)
        if (machine::online_cpus().test(i) && vcpu.hard_affinity.test(i)) cpu = i, ++usable;
    if (!vcpu.domain.is_hardware_domain || usable != 1) return fail(Error::Invalid);
    const machine::CpuIdentity id = machine::cpu_identity(CpuId(cpu));
    return GuestPointer<abi::VcpuGetPhysid>(argument).write({id.apic_id | u64{id.acpi_id} << 32});
}

Result<> send_nmi(Vcpu& vcpu, u64 argument) {
    if (argument != 0) return fail(Error::Invalid);
    if (!vcpu.pending_nmi.exchange(true)) vcpu.kick();
    return {};
}

Result<> register_runstate(Vcpu& vcpu, u64 argument) {
    const auto op = TRY(GuestPointer<abi::VcpuRegisterRunstateMemoryArea>(argument).read());
    if (!vcpu.may_address(GuestVaddr(op.addr.p), sizeof(abi::VcpuRunstateInfo))) return fail(Error::Fault);
    register_runstate_area(vcpu, GuestVaddr(op.addr.p));
    return {};
}

Result<> register_time(Vcpu& vcpu, u64 argument) {
    const auto op = TRY(GuestPointer<abi::VcpuRegisterTimeMemoryArea>(argument).read());
    if (!vcpu.may_address(GuestVaddr(op.addr.p), sizeof(abi::VcpuTimeInfo))) return fail(Error::Fault);
    register_time_area(vcpu, GuestVaddr(op.addr.p));
    return {};
}

} // namespace

Outcome vcpu_op(Call& call) {
    const u32 number = static_cast<u32>(call.args[1]);
    const u64 argument = call.args[2];
    Vcpu* vcpu = current_domain().vcpu(VcpuId(number));
    if (!vcpu) return Outcome::error(Error::NoEntry);
    switch (static_cast<abi::VcpuOp>(static_cast<u32>(call.args[0]))) {
    case abi::VcpuOp::Initialise: {
        const Result<> done = initialise(*vcpu, argument);
        // Its page tables take long to check: goes on where that stopped.
        return !done && done.error() == Error::Restart ? Outcome::restart() : Outcome::of(done);
    }
    case abi::VcpuOp::Up: return Outcome::of(up(*vcpu));
    case abi::VcpuOp::Down: vcpu->domain.take_down(*vcpu); return Outcome::of(0);
    case abi::VcpuOp::IsUp: return Outcome::of((vcpu->flags.load() & vcpu_flag::down) == 0);
    case abi::VcpuOp::GetRunstateInfo: return Outcome::of(get_runstate(*vcpu, argument));
    case abi::VcpuOp::RegisterRunstateMemoryArea: return Outcome::of(register_runstate(*vcpu, argument));
    case abi::VcpuOp::SetPeriodicTimer: return Outcome::of(set_periodic(*vcpu, argument));
    case abi::VcpuOp::StopPeriodicTimer: stop_periodic(*vcpu); return Outcome::of(0);
    case abi::VcpuOp::SetSingleshotTimer: return Outcome::of(set_singleshot(*vcpu, argument));
    case abi::VcpuOp::StopSingleshotTimer: return Outcome::of(stop_singleshot(*vcpu));
    case abi::VcpuOp::RegisterVcpuInfo: return Outcome::of(register_info(*vcpu, argument));
    case abi::VcpuOp::SendNmi: return Outcome::of(send_nmi(*vcpu, argument));
    case abi::VcpuOp::GetPhysid: return Outcome::of(get_physid(*vcpu, argument));
    case abi::VcpuOp::RegisterVcpuTimeMemoryArea: return Outcome::of(register_time(*vcpu, argument));
    }
    return Outcome::error(Error::NoSys);
}

} // namespace px::hypercall
