// SPDX-License-Identifier: Apache-2.0
// Only domains and vCPUs of paravirtual guests are taken for such.
#include "hypercall/fake_caller.hpp"
#include "paging/fake_paging.hpp"

#include <gtest/gtest.h>

namespace px::pv {
namespace {

TEST(Kind, AParavirtualDomainIsOne) {
    fake::Guest guest(1, 2);
    Domain& domain = guest.domain;
    Vcpu& vcpu = *domain.vcpu(VcpuId(1));
    EXPECT_EQ(as_pv(domain), &guest.domain);
    EXPECT_EQ(as_pv(vcpu), &guest.vcpu(1));
    EXPECT_EQ(vcpu_of(guest.domain, 1), &guest.vcpu(1));
    EXPECT_EQ(vcpu_of(guest.domain, 2), nullptr);
}

TEST(Kind, NothingElseIs) {
    static constexpr GuestKind other{};
    for (const GuestKind* kind : {&other, static_cast<const GuestKind*>(nullptr)}) { // null: a system domain
        ::fake::CallerDomain domain{DomId(2), kind};
        ::fake::Caller vcpu{domain};
        EXPECT_EQ(as_pv(domain), nullptr);
        EXPECT_EQ(as_pv(vcpu), nullptr);
    }
}

} // namespace
} // namespace px::pv
