// SPDX-License-Identifier: Apache-2.0
// Fills in patchable places.
#include "x86/machine/cpu/patch.hpp"

#include "x86/instructions.hpp"
#include "x86/layout.hpp"

namespace px::x86 {
namespace {

struct Patch {
    u64 place;
    PatchKind kind;
};
extern "C" const Patch px_patches_start[], px_patches_end[];

/// What VERW checks: the way it clears buffers needs a selector of a writable data segment.
constinit const u16 verw_selector = selector::hypervisor_data;

} // namespace

void apply_patches(PatchKind kind) {
    for (const Patch* p = px_patches_start; p != px_patches_end; ++p) {
        if (p->kind != kind) continue;
        u8* const to = reinterpret_cast<u8*>(p->place);
        if (kind == PatchKind::ClearBuffers) {
            const auto bytes = verw_at(p->place, reinterpret_cast<u64>(&verw_selector));
            __builtin_memcpy(to, bytes.data(), bytes.size());
        } else {
            constexpr u8 clac_bytes[] = {0x0f, 0x01, 0xca};
            __builtin_memcpy(to, clac_bytes, sizeof clac_bytes);
        }
    }
    (void)cpuid(0); // what was fetched of the old bytes is forgotten (SDM volume 3, 9.1.3)
}

} // namespace px::x86
