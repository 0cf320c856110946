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

/// Evaluates to the value of a std::expected, or returns its error from the enclosing function. The name of the
/// variable is unique, so that uses can nest.
#define TRY(expression) TOOLSTACK_TRY(expression, __COUNTER__)
#define TOOLSTACK_TRY(expression, unique) TOOLSTACK_TRY_AS(expression, unique)
#define TOOLSTACK_TRY_AS(expression, unique)                                                                           \
    ({                                                                                                                 \
        auto&& try_result_##unique = (expression);                                                                     \
        if (!try_result_##unique) return std::unexpected(std::move(try_result_##unique).error());                      \
        *std::move(try_result_##unique);                                                                               \
    })
