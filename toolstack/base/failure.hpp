// SPDX-License-Identifier: Apache-2.0
// One error value for the toolstack: what failed, where, and what the user can do about it.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace toolstack {

/// A failure that a user reads. `what` names the thing and the reason; `remedy` (may be empty) says what to do.
struct Failure {
    std::string what;
    std::string remedy;
};

/// Result of anything that can fail in a way the user must hear about.
template <class T> using Result = std::expected<T, Failure>;

/// A failed Result from a message and an optional remedy.
inline std::unexpected<Failure> fail(std::string what, std::string remedy = {}) {
    return std::unexpected(Failure{std::move(what), std::move(remedy)});
}

/// The same failure with its place put in front: "disk 'x': no such file".
inline Failure in(std::string_view place, Failure inner) {
    inner.what = std::string(place) + ": " + inner.what;
    return inner;
}

} // namespace toolstack

/// Evaluates to the value of a std::expected, or returns its error from the enclosing function.
#define TRY(expression)                                                                                      \
    ({                                                                                                       \
        auto&& try_result = (expression);                                                                    \
        if (!try_result) return std::unexpected(std::move(try_result).error());                              \
        *std::move(try_result);                                                                              \
    })
