// SPDX-License-Identifier: Apache-2.0
// PvVcpu's copies: always in the guest kernel's address space, also when the guest was in user mode.
#include "x86/pv/guest_copy.hpp"

#include "x86/pv/pv_vcpu.hpp"

namespace px::pv {

bool smap_in_use = false;

namespace {

/// Loads the kernel's tables for a scope, if the guest is in user mode.
class KernelSpace {
  public:
    explicit KernelSpace(const PvVcpu& vcpu) : switched_(!vcpu.in_kernel_mode) {
        if (!switched_) return;
        flags_ = irq_save();
        user_ = x86::read_cr3();
        x86::write_cr3(paddr_of(vcpu.kernel_l4).raw());
    }
    ~KernelSpace() {
        if (!switched_) return;
        x86::write_cr3(user_);
        irq_restore(flags_);
    }
    KernelSpace(const KernelSpace&) = delete;
    KernelSpace& operator=(const KernelSpace&) = delete;

  private:
    bool switched_;
    u64 flags_ = 0, user_ = 0;
};

} // namespace

u64 PvVcpu::copy_from_guest(void* to, GuestVaddr from, u64 bytes) {
    const KernelSpace space(*this);
    return copy_from_active(to, from, bytes);
}

bool PvVcpu::may_address(GuestVaddr start, u64 bytes) const { return is_guest_range(start, bytes); }

u64 PvVcpu::copy_to_guest(GuestVaddr to, const void* from, u64 bytes) {
    const KernelSpace space(*this);
    return copy_to_active(to, from, bytes);
}

} // namespace px::pv
