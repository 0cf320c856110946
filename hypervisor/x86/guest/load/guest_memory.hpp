// SPDX-License-Identifier: Apache-2.0
// Dom0's memory while it is built: frames by pseudo-physical number, and access to them.
#pragma once

#include "base/panic.hpp"
#include "domain/domain.hpp"

#include <span>

namespace px::guest::load {

/// Frames in runs, in the order of their pseudo-physical numbers.
class GuestMemory {
  public:
    /// Allocates up to `frames` frames in runs as long as can be had, and gives them to the domain.
    void allocate(Domain& domain, u64 frames);

    [[nodiscard]] u64 frames() const { return total_; }
    [[nodiscard]] Mfn mfn(u64 pfn) const;
    template <class T = u8> [[nodiscard]] T* page(u64 pfn) const { return to_virtual<T>(mfn(pfn)); }
    /// Copies to a pseudo-physical byte address.
    void write(u64 address, std::span<const u8> bytes) const;

  private:
    struct Run {
        u64 first_pfn;
        Mfn start;
        u64 count;
    };
    static constexpr unsigned max_runs = 1024;
    Run runs_[max_runs] = {};
    unsigned count_ = 0;
    u64 total_ = 0;
};

} // namespace px::guest::load
