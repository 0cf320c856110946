// SPDX-License-Identifier: Apache-2.0
// GNTTABOP_copy: bytes from one domain's frame to another's, without mapping.
#include "domain/grant/copy.hpp"

#include <cstring>

namespace px::grant {

using abi::GrantStatus;

bool CopyEnd::holds(const abi::GnttabCopyPtr& pointer, bool is_grant) const {
    if (!has_reference_ || is_pinned_ != is_grant) return false;
    return is_grant ? pointer.u.ref == name_ && pointer.domid == domid_
                    : pointer.u.gmfn == name_ && pointer.domid == abi::domid_self;
}

void CopyEnd::release() {
    if (has_reference_) release_granted(pinned_.frame, access_);
    if (source_) unpin(*source_, source_ref_, access_);
    source_ = {};
    if (is_pinned_) unpin(*domain_, GrantRef(static_cast<u32>(name_)), access_);
    has_reference_ = is_pinned_ = false;
}

GrantStatus CopyEnd::acquire(const abi::GnttabCopyPtr& pointer, bool is_grant, u32 length) {
    if (u32{pointer.offset} + length > page_size) return GrantStatus::BadCopyArg;
    if (!holds(pointer, is_grant)) {
        release();
        const GrantStatus status = is_grant ? acquire_grant(pointer) : acquire_own(pointer);
        if (status != GrantStatus::Okay) {
            release();
            return status;
        }
    }
    const bool fits = pinned_.whole || (pointer.offset >= pinned_.start &&
                                        u32{pointer.offset} + length <= u32{pinned_.start} + pinned_.length);
    return fits ? GrantStatus::Okay : GrantStatus::GeneralError;
}

GrantStatus CopyEnd::acquire_own(const abi::GnttabCopyPtr& pointer) {
    // A bare frame number says nothing about consent: only for the caller's own frames.
    if (pointer.domid != abi::domid_self) return GrantStatus::PermissionDenied;
    const Result<Mfn> mfn = current_domain().translate(Gfn(pointer.u.gmfn));
    if (!mfn || !is_valid(*mfn)) return GrantStatus::BadPage;
    name_ = pointer.u.gmfn;
    pinned_ = {.frame = *mfn};
    has_reference_ = acquire_granted(*mfn, current_domain(), access_);
    if (!has_reference_) return access_ == Access::Write ? GrantStatus::GeneralError : GrantStatus::BadPage;
    return GrantStatus::Okay;
}

GrantStatus CopyEnd::acquire_grant(const abi::GnttabCopyPtr& pointer) {
    if (!domain_ || domid_ != pointer.domid) {
        Result<DomainRef> domain = find_domain_or_self(pointer.domid);
        if (!domain || !(*domain)->grants) return GrantStatus::BadDomain;
        domain_ = std::move(*domain);
        domid_ = pointer.domid;
    }
    const auto pinned = pin(*domain_, GrantRef(pointer.u.ref), current_domain(), access_, Purpose::Copy);
    if (!pinned) return pinned.error();
    name_ = pointer.u.ref;
    pinned_ = *pinned;
    is_pinned_ = true;
    if (pinned_.transitive) {
        const GrantStatus status = follow();
        if (status != GrantStatus::Okay) return status;
    }
    has_reference_ = acquire_granted(pinned_.frame, source_ ? *source_ : *domain_, access_);
    return has_reference_ ? GrantStatus::Okay : GrantStatus::BadPage;
}

GrantStatus CopyEnd::follow() {
    if (pinned_.source == domain_->id) return GrantStatus::GeneralError; // it would grant to itself
    DomainRef source = find_domain(pinned_.source);
    if (!source || !source->grants) return GrantStatus::GeneralError;
    // No lock is held between the two: what the first pin found stays so until it is unpinned.
    const auto pinned = pin(*source, pinned_.source_ref, *domain_, access_, Purpose::CopyAtSource);
    if (!pinned) return pinned.error();
    source_ref_ = pinned_.source_ref;
    source_ = std::move(source);
    pinned_ = *pinned;
    return GrantStatus::Okay;
}

void Copies::copy(abi::GnttabCopy& op) {
    GrantStatus status = source_.acquire(op.source, (op.flags & abi::gntcopy_source_gref) != 0, op.len);
    if (status == GrantStatus::Okay)
        status = destination_.acquire(op.dest, (op.flags & abi::gntcopy_dest_gref) != 0, op.len);
    if (status == GrantStatus::Okay)
        std::memmove(destination_.bytes(op.dest.offset), source_.bytes(op.source.offset), op.len);
    op.status = raw(status);
}

} // namespace px::grant
