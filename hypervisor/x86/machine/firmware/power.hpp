// SPDX-License-Identifier: Apache-2.0
// Power off and reboot, beyond machine/machine.hpp.
#pragma once

#include "base/number.hpp"
#include "base/result.hpp"

#include <optional>
#include <span>

namespace px::x86::power {

/// Values of the sleep type field for state S5, for PM1a and PM1b control.
struct SleepType {
    u8 a, b;
};
/// Finds the package \_S5_ in AML, by its encoding (ACPI 6.5, sections 7.4.2 and 20.2). Pure.
[[nodiscard]] std::optional<SleepType> find_s5(std::span<const u8> aml);

/// What dom0 found in \_S5_: values for the PM1 control registers, sleep enable included. Writes them: does not return,
/// if the machine has these registers. Errors: Perm (it has none).
Result<> enter_s5(u16 pm1a, u16 pm1b);

} // namespace px::x86::power
