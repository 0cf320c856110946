// SPDX-License-Identifier: Apache-2.0
// A virtual CPU: what every kind of guest has. Guest kinds derive from it.
#pragma once

#include "abi/shared_info.hpp"
#include "abi/vcpu.hpp"
#include "base/bitmap.hpp"
#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/percpu.hpp"
#include "base/result.hpp"
#include "schedule/timer.hpp"

#include <atomic>

namespace px {

class Domain;
namespace schedule {
struct Cap;
struct Unit;
} // namespace schedule

/// Reasons for which a vCPU does not run. It runs when none is set and neither it nor its domain is paused.
namespace vcpu_flag {
inline constexpr u32 down = 1;    ///< not (or no longer) brought up by the guest
inline constexpr u32 blocked = 2; ///< in SCHEDOP_block or poll, until an event
inline constexpr u32 polling = 4; ///< in SCHEDOP_poll (with blocked)
inline constexpr u32 idle = 8;    ///< an idle vCPU: never sleeps, runs when nothing else does
} // namespace vcpu_flag

/// A virtual CPU. Life: made by Domain::create_vcpu, dies with the domain. Fields are grouped by who guards them.
class Vcpu {
  public:
    Vcpu(Domain& owner, VcpuId number) : domain(owner), id(number) {}
    virtual ~Vcpu() = default;
    Vcpu(const Vcpu&) = delete;
    Vcpu& operator=(const Vcpu&) = delete;

    Domain& domain;
    const VcpuId id;
    /// Of this vCPU alone, ever: counts all that were made. Never 0.
    const u64 identity = next_identity();

    // -- scheduling (schedule/ and vcpu.cpp; run-queue lock of `processor`) --
    std::atomic<u32> processor{0};       ///< CpuId where it runs or last ran
    std::atomic<bool> is_running{false}; ///< its registers are on a CPU (or its context switch is not finished)
    std::atomic<u32> flags{vcpu_flag::down};
    std::atomic<s32> pause_count{0};
    schedule::Unit* unit = nullptr; ///< the scheduler's own data
    CpuMask hard_affinity, soft_affinity;
    CpuMask affinity_before_pin; ///< SCHEDOP_pin_override: what comes back
    bool is_pinned_for_a_while = false;
    abi::VcpuRunstateInfo runstate{}; ///< kept by set_runstate; the time of the current state is not in it yet
    GuestVaddr runstate_area = GuestVaddr::invalid(); ///< registered area in the guest
    /// CPU whose TLB may hold its translations, ~0: none. Set before its tables are loaded, cleared after others are.
    std::atomic<u32> dirty_cpu{~0u};

    // -- events --
    /// Points into shared info, or to the place the guest registered (always mapped in the hypervisor).
    abi::VcpuInfo* info = nullptr;
    Mfn info_frame = Mfn::invalid(); ///< frame of a registered vcpu_info (a Writable reference is held), else invalid
    abi::VcpuInfo* hidden_info = nullptr; ///< place of info above 32 vCPUs, before one is registered
    std::atomic<u32> poll_port{0};        ///< SCHEDOP_poll on one port; ~0 on several
    std::atomic<bool> pending_nmi{false};
    Port virq_port[24]; ///< by VIRQ number; guarded by the domain's event lock

    // -- time --
    Timer singleshot{&Vcpu::on_singleshot, this};
    Timer poll_timer{&Vcpu::on_poll_timeout, this};
    Timer periodic{&Vcpu::on_periodic, this};
    std::atomic<Nanoseconds> period{0};           ///< of the periodic timer, 0: off; any vCPU of the domain sets it
    GuestVaddr time_area = GuestVaddr::invalid(); ///< registered secondary vcpu_time_info
    Nanoseconds time_area_written = 0;            ///< when; 0: not yet, or not any more
    u32 time_version = 0;                         ///< machine::time_scale_version() of what info says; 0: nothing yet
    bool areas_are_stale = false; ///< a registered area could not be written: call update_guest_areas() in kernel mode

    bool is_paused_for_shutdown = false; ///< one of pause_count is the domain's shutdown (domain lock)
    bool is_initialised = false;         ///< has a context (setvcpucontext or VCPUOP_initialise)

    [[nodiscard]] bool is_runnable() const;
    [[nodiscard]] bool is_idle() const { return (flags.load(std::memory_order_relaxed) & vcpu_flag::idle) != 0; }

    // -- operations (domain/vcpu.cpp) --
    /// It may have become runnable: puts it on a run queue.
    void wake();
    /// Takes it off its CPU soon.
    void sleep_nosync();
    /// The same, and waits until it is off (its registers are in memory). Not on the current vCPU.
    void sleep_sync();
    void pause();        ///< nested; waits
    void pause_nosync(); ///< nested; also on the current vCPU
    void unpause();
    /// Blocks the current vCPU until an event; no-op when one is pending.
    void block();
    /// Ends a block or poll.
    void unblock();
    /// It has something to look at on its way back to the guest: wakes it, or interrupts the CPU where it runs.
    void kick();
    /// Sets evtchn_upcall_pending and kicks.
    void mark_events_pending();
    [[nodiscard]] bool events_need_delivery() const {
        return info->evtchn_upcall_pending != 0 && info->evtchn_upcall_mask == 0;
    }
    void set_runstate(u32 state, Nanoseconds now);
    /// Copies the run state, time of the current state included.
    void get_runstate(abi::VcpuRunstateInfo& out) const;

    // -- the guest kind's part (current vCPU unless said otherwise) --
    /// Copies from or to guest virtual memory; returns the number of bytes NOT copied (0: success). Survives faults.
    virtual u64 copy_from_guest(void* to, GuestVaddr from, u64 bytes) = 0;
    virtual u64 copy_to_guest(GuestVaddr to, const void* from, u64 bytes) = 0;
    /// True if the guest may name this range at all (mapped or not): not the hypervisor's own addresses.
    [[nodiscard]] virtual bool may_address(GuestVaddr start, u64 bytes) const = 0;
    /// VCPUOP_initialise and setvcpucontext: takes a whole context (abi::VcpuGuestContext at `context`). Not current.
    /// @param may_replace  for a vCPU that the caller has paused: it may have a context. Without: Exists, if it has
    /// one.
    virtual Result<> set_context(const void* context, bool may_replace) = 0;
    /// getvcpucontext: fills an abi::VcpuGuestContext. The vCPU is paused.
    virtual Result<> get_context(void* context) = 0;
    /// Before / after it runs on a CPU: registers beyond the general ones, FPU, segments, address space.
    virtual void save_state() = 0;
    virtual void load_state() = 0;
    /// Where a CPU that has its state goes on, on an empty stack: the way to the guest as its kind goes it. Interrupts
    /// are off, but for idle vCPUs. Not called in host tests.
    using Continuation = void (*)();
    [[nodiscard]] virtual Continuation continuation() const { return nullptr; }
    /// Starts over: forget the context (VCPUOP_down and reset).
    virtual void reset() = 0;
    /// Logs its registers (crash of the domain, debug key); it is current or not running.
    virtual void dump_registers() {}

  private:
    static u64 next_identity() {
        static constinit std::atomic<u64> made{0};
        return made.fetch_add(1, std::memory_order_relaxed) + 1;
    }
    static void on_singleshot(void* vcpu);
    static void on_poll_timeout(void* vcpu);
    static void on_periodic(void* vcpu);
};

/// Saves previous, loads next and goes on with it; then calls schedule::switch_finished(previous). They differ.
/// Implemented by the guest kinds' architecture. Host tests give their own.
[[noreturn]] void context_switch(Vcpu& previous, Vcpu& next);

#ifdef PROXENOS_HYPERVISOR
/// The vCPU whose state is on this CPU.
inline Vcpu& current() { return *cpu_info().current; }
/// The same, or null early at boot.
inline Vcpu* current_or_null() { return cpu_info().current; }
#else
/// Host tests set it.
inline thread_local Vcpu* fake_current = nullptr;
inline Vcpu& current() { return *fake_current; }
inline Vcpu* current_or_null() { return fake_current; }
#endif

} // namespace px
