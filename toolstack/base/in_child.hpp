// SPDX-License-Identifier: Apache-2.0
// Work done by a forked child, for the sake of what its end does to its memory: everything goes at once.
#pragma once

#include "base/failure.hpp"

#include <cstring>
#include <functional>
#include <string>
#include <type_traits>

namespace toolstack {

/// Runs `work` in a child and gives the bytes that it answered, or its failure. A child that dies, of whatever, is a
/// failure. It ends by _exit(): nothing is destroyed or flushed there. The caller has one thread.
Result<std::string> bytes_from_child(const std::function<Result<std::string>()>& work);

/// The same for a value without pointers.
template <class T, class Work> Result<T> in_child(Work work) {
    static_assert(std::is_trivially_copyable_v<T>);
    auto bytes = TRY(bytes_from_child([&]() -> Result<std::string> {
        T value = TRY(work());
        return std::string(reinterpret_cast<const char*>(&value), sizeof value);
    }));
    T value;
    if (bytes.size() != sizeof value) return fail("a child process gave a senseless answer");
    std::memcpy(&value, bytes.data(), sizeof value);
    return value;
}

} // namespace toolstack
