// SPDX-License-Identifier: Apache-2.0
// /dev/xen/gntdev: mapping pages that other domains grant to us.
#pragma once

#include <memory>
#include <span>

#include "xen/handle.hpp"
#include "xen/numbers.hpp"

namespace xen {

/// Grant references that every builder sets up for a guest's first two rings (public/grant_table.h).
inline constexpr GrantRef grant_console{0};
inline constexpr GrantRef grant_xenstore{1};

class GrantTable;

/// Granted pages, mapped side by side; unmapped, and the grant given back, by the destructor.
class GrantMapping {
  public:
    GrantMapping() = default;
    GrantMapping(GrantMapping&& other) noexcept = default;
    GrantMapping& operator=(GrantMapping&& other) noexcept;
    ~GrantMapping() { reset(); }
    [[nodiscard]] void* data() const { return mapping_.data(); }
    [[nodiscard]] explicit operator bool() const { return static_cast<bool>(mapping_); }
    template <class T> [[nodiscard]] T* as() const { return mapping_.as<T>(); }
    void reset();

  private:
    friend class GrantTable;
    std::shared_ptr<FileDescriptor> device_;
    Mapping mapping_;
    std::uint64_t index_ = 0;
    std::uint32_t count_ = 0;
};

/// Owns /dev/xen/gntdev; mappings keep it open.
class GrantTable {
  public:
    [[nodiscard]] static Result<GrantTable> open();
    /// Maps pages that `domain` granted. `prot` as for mmap(); a read-only grant refuses PROT_WRITE.
    [[nodiscard]] Result<GrantMapping> map(DomId domain, std::span<GrantRef const> refs, int prot) const;
    [[nodiscard]] Result<GrantMapping> map(DomId domain, GrantRef ref, int prot) const {
        return map(domain, std::span{&ref, 1}, prot);
    }

  private:
    std::shared_ptr<FileDescriptor> device_;
};

} // namespace xen
