# SPDX-License-Identifier: Apache-2.0
# What the start of the hypervisor is made of: command line, formatting, console rings, boot loaders' structures.
unit_test(boot boot/options_test.cpp boot/format_test.cpp boot/ring_test.cpp boot/multiboot_test.cpp boot/fake_log.cpp
          hypervisor/boot/options.cpp hypervisor/boot/absent_options.cpp hypervisor/base/format.cpp
          hypervisor/x86/machine/boot/multiboot.cpp hypervisor/x86/machine/boot/multiboot2.cpp boot/efi_test.cpp hypervisor/x86/machine/boot/efi_rights.cpp
          hypervisor/x86/machine/firmware/efi_rights.cpp)
