// SPDX-License-Identifier: Apache-2.0
// Instructions that only some CPUs need: no-ops in the image, filled in at boot (x86/patch.inc, and PX_PATCH_VERW
// and PX_PATCH_ISOLATE here).
#pragma once

#include "base/number.hpp"

#include <array>

namespace px::x86 {

/// What may stand at a place.
enum class PatchKind : u64 {
    ClearBuffers = 0, ///< 7 bytes: VERW of a selector in memory (SDM volume 4, MD_CLEAR)
    ClearAc = 1,      ///< 3 bytes: CLAC
    Isolate = 2,      ///< 5 bytes: a jump to the place's target (pv/xpti)
};

/// Boot CPU, before other CPUs run and before the image is write-protected: fills in every place of a kind.
void apply_patches(PatchKind kind);

/// JMP to an address. Pure.
constexpr std::array<u8, 5> jump_at(u64 place, u64 target) {
    const u64 distance = target - (place + 5);
    return {0xe9, static_cast<u8>(distance), static_cast<u8>(distance >> 8), static_cast<u8>(distance >> 16),
            static_cast<u8>(distance >> 24)};
}

/// How the hypervisor makes its indirect branches.
enum class Thunk : u8 {
    Jump,      ///< plain
    Lfence,    ///< after LFENCE (on request; once AMD's advice)
    Retpoline, ///< by RET: what guests taught the branch predictor is not asked
};
/// Boot CPU, before other CPUs run and before the image is write-protected.
void set_thunk(Thunk thunk);

/// VERW with a selector at an address relative to the next instruction. Pure.
constexpr std::array<u8, 7> verw_at(u64 place, u64 selector) {
    const u64 distance = selector - (place + 7);
    return {0x0f,
            0x00,
            0x2d,
            static_cast<u8>(distance),
            static_cast<u8>(distance >> 8),
            static_cast<u8>(distance >> 16),
            static_cast<u8>(distance >> 24)};
}

} // namespace px::x86

/// PATCH_VERW for inline assembly.
#define PX_PATCH_VERW                                                                                                  \
    "661: .byte 0x0f, 0x1f, 0x80, 0, 0, 0, 0\n.pushsection .patches,\"a\",@progbits\n.balign 8\n.quad 661b, "          \
    "0, 0\n.popsection\n"
/// PATCH_ISOLATE for inline assembly; the target is a symbol's name.
#define PX_PATCH_ISOLATE(target)                                                                                       \
    "663:\n.pushsection .patches,\"a\",@progbits\n.balign 8\n.quad 663b, 2, " target "\n.popsection\n"
