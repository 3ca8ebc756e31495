package io.tensorbridge.shm.internal.posix;

import java.util.Locale;

/** The system calls in use and their numbers, from the kernel's {@code unistd_64.h} tables. */
enum Syscall {
  ACCEPT4(288, 242),
  BIND(49, 200),
  CLOSE(3, 57),
  CONNECT(42, 203),
  EPOLL_CREATE1(291, 20),
  EPOLL_CTL(233, 21),
  EPOLL_PWAIT(281, 22),
  EVENTFD2(290, 19),
  FALLOCATE(285, 47),
  FCNTL(72, 25),
  FSTAT(5, 80),
  FSTATFS(138, 44),
  FTRUNCATE(77, 46),
  GETSOCKOPT(55, 209),
  LINKAT(265, 37),
  LISTEN(50, 201),
  MADVISE(28, 233),
  MEMFD_CREATE(319, 279),
  MMAP(9, 222),
  MUNMAP(11, 215),
  OPENAT(257, 56),
  PIDFD_OPEN(434, 434),
  PIDFD_SEND_SIGNAL(424, 424),
  PPOLL(271, 73),
  PREADV2(327, 286),
  READ(0, 63),
  RECVMSG(47, 212),
  SENDMSG(46, 211),
  SETSOCKOPT(54, 208),
  SHUTDOWN(48, 210),
  SOCKET(41, 198),
  SOCKETPAIR(53, 199),
  STATX(332, 291),
  UNLINKAT(263, 35),
  WRITE(1, 64);

  private final long number;

  Syscall(int x86Number, int aarch64Number) {
    this.number = Machine.current() == Machine.AARCH64 ? aarch64Number : x86Number;
  }

  /** The number on this machine; {@link Kernel} refuses to call it on an unsupported one. */
  long number() {
    return number;
  }

  /** The name in the manual pages. */
  String manualName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
