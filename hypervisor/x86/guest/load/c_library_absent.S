// SPDX-License-Identifier: Apache-2.0
// libbz2 has its functions for files in one object with the decoder, and asserts that end a program. Nothing that decodes
// what lies in memory calls these; here, because C++ knows their types.
    .section .text.c_library_absent, "ax", @progbits
    .irp name, exit, fclose, fdopen, ferror, fflush, fgetc, fopen64, fputc, fread, fwrite, ungetc, __fprintf_chk, __ctype_b_loc
    .globl \name
\name:
    .endr
    jmp px_absent_c_function

// libzstd's hooks for tracers, which it has as weak symbols: no trace is begun.
    .globl ZSTD_trace_decompress_begin, ZSTD_trace_decompress_end
ZSTD_trace_decompress_begin:
    xorl %eax, %eax
ZSTD_trace_decompress_end:
    ret

    .section .rodata.c_library_absent, "a", @progbits
    .balign 8
    .irp name, stdin, stdout, stderr
    .globl \name
\name:
    .endr
    .quad 0
