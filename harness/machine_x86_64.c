/* Registers of a traced task on x86-64 Linux. */
#if !defined(__x86_64__) || defined(__ILP32__)
#error "tornwrite runs on x86-64 only: write machine_<architecture>.c for another"
#endif

#include "harness/machine.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

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

bool machine_is_entry(pid_t pid)
{
	struct __ptrace_syscall_info info = {0};

	return ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
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

int machine_repeat_call(pid_t pid, struct call *call)
{
	enum { SYSCALL_BYTES = 2 };

	call->registers.rip -= SYSCALL_BYTES;
	call->registers.rax = (unsigned long long)call->number;
	return set_registers(pid, call);
}

/* Words of a task's memory, read in pieces: it may be a hundred and more. */
struct words {
	int fd;
	uint64_t start; /* where the first one is */
	size_t count;
	uint64_t words[512];
};

static int read_word(struct words *words, uint64_t address, uint64_t *word)
{
	ssize_t got;

	if (address < words->start || address >= words->start + words->count * sizeof(*word)) {
		/* Less at the end of the stack. */
		got = pread(words->fd, words->words, sizeof(words->words), (off_t)address);
		words->start = address;
		words->count = got > 0 ? (size_t)got / sizeof(*word) : 0;
	}
	if (!words->count)
		return -EFAULT;
	*word = words->words[(address - words->start) / sizeof(*word)];
	return 0;
}

static int write_at(int fd, uint64_t address, const void *bytes, size_t size_bytes)
{
	return pwrite(fd, bytes, size_bytes, (off_t)address) == (ssize_t)size_bytes ? 0 : -EFAULT;
}

/* Overwrites the entries of the auxiliary vector that follows the environment on a new stack. */
int machine_calm_image(pid_t pid, uint64_t seed)
{
	static const uint64_t ignored = AT_IGNORE;
	struct user_regs_struct registers;
	struct words words = {.count = 0};
	char path[64];
	uint64_t at, word, entry[2] = {1, 0}, chance[2] = {seed, ~seed};
	int empty = 0, err = 0;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &registers))
		return -errno;
	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	words.fd = open(path, O_RDWR | O_CLOEXEC);
	if (words.fd < 0)
		return -errno;
	/* The count of arguments; the arguments and the environment each end with a null. */
	at = registers.rsp + sizeof(word);
	for (; !err && empty < 2; at += sizeof(word)) {
		err = read_word(&words, at, &word);
		empty += !err && !word;
	}
	for (; !err && entry[0] != AT_NULL; at += sizeof(entry)) {
		err = read_word(&words, at, &entry[0]);
		if (!err)
			err = read_word(&words, at + sizeof(word), &entry[1]);
		if (!err && entry[0] == AT_SYSINFO_EHDR)
			err = write_at(words.fd, at, &ignored, sizeof(ignored));
		if (!err && entry[0] == AT_RANDOM)
			err = write_at(words.fd, entry[1], chance, sizeof(chance));
	}
	close(words.fd);
	return err;
}

/* mov eax, number; syscall; ret */
static int overwrite(int memory_fd, uint64_t address, int number)
{
	unsigned char code[] = {0xb8, 0, 0, 0, 0, 0x0f, 0x05, 0xc3};

	memcpy(code + 1, &number, sizeof(number));
	return pwrite(memory_fd, code, sizeof(code), (off_t)address) == sizeof(code) ? 0 : -EPERM;
}

int machine_unmap_clock(void)
{
	static const struct {
		const char *name;
		int number;
	} functions[] = {{"__vdso_clock_gettime", SYS_clock_gettime},
		{"__vdso_gettimeofday", SYS_gettimeofday}, {"__vdso_time", SYS_time}};
	const char *image = (const char *)getauxval(AT_SYSINFO_EHDR);
	const Elf64_Ehdr *header = (const Elf64_Ehdr *)image;
	const Elf64_Shdr *sections;
	int fd, err = 0;

	if (!image)
		return 0; /* no vDSO: every clock call is a system call already */
	fd = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	sections = (const Elf64_Shdr *)(image + header->e_shoff);
	for (int i = 0; i < header->e_shnum; i++) {
		const Elf64_Sym *symbols = (const Elf64_Sym *)(image + sections[i].sh_offset);
		const char *names;

		if (sections[i].sh_type != SHT_DYNSYM)
			continue;
		names = image + sections[sections[i].sh_link].sh_offset;
		for (size_t k = 0; k < sections[i].sh_size / sizeof(*symbols); k++) {
			for (size_t f = 0; f < sizeof(functions) / sizeof(*functions); f++) {
				if (!err && !strcmp(names + symbols[k].st_name, functions[f].name))
					err = overwrite(fd, (uint64_t)image + symbols[k].st_value,
						functions[f].number);
			}
		}
	}
	close(fd);
	return err;
}
