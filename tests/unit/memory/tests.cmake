# SPDX-License-Identifier: Apache-2.0
set(memory_sources memory/fake_memory.cpp hypervisor/memory/frame.cpp hypervisor/memory/heap.cpp
    hypervisor/memory/buddy.cpp hypervisor/memory/small.cpp hypervisor/domain/owner.cpp)
unit_test(buddies memory/buddy_test.cpp ${memory_sources})
unit_test(heap THREADS memory/heap_test.cpp ${memory_sources})
unit_test(frames THREADS memory/frame_test.cpp memory/bounded_test.cpp ${memory_sources})
unit_test(reservation memory/reservation_test.cpp ${memory_sources} hypervisor/domain/memory.cpp
          hypervisor/hypercall/memory/reservation.cpp)
