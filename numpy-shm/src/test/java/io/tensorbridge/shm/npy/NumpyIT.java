package io.tensorbridge.shm.npy;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.shm.NamedSharedMemory;
import io.tensorbridge.shm.Python;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.SequencedMap;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** NumPy itself reads what is written here, and writes what is read here. */
@Timeout(120)
class NumpyIT {
  @TempDir
  private Path directory;

  @BeforeAll
  static void needsNumpy() {
    assumeTrue(Python.has("numpy"), "NumPy is not installed for " + Python.executable());
  }

  @Test
  void numpyLoadsArraysAndArchives() {
    String[] names = {"float32", "int64", "bool", "complex64", "fortran_float32"};
    SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
    try (Arena arena = Arena.ofConfined()) {
      for (String name : names) {
        try (NpyFile golden = NpyFile.open(Golden.path(name + ".npy"))) {
          NpyWriter.write(directory.resolve(name + ".npy"), golden.tensor());
          tensors.put(name, golden.array().copy(arena));
        }
      }
      NpzWriter.write(directory.resolve("all.npz"), tensors);
    }
    Python.run(
        """
            import sys, numpy as np
            from pathlib import Path
            ours, golden = Path(sys.argv[1]), Path(sys.argv[2])
            archive = np.load(ours / "all.npz")
            assert archive.zip.testzip() is None
            for name in sys.argv[3].split(","):
                wanted = np.load(golden / f"{name}.npy")
                for found in (np.load(ours / f"{name}.npy"), archive[name]):
                    assert found.dtype == wanted.dtype and np.array_equal(found, wanted), name
                assert np.load(ours / f"{name}.npy", mmap_mode="r").ctypes.data % 64 == 0
            """,
        directory,
        Golden.path("float32.npy").getParent(),
        String.join(",", names));
  }

  @Test
  void numpyReadsNamesInAnyAlphabet() {
    Path path = directory.resolve("names.npz");
    try (Arena arena = Arena.ofConfined()) {
      Tensor small = Tensor.of(arena.allocate(12), DType.F32, Shape.of(3));
      SequencedMap<String, Tensor> tensors = new LinkedHashMap<>();
      tensors.put("größe", small);
      NpzWriter.write(path, tensors);
    }
    assertThat(Python.run("import sys, numpy; print(numpy.load(sys.argv[1]).files)", path))
        .isEqualTo("['größe']");
  }

  @Test
  void numpySharesNamedMemoryWithJava() {
    try (NamedSharedMemory memory = NamedSharedMemory.create(24)) {
      Python.run(
          """
              import sys, numpy as np
              from multiprocessing import shared_memory
              shm = shared_memory.SharedMemory(sys.argv[1])
              array = np.ndarray((2, 3), np.float32, buffer=shm.buf)
              array[:] = [[0, 1, 2], [3, 4, 5]]
              del array
              shm.close()
              """,
          memory.name());
      assertThat(memory.tensor(DType.F32, Shape.of(2, 3)).getDouble(1, 2)).isEqualTo(5);
      memory.unlink();
    }
  }
}
