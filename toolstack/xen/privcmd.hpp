// SPDX-License-Identifier: Apache-2.0
// /dev/xen/privcmd: raw hypercalls, mappings of other domains' memory and of their resources.
#pragma once

#include <cstdint>
#include <span>

#include "abi/hypercall.hpp"
#include "xen/handle.hpp"
#include "xen/numbers.hpp"

namespace xen {

/// Owns /dev/xen/privcmd. Thread safe: the kernel serialises nothing that callers share.
class Privcmd {
  public:
    /// Fails with ENOENT where no Xen runs (or its module is not loaded), EACCES without privilege.
    [[nodiscard]] static Result<Privcmd> open();

    /// Issues one hypercall; arguments that are pointers must lie in HypercallBuffers. Returns the
    /// non-negative result; a negative one becomes an Error whose context names the hypercall's number.
    [[nodiscard]] Result<long> hypercall(abi::Hypercall op, std::uint64_t a1 = 0, std::uint64_t a2 = 0,
                                         std::uint64_t a3 = 0, std::uint64_t a4 = 0, std::uint64_t a5 = 0) const;

    /// Maps frames of another domain side by side. `prot` as for mmap(). With `errors` (same length) the
    /// call succeeds even where single frames fail, and gives 0 or a negative errno for each; touching a
    /// failed page faults. Without it any failure fails the call and leaves nothing mapped.
    [[nodiscard]] Result<Mapping> map_foreign(DomId domain, std::span<Frame const> frames, int prot,
                                              std::span<int> errors = {}) const;

    /// Maps `count` frames of a resource (XENMEM_acquire_resource: grant table, ioreq server) of `domain`.
    [[nodiscard]] Result<Mapping> map_resource(DomId domain, std::uint32_t type, std::uint32_t id, std::uint32_t first,
                                               std::size_t count, int prot) const;

    [[nodiscard]] int fd() const { return file_.get(); }

  private:
    explicit Privcmd(FileDescriptor file) : file_{std::move(file)} {}
    FileDescriptor file_;
};

} // namespace xen
