// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy: bytes from one domain's frame to another's, without mapping.
#include "domain/grant/internal.hpp"

#include <cstring>

namespace px::grant {
namespace {

using abi::GrantStatus;

/// One end of a copy, held until it goes out of scope.
class End {
  public:
    End() = default;
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() {
        if (has_reference_) release_granted(frame_, access_);
        if (is_pinned_) unpin(*domain_, ref_, access_);
    }

    GrantStatus acquire(const abi::GnttabCopyPtr& pointer, bool is_grant, u32 length, Access access) {
        access_ = access;
        if (u32{pointer.offset} + length > page_size) return GrantStatus::BadCopyArg;
        return is_grant ? acquire_grant(pointer, length) : acquire_own(pointer);
    }
    [[nodiscard]] char* bytes(u16 offset) const { return to_virtual<char>(frame_) + offset; }

  private:
    GrantStatus acquire_own(const abi::GnttabCopyPtr& pointer) {
        // A bare frame number says nothing about consent: only for the caller's own frames.
        if (pointer.domid != abi::domid_self) return GrantStatus::PermissionDenied;
        Result<Mfn> mfn = current_domain().translate(Gfn(pointer.u.gmfn));
        if (!mfn || !is_valid(*mfn)) return GrantStatus::BadPage;
        frame_ = *mfn;
        has_reference_ = acquire_granted(frame_, current_domain(), access_);
        if (!has_reference_) return access_ == Access::Write ? GrantStatus::GeneralError : GrantStatus::BadPage;
        return GrantStatus::Okay;
    }
    GrantStatus acquire_grant(const abi::GnttabCopyPtr& pointer, u32 length) {
        Result<DomainRef> domain = find_domain_or_self(pointer.domid);
        if (!domain || !(*domain)->grants) return GrantStatus::BadDomain;
        domain_ = std::move(*domain);
        ref_ = GrantRef(pointer.u.ref);
        auto pinned = pin(*domain_, ref_, current_domain(), access_, true);
        if (!pinned) return pinned.error();
        is_pinned_ = true;
        frame_ = pinned->frame;
        if (!pinned->whole && (pointer.offset < pinned->start ||
                               u32{pointer.offset} + length > u32{pinned->start} + pinned->length))
            return GrantStatus::GeneralError;
        has_reference_ = acquire_granted(frame_, *domain_, access_);
        return has_reference_ ? GrantStatus::Okay : GrantStatus::BadPage;
    }

    DomainRef domain_;
    GrantRef ref_{0};
    Mfn frame_{};
    Access access_ = Access::Read;
    bool is_pinned_ = false;
    bool has_reference_ = false;
};

} // namespace

void copy(abi::GnttabCopy& op) {
    End source, destination;
    GrantStatus status =
        source.acquire(op.source, (op.flags & abi::gntcopy_source_gref) != 0, op.len, Access::Read);
    if (status == GrantStatus::Okay)
        status = destination.acquire(op.dest, (op.flags & abi::gntcopy_dest_gref) != 0, op.len, Access::Write);
    if (status == GrantStatus::Okay)
        std::memmove(destination.bytes(op.dest.offset), source.bytes(op.source.offset), op.len);
    op.status = raw(status);
}

} // namespace px::grant
