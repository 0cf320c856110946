#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boot any multiboot1 hypervisor image by QEMU's own loader and print its serial line; for work on early boot.
#   lab/boot-image.sh IMAGE ["HYPERVISOR ARGS"] ["MODULE ARGS[,MODULE ARGS]"]
# Environment: TIMEOUT (seconds, 20), CPUS (1), MEMORY (MiB, 1024), QEMU_ARGS (more options, e.g. "-d int,cpu_reset").
set -eu
[ $# -ge 1 ] && [ -f "$1" ] || { sed -n '3,5s/^# *//p' "$0" >&2; exit 125; }
exec timeout --foreground "${TIMEOUT:-20}" qemu-system-x86_64 -accel tcg -machine q35 -cpu max,-smap,-rdtscp \
    -smp "${CPUS:-1}" -m "${MEMORY:-1024}" -display none -no-reboot -nodefaults -serial stdio \
    -kernel "$1" -append "console=com1 com1=115200,8n1 loglvl=all guest_loglvl=all ${2:-}" \
    ${3:+-initrd "$3"} ${QEMU_ARGS:-} < /dev/null
