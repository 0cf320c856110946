// SPDX-License-Identifier: Apache-2.0
// The fake machine's functions.
#include "fake_machine.hpp"

#include "base/log.hpp"
#include "base/panic.hpp"
#include "memory/heap.hpp"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <stdexcept>

fake::Machine fake::machine;
namespace {
std::mutex record_mutex; ///< of what CPUs write, which are threads in some tests
}

namespace px {

u64 irq_save() { return 0; }
void irq_restore(u64) {}
void panic_with(const char* message) { throw std::logic_error(message); }

namespace log {
void line(Level, Source, std::string_view) {}
bool enabled(Level, Source) { return false; }
} // namespace log

namespace heap {
void* allocate_bytes(std::size_t bytes) {
    if (fake::machine.fail_allocations_after == 0) return nullptr;
    --fake::machine.fail_allocations_after;
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, bytes ? bytes : 1) != 0) return nullptr;
    ++fake::machine.live_allocations;
    return std::memset(memory, 0, bytes);
}
void free_bytes(void* memory) {
    if (memory) --fake::machine.live_allocations;
    std::free(memory);
}
} // namespace heap

namespace machine {
unsigned cpu_count() { return fake::machine.cpus; }
const CpuMask& online_cpus() {
    static CpuMask mask;
    mask.clear_all();
    mask.set_first(fake::machine.cpus);
    return mask;
}
Nanoseconds now() { return fake::machine.now; }
void set_deadline(Nanoseconds when) {
    const std::lock_guard guard(record_mutex);
    fake::machine.deadlines[this_cpu().raw()] = when;
}
void send_event_check(CpuId cpu) {
    const std::lock_guard guard(record_mutex);
    fake::machine.event_checks.push_back(cpu.raw());
}
} // namespace machine

} // namespace px
