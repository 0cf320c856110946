/* SPDX-License-Identifier: Apache-2.0 */
/* The way to a guest (hypervisor/x86/way_out.hpp) against soft interrupts and interrupts of other CPUs
   (hypervisor/schedule/softirq.cpp), and the same for a halt: no CPU is in a guest while a soft interrupt waits that nothing
   will tell it of.

   The CPU works with interrupts on, looks last with them off, and enters. Entering can fail, which is handled with
   interrupts on. Others raise soft interrupts on it; a device's interrupt may raise one here; an NMI may come anywhere.

   mistake 1: interrupts are on between the last look and the guest
   mistake 2: an entry that failed is tried again, without a last look
   mistake 3: an NMI raises a soft interrupt
   mistake 4: who finds the soft interrupt pending sends no interrupt, and who found it clear sends it only if the CPU is in a
              guest at that moment
   mistake 5: the bit is cleared after its handler has run
*/
#include "mistake.inc"

#define RAISERS 2
bit pending;        /* the soft interrupt */
bit event_check;    /* its interrupt, in the local APIC's request register */
bit device;         /* another interrupt there */
bit nmi;
bit interrupts_on;        /* RFLAGS.IF */
bit in_guest;
byte sending;       /* CPUs between setting the bit and sending the interrupt */
byte work;          /* what is to be done, and the handler has not seen yet */
byte raising;       /* CPUs that have work and have not yet set the bit */
byte devices = 2, failures = 2, nmis = 2;

/* Another CPU: softirq::raise_on. What it wants done is visible before the bit. */
proctype raiser() {
    bit was;
    atomic { work++; raising++ }
    atomic { was = pending; pending = 1; raising--; if :: !was -> sending++ :: else fi }
    if
    :: !was -> atomic {
           if :: mistake == 4 && !in_guest :: else -> event_check = 1 fi;
           sending--
       }
    :: else
    fi
}

/* Devices and NMIs come when they like. */
proctype outside() {
    do
    :: atomic { devices > 0 && !device -> devices--; device = 1 }
    :: atomic { nmis > 0 && !nmi -> nmis--; nmi = 1 }
    :: devices == 0 && nmis == 0 -> break
    od
}

/* One interrupt that is there. A device's may raise the soft interrupt on this CPU. */
inline take_interrupt() {
    atomic {
        if
        :: event_check -> event_check = 0
        :: device -> device = 0; if :: pending = 1; work++ :: skip fi
        fi
    }
}
/* An NMI, at any place. */
inline take_nmi() {
    atomic { nmi -> nmi = 0; if :: mistake == 3 -> pending = 1; work++ :: else fi }
}
/* Some time with interrupts on. */
inline interrupts_may_come() {
    interrupts_on = 1;
    do
    :: event_check || device -> take_interrupt()
    :: take_nmi()
    :: break
    od;
    interrupts_on = 0
}

proctype cpu() {
working:
    interrupts_may_come();
last_look:
    if
    :: pending ->
        interrupts_on = 1;
        if
        :: mistake != 5 -> pending = 0; work = 0
        :: else -> work = 0; pending = 0
        fi;
        interrupts_may_come();
        goto last_look
    :: else
    fi;
    if :: take_nmi() :: mistake == 1 -> interrupts_may_come() :: skip fi;
entering:
    if
    :: failures > 0 ->
        failures--;
        interrupts_may_come(); /* the fault is handled */
        if :: mistake == 2 -> goto entering :: else -> goto working fi
    :: in_guest = 1
    fi;
    interrupts_on = 1;
end_guest:
    do
    :: event_check || device -> atomic { in_guest = 0; interrupts_on = 0 }; take_interrupt(); goto last_look
    :: take_nmi()
    od
}

/* What waits is told by an interrupt, or somebody is about to send it. */
#define NOTHING_COMES (in_guest && !event_check && sending == 0)
active proctype watch() {
end_watch:
    do
    :: atomic { NOTHING_COMES && pending -> assert(false) }
    :: atomic { NOTHING_COMES && raising == 0 && work != 0 -> assert(false) }
    od
}

init {
    atomic {
        READ_MISTAKE
        run cpu(); run outside();
        byte i;
        for (i : 1 .. RAISERS) { run raiser() }
    }
}
