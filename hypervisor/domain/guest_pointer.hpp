// SPDX-License-Identifier: Apache-2.0
// The one way to guest memory: values are copied once, then judged.
#pragma once

#include "abi/types.hpp"
#include "base/result.hpp"
#include "domain/vcpu.hpp"

#include <type_traits>

namespace px {

/// A pointer that a guest gave, to one or more T in the current vCPU's address space. Never dereferenced.
template <class T>
    requires std::is_trivially_copyable_v<T>
class GuestPointer {
  public:
    explicit GuestPointer(u64 address) : address_(address) {}
    explicit GuestPointer(abi::GuestHandle<T> handle) : address_(handle.address) {}

    [[nodiscard]] bool is_null() const { return address_.raw() == 0; }
    [[nodiscard]] GuestVaddr address() const { return address_; }

    /// Copies element `index` in. Errors: Fault.
    [[nodiscard]] Result<T> read(u64 index = 0) const {
        T value;
        if (!in_range(index) || current().copy_from_guest(&value, at(index), sizeof(T)) != 0) return fail(Error::Fault);
        return value;
    }
    /// Copies element `index` out. Errors: Fault.
    [[nodiscard]] Result<> write(const T& value, u64 index = 0) const {
        if (!in_range(index) || current().copy_to_guest(at(index), &value, sizeof(T)) != 0) return fail(Error::Fault);
        return {};
    }
    [[nodiscard]] Result<> read_array(T* to, u64 count, u64 first = 0) const {
        if (!in_range(first) || !in_range(first + count) ||
            current().copy_from_guest(to, at(first), count * sizeof(T)) != 0)
            return fail(Error::Fault);
        return {};
    }
    [[nodiscard]] Result<> write_array(const T* from, u64 count, u64 first = 0) const {
        if (!in_range(first) || !in_range(first + count) ||
            current().copy_to_guest(at(first), from, count * sizeof(T)) != 0)
            return fail(Error::Fault);
        return {};
    }

  private:
    /// Keeps index arithmetic from wrapping; copy_*_guest checks the address itself.
    static bool in_range(u64 index) { return index < (u64{1} << 47) / sizeof(T); }
    [[nodiscard]] GuestVaddr at(u64 index) const { return GuestVaddr(address_.raw() + index * sizeof(T)); }

    GuestVaddr address_;
};

} // namespace px
