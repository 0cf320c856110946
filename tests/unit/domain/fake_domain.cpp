// SPDX-License-Identifier: Apache-2.0
// The fake machine's memory, domain list and vCPU operations.
#include "domain/fake_domain.hpp"

#include "base/log.hpp"
#include "base/panic.hpp"
#include "domain/grant/limits.hpp"
#include "domain/pirqs.hpp"
#include "schedule/softirq.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>

namespace px {

u64 frame_table_start;
u64 direct_map_start;
Mfn max_frame(16384);

/// As without options.
const grant::Limits& grant::limits() {
    static const Limits usual;
    return usual;
}

namespace {

/// 64 MiB of machine memory with its frame table; frame 0 is never given out.
struct Memory {
    std::mutex mutex;
    std::vector<std::pair<u64, unsigned>> free_blocks;
    u64 next = 16;
    u64 in_use = 0;
    Memory() {
        direct_map_start = reinterpret_cast<u64>(std::aligned_alloc(page_size, max_frame.raw() * page_size));
        frame_table_start = reinterpret_cast<u64>(std::calloc(max_frame.raw(), sizeof(Frame)));
        for (u64 i = 0; i < max_frame.raw(); ++i) frame_of(Mfn(i)).owner = owner_free;
    }
} memory;

std::map<u16, Domain*> domains;

} // namespace

namespace heap {
Frame* allocate(const Request& request) {
    const std::lock_guard guard(memory.mutex);
    const u64 count = u64{1} << request.order;
    u64 first = 0;
    for (auto& [block, order] : memory.free_blocks)
        if (order == request.order && block != 0) {
            first = block;
            block = 0;
            break;
        }
    if (first == 0) {
        first = (memory.next + count - 1) & ~(count - 1);
        if (first + count > max_frame.raw()) return nullptr;
        memory.next = first + count;
    }
    memory.in_use += count;
    std::memset(to_virtual(Mfn(first)), 0, count * page_size);
    for (u64 i = 0; i < count; ++i) {
        frame_of(Mfn(first + i)).state = 0;
        frame_of(Mfn(first + i)).owner = abi::domid_xen;
    }
    return &frame_of(Mfn(first));
}
void free(Frame& first, unsigned order, bool) {
    const std::lock_guard guard(memory.mutex);
    memory.in_use -= u64{1} << order;
    memory.free_blocks.emplace_back(mfn_of(first).raw(), order);
}
void free_unused(Frame& first, unsigned order) { free(first, order, false); }
void* allocate_bytes(std::size_t bytes) { return std::calloc(1, bytes); }
void free_bytes(void* p) { std::free(p); }
} // namespace heap

bool acquire_frame(Frame& f, DomId owner) {
    if (!f.load().is_referenced() || f.owner != owner.raw()) return false;
    f.state += FrameState::count_one;
    return true;
}
bool acquire_frame(Frame& f) {
    if (!f.load().is_referenced()) return false;
    f.state += FrameState::count_one;
    return true;
}
static void free_if_last(Frame& f) {
    if (f.load().is_referenced()) return;
    f.owner = owner_free;
    heap::free(f, 0, true);
}
void release_frame(Frame& f) {
    if (f.load().count() == 0) std::abort();
    f.state -= FrameState::count_one;
    free_if_last(f);
}
bool acquire_writable(Frame& f, DomId owner) {
    const FrameState s = f.load();
    if (!s.is_referenced() || f.owner != owner.raw()) return false;
    if (s.type() != FrameType::Writable && s.type_count() != 0) return false;
    f.state = (s.word & ~FrameState::type_mask) | u64{1} << FrameState::type_shift;
    f.state += FrameState::type_count_one;
    return true;
}
void release_writable(Frame& f) {
    if (f.load().type_count() == 0) std::abort();
    f.state -= FrameState::type_count_one;
    free_if_last(f);
}
void share_frame(Frame& f, DomId owner) {
    f.owner = owner.raw();
    f.state = FrameState::hypervisor | FrameState::allocated;
}
void unshare_frame(Frame& f) {
    f.owner = abi::domid_xen;
    f.state &= ~FrameState::allocated;
    free_if_last(f);
}
bool withdraw_frame(Frame& f) {
    if ((f.state & FrameState::referenced_mask) != FrameState::allocated) return false;
    f.state &= ~FrameState::allocated;
    return true;
}
bool give_up_frame(Frame& f) {
    const bool was = f.load().has(FrameState::allocated);
    f.state &= ~FrameState::allocated;
    return was;
}

Domain::~Domain() = default;
void Vcpu::wake() {}
void Vcpu::unblock() { flags &= ~(vcpu_flag::blocked | vcpu_flag::polling); }
void Vcpu::kick() {}
void Vcpu::mark_events_pending() {
    info->evtchn_upcall_pending = 1;
    ++static_cast<fake::TestVcpu*>(this)->upcalls;
}
void Vcpu::on_singleshot(void*) {}
void Vcpu::on_poll_timeout(void*) {}
void Vcpu::on_periodic(void*) {}
void Domain::on_watchdog(void*) {}
void Timer::stop() {}
void Timer::kill() {}

DomainRef find_domain(DomId id) {
    auto it = domains.find(id.raw());
    if (it == domains.end()) return {};
    ++it->second->references;
    return DomainRef(it->second);
}
Result<DomainRef> find_domain_or_self(u16 id) {
    DomainRef d = find_domain(id == abi::domid_self ? current_domain().id : DomId(id));
    if (!d) return fail(Error::Search);
    return d;
}
Result<DomainRef> find_controlled_domain(u16 id) {
    if (!current_domain().is_privileged) return fail(Error::Perm);
    return find_domain_or_self(id);
}
Domain* hardware_domain() {
    auto it = domains.find(0);
    return it == domains.end() ? nullptr : it->second;
}
void DomainRef::drop() {
    if (domain_) --domain_->references;
    domain_ = nullptr;
}

constinit PerCpu<std::atomic<u64>> softirq::pending;
u64 irq_save() { return 0; }
void irq_restore(u64) {}
Result<> machine::bind_pirq(Vcpu&, Pirq pirq, bool) { return pirq.raw() < 64 ? Result<>{} : fail(Error::Invalid); }
void machine::unbind_pirq(Domain&, Pirq) {}
void machine::set_pirq_affinity(Domain&, Pirq, CpuId) {}
bool log::enabled(Level, Source) { return false; }
void log::line(Level, Source, std::string_view) {}
std::size_t format_arguments(std::span<char> out, const char*, std::span<const FormatArgument>) {
    out[0] = 0;
    return 0;
}
void panic_with(const char* message) {
    std::fprintf(stderr, "panic: %s\n", message);
    std::abort();
}

namespace fake {

u64 TestVcpu::copy_from_guest(void* to, GuestVaddr from, u64 bytes) {
    std::memcpy(to, reinterpret_cast<const void*>(from.raw()), bytes);
    return 0;
}
u64 TestVcpu::copy_to_guest(GuestVaddr to, const void* from, u64 bytes) {
    std::memcpy(reinterpret_cast<void*>(to.raw()), from, bytes);
    return 0;
}

TestDomain::TestDomain(u16 number, unsigned vcpu_count) : Domain(DomId(number)) {
    config.max_evtchn_port = ~0u;
    max_vcpus = vcpu_count;
    vcpus = new Vcpu*[vcpu_count];
    shared_info = static_cast<abi::SharedInfo*>(std::calloc(1, page_size));
    for (unsigned i = 0; i < vcpu_count; ++i) {
        vcpus[i] = new TestVcpu(*this, VcpuId(i));
        vcpus[i]->info = &shared_info->vcpu_info[i];
    }
    is_privileged = number == 0;
    domains[number] = this;
    if (!event::init(*this) || !grant::init(*this, 4, 2)) std::abort();
}

TestDomain::~TestDomain() {
    while (!event::destroy(*this)) {}
    while (!grant::release_mappings(*this)) {}
    for (auto& [address, m] : mappings)
        m.is_writable ? release_writable(frame_of(m.frame)) : release_frame(frame_of(m.frame));
    event::free(*this);
    grant::free(*this);
    domains.erase(id.raw());
    for (unsigned i = 0; i < max_vcpus; ++i) delete &test_vcpu(i);
    delete[] vcpus;
    std::free(shared_info);
}

Frame& TestDomain::give_frame() {
    Frame* f = heap::allocate({});
    f->owner = id.raw();
    f->state = FrameState::allocated;
    return *f;
}

Result<> TestDomain::map_grant(u64 host_addr, Mfn frame, u32 flags, u64) {
    const std::lock_guard guard(mappings_mutex);
    if (refuse_mappings || mappings.contains(host_addr)) return fail(Error::Invalid);
    mappings[host_addr] = {frame, !(flags & abi::gntmap_readonly)};
    return {};
}

Result<> TestDomain::unmap_grant(u64 host_addr, Mfn frame, u32, u64) {
    const std::lock_guard guard(mappings_mutex);
    auto it = mappings.find(host_addr);
    if (it == mappings.end() || it->second.frame != frame) return fail(Error::Invalid);
    mappings.erase(it);
    return {};
}

u64 frames_in_use() { return memory.in_use; }

} // namespace fake
} // namespace px
