# SPDX-License-Identifier: Apache-2.0
set(fake_domain_sources fake_machine.cpp hypercall/fake_rest.cpp hypervisor/domain/domain.cpp hypervisor/domain/rangeset.cpp
    hypervisor/base/format.cpp hypervisor/domain/vcpu.cpp hypervisor/schedule/softirq.cpp hypervisor/schedule/timer.cpp hypervisor/schedule/timer_queue.cpp)
unit_test(multicall hypercall/multicall_test.cpp ${fake_domain_sources} hypervisor/hypercall/multicall.cpp)
