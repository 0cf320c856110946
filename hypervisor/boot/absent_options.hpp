// SPDX-License-Identifier: Apache-2.0
// Options of the reference that choose nothing here: each with the reason, said when it is given.
#pragma once

#include <span>
#include <string_view>

namespace px::options {

struct AbsentOption {
    /// A value that asks for what is so anyway: no word about it.
    enum class Agrees : unsigned char { Never, WithOff, WithOn };

    std::string_view name;
    std::string_view reason; ///< why it has no effect; ends a sentence
    Agrees agrees = Agrees::Never;
};

std::span<const AbsentOption> absent();

} // namespace px::options
