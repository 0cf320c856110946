// SPDX-License-Identifier: Apache-2.0
// The ends of grant copies: what one operation used stays held for the next one that names the same.
#pragma once

#include "domain/grant/internal.hpp"

namespace px::grant {

/// One end of a row of copies: the frame that an operation named, held until another is named or the row ends.
class CopyEnd {
  public:
    explicit CopyEnd(Access access) : access_(access) {}
    CopyEnd(const CopyEnd&) = delete;
    CopyEnd& operator=(const CopyEnd&) = delete;
    ~CopyEnd() { release(); }

    /// Holds the frame that `pointer` names for [offset, offset + length).
    abi::GrantStatus acquire(const abi::GnttabCopyPtr& pointer, bool is_grant, u32 length);
    [[nodiscard]] char* bytes(u16 offset) const { return to_virtual<char>(pinned_.frame) + offset; }

  private:
    abi::GrantStatus acquire_own(const abi::GnttabCopyPtr& pointer);
    abi::GrantStatus acquire_grant(const abi::GnttabCopyPtr& pointer);
    /// The grant that is pinned is of what another domain grants: pins that. One step, never more.
    abi::GrantStatus follow();
    [[nodiscard]] bool holds(const abi::GnttabCopyPtr& pointer, bool is_grant) const;
    void release();

    const Access access_;
    DomainRef domain_; ///< of the last grant, also when that is not held any more
    u16 domid_ = 0;    ///< what it was called
    u64 name_ = 0;     ///< reference or frame number that is held
    Pinned pinned_;
    bool is_pinned_ = false; ///< it is a grant
    DomainRef source_;       ///< of a transitive grant: who owns the frame, by this reference, which is pinned, too
    GrantRef source_ref_{0};
    bool has_reference_ = false;
};

/// A row of copies in one hypercall.
class Copies {
  public:
    /// Does one; its status says how that went.
    void copy(abi::GnttabCopy& op);

  private:
    CopyEnd source_{Access::Read}, destination_{Access::Write};
};

} // namespace px::grant
