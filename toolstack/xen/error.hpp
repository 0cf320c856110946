// SPDX-License-Identifier: Apache-2.0
// The error value of the toolstack: an errno with the sentence that says what was being done.
#pragma once

#include <cerrno>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace xen {

/// Why an operation failed. `code` is a positive errno of Linux (which Xen's errnos equal on x86);
/// `context` says what was attempted, without the errno's text.
struct Error {
    int code = 0;
    std::string context;

    /// "context: Permission denied"
    [[nodiscard]] std::string message() const;
};

template <class T = void> using Result = std::expected<T, Error>;

/// An error value from an errno and what was attempted.
[[nodiscard]] inline std::unexpected<Error> fail(int code, std::string context) {
    return std::unexpected(Error{code, std::move(context)});
}

/// An error value from the calling thread's errno. Evaluate no other call before it.
[[nodiscard]] inline std::unexpected<Error> fail_errno(std::string context) {
    int const code = errno;
    return std::unexpected(Error{code, std::move(context)});
}

} // namespace xen

/// Value of a Result, or return its error from the enclosing function.
#define XEN_TRY(expression)                                                                                            \
    ({                                                                                                                 \
        auto xen_try_result = (expression);                                                                            \
        if (!xen_try_result) return std::unexpected(std::move(xen_try_result).error());                                \
        *std::move(xen_try_result);                                                                                    \
    })
