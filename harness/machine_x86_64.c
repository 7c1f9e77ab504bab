/* Registers of a traced task on x86-64 Linux. */
#if !defined(__x86_64__) || defined(__ILP32__)
#error "tornwrite runs on x86-64 only: write machine_<architecture>.c for another"
#endif

#include "harness/machine.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ptrace.h>

int machine_get_call(pid_t pid, struct call *call)
{
	struct user_regs_struct *registers = &call->registers;

	if (ptrace(PTRACE_GETREGS, pid, NULL, registers))
		return -errno;
	call->number = (long)registers->orig_rax;
	call->result = (int64_t)registers->rax;
	call->args[0] = registers->rdi;
	call->args[1] = registers->rsi;
	call->args[2] = registers->rdx;
	call->args[3] = registers->r10;
	call->args[4] = registers->r8;
	call->args[5] = registers->r9;
	return 0;
}

static int set_registers(pid_t pid, struct call *call)
{
	return ptrace(PTRACE_SETREGS, pid, NULL, &call->registers) ? -errno : 0;
}

int machine_set_argument(pid_t pid, struct call *call, unsigned index, uint64_t value)
{
	struct user_regs_struct *registers = &call->registers;

	switch (index) {
	case 0:
		registers->rdi = value;
		break;
	case 1:
		registers->rsi = value;
		break;
	case 2:
		registers->rdx = value;
		break;
	case 3:
		registers->r10 = value;
		break;
	case 4:
		registers->r8 = value;
		break;
	default:
		registers->r9 = value;
	}
	return set_registers(pid, call);
}

int machine_skip_call(pid_t pid, struct call *call, int64_t result)
{
	/* No such call: the kernel leaves rax as it is when a seccomp tracer set orig_rax to -1. */
	call->registers.orig_rax = (unsigned long long)-1;
	call->registers.rax = (unsigned long long)result;
	return set_registers(pid, call);
}

int machine_set_result(pid_t pid, struct call *call, int64_t result)
{
	call->registers.rax = (unsigned long long)result;
	call->result = result;
	return set_registers(pid, call);
}
