// SPDX-License-Identifier: Apache-2.0
// Errors are values: Result<T> and one TRY.
#pragma once

#include "abi/errno.hpp"

#include <expected>
#include <utility>

namespace px {

/// The reasons an operation can fail; the numbers are the hypercall ABI's (public/errno.h).
using Error = abi::Errno;

/// Value or reason. Never unwrap without having tested.
template <class T = void> using Result = std::expected<T, Error>;

/// `return fail(Error::Inval);`
[[nodiscard]] constexpr std::unexpected<Error> fail(Error e) { return std::unexpected<Error>(e); }

/// What a guest gets in rax for a failure: the negative errno.
[[nodiscard]] constexpr long to_hypercall(Error e) { return -static_cast<long>(e); }
/// What a guest gets in rax for a result without value.
[[nodiscard]] constexpr long to_hypercall(const Result<>& r) { return r ? 0 : to_hypercall(r.error()); }

} // namespace px

/// Evaluates to the value of a Result, or returns its error from the enclosing function.
#define TRY(expression)                                                                                                \
    ({                                                                                                                 \
        auto&& px_try_result = (expression);                                                                           \
        if (!px_try_result.has_value()) [[unlikely]]                                                                   \
            return ::px::fail(px_try_result.error());                                                                  \
        *std::move(px_try_result);                                                                                     \
    })
