# SPDX-License-Identifier: Apache-2.0
set(paging hypervisor/x86/pv/paging)
unit_test(page_types THREADS paging/types_test.cpp paging/isolated_entry_test.cpp paging/former_use_test.cpp guest/tlb_clock_test.cpp paging/descriptor_test.cpp paging/kind_test.cpp paging/model.cpp paging/fake_paging.cpp memory/fake_memory.cpp
          ${paging}/types.cpp ${paging}/pagetable_mapping.cpp ${paging}/pagetable_update.cpp ${paging}/pagetable_base.cpp
          ${paging}/grant_map.cpp hypervisor/domain/rangeset.cpp hypervisor/memory/frame.cpp hypervisor/memory/heap.cpp
          hypervisor/memory/buddy.cpp hypervisor/memory/small.cpp hypervisor/domain/owner.cpp)
