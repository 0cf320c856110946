// SPDX-License-Identifier: Apache-2.0
// Exceptions and their error codes (SDM volume 3, chapter 6; APM volume 2, chapter 8).
#pragma once

#include "base/register.hpp"

namespace px::x86 {

/// By vector.
enum class Exception : u8 {
    Divide = 0,
    Debug = 1,
    Nmi = 2,
    Breakpoint = 3,
    Overflow = 4,
    Bounds = 5,
    InvalidOpcode = 6,
    NoFpu = 7,
    DoubleFault = 8,
    InvalidTss = 10,
    NotPresent = 11,
    Stack = 12,
    GeneralProtection = 13,
    PageFault = 14,
    FloatingPoint = 16,
    Alignment = 17,
    MachineCheck = 18,
    Simd = 19,
    Virtualization = 20,
    ControlProtection = 21,
};
/// Vectors below are exceptions', or reserved for them.
inline constexpr unsigned exception_count = 32;

/// True if the CPU pushes an error code.
constexpr bool has_error_code(Exception e) {
    constexpr auto mask = [](auto... with) { return ((1u << static_cast<unsigned>(with)) | ...); };
    using enum Exception;
    constexpr u32 with_code =
        mask(DoubleFault, InvalidTss, NotPresent, Stack, GeneralProtection, PageFault, Alignment, ControlProtection);
    const auto number = static_cast<unsigned>(e);
    return number < exception_count && (with_code >> number & 1);
}

/// Error code of a page fault (SDM volume 3, 4.7).
using PageFaultCode = Register<struct PageFaultCodeTag, u32>;
namespace page_fault {
inline constexpr auto present = PageFaultCode::bit(0), write = PageFaultCode::bit(1), user = PageFaultCode::bit(2),
                      reserved = PageFaultCode::bit(3), fetch = PageFaultCode::bit(4);
} // namespace page_fault

/// Error code that names a selector (SDM volume 3, 6.13).
using SelectorCode = Register<struct SelectorCodeTag, u32>;
namespace selector_code {
inline constexpr auto external = SelectorCode::bit(0), idt = SelectorCode::bit(1), ldt = SelectorCode::bit(2);
} // namespace selector_code

} // namespace px::x86
