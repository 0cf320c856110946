// SPDX-License-Identifier: Apache-2.0
// Memory that the hypervisor may read and write during a hypercall: pinned pages from /dev/xen/hypercall.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>

#include "abi/types.hpp"
#include "xen/error.hpp"

namespace xen {

/// Whole pinned pages. Single pages are kept in a small cache per process, since most calls need one.
class HypercallMemory {
  public:
    /// At least `size` bytes, zeroed. Falls back to locked memory where /dev/xen/hypercall is missing.
    [[nodiscard]] static Result<HypercallMemory> allocate(std::size_t size);
    HypercallMemory(HypercallMemory&& other) noexcept
        : address_{std::exchange(other.address_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    HypercallMemory& operator=(HypercallMemory&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~HypercallMemory();
    [[nodiscard]] void* data() const { return address_; }

    /// For a forked child: it has none of its parent's pages, not even those that were kept for the next use.
    static void forget_cached();

  private:
    HypercallMemory(void* address, std::size_t size) : address_{address}, size_{size} {}
    void* address_;
    std::size_t size_; // bytes, whole pages
};

/// An array of T (one by default) that hypercalls can read and write.
template <class T> class HypercallBuffer {
    static_assert(std::is_trivially_copyable_v<T>);

  public:
    /// Zeroed elements.
    [[nodiscard]] static Result<HypercallBuffer> allocate(std::size_t count = 1) {
        if (count > SIZE_MAX / sizeof(T)) return fail(EOVERFLOW, "hypercall buffer");
        return HypercallBuffer{XEN_TRY(HypercallMemory::allocate(count * sizeof(T))), count};
    }
    /// A copy of `values`.
    [[nodiscard]] static Result<HypercallBuffer> copy_of(std::span<T const> values) {
        auto buffer = XEN_TRY(allocate(values.size()));
        if (!values.empty()) std::memcpy(buffer.data(), values.data(), values.size_bytes());
        return buffer;
    }
    /// A copy of one value.
    [[nodiscard]] static Result<HypercallBuffer> copy_of(T const& value) { return copy_of(std::span{&value, 1}); }

    [[nodiscard]] T* data() const { return static_cast<T*>(memory_.data()); }
    [[nodiscard]] std::size_t size() const { return count_; }
    [[nodiscard]] std::span<T> span() const { return {data(), count_}; }
    [[nodiscard]] T& operator*() const { return *data(); }
    [[nodiscard]] T* operator->() const { return data(); }
    [[nodiscard]] T& operator[](std::size_t index) const { return data()[index]; }
    /// What a structure's handle field, or a hypercall's argument, is set to.
    [[nodiscard]] std::uint64_t address() const { return reinterpret_cast<std::uint64_t>(data()); }
    template <class U = T> [[nodiscard]] abi::GuestHandle<U> handle() const { return {address()}; }

  private:
    HypercallBuffer(HypercallMemory memory, std::size_t count) : memory_{std::move(memory)}, count_{count} {}
    HypercallMemory memory_;
    std::size_t count_;
};

} // namespace xen
