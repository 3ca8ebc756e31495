package io.tensorbridge.benches.peer;

import io.tensorbridge.Access;
import io.tensorbridge.Region;
import io.tensorbridge.shm.Doorbell;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.Received;
import io.tensorbridge.shm.SharedRegion;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.VarHandle;

/**
 * Gives back what it is given, with nothing around it: the bounds of a crossing between two processes.
 *
 * <p>It gets an inherited socket, and from there one message with four descriptors:
 *
 * <pre>
 *   memory     a page: u32 at 0 asked, at 64 answered, at 128 whether this side sleeps
 *   bell       rung after "asked" was changed while this side sleeps
 *   ping       rung by the other side, each time
 *   pong       rung by this side, as the answer
 * </pre>
 */
public final class Pong {
  private static final VarHandle WORD = ValueLayout.JAVA_INT.varHandle();
  private static final long PAGE = 4096;
  private static final long ASKED = 0;
  private static final long ANSWERED = 64;
  private static final long SLEEPS = 128;
  private static final long SPIN_NANOS = 200_000;
  private static final int DESCRIPTORS = 4;

  private Pong() {}

  /**
   * Serves until the socket ends; prints {@code ready} when it does.
   *
   * @param arguments the number of the inherited socket
   */
  public static void main(String[] arguments) {
    if (arguments.length != 1) {
      System.err.println("usage: Pong DESCRIPTOR");
      System.exit(2);
    }
    try (Arena arena = Arena.ofConfined();
        LocalSocket socket = LocalSocket.ofInherited(Integer.parseInt(arguments[0]))) {
      MemorySegment buffer = arena.allocate(1);
      Received received = socket.receive(buffer, DESCRIPTORS);
      Region memory =
          SharedRegion.adopt("pong", received.fds().getFirst(), Access.READWRITE, PAGE);
      Doorbell bell = Doorbell.adopt(received.fds().get(1));
      Doorbell ping = Doorbell.adopt(received.fds().get(2));
      Doorbell pong = Doorbell.adopt(received.fds().get(3));
      daemon("pong-memory", () -> answer(memory.segment(), bell));
      daemon("pong-eventfd", () -> answer(ping, pong));
      System.out.println("ready");
      socket.receive(buffer, 0); // its end
    }
  }

  private static void daemon(String name, Runnable work) {
    Thread.ofPlatform().daemon().name(name).start(work);
  }

  private static void answer(MemorySegment words, Doorbell bell) {
    int seen = 0;
    while (true) {
      seen = next(words, bell, seen);
      WORD.setRelease(words, ANSWERED, seen);
    }
  }

  private static int next(MemorySegment words, Doorbell bell, int seen) {
    long begun = System.nanoTime();
    while (true) {
      int asked = (int) WORD.getAcquire(words, ASKED);
      if (asked != seen) {
        return asked;
      }
      if (System.nanoTime() - begun > SPIN_NANOS) {
        WORD.setVolatile(words, SLEEPS, 1);
        VarHandle.fullFence();
        if ((int) WORD.getAcquire(words, ASKED) == seen) {
          bell.await(-1);
          bell.clear();
        }
        WORD.setVolatile(words, SLEEPS, 0);
      }
      Thread.onSpinWait();
    }
  }

  private static void answer(Doorbell ping, Doorbell pong) {
    while (ping.await(-1)) {
      ping.clear();
      pong.ring();
    }
  }
}
