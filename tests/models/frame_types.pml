/* SPDX-License-Identifier: Apache-2.0 */
/* Typed references of a frame (hypervisor/memory/frame.cpp): as long as a frame has a type that relies on nobody's writing to
   it, no TLB holds a writable translation of it; and while somebody writes to it, no CPU walks it as a table.

   Two holders map the frame for writing and unmap it; a third makes it a page table once no Writable reference is left, and
   ends that again. One CPU's TLB caches what the entries say. The TLB clock is right (tlb_clock.pml): the stamp and the flush
   are one step each.

   mistake 1: the stamp is put on the frame after the count has become zero
   mistake 2: no mark tells that another reference came and went after the stamp
   mistake 3: a second Writable reference does not wait until the first one has flushed
   mistake 4: a table type is valid before the frame's former translations are flushed
   mistake 5: a reference is taken by a look and a store, not by compare-and-swap
*/
#include "mistake.inc"

#define NONE 0
#define WRITABLE 1
#define TABLE 2
#define HOLDERS 2

/* The state word, compared and swapped as one. */
typedef Word { byte type; byte count; bit joined; bit validated }
Word state;
byte aux;                 /* the stamp */
byte time = 1, flushed = 1;
bit mapped[HOLDERS];      /* writable entries of the holders */
bit may_write;            /* the TLB has a writable translation */
bit walks;                /* the CPU has the frame as a table, from an entry that led to it */
bit is_table;             /* an entry leads to the frame as a table */
byte rounds = 3;        /* of all together */
byte own_flushes = 2;    /* of the CPU's own accord */

#define SAME(w) (state.type == w.type && state.count == w.count && state.joined == w.joined && state.validated == w.validated)
#define COPY(to, from) to.type = from.type; to.count = from.count; to.joined = from.joined; to.validated = from.validated
#define STORE(w) COPY(state, w)
#define FORGET(w) w.type = 0; w.count = 0; w.joined = 0; w.validated = 0 /* fewer states */

/* tlb::flush_older() */
inline flush_older() {
    atomic { if :: flushed <= aux -> may_write = 0; walks = 0; time++; flushed = time :: else fi }
}

/* acquire_writable(): got tells */
inline acquire_writable() {
    got = 0; flush = 0;
    do
    :: atomic { COPY(word, state) };
        if
        :: word.count != 0 && word.type != WRITABLE -> break
        :: word.count == 0 ->
            atomic {
                flush = (word.type == TABLE -> 1 : 0);
                next.type = WRITABLE; next.count = 1; next.joined = word.joined; next.validated = !flush
            }
        :: else ->
            atomic {
                flush = 0;
                COPY(next, word); next.count = word.count + 1; next.joined = (mistake == 2 -> word.joined : 1)
            }
        fi;
        if
        :: atomic { (SAME(word) || mistake == 5) -> STORE(next) }; got = 1; break
        :: else
        fi
    od;
    if
    :: got && flush -> flush_older(); state.validated = 1
    :: got && !flush && !next.validated && mistake != 3 -> (state.validated || state.type != WRITABLE)
    :: else
    fi
}

/* release_writable() */
inline release_writable() {
    do
    :: atomic { COPY(word, state); COPY(next, word); next.count = word.count - 1 };
        if
        :: next.count == 0 && word.joined ->
            atomic { if :: SAME(word) -> state.joined = 0 :: else fi };
            again = 1
        :: next.count == 0 && !word.joined && mistake != 1 -> aux = time; again = 0
        :: else -> again = 0
        fi;
        if
        :: !again ->
            if
            :: atomic { SAME(word) -> STORE(next) };
                if :: mistake == 1 && next.count == 0 -> aux = time :: else fi;
                break
            :: else
            fi
        :: else
        fi
    od
}

proctype holder(byte id) {
    Word word, next;
    bit got, flush, again;
    do
    :: atomic { rounds > 0 -> rounds-- };
        acquire_writable();
        if
        :: got ->
            mapped[id] = 1;
            assert(!walks && !is_table); /* nobody trusts what the holder may write to */
            mapped[id] = 0;
            release_writable()
        :: else
        fi;
        atomic { FORGET(word); FORGET(next); got = 0; flush = 0; again = 0 }
    :: rounds == 0 -> break
    od
}

/* Makes it a table, lets a CPU walk it, ends that. */
proctype typer() {
    Word word, next;
    do
    :: rounds > 0 ->
        atomic { COPY(word, state); next.type = TABLE; next.count = 1; next.joined = 0; next.validated = 0 };
        if
        :: word.count == 0 ->
            if
            :: atomic { (SAME(word) || mistake == 5) -> STORE(next) };
                if
                :: mistake == 4 -> is_table = 1; flush_older()
                :: else -> if :: word.type == WRITABLE -> flush_older() :: else fi; is_table = 1
                fi;
                state.validated = 1;
                is_table = 0;
                aux = time;
                atomic { COPY(next, state); next.count = 0; STORE(next) }
            :: else
            fi
        :: else
        fi;
        atomic { FORGET(word); FORGET(next) }
    :: rounds == 0 -> break
    od
}

proctype cpu() {
end_cpu:
    do
    :: atomic { (mapped[0] || mapped[1]) -> may_write = 1 }
    :: atomic { is_table -> walks = 1 }
    :: atomic { own_flushes > 0 -> own_flushes--; may_write = 0; walks = 0; time++; flushed = time }
    od
}

active proctype watch() {
end_watch:
    atomic { is_table && may_write -> assert(false) }
}

init {
    atomic {
        READ_MISTAKE
        run holder(0); run holder(1); run typer(); run cpu()
    }
}
