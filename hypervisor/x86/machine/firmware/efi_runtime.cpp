// SPDX-License-Identifier: Apache-2.0
// Calling EFI's runtime services.
#include "x86/machine/firmware/efi_runtime.hpp"

#include "base/lock.hpp"
#include "base/log.hpp"
#include "schedule/softirq.hpp"
#include "x86/instructions.hpp"
#include "x86/layout.hpp"
#include "x86/machine/cpu/exceptions.hpp"
#include "x86/machine/cpu/guest_hooks.hpp"
#include "x86/machine/cpu/panic.hpp"
#include "x86/machine/firmware/efi_space.hpp"
#include "x86/machine/paging/paging.hpp"
#include "x86/machine/pci/port_lock.hpp"

#include <atomic>

namespace px::x86::efi {
namespace {

/// What efi_call.S reads and writes; its numbers are checked below.
struct CallFrame {
    u64 function;
    Arguments arguments;
    u64 cr3;
    u64 old_cr3 = 0; ///< by px_efi_call
    u64 rsp = 0;     ///< by px_efi_call: where a fault leads back to
    u64 flags = 0;   ///< of the caller
};
static_assert(offsetof(CallFrame, arguments) == 8 && offsetof(CallFrame, cr3) == 48);
static_assert(offsetof(CallFrame, old_cr3) == 56 && offsetof(CallFrame, rsp) == 64);

extern "C" Status px_efi_call(CallFrame* frame);
extern "C" char px_efi_fault[];

/// The services are not reentrant: one call at a time, of all CPUs. Held with interrupts on.
SpinLock<LockRank::Firmware> lock;
/// Written by whoever holds the lock; read by anyone: a service that has faulted leaves state that nobody knows.
std::atomic<bool> has_faulted{false};
/// The call that this CPU is in.
PX_PER_CPU PerCpu<CallFrame*> call_here;

/// Time services use the CMOS ports, as the hypervisor and dom0 do.
bool uses_ports(Service s) { return s <= Service::SetWakeupTime; }

Status enter(u64 function, const Arguments& arguments) {
    // The descriptor tables of the guest that runs here are among what differs by domain.
    const PageTable& here = *to_virtual<PageTable>(Paddr(read_cr3() & PageEntry::address_mask));
    PageTable& table = *space().l4;
    for (unsigned slot = layout::first_hypervisor_slot; slot <= layout::last_hypervisor_slot; ++slot)
        table[slot].store(here[slot].load());
    CallFrame frame{.function = function, .arguments = arguments, .cr3 = to_physical(&table).raw()};
    frame.flags = read_flags().raw();
    call_here.here() = &frame;
    const Status status = px_efi_call(&frame);
    call_here.here() = nullptr;
    return status;
}

/// The state in which the firmware expects the FPU (UEFI 2.10, section 2.3.4).
void reset_fpu_for_firmware() {
    clts();
    fninit();
    ldmxcsr(0x1f80);
}

u64 entry_of(Service service) { return space().l4 ? space().entry[static_cast<unsigned>(service)] : 0; }

} // namespace

bool has_runtime_services() { return space().l4 && !has_faulted.load(std::memory_order_relaxed); }
u32 runtime_revision() { return has_runtime_services() ? space().revision : 0; }

PX_NO_THREAD_SAFETY Result<Status> call(Service service, const Arguments& arguments) {
    const u64 function = entry_of(service);
    if (function == 0) return fail(Error::NoSys);
    while (!lock.try_lock()) {
        if (softirq::is_pending()) return fail(Error::Restart);
        pause();
    }
    Result<Status> status = fail(Error::NoSys);
    if (has_runtime_services()) {
        guest_hooks::save_extended_state();
        reset_fpu_for_firmware();
        if (uses_ports(service)) {
            IrqGuard guard(port_pair_lock);
            status = enter(function, arguments);
        } else {
            status = enter(function, arguments);
        }
        guest_hooks::load_extended_state();
    }
    lock.unlock();
    return status;
}

void reset_system(Reset kind) {
    const u64 function = entry_of(Service::ResetSystem);
    if (function == 0) return;
    // No lock: the host ends here, perhaps because a CPU has been stopped within a call.
    reset_fpu_for_firmware();
    (void)enter(function, {static_cast<u64>(kind), 0, 0, 0, 0});
}

bool handle_fault(Registers& r) {
    CallFrame* const frame = call_here.here();
    if (!frame || frame->rsp == 0 || r.rip >= layout::hole_start) return false; // an interrupt's handler is none of it
    has_faulted.store(true, std::memory_order_relaxed);
    log::error("EFI: the firmware's runtime services have faulted: vector {} ({}), error code {:04x}, address {:016x}; "
               "they are not used any more",
               r.entry_vector, exceptions::name_of(r.entry_vector), r.error_code, read_cr2());
    print_registers(r);
    r.rip = reinterpret_cast<u64>(px_efi_fault);
    r.rbx = reinterpret_cast<u64>(frame);
    r.rsp = frame->rsp;
    r.rax = status_device_error;
    r.rflags = Rflags(frame->flags);
    return true;
}

} // namespace px::x86::efi
