// SPDX-License-Identifier: Apache-2.0
// Memory of a whole file or of an unpacked kernel, without the cost of clearing it first.
#pragma once

#include "base/failure.hpp"
#include "packing/packing.hpp"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace image {

using View = std::span<const std::uint8_t>;

/// A run of bytes of a file that are zero without having been read.
struct ZeroRun {
    std::uint64_t offset = 0, size = 0;
};

/// Uninitialised bytes that one owner holds.
class Bytes {
  public:
    Bytes() = default;
    explicit Bytes(std::size_t size) : data_(std::make_unique_for_overwrite<std::uint8_t[]>(size)), size_(size) {}
    std::uint8_t* data() { return data_.get(); }
    std::size_t size() const { return size_; }
    View view() const { return {data_.get(), size_}; }
    /// Makes it shorter; the memory stays.
    void truncate(std::size_t size) { size_ = size < size_ ? size : size_; }

  private:
    std::unique_ptr<std::uint8_t[]> data_;
    std::size_t size_ = 0;
};

/// Copies bytes into a guest's memory, by stores that leave our caches alone: it is the guest that will read them. A
/// mapped file that became shorter meanwhile is an error, not a SIGBUS. Not for several threads.
toolstack::Result<void> copy_mapped(View from, std::uint8_t* to);

/// A file mapped read-only, page by page as it is looked at. Its view lasts as long as it does.
class File {
  public:
    /// Opens a regular file; "kernel '/x': No such file or directory" names `what` and the path.
    static toolstack::Result<File> open(std::string_view what, const std::string& path);
    File(File&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)),
          fd_(std::exchange(other.fd_, -1)) {}
    File& operator=(File&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~File();
    View view() const { return {static_cast<const std::uint8_t*>(data_), size_}; }

    /// Copies a part of view() into a guest's memory.
    toolstack::Result<void> copy(View part, std::uint8_t* to) const { return copy_mapped(part, to); }
    /// Holes of 64 KiB and more, in order.
    std::vector<ZeroRun> holes() const;

  private:
    File(void* data, std::size_t size, int fd) : data_(data), size_(size), fd_(fd) {}
    void* data_ = nullptr;
    std::size_t size_ = 0;
    int fd_ = -1;
};

using packing::read_le;

} // namespace image
