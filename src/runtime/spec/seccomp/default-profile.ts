import type { SeccompProfile } from "./profile.ts";

/**
 * What a container may ask of the kernel unless it is told otherwise: everything that an ordinary program
 * needs, and nothing that reaches the machine rather than the container. As strict as Docker's default: whatever is not named
 * here answers EPERM, so that a system call which the kernel learns tomorrow is refused until somebody thought about it.
 *
 * Left out on purpose, besides what needs a capability below: `io_uring_*` (a second way into the kernel that filters
 * cannot see into), `keyctl` and its siblings (the key ring is not namespaced), `userfaultfd` (a tool to win kernel races),
 * `kexec_*`, `swapon`, `nfsservctl`, `open_by_handle_at` (it opens files by number, past every mount), and
 * sockets of families 38 (AF_ALG) and 40 (AF_VSOCK, which talks to the hypervisor).
 */

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== "");

const FILES = words(`
  access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
  fadvise64 fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
  fcntl fcntl64 fdatasync fgetxattr flistxattr flock fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs
  fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr getxattrat
  inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lchown32 lgetxattr link linkat
  listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat lstat64 mkdir mkdirat
  mknod mknodat name_to_handle_at newfstatat open openat openat2 readahead readlink readlinkat removexattr
  removexattrat rename renameat renameat2 rmdir setxattr setxattrat stat stat64 statfs statfs64 statmount statx
  symlink symlinkat sync sync_file_range syncfs truncate truncate64 umask unlink unlinkat utime utimensat
  utimensat_time64 utimes
`);

const INPUT_AND_OUTPUT = words(`
  epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old eventfd
  eventfd2 io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit _newselect
  pipe pipe2 poll ppoll ppoll_time64 pread64 preadv preadv2 pselect6 pselect6_time64 pwrite64 pwritev pwritev2
  read readv select sendfile sendfile64 signalfd signalfd4 splice tee vmsplice write writev
`);

const SOCKETS = words(`
  accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
  recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
`);

const MEMORY = words(`
  brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2 mprotect
  mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
  remap_file_pages
`);

const PROCESSES = words(`
  execve execveat exit exit_group fork getcpu getpgid getpgrp getpid getppid getpriority getrusage getsid gettid
  ioprio_get ioprio_set kill pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq
  sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
  sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr
  sched_setparam sched_setscheduler sched_yield setpgid setpriority set_robust_list get_robust_list setsid
  set_thread_area get_thread_area set_tid_address tgkill times tkill uretprobe vfork wait4 waitid waitpid
  getrlimit setrlimit ugetrlimit
`);

const SIGNALS = words(`
  rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
  rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack sigprocmask sigreturn
`);

const LOCKS_AND_MESSAGES = words(`
  futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake ipc mq_getsetattr mq_notify mq_open
  mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink msgctl msgget msgrcv msgsnd
  semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
`);

const TIME = words(`
  adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
  clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
  timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
  timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64
`);

const IDENTITY_AND_LIMITS = words(`
  capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
  getresuid getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
  setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid
  setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
`);

const MACHINE = words("getrandom riscv_hwprobe sysinfo uname");

const ALLOW = "SCMP_ACT_ALLOW";
/** CLONE_NEW* of clone(2): NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS. */
const CLONE_NEW_NAMESPACES = 0x7e02_0000;
/** The personalities that a program may take: PER_LINUX, PER_LINUX32, UNAME26 with each, and asking for the present one. */
const PERSONALITIES = [0x0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];
const AF_ALG = 38;
const AF_VSOCK = 40;

/** Names that one capability unlocks. */
const BY_CAPABILITY: readonly (readonly [capability: string, names: string])[] = [
  ["CAP_DAC_READ_SEARCH", "open_by_handle_at"],
  [
    "CAP_SYS_ADMIN",
    `bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr
     lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl
     quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare`,
  ],
  ["CAP_SYS_BOOT", "reboot"],
  ["CAP_SYS_CHROOT", "chroot"],
  ["CAP_SYS_MODULE", "delete_module init_module finit_module"],
  ["CAP_SYS_PACCT", "acct"],
  ["CAP_SYS_PTRACE", "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace"],
  ["CAP_SYS_RAWIO", "iopl ioperm"],
  ["CAP_SYS_TIME", "settimeofday stime clock_settime clock_settime64"],
  ["CAP_SYS_TTY_CONFIG", "vhangup"],
  ["CAP_SYS_NICE", "get_mempolicy mbind set_mempolicy set_mempolicy_home_node"],
  ["CAP_SYSLOG", "syslog"],
  ["CAP_BPF", "bpf"],
  ["CAP_PERFMON", "perf_event_open"],
];

/** Names that only some machines have. */
const BY_ARCHITECTURE: readonly (readonly [architectures: string, names: string])[] = [
  ["ppc64le", "sync_file_range2 swapcontext"],
  ["arm arm64", "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls"],
  ["amd64 x32", "arch_prctl"],
  ["amd64 x32 x86", "modify_ldt"],
  ["s390 s390x", "s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr"],
  ["riscv64", "riscv_flush_icache"],
];

const allow = (names: string[]) => ({ names, action: ALLOW });
const argument = (index: number, value: number, op: string, valueTwo?: number) => [
  valueTwo === undefined ? { index, value, op } : { index, value, valueTwo, op },
];

export const DEFAULT_SECCOMP_PROFILE: SeccompProfile = {
  defaultAction: "SCMP_ACT_ERRNO",
  defaultErrnoRet: 1,
  archMap: [
    { architecture: "SCMP_ARCH_X86_64", subArchitectures: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
    { architecture: "SCMP_ARCH_AARCH64", subArchitectures: ["SCMP_ARCH_ARM"] },
    { architecture: "SCMP_ARCH_MIPS64", subArchitectures: ["SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64N32"] },
    { architecture: "SCMP_ARCH_MIPS64N32", subArchitectures: ["SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64"] },
    { architecture: "SCMP_ARCH_MIPSEL64", subArchitectures: ["SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64N32"] },
    { architecture: "SCMP_ARCH_MIPSEL64N32", subArchitectures: ["SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64"] },
    { architecture: "SCMP_ARCH_S390X", subArchitectures: ["SCMP_ARCH_S390"] },
    { architecture: "SCMP_ARCH_RISCV64", subArchitectures: [] },
    { architecture: "SCMP_ARCH_LOONGARCH64", subArchitectures: [] },
  ],
  syscalls: [
    allow([
      ...FILES,
      ...INPUT_AND_OUTPUT,
      ...SOCKETS,
      ...MEMORY,
      ...PROCESSES,
      ...SIGNALS,
      ...LOCKS_AND_MESSAGES,
      ...TIME,
      ...IDENTITY_AND_LIMITS,
      ...MACHINE,
    ]),
    // Before 4.8 a traced process could slip past the filter (Linux 93e35efb8de4).
    {
      ...allow(["process_vm_readv", "process_vm_writev", "ptrace"]),
      includes: { minKernel: "4.8" },
    },
    { ...allow(["socket"]), args: argument(0, AF_ALG, "SCMP_CMP_LT") },
    { ...allow(["socket"]), args: argument(0, AF_ALG + 1, "SCMP_CMP_EQ") },
    { ...allow(["socket"]), args: argument(0, AF_VSOCK, "SCMP_CMP_GT") },
    ...PERSONALITIES.map((value) => ({ ...allow(["personality"]), args: argument(0, value, "SCMP_CMP_EQ") })),
    ...BY_ARCHITECTURE.map(([architectures, names]) => ({
      ...allow(words(names)),
      includes: { arches: words(architectures) },
    })),
    ...BY_CAPABILITY.map(([capability, names]) => ({
      ...allow(words(names)),
      includes: { caps: [capability] },
    })),
    // A new process, but no new namespaces: those need CAP_SYS_ADMIN. On s390 the flags are the second argument.
    {
      ...allow(["clone"]),
      args: argument(0, CLONE_NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ"),
      excludes: { caps: ["CAP_SYS_ADMIN"], arches: ["s390", "s390x"] },
    },
    {
      ...allow(["clone"]),
      args: argument(1, CLONE_NEW_NAMESPACES, "SCMP_CMP_MASKED_EQ"),
      includes: { arches: ["s390", "s390x"] },
      excludes: { caps: ["CAP_SYS_ADMIN"] },
    },
    // Its flags lie in memory, where a filter cannot look: ENOSYS makes the C library fall back on clone.
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: 38, excludes: { caps: ["CAP_SYS_ADMIN"] } },
  ],
};
