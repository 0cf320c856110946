// SPDX-License-Identifier: Apache-2.0
// Floating point and extended state of vCPUs.
#include "x86/guest/fpu.hpp"

#include "base/log.hpp"
#include "memory/heap.hpp"
#include "x86/instructions.hpp"
#include "x86/machine/cpu/cpu.hpp"

#include <cstring>

namespace px::guest {

FpuLayout fpu_layout;

namespace {

constexpr std::size_t mxcsr_offset = 24, mxcsr_mask_offset = 28, header_offset = 512;
u32 mxcsr_mask = 0xffbf;
bool keeps_pointers = false; // constant after boot

u8* area_of(const X86Vcpu& vcpu) { return static_cast<u8*>(vcpu.xsave_area); }

} // namespace

void init_fpu() {
    alignas(16) static u8 image[512];
    x86::clts();
    x86::fxsave(image);
    u32 mask;
    std::memcpy(&mask, image + mxcsr_mask_offset, sizeof(mask));
    if (mask != 0) mxcsr_mask = mask;
    const auto& f = x86::cpu_features;
    const bool has_leaf = f.max_extended_leaf >= x86::Extended8B::Identity::leaf;
    const auto features = has_leaf ? x86::cpuid_word<x86::Extended8B>() : x86::Extended8B{};
    keeps_pointers = restore_keeps_pointers(f.vendor == x86::Vendor::Amd, features);
    if (!x86::host_cr4.has(x86::cr4::osxsave)) return;
    fpu_layout = {.components = x86::cpu_features.xcr0, .bytes = x86::cpu_features.xsave_bytes};
}

Result<> make_fpu(X86Vcpu& vcpu) {
    // Sizes above a page would not be aligned: areas of 64 bytes' alignment come as whole pages then.
    unsigned order = 0;
    while ((page_size << order) < fpu_layout.bytes) ++order;
    Frame* const frame = heap::allocate({.order = order});
    if (!frame) return fail(Error::NoMemory);
    vcpu.xsave_area = to_virtual(*frame);
    reset_fpu(vcpu);
    return {};
}

void free_fpu(X86Vcpu& vcpu) {
    if (!vcpu.xsave_area) return;
    unsigned order = 0;
    while ((page_size << order) < fpu_layout.bytes) ++order;
    heap::free(frame_of_virtual(vcpu.xsave_area), order, true);
    vcpu.xsave_area = nullptr;
}

void reset_fpu(X86Vcpu& vcpu) {
    u8* const area = area_of(vcpu);
    std::memset(area, 0, fpu_layout.bytes);
    const u16 control_word = 0x37f;
    const u32 mxcsr = 0x1f80;
    std::memcpy(area, &control_word, sizeof(control_word));
    std::memcpy(area + mxcsr_offset, &mxcsr, sizeof(mxcsr));
    const u64 present = 3; // x87 and SSE are in the area, the rest is in its initial state
    if (fpu_layout.components != 0) std::memcpy(area + header_offset, &present, sizeof(present));
    vcpu.xcr0 = 1;
}

void save_fpu(X86Vcpu& vcpu) {
    if (fpu_layout.components == 0) {
        x86::fxsave(vcpu.xsave_area);
        return;
    }
    // All components, also those the guest has switched off again since: they are part of its state.
    if (vcpu.xcr0 != fpu_layout.components) x86::xsetbv(0, fpu_layout.components);
    x86::xsave(vcpu.xsave_area, fpu_layout.components);
}

void load_fpu(X86Vcpu& vcpu) {
    if (keeps_pointers) x86::fninit(); // clears them
    const bool loaded = fpu_layout.components == 0 ? x86::fxrstor(vcpu.xsave_area)
                                                   : x86::xrstor(vcpu.xsave_area, fpu_layout.components);
    if (!loaded) {
        log::guest("d{}v{} has a malformed FPU state: reset", vcpu.domain.id, vcpu.id);
        const u64 xcr0 = vcpu.xcr0;
        reset_fpu(vcpu);
        vcpu.xcr0 = xcr0;
        [[maybe_unused]] const bool again = fpu_layout.components == 0
                                                ? x86::fxrstor(vcpu.xsave_area)
                                                : x86::xrstor(vcpu.xsave_area, fpu_layout.components);
    }
    if (fpu_layout.components != 0 && vcpu.xcr0 != fpu_layout.components) x86::xsetbv(0, vcpu.xcr0);
}

bool set_xcr0(X86Vcpu& vcpu, u64 value) {
    if (!is_valid_xcr0(value, fpu_layout.components)) return false;
    vcpu.xcr0 = value;
    x86::xsetbv(0, value);
    return true;
}

void set_legacy_fpu(X86Vcpu& vcpu, const void* fxsave_image) {
    reset_fpu(vcpu);
    u8* const area = area_of(vcpu);
    std::memcpy(area, fxsave_image, 512);
    u32 mxcsr;
    std::memcpy(&mxcsr, area + mxcsr_offset, sizeof(mxcsr));
    mxcsr &= mxcsr_mask;
    std::memcpy(area + mxcsr_offset, &mxcsr, sizeof(mxcsr));
}

void get_legacy_fpu(const X86Vcpu& vcpu, void* fxsave_image) { std::memcpy(fxsave_image, vcpu.xsave_area, 512); }

} // namespace px::guest
