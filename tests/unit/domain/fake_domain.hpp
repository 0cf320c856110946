// SPDX-License-Identifier: Apache-2.0
// Domains, memory and a machine for host tests of event channels and grants: enough to run the shipped code.
#pragma once

#include "domain/domain_list.hpp"
#include "domain/event/channels.hpp"
#include "domain/grant/table.hpp"
#include "memory/heap.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace px::fake {

class TestVcpu : public Vcpu {
  public:
    using Vcpu::Vcpu;
    std::atomic<unsigned> upcalls = 0; ///< calls of mark_events_pending
    u64 copy_from_guest(void* to, GuestVaddr from, u64 bytes) override;
    u64 copy_to_guest(GuestVaddr to, const void* from, u64 bytes) override;
    [[nodiscard]] bool may_address(GuestVaddr, u64) const override { return true; }
    Result<> set_context(const void*, bool) override { return fail(Error::NoSys); }
    Result<> get_context(void*) override { return fail(Error::NoSys); }
    void save_state() override {}
    void load_state() override {}
    void reset() override {}
};

/// A domain whose guest frames are machine frames, with a map of grant mappings instead of page tables.
class TestDomain : public Domain {
  public:
    TestDomain(u16 number, unsigned vcpu_count);
    ~TestDomain() override;

    /// A frame of its own memory.
    Frame& give_frame();
    struct Mapping {
        Mfn frame;
        bool is_writable;
    };
    std::map<u64, Mapping> mappings; ///< by host_addr; each holds the reference that the grant code handed over
    std::mutex mappings_mutex;
    bool refuse_mappings = false;
    std::atomic<unsigned> flushes = 0;

    TestVcpu& test_vcpu(unsigned n) { return static_cast<TestVcpu&>(*vcpus[n]); }

    Result<Vcpu*> make_vcpu(VcpuId) override { return fail(Error::NoSys); }
    Result<Mfn> translate(Gfn gfn) override { return Mfn(gfn.raw()); }
    Result<> map_frame(Gfn, Mfn, unsigned) override { return {}; }
    Result<> unmap_frame(Gfn, Mfn, unsigned) override { return {}; }
    Result<> map_grant(u64 host_addr, Mfn frame, u32, u64) override;
    Result<> unmap_grant(u64 host_addr, Mfn frame, u32, u64) override;
    void flush_tlb() override { ++flushes; }
    Result<> arch_domctl(abi::Domctl&, GuestVaddr, bool&) override { return fail(Error::NoSys); }
    Result<> relinquish() override { return {}; }
    [[nodiscard]] u32 features() const override { return 0; }
    [[nodiscard]] u32 info_flags() const override { return 0; }
};

/// Makes the domain the current one.
inline void become(TestDomain& domain, unsigned vcpu = 0) { fake_current = domain.vcpus[vcpu]; }
/// Frames handed out by the fake heap and not given back.
u64 frames_in_use();

} // namespace px::fake
