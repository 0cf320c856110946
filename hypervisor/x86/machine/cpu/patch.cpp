// SPDX-License-Identifier: Apache-2.0
// Fills in patchable places.
#include "x86/machine/cpu/patch.hpp"

#include "x86/instructions.hpp"

namespace px::x86 {
namespace {

struct Patch {
    u64 place;
    PatchKind kind;
    u64 target;
};
extern "C" const Patch px_patches_start[], px_patches_end[];
/// What VERW checks: the way it clears buffers needs a selector of a writable data segment (exception_entry.S).
extern "C" const u16 px_verw_selector;

extern "C" u8 __x86_indirect_thunk_r11[];
extern "C" const u8 px_thunk_retpoline[], px_thunk_lfence[];
constexpr u64 thunk_bytes = 32;

} // namespace

void set_thunk(Thunk thunk) {
    if (thunk == Thunk::Jump) return; // as it is in the image
    const u8* const body = thunk == Thunk::Retpoline ? px_thunk_retpoline : px_thunk_lfence;
    __builtin_memcpy(__x86_indirect_thunk_r11, body, thunk_bytes); // position-independent
    (void)cpuid(0);
}

void apply_patches(PatchKind kind) {
    for (const Patch* p = px_patches_start; p != px_patches_end; ++p) {
        if (p->kind != kind) continue;
        u8* const to = reinterpret_cast<u8*>(p->place);
        const auto write = [to](const auto& bytes) { __builtin_memcpy(to, bytes.data(), bytes.size()); };
        switch (kind) {
        case PatchKind::ClearBuffers: write(verw_at(p->place, reinterpret_cast<u64>(&px_verw_selector))); break;
        case PatchKind::ClearAc: write(std::array<u8, 3>{0x0f, 0x01, 0xca}); break;
        case PatchKind::Isolate: write(jump_at(p->place, p->target)); break;
        }
    }
    (void)cpuid(0); // what was fetched of the old bytes is forgotten (SDM volume 3, 9.1.3)
}

} // namespace px::x86
