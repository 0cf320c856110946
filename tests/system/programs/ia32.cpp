// SPDX-License-Identifier: Apache-2.0
// A 32-bit program for 64-bit kernels: system calls by every door, signals, segments of its own, switches of mode. It
// stands on nothing but the kernel. One line per promise, "ok NAME" or "bad NAME: ..."; the exit status is the number
// of bad ones. The i386 system call interface and vDSO are Linux' (man 2 syscalls, vdso(7), sigaction(2),
// set_thread_area(2)).

using u32 = unsigned;

namespace {

enum Number : u32 {
    nr_exit = 1,
    nr_fork = 2,
    nr_write = 4,
    nr_getpid = 20,
    nr_kill = 37,
    nr_setitimer = 104,
    nr_wait4 = 114,
    nr_modify_ldt = 123,
    nr_sched_yield = 158,
    nr_nanosleep = 162,
    nr_rt_sigaction = 174,
    nr_munmap = 91,
    nr_mmap2 = 192,
    nr_set_thread_area = 243
};
enum Signal : u32 { sig_ill = 4, sig_trap = 5, sig_usr1 = 10, sig_segv = 11, sig_alrm = 14 };

u32 bad_promises;
u32 vsyscall; ///< __kernel_vsyscall, of AT_SYSINFO; 0: none

u32 by_int80(u32 number, u32 a = 0, u32 b = 0, u32 c = 0, u32 d = 0, u32 e = 0) {
    u32 result;
    asm volatile("int $0x80" : "=a"(result) : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e) : "memory");
    return result;
}
u32 by_vdso(u32 number, u32 a = 0, u32 b = 0, u32 c = 0, u32 d = 0, u32 e = 0) {
    u32 result;
    asm volatile("call *%[door]"
                 : "=a"(result)
                 : "a"(number), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), [door] "m"(vsyscall)
                 : "memory");
    return result;
}

void say(const char* text) {
    u32 n = 0;
    while (text[n]) ++n;
    by_int80(nr_write, 1, reinterpret_cast<u32>(text), n);
}
void say_number(u32 value) {
    char text[11];
    char* p = text + 10;
    *p = 0;
    do *--p = static_cast<char>('0' + value % 10);
    while (value /= 10);
    say(p);
}
void promise(const char* name, u32 got, u32 wanted) {
    say(got == wanted ? "ok " : "bad ");
    say(name);
    if (got != wanted) {
        ++bad_promises;
        say(": ");
        say_number(got);
        say(" instead of ");
        say_number(wanted);
    }
    say("\n");
}

// -- signals --

volatile u32 seen[65];      ///< by signal
volatile u32 fault_address; ///< of the last SIGSEGV
volatile u32 recover_at;    ///< where a fault goes on; 0: behind the handler, where it was
volatile u32 steps_left;    ///< SIGTRAPs until single steps end

/// Registers in a ucontext: words behind uc_flags, uc_link and uc_stack.
enum Saved : u32 { saved_first = 5, saved_eip = saved_first + 14, saved_flags = saved_first + 16 };

void on_signal(int number, u32* information, u32* context) {
    seen[number] = seen[number] + 1;
    if (number == sig_segv) fault_address = information[3];
    if (number == sig_trap && steps_left != 0) {
        steps_left = steps_left - 1;
        if (steps_left == 0) context[saved_flags] &= ~0x100u;
        return;
    }
    if ((number == sig_segv || number == sig_ill) && recover_at != 0) context[saved_eip] = recover_at;
}

extern "C" void restore_rt();
asm(".globl restore_rt\nrestore_rt: mov $173, %eax; int $0x80");

void take(Signal number) {
    struct {
        u32 handler, flags, restorer, mask[2];
    } action = {reinterpret_cast<u32>(&on_signal),
                0x44000004 /* SIGINFO, RESTORER, NODEFER */,
                reinterpret_cast<u32>(&restore_rt),
                {}};
    by_int80(nr_rt_sigaction, number, reinterpret_cast<u32>(&action), 0, 8);
}

// -- the two fast doors, as the vDSO uses them: the kernel returns to the vDSO's landing pad, which pops the same three
// --

extern "C" u32 raw_door_end[];
asm(R"(
raw_syscall:
    push %ecx; push %edx; push %ebp
    mov %ecx, %ebp
    syscall
    jmp raw_door_end
raw_sysenter:
    push %ecx; push %edx; push %ebp
    mov %esp, %ebp
    sysenter
raw_door_end:
    pop %ebp; pop %edx; pop %ecx
    ret
)");
extern "C" void raw_syscall(), raw_sysenter();

/// getpid by one of them: 0, or the signal that it is answered with where the kernel has no such door.
u32 knock(void (*door)(), u32 pid) {
    const u32 ill = seen[sig_ill], segv = seen[sig_segv];
    recover_at = reinterpret_cast<u32>(raw_door_end);
    u32 result;
    asm volatile("call *%[door]"
                 : "=a"(result)
                 : "a"(nr_getpid), [door] "b"(door)
                 : "ecx", "edx", "esi", "edi", "memory");
    recover_at = 0;
    if (seen[sig_ill] != ill) return sig_ill;
    if (seen[sig_segv] != segv) return sig_segv;
    return result == pid ? 0 : 99;
}

void say_door(const char* name, u32 result) {
    say("door ");
    say(name);
    say(" ");
    say_number(result);
    say("\n");
    if (result == 99) ++bad_promises;
}

void system_calls() {
    const u32 pid = by_int80(nr_getpid);
    promise("int 0x80 is a system call", pid != 0 && static_cast<int>(pid) > 0, 1);
    promise("unknown number is ENOSYS", by_int80(9999), static_cast<u32>(-38));
    promise("there is a vDSO", vsyscall != 0, 1);
    if (vsyscall == 0) return;
    promise("vDSO gives the same pid", by_vdso(nr_getpid), pid);
    promise("vDSO: unknown number", by_vdso(9999), static_cast<u32>(-38));
    u32 wrong = 0;
    for (u32 i = 0; i < 2000; ++i) wrong += by_vdso(nr_getpid) != pid;
    promise("2000 calls by the vDSO", wrong, 0);
    // Six arguments: the sixth is in ebp, which the vDSO moves to the stack.
    u32 page;
    asm volatile("push %%ebp; xor %%ebp, %%ebp; call *%[door]; pop %%ebp"
                 : "=a"(page)
                 : "a"(nr_mmap2), "b"(0), "c"(8192), "d"(3), "S"(0x22), "D"(-1), [door] "m"(vsyscall)
                 : "memory");
    promise("mmap2 by the vDSO", page < 0xfffff000, 1);
    *reinterpret_cast<volatile u32*>(page + 4096) = 7;
    promise("its memory is there", *reinterpret_cast<volatile u32*>(page + 4096), 7);
    promise("munmap", by_vdso(nr_munmap, page, 8192), 0);
    say_door("vdso", 0);
    say_door("syscall", knock(raw_syscall, pid));
    say_door("sysenter", knock(raw_sysenter, pid));
}

void signals() {
    const u32 pid = by_int80(nr_getpid);
    by_int80(nr_kill, pid, sig_usr1);
    promise("signal by int 0x80", seen[sig_usr1], 1);
    if (vsyscall) by_vdso(nr_kill, pid, sig_usr1);
    promise("signal by the vDSO", seen[sig_usr1], vsyscall ? 2 : 1);
    const u32 before = seen[sig_segv];
    recover_at = 1;
    asm volatile("movl $1f, %0\n movl %1, %%eax\n1:"
                 : "=m"(recover_at)
                 : "m"(*reinterpret_cast<u32*>(0x10))
                 : "eax", "memory");
    promise("fault is SIGSEGV", seen[sig_segv] - before, 1);
    promise("its address", fault_address, 0x10);
    asm volatile("movl $1f, %0\n hlt\n1:" : "=m"(recover_at)::"memory");
    promise("hlt is SIGSEGV", seen[sig_segv] - before, 2);
    const u32 ill = seen[sig_ill];
    asm volatile("movl $1f, %0\n ud2\n1:" : "=m"(recover_at)::"memory");
    promise("ud2 is SIGILL", seen[sig_ill] - ill, 1);
    recover_at = 0;
    asm volatile("int3");
    promise("int3 is SIGTRAP", seen[sig_trap], 1);
}

/// Time goes on while the program never enters the kernel by itself.
void interrupts() {
    const u32 interval[4] = {0, 5000, 0, 5000};
    by_int80(nr_setitimer, 0, reinterpret_cast<u32>(interval), 0);
    u32 kept = 0x12345678;
    asm volatile("1: cmpl $5, %[seen]; jb 1b" : "+S"(kept) : [seen] "m"(seen[sig_alrm]) : "memory", "cc");
    const u32 off[4] = {};
    by_int80(nr_setitimer, 0, reinterpret_cast<u32>(off), 0);
    promise("registers survive interrupts", kept, 0x12345678);
}

/// Single steps through a system call by each door: they end, and the call is right.
void steps() {
    const u32 pid = by_int80(nr_getpid);
    u32 result;
    steps_left = 6;
    asm volatile("pushf; orl $0x100, (%%esp); popf; nop; nop; int $0x80; nop; nop; nop; nop; nop; nop; nop; nop"
                 : "=a"(result)
                 : "a"(nr_getpid)
                 : "cc", "memory");
    promise("steps over int 0x80", result == pid && steps_left == 0, 1);
    if (!vsyscall) return;
    steps_left = 16;
    asm volatile("pushf; orl $0x100, (%%esp); popf; call *%[door]\n .rept 24\n nop\n .endr\n"
                 "pushf; andl $~0x100, (%%esp); popf"
                 : "=a"(result)
                 : "a"(nr_getpid), [door] "m"(vsyscall)
                 : "cc", "memory");
    promise("steps through the vDSO", result, pid);
    promise("steps were taken", steps_left < 10, 1);
    steps_left = 0;
}

struct UserDescriptor {
    u32 entry, base, limit, flags; // flags: 32 bit, limit in pages, usable
};
u32 read_gs() {
    u32 value;
    asm volatile("movl %%gs:0, %0" : "=r"(value)::"memory");
    return value;
}
u32 read_fs() {
    u32 value;
    asm volatile("movl %%fs:4, %0" : "=r"(value)::"memory");
    return value;
}

void segments() {
    static u32 here[2] = {0xcafe, 0xbeef};
    UserDescriptor thread = {~0u, reinterpret_cast<u32>(here), 0xfffff, 0x51};
    promise("set_thread_area", by_int80(nr_set_thread_area, reinterpret_cast<u32>(&thread)), 0);
    asm volatile("movw %w0, %%gs" ::"r"(thread.entry * 8 + 3));
    promise("gs reaches it", read_gs(), 0xcafe);
    UserDescriptor local = {5, reinterpret_cast<u32>(here), 0xfffff, 0x51};
    promise("modify_ldt", by_int80(nr_modify_ldt, 0x11, reinterpret_cast<u32>(&local), 16), 0);
    asm volatile("movw %w0, %%fs" ::"r"(5 * 8 + 7));
    promise("fs reaches it", read_fs(), 0xbeef);
    const u32 shortly[2] = {0, 3000000};
    u32 wrong = 0;
    for (u32 i = 0; i < 50; ++i) {
        by_int80(i % 10 == 0 ? nr_nanosleep : nr_sched_yield, reinterpret_cast<u32>(shortly), 0);
        if (vsyscall) by_vdso(nr_getpid);
        wrong += read_gs() != 0xcafe || read_fs() != 0xbeef;
    }
    promise("both survive sleep and calls", wrong, 0);
    const u32 child = by_int80(nr_fork);
    if (child == 0) by_int80(nr_exit, read_gs() == 0xcafe && read_fs() == 0xbeef ? 42 : 1);
    u32 status = 0;
    by_int80(nr_wait4, child, reinterpret_cast<u32>(&status), 0, 0);
    promise("a child inherits both", status >> 8, 42);
}

/// 64-bit code and back, by far calls to the kernel's code segments.
void modes() {
    u32 low, high;
    asm volatile("lcall $0x33, $1f\n"
                 "jmp 2f\n"
                 "1: .code64\n"
                 "mov $0x1122334455667788, %%rax\n"
                 "mov %%rax, %%rdx\n"
                 "shr $32, %%rdx\n"
                 "lretl\n"
                 ".code32\n"
                 "2:"
                 : "=a"(low), "=d"(high));
    promise("64-bit code, low half", low, 0x55667788);
    promise("64-bit code, high half", high, 0x11223344);
}

} // namespace

extern "C" [[noreturn]] void ia32_main(const u32* stack) {
    const u32* p = stack + 1 + stack[0] + 1; // arguments, then the environment, then the auxiliary vector
    while (*p) ++p;
    for (++p; p[0] != 0; p += 2)
        if (p[0] == 32) vsyscall = p[1];
    constexpr Signal all[] = {sig_ill, sig_trap, sig_usr1, sig_segv, sig_alrm};
    for (const Signal s : all) take(s);
    system_calls();
    signals();
    interrupts();
    steps();
    segments();
    modes();
    say(bad_promises ? "ia32: some are bad\n" : "ia32: all well\n");
    by_int80(nr_exit, bad_promises);
    for (;;) {}
}
asm(".globl _start\n_start: mov %esp, %eax; and $-16, %esp; sub $12, %esp; push %eax; call ia32_main");
