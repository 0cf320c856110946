// SPDX-License-Identifier: Apache-2.0
// The fake machine's memory and the few things the memory code asks of the rest.
#include "memory/fake_memory.hpp"

#include "base/log.hpp"
#include "base/panic.hpp"
#include "boot/options.hpp"
#include "domain/domain_list.hpp"
#include "memory/cache.hpp"
#include "memory/tlb.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <set>
#include <sys/mman.h>

namespace px {

u64 frame_table_start;
u64 direct_map_start;
Mfn max_frame(fake::machine_frames);

namespace {
void* reserve(u64 bytes) {
    void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) std::abort();
    return p;
}
struct Memory {
    Memory() {
        direct_map_start = reinterpret_cast<u64>(reserve(fake::machine_frames * page_size));
        frame_table_start = reinterpret_cast<u64>(reserve(fake::machine_frames * sizeof(Frame)));
        fake::reset_frame_table();
    }
} memory;
std::atomic<u32> clock{1};

std::mutex caches_lock;
std::set<const Frame*> writers, differing;
/// Until its TLB is flushed, and just before that, a CPU writes by the entries that it had.
void write_for_the_last_time() {
    const std::lock_guard guard(caches_lock);
    differing.insert(writers.begin(), writers.end());
    writers.clear();
}
} // namespace

namespace fake {
std::atomic<u64> flushes{0}, flushes_of_one{0}, cache_flushes{0};
std::atomic<const Domain*> flushed_domain{nullptr};
std::atomic<u64> frames_left{0};
std::atomic<void (*)()> after_stamp{nullptr};
void write_past_caches(const Frame& frame) {
    const std::lock_guard guard(caches_lock);
    writers.insert(&frame);
    differing.insert(&frame);
}
bool differs_from_memory(const Frame& frame) {
    const std::lock_guard guard(caches_lock);
    return differing.contains(&frame);
}
void reset_frame_table() {
    for (u64 i = 0; i < machine_frames; ++i) {
        Frame& f = frame_of(Mfn(i));
        f.state = 0;
        f.owner = abi::domid_xen;
        f.flags = 0;
        f.order = 0;
        f.aux = 0;
    }
}
Frame& owned_frame(u64 mfn, u16 owner) {
    Frame& f = frame_of(Mfn(mfn));
    f.flags = 0;
    f.aux = 0;
    f.owner = owner;
    f.state = FrameState::allocated;
    return f;
}
} // namespace fake

u32 tlb::now() {
    const u32 stamp = clock.load();
    if (auto* const other = fake::after_stamp.load() ? fake::after_stamp.exchange(nullptr) : nullptr) other();
    return stamp;
}
void cache::flush(const Frame& frame) {
    ++fake::cache_flushes;
    const std::lock_guard guard(caches_lock);
    differing.erase(&frame);
}
void tlb::flush_older(u32) {
    write_for_the_last_time();
    ++fake::flushes;
    ++clock;
}
void tlb::flush_older(u32, const Domain& user) {
    write_for_the_last_time();
    ++fake::flushes_of_one;
    fake::flushed_domain = &user;
    ++clock;
}

Domain::~Domain() = default;
void Timer::stop() {}
void Timer::kill() {}
void __attribute__((weak)) Domain::frames_left(u64 count) { fake::frames_left += count; }
DomainRef __attribute__((weak)) find_domain(DomId) { return {}; }
void __attribute__((weak)) DomainRef::drop() { domain_ = nullptr; }
u64 irq_save() { return 0; }
void irq_restore(u64) {}
std::optional<bool> options::boolean(std::string_view v) { return v != "no"; }
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

} // namespace px
