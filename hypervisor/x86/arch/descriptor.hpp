// SPDX-License-Identifier: Apache-2.0
// Selectors, segment and system descriptors, gates, the task state (SDM volume 3, 3.4, 6.14 and 8.2; APM volume 2, 4.7
// to 4.8 and 12.2).
#pragma once

#include "base/register.hpp"

namespace px::x86 {

/// A value of a segment register. All clear: the null selector.
using Selector = Register<struct SelectorTag, u16>;
namespace selector {
using Privilege = Field<Selector, 0, 2, u8>;
inline constexpr auto local = Selector::bit(2); ///< of the LDT
using Index = Field<Selector, 3, 13, u16>;
/// Of ring 3, whatever the word says: of a larger one the low 16 bits count.
constexpr Selector in_ring3(u64 word) { return Selector(static_cast<u16>(word)) | Privilege::mask; }
} // namespace selector

/// 8 bytes of a descriptor table: a segment's descriptor, or half of a system one.
using Descriptor = Register<struct DescriptorTag, u64>;

enum class SystemType : u8 { None = 0, Ldt = 2, TaskState = 9, BusyTaskState = 11, InterruptGate = 14, TrapGate = 15 };

namespace descriptor {
using LimitLow = Field<Descriptor, 0, 16, u16>;
using BaseLow = Field<Descriptor, 16, 24, u32>;
using Privilege = Field<Descriptor, 45, 2, u8>;
using LimitHigh = Field<Descriptor, 48, 4, u8>;
using BaseHigh = Field<Descriptor, 56, 8, u8>;
inline constexpr auto present = Descriptor::bit(47);
inline constexpr auto is_segment = Descriptor::bit(44); ///< of code or data; else it is a system descriptor
/// Of segments. Code that is writable is readable; data are not in 64-bit mode.
inline constexpr auto accessed = Descriptor::bit(40), writable = Descriptor::bit(41), code = Descriptor::bit(43),
                      is_64bit = Descriptor::bit(53), is_32bit = Descriptor::bit(54), in_pages = Descriptor::bit(55);
/// Of system descriptors.
using Type = Field<Descriptor, 40, 4, SystemType>;

/// A segment of all addresses.
constexpr Descriptor flat(Descriptor kind, u8 privilege) {
    return kind | present | is_segment | accessed | writable | in_pages | LimitLow::mask | LimitHigh::mask |
           Privilege::make(privilege);
}
} // namespace descriptor

/// Of an LDT or a task state, as it is in 64-bit mode: two places of a table.
struct SystemDescriptor {
    Descriptor low, high;

    /// @param limit  its last byte, from base
    [[nodiscard]] static constexpr SystemDescriptor of(SystemType type, u64 base, u16 limit) {
        using namespace descriptor;
        return {present | Type::make(type) | LimitLow::make(limit) | BaseLow::make(static_cast<u32>(base)) |
                    BaseHigh::make(static_cast<u8>(base >> 24)),
                Descriptor(base >> 32)};
    }
};
static_assert(sizeof(SystemDescriptor) == 16);

/// A page of a descriptor table.
struct DescriptorPage {
    static constexpr unsigned entries = page_size / sizeof(Descriptor);
    Descriptor entry[entries];
};
static_assert(sizeof(DescriptorPage) == page_size);

/// An entry of the interrupt descriptor table.
struct Gate {
    u16 offset_low;
    Selector code;
    u8 stack; ///< of the task state's interrupt stacks, from 1; 0: none
    u8 rights;
    u16 offset_middle;
    u32 offset_high, reserved;

    /// An interrupt gate: interrupts are off behind it. privilege: 3 if ring 3 may use it by `int`.
    [[nodiscard]] static constexpr Gate of(u64 handler, Selector code, u8 privilege, u8 stack) {
        constexpr u8 present = 0x80;
        const auto rights = static_cast<u8>(present | privilege << 5 | static_cast<u8>(SystemType::InterruptGate));
        return {static_cast<u16>(handler),       code, stack, rights, static_cast<u16>(handler >> 16),
                static_cast<u32>(handler >> 32), 0};
    }
};
static_assert(sizeof(Gate) == 16);

/// Task state of 64-bit mode.
struct [[gnu::packed]] TaskState {
    u32 reserved0;
    u64 rsp0, rsp1, rsp2;
    u64 reserved1;
    u64 ist[7];
    u64 reserved2;
    u16 reserved3;
    u16 io_map_base;
};
static_assert(sizeof(TaskState) == 104);

} // namespace px::x86
