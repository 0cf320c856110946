/* SPDX-License-Identifier: Apache-2.0 */
/* Looking a domain up while it goes away (hypervisor/domain/domain_list.cpp): nobody has one that is freed, each is freed once,
   and none stays for ever when its last reference is gone.

   Two CPUs look two domains up, use what they find and drop it; a third destroys both; a soft interrupt on each CPU frees what
   is dead, outside of all locks.

   mistake 1: the table's own reference is dropped before the domain is off the table
   mistake 2: the reference is taken after the bucket's lock is given back
   mistake 3: the list of the dead is emptied by a look and a store
*/
#include "mistake.inc"

#define DOMAINS 2
#define NONE 2
byte slot[DOMAINS] = NONE;  /* the table, by id */
byte references[DOMAINS] = 1;
byte freed[DOMAINS];
byte next_dead[DOMAINS];
byte dead = NONE;
bit lock;

/* try_acquire(). In the table none is without a reference: the table's own goes after it. */
inline try_acquire(d) {
    atomic {
        assert(!freed[d]);
        if :: references[d] != 0 -> references[d]++; got = 1 :: else fi
    }
}

/* release_domain() and what its CPU does soon after */
inline release(d) {
    atomic { references[d]--; last = references[d] == 0 };
    if
    :: last ->
        do
        :: next_dead[d] = dead;
            if :: atomic { dead == next_dead[d] -> dead = d }; break :: else fi
        od;
        free_dead()
    :: else
    fi
}

/* free_dead_domains() */
inline free_dead() {
    if
    :: mistake == 3 -> list = dead; dead = NONE
    :: else -> atomic { list = dead; dead = NONE }
    fi;
    do
    :: list != NONE -> atomic { after = next_dead[list]; assert(!freed[list] && references[list] == 0); freed[list] = 1; list = after; after = 0 }
    :: else -> break
    od;
    list = 0
}

proctype user(byte id) {
    byte d, list, after;
    bit got, last;
    byte times = 2;
    do
    :: times > 0 ->
        times--;
        atomic { !lock -> lock = 1 };
        d = slot[id];
        if
        :: mistake == 2 -> lock = 0; if :: d != NONE -> try_acquire(d) :: else fi
        :: else -> if :: d != NONE -> try_acquire(d) :: else fi; lock = 0
        fi;
        if :: got -> assert(!freed[d]); release(d) :: else fi;
        atomic { got = 0; last = 0; d = 0 };
        id = 1 - id
    :: else -> break
    od
}

proctype destroyer() {
    byte d, list, after;
    bit last;
    for (d : 0 .. DOMAINS - 1) {
        if
        :: mistake == 1 -> release(d); atomic { !lock -> lock = 1 }; slot[d] = NONE; lock = 0
        :: else -> atomic { !lock -> lock = 1 }; slot[d] = NONE; lock = 0; release(d)
        fi
    }
}

active proctype watch() {
end_watch:
    atomic { timeout -> assert(freed[0] == 1 && freed[1] == 1) }
}

init {
    atomic {
        READ_MISTAKE
        slot[0] = 0; slot[1] = 1;
        run user(0); run user(1); run destroyer()
    }
}
