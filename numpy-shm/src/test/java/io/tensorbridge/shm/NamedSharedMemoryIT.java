package io.tensorbridge.shm;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/** The other side is Python's {@code multiprocessing.shared_memory}. */
@ExtendWith(NothingLeft.class)
@Timeout(60)
class NamedSharedMemoryIT {
  @Test
  void javaOpensWhatPythonCreated() {
    String name =
        Python.run(
            """
                import array
                from multiprocessing import resource_tracker, shared_memory
                shm = shared_memory.SharedMemory(create=True, size=24)
                shm.buf[:] = array.array("f", [0, 1, 2, 3, 4, 5]).tobytes()
                resource_tracker.unregister(shm._name, "shared_memory")     # outlives this process
                print(shm.name)
                shm.close()
                """);
    try (NamedSharedMemory memory = NamedSharedMemory.open(name)) {
      Tensor tensor = memory.tensor(DType.F32, Shape.of(2, 3));
      assertThat(tensor.getDouble(1, 2)).isEqualTo(5);
    } finally {
      NamedSharedMemory.unlink(name);
    }
  }

  @Test
  void pythonOpensWhatJavaCreatedAndWritesToIt() {
    try (NamedSharedMemory memory = NamedSharedMemory.create(4096)) {
      memory.region().segment().set(JAVA_FLOAT, 0, 1.5f);
      Python.run(
          """
              import struct, sys
              from multiprocessing import shared_memory
              shm = shared_memory.SharedMemory(sys.argv[1])
              assert shm.size == 4096 and struct.unpack_from("f", shm.buf)[0] == 1.5
              shm.buf[5] = 9
              shm.close()
              shm.unlink()
              """,
          memory.name());
      assertThat(memory.region().segment().get(JAVA_BYTE, 5)).isEqualTo((byte) 9);
      assertThat(memory.unlink()).isFalse();
    }
  }

  /** The behaviour that the class documents: see "Python's resource tracker" there. */
  @Test
  void theRemedyKeepsPythonsResourceTrackerFromRemovingTheName() {
    try (NamedSharedMemory memory = NamedSharedMemory.create(4096)) {
      Python.run(
          """
              import sys
              from multiprocessing import resource_tracker, shared_memory
              if sys.version_info >= (3, 13):
                  shm = shared_memory.SharedMemory(sys.argv[1], track=False)
              else:
                  shm = shared_memory.SharedMemory(sys.argv[1])
                  resource_tracker.unregister(shm._name, "shared_memory")
              shm.close()
              """,
          memory.name());
      assertThat(memory.unlink()).isTrue();
    }
  }

  @Test
  void withoutTheRemedyTheMappingStaysValidAtLeast() {
    try (NamedSharedMemory memory = NamedSharedMemory.create(4096)) {
      Python.run(
          """
              import sys
              from multiprocessing import shared_memory
              shm = shared_memory.SharedMemory(sys.argv[1])
              shm.buf[7] = 3
              shm.close()
              """,
          memory.name());
      assertThat(memory.region().segment().get(JAVA_BYTE, 7)).isEqualTo((byte) 3);
      memory.unlink();
    }
  }
}
