# SPDX-License-Identifier: Apache-2.0
unit_test(events domain/event_test.cpp domain/fake_domain.cpp
          hypervisor/domain/event/table.cpp hypervisor/domain/event/send.cpp hypervisor/domain/event/bind.cpp
          hypervisor/domain/event/life.cpp hypervisor/domain/event/fifo.cpp hypervisor/domain/event/fifo_setup.cpp
          hypervisor/domain/grant/table.cpp hypervisor/domain/grant/map.cpp hypervisor/domain/grant/pin.cpp)
unit_test(grants domain/grant_test.cpp domain/fake_domain.cpp
          hypervisor/domain/event/table.cpp hypervisor/domain/event/send.cpp hypervisor/domain/event/bind.cpp
          hypervisor/domain/event/life.cpp hypervisor/domain/event/fifo.cpp hypervisor/domain/event/fifo_setup.cpp
          hypervisor/domain/grant/table.cpp hypervisor/domain/grant/map.cpp hypervisor/domain/grant/pin.cpp
          hypervisor/domain/grant/copy.cpp hypervisor/domain/grant/version.cpp)
unit_test(rangeset domain/rangeset_test.cpp fake_machine.cpp hypervisor/domain/rangeset.cpp)
unit_test(domain_threads THREADS domain/threads_test.cpp domain/fake_domain.cpp
          hypervisor/domain/event/table.cpp hypervisor/domain/event/send.cpp hypervisor/domain/event/bind.cpp
          hypervisor/domain/event/life.cpp hypervisor/domain/event/fifo.cpp hypervisor/domain/event/fifo_setup.cpp
          hypervisor/domain/grant/table.cpp hypervisor/domain/grant/map.cpp hypervisor/domain/grant/pin.cpp
          hypervisor/domain/grant/copy.cpp hypervisor/domain/grant/version.cpp)
