// SPDX-License-Identifier: Apache-2.0
// Idle vCPUs and the idle loop.
#include "domain/run/idle.hpp"

#include "domain/domain.hpp"
#include "domain/system_domain.hpp"
#include "machine/machine.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"

namespace px::schedule {

namespace {

/// A vCPU without guest: it has no state to save and no memory to copy from.
class IdleVcpu final : public Vcpu {
  public:
    explicit IdleVcpu(CpuId cpu) : Vcpu(system_domain(abi::domid_idle), VcpuId(cpu.raw())) {
        processor = cpu.raw();
        is_running = true;
        flags = vcpu_flag::idle;
        info = &no_info_;
    }
    u64 copy_from_guest(void*, GuestVaddr, u64 bytes) override { return bytes; }
    u64 copy_to_guest(GuestVaddr, const void*, u64 bytes) override { return bytes; }
    [[nodiscard]] bool may_address(GuestVaddr, u64) const override { return false; }
    Result<> set_context(const void*, bool) override { return fail(Error::Invalid); }
    Result<> get_context(void*) override { return fail(Error::Invalid); }
    void save_state() override {}
    void load_state() override {}
    [[nodiscard]] Continuation continuation() const override { return &idle_loop; }
    void reset() override {}

  private:
    abi::VcpuInfo no_info_{};
};

/// Free frames scrubbed between two looks at the soft interrupts: some 20 microseconds.
constexpr unsigned scrub_batch = 16;

} // namespace

Vcpu* make_idle_vcpu(CpuId cpu) { return make<IdleVcpu>(cpu); }

void idle_loop() {
    for (;;) {
        if (softirq::is_pending()) {
            softirq::process();
            continue;
        }
        if (heap::scrub_some(scrub_batch)) continue;
        IrqOff off;
        // With interrupts off nothing can be raised between this look and the halt that lets them in.
        if (!softirq::is_pending()) machine::halt();
    }
}

} // namespace px::schedule
