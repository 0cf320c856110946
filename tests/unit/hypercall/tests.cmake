# SPDX-License-Identifier: Apache-2.0
set(fake_domain_sources fake_machine.cpp hypercall/fake_rest.cpp hypervisor/domain/domain.cpp hypervisor/domain/rangeset.cpp
    hypervisor/base/format.cpp hypervisor/domain/vcpu.cpp hypervisor/schedule/softirq.cpp hypervisor/schedule/timer.cpp hypervisor/schedule/timer_queue.cpp)
unit_test(multicall hypercall/multicall_test.cpp ${fake_domain_sources} hypervisor/hypercall/multicall.cpp)
unit_test(domain_life THREADS hypercall/life_test.cpp ${fake_domain_sources})
unit_test(control hypercall/control_test.cpp hypercall/fake_control.cpp ${fake_domain_sources}
          hypervisor/domain/domain_list.cpp hypervisor/domain/kind.cpp hypervisor/hypercall/domctl/domctl.cpp hypervisor/hypercall/domctl/info.cpp
          hypervisor/hypercall/domctl/life.cpp hypervisor/hypercall/domctl/rights.cpp hypervisor/hypercall/domctl/vcpu.cpp
          hypervisor/hypercall/sysctl/sysctl.cpp hypervisor/hypercall/sysctl/console.cpp hypervisor/hypercall/sysctl/domain.cpp
          hypervisor/hypercall/sysctl/host.cpp)
