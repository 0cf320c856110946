# SPDX-License-Identifier: Apache-2.0
unit_test(events domain/event_test.cpp domain/fake_domain.cpp
          hypervisor/domain/event_table.cpp hypervisor/domain/event_send.cpp hypervisor/domain/event_bind.cpp
          hypervisor/domain/event_life.cpp hypervisor/domain/event_fifo.cpp hypervisor/domain/event_fifo_setup.cpp
          hypervisor/domain/grant_table.cpp hypervisor/domain/grant_map.cpp hypervisor/domain/grant_pin.cpp)
unit_test(grants domain/grant_test.cpp domain/fake_domain.cpp
          hypervisor/domain/event_table.cpp hypervisor/domain/event_send.cpp hypervisor/domain/event_bind.cpp
          hypervisor/domain/event_life.cpp hypervisor/domain/event_fifo.cpp hypervisor/domain/event_fifo_setup.cpp
          hypervisor/domain/grant_table.cpp hypervisor/domain/grant_map.cpp hypervisor/domain/grant_pin.cpp
          hypervisor/domain/grant_copy.cpp hypervisor/domain/grant_version.cpp)
unit_test(rangeset domain/rangeset_test.cpp fake_machine.cpp hypervisor/domain/rangeset.cpp)
