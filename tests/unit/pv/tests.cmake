# SPDX-License-Identifier: Apache-2.0
# Pure parts of paravirtual guests, and dom0's builder.
set(load hypervisor/x86/guest/load)
unit_test(pv_dom0 pv/dom0_test.cpp pv/guest_range_test.cpp hypervisor/x86/pv/dom0/layout.cpp ${load}/elf.cpp ${load}/memory_option.cpp
          boot/fake_log.cpp hypervisor/boot/options.cpp hypervisor/boot/absent_options.cpp hypervisor/base/format.cpp)
