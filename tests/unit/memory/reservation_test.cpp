// SPDX-License-Identifier: Apache-2.0
// populate_physmap on the shipped heap: limits come before work, and what was taken in vain goes back as it was.
#include "domain/domain_list.hpp"
#include "hypercall/fake_caller.hpp"
#include "hypercall/memory/memory_op.hpp"
#include "memory/fake_memory.hpp"
#include "memory/heap.hpp"

#include <gtest/gtest.h>

namespace px {

constinit PerCpu<std::atomic<u64>> softirq::pending;
void Vcpu::on_singleshot(void*) {}
void Vcpu::on_poll_timeout(void*) {}
void Vcpu::on_periodic(void*) {}
void Domain::on_watchdog(void*) {}
void release_domain(Domain& domain) { --domain.references; }
void DomainRef::drop() {
    if (domain_) release_domain(*domain_);
    domain_ = nullptr;
}
Result<DomainRef> find_domain_or_self(u16) {
    ++current().domain.references;
    return DomainRef(&current().domain);
}

namespace {

constexpr unsigned order = 9;
constexpr u64 block = u64{1} << order;
constexpr u64 address = ::fake::Memory::base;

class Reservation : public ::testing::Test {
  protected:
    Reservation() : domain(DomId(3)), caller(domain) {
        static const bool is_filled = (heap::add_region(Mfn(8192), Mfn(8192 + 4 * block)), true);
        (void)is_filled;
        while (heap::scrub_some(1000)) {}
        domain.owned_regions = regions;
        domain.max_pages = 2 * block;
        fake_current = &caller;
    }
    ~Reservation() override {
        softirq::pending.here() = 0;
        (void)domain.claim(0);
        (void)domain.release_memory();
        while (heap::scrub_some(1000)) {}
        EXPECT_EQ(heap::free_frames(), 4 * block);
        EXPECT_EQ(heap::outstanding_claims(), 0u);
        EXPECT_EQ(domain.references, 1u);
        fake_current = nullptr;
    }

    hypercall::Outcome populate(unsigned of_order = order) {
        abi::MemoryReservation r{};
        r.extent_start.address = address + 256;
        r.nr_extents = 1;
        r.extent_order = of_order;
        r.domid = abi::domid_self;
        caller.memory.put(address, r);
        hypercall::Call call{{static_cast<u64>(abi::MemoryOp::PopulatePhysmap), address}};
        return hypercall::memory::reservation({call, abi::MemoryOp::PopulatePhysmap, 0, address});
    }
    /// Makes all free memory such that giving it out is work: it was a guest's.
    void make_dirty() {
        std::vector<Frame*> all;
        while (Frame* f = heap::allocate({.order = order})) all.push_back(f);
        for (Frame* f : all) heap::free(*f, order, true);
    }

    std::atomic<u64> regions[64] = {};
    ::fake::CallerDomain domain;
    ::fake::Caller caller;
};

TEST_F(Reservation, ALimitIsSeenBeforeMemoryIsCleared) {
    ASSERT_EQ(populate().value, 1);
    ASSERT_EQ(populate().value, 1);
    make_dirty();
    const u64 flushes = fake::flushes;
    for (int i = 0; i < 3; ++i) EXPECT_EQ(populate().value, 0);
    EXPECT_EQ(populate(0).value, 0);
    EXPECT_EQ(fake::flushes, flushes) << "memory was taken and cleared for nothing";
    EXPECT_EQ(domain.total_pages, 2 * block);
}

TEST_F(Reservation, WhatWasTakenInVainStaysClean) {
    Frame* clean = heap::allocate({.order = order});
    heap::free_unused(*clean, order);
    const u64 flushes = fake::flushes;
    clean = heap::allocate({.order = order + 1}); // it has merged with its neighbours
    ASSERT_NE(clean, nullptr);
    EXPECT_EQ(fake::flushes, flushes);
    heap::free_unused(*clean, order + 1);
    EXPECT_FALSE(heap::scrub_some(1)) << "there is nothing to scrub";
}

TEST_F(Reservation, AnInterruptedOneKeepsLimitAndClaim) {
    domain.max_pages = 4 * block;
    domain.is_privileged = true; // may ask for more than one piece at a time
    make_dirty();
    ASSERT_TRUE(domain.claim(2 * block));
    softirq::pending.here() = 1;
    unsigned restarts = 0;
    hypercall::Outcome outcome = populate(order + 1);
    for (; outcome.is_restart; outcome = populate(order + 1)) {
        ASSERT_LT(++restarts, 10u);
        EXPECT_EQ(domain.total_pages, 0u);
        EXPECT_EQ(domain.outstanding_claim, 2 * block);
        EXPECT_EQ(heap::outstanding_claims(), 2 * block);
        EXPECT_EQ(domain.references, 1u);
    }
    EXPECT_GT(restarts, 0u);
    EXPECT_EQ(outcome.value, 1);
    EXPECT_EQ(domain.outstanding_claim, 0u);
    EXPECT_EQ(heap::outstanding_claims(), 0u);
}

TEST_F(Reservation, AClaimServesOnlyOneOfTwo) {
    ASSERT_TRUE(domain.claim(block));
    const auto first = domain.promise_frames(block), second = domain.promise_frames(block);
    ASSERT_TRUE(first && second);
    EXPECT_EQ(first->claimed, block);
    EXPECT_EQ(second->claimed, 0u);
    EXPECT_FALSE(domain.promise_frames(1));
    domain.cancel(*second);
    EXPECT_EQ(domain.outstanding_claim, 0u);
    domain.cancel(*first);
    EXPECT_EQ(domain.outstanding_claim, block);
    // A claim that has ended meanwhile does not come back.
    const auto third = domain.promise_frames(block);
    ASSERT_TRUE(third && domain.claim(0));
    EXPECT_EQ(heap::outstanding_claims(), block);
    domain.cancel(*third);
    EXPECT_EQ(heap::outstanding_claims(), 0u);
    EXPECT_EQ(domain.outstanding_claim, 0u);
}

} // namespace
} // namespace px
