# SPDX-License-Identifier: Apache-2.0
# Pure parts of paravirtual guests: CPU policies, and dom0's builder.
set(pv hypervisor/x86/pv)
unit_test(pv_cpu_policy pv/cpu_policy_test.cpp pv/fpu_test.cpp pv/guest_range_test.cpp hypervisor/x86/pv/policy/cpu_policy.cpp)
unit_test(pv_time_stamp pv/time_stamp_test.cpp ${pv}/time_stamp_count.cpp)
unit_test(pv_dom0 pv/dom0_test.cpp ${pv}/dom0/elf.cpp ${pv}/dom0/layout.cpp ${pv}/dom0/memory_option.cpp
          boot/fake_log.cpp hypervisor/boot/options.cpp hypervisor/boot/absent_options.cpp hypervisor/base/format.cpp)
