// SPDX-License-Identifier: Apache-2.0
// The table of domains by id, and how long a domain stays in it: until its last reference is gone
// (tests/models/references.pml).
#include "domain/domain_list.hpp"

#include "domain/create.hpp"
#include "memory/heap.hpp"
#include "schedule/softirq.hpp"

namespace px {

namespace {

/// A bucket of ids, in its own pages. Look-ups are frequent (grants, frames that are freed) and come with any locks
/// held, so each takes only its bucket's lock, for a few instructions; the rank is that of a leaf.
constexpr u32 ids_per_page = page_size / sizeof(Domain*);
constexpr u32 page_count = (abi::first_reserved + ids_per_page - 1) / ids_per_page;

struct Bucket {
    SpinLock<LockRank::DomainTable> lock;
    Domain** page PX_GUARDED_BY(lock) = nullptr;
};
Bucket buckets[page_count];

SpinLock<LockRank::DomainList> list_lock;
u32 last_id PX_GUARDED_BY(list_lock) = 0;
/// Marks an id that is reserved and has no domain yet.
Domain* const reserved = reinterpret_cast<Domain*>(1);

std::atomic<Domain*> the_hardware_domain{nullptr};
/// Domains whose last reference is gone, to be freed by the Tasklet soft interrupt: linked through `next_dead`.
std::atomic<Domain*> dead_domains{nullptr};

/// Takes a reference unless the last one is gone already.
bool try_acquire(Domain& domain) {
    u32 count = domain.references.load(std::memory_order_relaxed);
    while (count != 0)
        if (domain.references.compare_exchange_weak(count, count + 1, std::memory_order_acquire)) return true;
    return false;
}

Domain* look_up(u16 id) {
    Bucket& bucket = buckets[id / ids_per_page];
    IrqGuard guard(bucket.lock);
    Domain* domain = bucket.page ? bucket.page[id % ids_per_page] : nullptr;
    return domain && domain != reserved && try_acquire(*domain) ? domain : nullptr;
}

/// Puts a pointer into an id's place. False if it needs a page and there is no memory.
bool store(u16 id, Domain* domain) {
    Bucket& bucket = buckets[id / ids_per_page];
    void* fresh = nullptr;
    {
        IrqGuard guard(bucket.lock);
        if (bucket.page) {
            bucket.page[id % ids_per_page] = domain;
            return true;
        }
    }
    fresh = heap::allocate_page();
    if (!fresh) return false;
    IrqGuard guard(bucket.lock);
    // Only reservations, one at a time, come here with a missing page.
    bucket.page = static_cast<Domain**>(fresh);
    bucket.page[id % ids_per_page] = domain;
    return true;
}

bool is_taken(u16 id) {
    Bucket& bucket = buckets[id / ids_per_page];
    IrqGuard guard(bucket.lock);
    return bucket.page && bucket.page[id % ids_per_page] != nullptr;
}

void free_dead_domains() {
    Domain* list = dead_domains.exchange(nullptr, std::memory_order_acquire);
    while (list) {
        Domain* next = list->next_dead;
        free_domain(*list);
        list = next;
    }
}

} // namespace

void init_domain_list() { softirq::set_handler(SoftIrq::Tasklet, free_dead_domains); }

void release_domain(Domain& domain) {
    if (domain.references.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
    // The last reference can go in any context, with locks held: the work is done later.
    domain.next_dead = dead_domains.load(std::memory_order_relaxed);
    while (!dead_domains.compare_exchange_weak(domain.next_dead, &domain, std::memory_order_release)) {}
    softirq::raise(SoftIrq::Tasklet);
}

void DomainRef::drop() {
    if (domain_) release_domain(*domain_);
    domain_ = nullptr;
}

DomainRef find_domain(DomId id) { return id.raw() < abi::first_reserved ? DomainRef(look_up(id.raw())) : DomainRef(); }

Result<DomainRef> find_domain_or_self(u16 id) {
    if (id == abi::domid_self) {
        Domain& self = current_domain();
        self.references.fetch_add(1, std::memory_order_relaxed);
        return DomainRef(&self);
    }
    DomainRef domain = find_domain(DomId(id));
    if (!domain) return fail(Error::Search);
    return domain;
}

DomainRef next_domain(DomId from) {
    for (u32 id = from.raw(); id < abi::first_reserved;) {
        Bucket& bucket = buckets[id / ids_per_page];
        {
            IrqGuard guard(bucket.lock);
            const u32 end = (id / ids_per_page + 1) * ids_per_page;
            for (; bucket.page && id < end && id < abi::first_reserved; ++id) {
                Domain* domain = bucket.page[id % ids_per_page];
                if (domain && domain != reserved && try_acquire(*domain)) return DomainRef(domain);
            }
            id = end;
        }
    }
    return {};
}

Result<DomainRef> find_controlled_domain(u16 id) {
    DomainRef domain = TRY(find_domain_or_self(id));
    if (!current_domain().is_privileged && domain.get() != &current_domain()) return fail(Error::Perm);
    return domain;
}

Domain* hardware_domain() { return the_hardware_domain.load(std::memory_order_acquire); }

Result<DomId> reserve_domain_id(u16 wanted) {
    Guard guard(list_lock);
    if (wanted != 0) {
        if (wanted >= abi::first_reserved) return fail(Error::Invalid);
        if (is_taken(wanted)) return fail(Error::Exists);
        if (!store(wanted, reserved)) return fail(Error::NoMemory);
        return DomId(wanted);
    }
    // Grows and wraps: an id comes back as late as possible. 0 is for the first domain alone.
    if (!hardware_domain() && !is_taken(0)) {
        if (!store(0, reserved)) return fail(Error::NoMemory);
        return DomId(0);
    }
    for (u32 tried = 1; tried < abi::first_reserved; ++tried) {
        last_id = last_id + 1 < abi::first_reserved ? last_id + 1 : 1;
        const u16 id = static_cast<u16>(last_id);
        if (is_taken(id)) continue;
        if (!store(id, reserved)) return fail(Error::NoMemory);
        return DomId(id);
    }
    return fail(Error::NoMemory);
}

void cancel_domain_id(DomId id) { store(id.raw(), nullptr); }

void insert_domain(Domain& domain) {
    store(domain.id.raw(), &domain);
    if (domain.is_hardware_domain) the_hardware_domain.store(&domain, std::memory_order_release);
}

void remove_domain(Domain& domain) { store(domain.id.raw(), nullptr); }

} // namespace px
