// SPDX-License-Identifier: Apache-2.0
// A domain: what every kind of guest has. Guest kinds derive from it.
#pragma once

#include "abi/domctl.hpp"
#include "abi/memory.hpp"
#include "base/bounded.hpp"
#include "base/list.hpp"
#include "base/lock.hpp"
#include "base/result.hpp"
#include "domain/vcpu.hpp"
#include "machine/machine.hpp"
#include "memory/frame.hpp"

#include <algorithm>
#include <atomic>
#include <optional>
#include <span>

namespace px {

class EventChannels;
struct GuestKind;
class GrantTable;
class RangeSet;

/// vCPUs a domain can have at most.
inline constexpr unsigned max_vcpus_per_domain = 128;

/// Machine frames from first to before end.
struct MfnRange {
    Mfn first, end;
};

/// How far destruction has come. Each step is preemptible and continues where it stopped.
enum class DomainLife : u8 { Alive, Dying, Dead };

/// A domain. Found by id through domain_list.hpp, which hands out counted references; freed when the last is gone.
class Domain {
  public:
    /// @param of_kind  null: no guest (system_domain.hpp), or a test's
    explicit Domain(DomId number, const GuestKind* of_kind = nullptr) : id(number), kind(of_kind) {}
    virtual ~Domain();
    Domain(const Domain&) = delete;
    Domain& operator=(const Domain&) = delete;

    const DomId id;
    const GuestKind* const kind;     ///< what kind of guest it is: the kind's own code asks, by its object's address
    bool is_privileged = false;      ///< may control other domains (dom0)
    bool is_hardware_domain = false; ///< owns the hardware (dom0)
    bool is_xenstore_domain = false;
    std::atomic<u32> references{1};
    Domain* next_dead = nullptr; ///< while it waits to be freed
    std::atomic<DomainLife> life{DomainLife::Alive};
    abi::DomctlCreateDomain config{}; ///< as it was created
    u8 handle[16] = {};
    u32 cpu_pool = 0;
    u16 weight = 256;             ///< of its vCPUs in the scheduler
    schedule::Cap* cap = nullptr; ///< null: there was never one
    u64 node_affinity = ~u64{0};  ///< bit per NUMA node

    // -- vCPUs --
    Vcpu** vcpus = nullptr; ///< max_vcpus entries, null where not made yet
    u32 max_vcpus = 0;
    std::atomic<s32> pause_count{0};       ///< pauses by the hypervisor and by control operations
    std::atomic<u32> controller_paused{0}; ///< how often pausedomain was called (also in pause_count)
    SpinLock<LockRank::Domain> lock;

    // -- shutdown (lock) --
    bool is_shutting_down = false;
    bool is_shut_down = false;
    static constexpr u32 no_shutdown_code = ~0u;
    u32 shutdown_code = no_shutdown_code;
    Port suspend_port{0}; ///< subscribe: told when it has suspended, instead of VIRQ_DOM_EXC
    Timer watchdog[2] = {{&Domain::on_watchdog, this}, {&Domain::on_watchdog, this}};
    u32 watchdogs_in_use = 0; ///< bit per watchdog

    // -- memory (page_lock) --
    SpinLock<LockRank::PageAlloc> page_lock;
    std::atomic<u64> total_pages{0};
    u64 max_pages = 0;
    u64 outstanding_claim = 0; ///< frames claimed and not yet promised
    u64 claims_made = 0;       ///< counts calls of claim()
    static constexpr u64 frames_per_region = (u64{32} << 20) / page_size;
    std::atomic<u64>* owned_regions =
        nullptr;                          ///< bit per region of host memory in which it may own frames: for teardown
    Mfn teardown_position{0};             ///< how far release_memory() has come
    abi::E820Entry* memory_map = nullptr; ///< set_memory_map (lock)
    u32 memory_map_entries = 0;

    // -- shared page --
    abi::SharedInfo* shared_info = nullptr; ///< direct-map address; a hypervisor page the guest may map
    u64 time_offset_ns = 0;                 ///< added to the wall clock (settimeoffset)
    u32 tsc_mode = 0;                       ///< settscinfo
    /// How its vCPUs compute system time from the cycle counter that they read, if that is not the host's (paused while
    /// it changes).
    std::optional<machine::TimeScale> own_time_scale;
    u64 vm_assist = 0; ///< bits of vm_assist(2)

    EventChannels* events = nullptr;
    GrantTable* grants = nullptr;

    // -- access to hardware (lock); null: none --
    RangeSet* io_memory = nullptr; ///< machine frames
    RangeSet* io_ports = nullptr;
    RangeSet* irqs = nullptr;  ///< pirqs it may map
    void* pirq_data = nullptr; ///< x86/machine's table of its physical interrupts

    /// vCPU by number, null when there is none.
    [[nodiscard]] Vcpu* vcpu(VcpuId number) const {
        return number.raw() < max_vcpus ? vcpus[bounded(number.raw(), max_vcpus)] : nullptr;
    }
    [[nodiscard]] bool is_dying() const { return life.load(std::memory_order_acquire) != DomainLife::Alive; }

    // -- operations (domain/domain.cpp) --
    void pause(); ///< nested; waits until no vCPU runs. Not the current domain.
    void pause_nosync();
    void unpause();
    /// Keeps the reason of a shutdown, unless one is kept already: the first counts. Any is taken, as Xen takes it; its
    /// low eight bits are what domctl getdomaininfo has room for.
    void announce_shutdown(u32 reason) PX_REQUIRES(lock);
    /// VCPUOP_down. The last vCPU that goes down takes its domain with it, as a power-off: nobody could bring it up
    /// again.
    void take_down(Vcpu&);
    /// SCHEDOP_shutdown: stops all vCPUs, then tells the tools (VIRQ_DOM_EXC).
    void shutdown(u32 reason);
    /// resumedomain.
    void resume();
    /// A guest did what cannot go on: logs, dumps its registers and shuts it down with SHUTDOWN_crash.
    void crash(const char* why);
    /// Frames that it may get: counted as the domain's and taken from its claim, before any work is done for them.
    struct Promise {
        u64 frames;
        u64 claimed;    ///< of them from its claim: what the allocation may use up (heap::Request::claim)
        u64 claim_made; ///< which claim that was
    };
    /// Errors: NoMemory beyond max_pages, Invalid if it is dying.
    Result<Promise> promise_frames(u64 count);
    /// Nothing came of it.
    void cancel(const Promise& promise);
    /// Gives it the promised heap frames, consecutive from `first`: sets owner and `allocated`. Errors: Invalid if it
    /// is dying by now; then cancel().
    Result<> assign_frames(Frame& first, const Promise& promise);
    /// All three for frames that are there anyhow: 2^order of them.
    Result<> assign_frames(Frame& first, unsigned order);
    /// Puts heap frames, `count` blocks of 2^order, in the place of as many stolen ones (steal_frame), which the caller
    /// then gives to the heap. Errors: Invalid, if it is dying.
    Result<> replace_frames(Frame* const* blocks, u64 count, unsigned order);
    /// A stolen frame is the domain's again; one of a dying domain goes to the heap.
    void return_frame(Frame& stolen);
    /// Accounts for frames that have left the domain. Not for the hypervisor's own pages.
    void frames_left(u64 count);
    /// Frames from `from` on, a few hundred, among which it may own some: for looking at all of them. Empty: no more.
    [[nodiscard]] MfnRange owned_piece(Mfn from) const;
    /// Gives up every frame it still owns. Preemptible: Restart when there is more to do.
    Result<> release_memory();
    /// Promises it frames up to `total` pages altogether; 0 ends the claim. Errors: NoMemory, Invalid.
    Result<> claim(u64 total);

    // -- the guest kind's part --
    /// Makes a vCPU of this kind (not yet up).
    virtual Result<Vcpu*> make_vcpu(VcpuId number) = 0;
    /// Machine frame behind a guest frame; for paravirtual guests the same number. Takes no reference.
    virtual Result<Mfn> translate(Gfn gfn) = 0;
    /// Guest frames were added to or removed from it (populate, decrease_reservation, exchange, add_to_physmap).
    /// For paravirtual guests only the M2P changes. `pfn` is what the guest calls it.
    virtual Result<> map_frame(Gfn gfn, Mfn mfn, unsigned order) = 0;
    virtual Result<> unmap_frame(Gfn gfn, Mfn mfn, unsigned order) = 0;
    /// XENMEM_add_to_physmap and its inverse: only for kinds whose guests have a physical map of their own.
    virtual Result<> add_to_physmap(const abi::AddToPhysmap&) { return fail(Error::Access); }
    virtual Result<> remove_from_physmap(Gfn, Mfn) { return {}; }
    /// GNTTABOP_map_grant_ref with GNTMAP_host_map: enters the frame at host_addr (address of a PTE in machine memory
    /// with GNTMAP_contains_pte, else a virtual address) of the CURRENT domain. The caller has taken a reference on the
    /// frame (Writable unless GNTMAP_readonly); on success it belongs to the entry: should the guest overwrite the
    /// entry by an ordinary update, that update drops it.
    virtual Result<> map_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 cache_attributes) = 0;
    /// Takes it out again (new_addr != 0: GNTTABOP_unmap_and_replace), without dropping its reference, which is the
    /// caller's again: it drops it after flush_tlb(). Errors: Invalid when the entry does not map this frame.
    virtual Result<> unmap_grant(u64 host_addr, Mfn frame, u32 gntmap_flags, u64 new_addr) = 0;
    /// No CPU holds a translation of this domain any more that was removed before the call.
    virtual void flush_tlb() = 0;
    /// domctls of this kind and architecture. Fails with NoSys for others. Sets copy_back if `op` is to be written
    /// back.
    virtual Result<> arch_domctl(abi::Domctl& op, GuestVaddr op_address, bool& copy_back) = 0;
    /// Releases everything the kind holds (page tables, vCPU contexts, mapped areas). Fails with Restart when
    /// preempted.
    virtual Result<> relinquish() = 0;
    /// Bits for XENVER_get_features submap 0.
    [[nodiscard]] virtual u32 features() const = 0;
    /// Flag bits for getdomaininfo (hvm, hap), and the emulation flags of its configuration.
    [[nodiscard]] virtual u32 info_flags() const = 0;

  private:
    /// Makes unreferenced frames the domain's.
    void own_frames(Frame& first, u64 count) PX_REQUIRES(page_lock);
    void finish_shutdown();
    static void on_watchdog(void* domain);
};

inline MfnRange Domain::owned_piece(Mfn from) const {
    // Bounds the time between two looks at soft interrupts.
    constexpr u64 largest = 512;
    for (u64 mfn = from.raw(); mfn < max_frame.raw();) {
        const u64 region = mfn / frames_per_region;
        if (owned_regions[region / 64].load(std::memory_order_relaxed) >> (region % 64) & 1)
            return {Mfn(mfn), Mfn(std::min((mfn / largest + 1) * largest, max_frame.raw()))};
        mfn = (region + 1) * frames_per_region;
    }
    return {max_frame, max_frame};
}

/// Domain of the current vCPU.
inline Domain& current_domain() { return current().domain; }

} // namespace px
