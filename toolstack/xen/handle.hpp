// SPDX-License-Identifier: Apache-2.0
// Owning handles: a file descriptor and a memory mapping, each closed by its destructor.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "xen/error.hpp"

namespace xen {

/// Owns one file descriptor.
class FileDescriptor {
  public:
    FileDescriptor() = default;
    explicit FileDescriptor(int fd) : fd_{fd} {}
    FileDescriptor(FileDescriptor&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~FileDescriptor() { reset(); }

    /// Opens with O_CLOEXEC added. The error's context names the path.
    [[nodiscard]] static Result<FileDescriptor> open(char const* path, int flags, unsigned mode = 0);

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] explicit operator bool() const { return fd_ >= 0; }
    /// Gives up ownership.
    [[nodiscard]] int release() { return std::exchange(fd_, -1); }
    void reset();

  private:
    int fd_ = -1;
};

/// Owns one mmap()ed range.
class Mapping {
  public:
    Mapping() = default;
    Mapping(void* address, std::size_t size) : address_{address}, size_{size} {}
    Mapping(Mapping&& other) noexcept
        : address_{std::exchange(other.address_, nullptr)}, size_{std::exchange(other.size_, 0)} {}
    Mapping& operator=(Mapping&& other) noexcept {
        std::swap(address_, other.address_);
        std::swap(size_, other.size_);
        return *this;
    }
    ~Mapping() { reset(); }

    /// mmap() of `size` bytes, shared. `prot` as for mmap().
    [[nodiscard]] static Result<Mapping> map(int fd, std::size_t size, int prot, long offset, char const* what);

    [[nodiscard]] void* data() const { return address_; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] explicit operator bool() const { return address_ != nullptr; }
    [[nodiscard]] std::span<std::byte> bytes() const { return {static_cast<std::byte*>(address_), size_}; }
    /// The mapping seen as a T. The caller knows that it is large enough.
    template <class T> [[nodiscard]] T* as() const { return static_cast<T*>(address_); }
    void reset();

  private:
    void* address_ = nullptr;
    std::size_t size_ = 0;
};

} // namespace xen
