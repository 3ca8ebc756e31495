package io.tensorbridge.quantize.model;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.tensorbridge.DType;
import io.tensorbridge.FormatException;
import io.tensorbridge.OptionException;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorException;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.op.OpRun;
import io.tensorbridge.quantize.NonFinite;
import io.tensorbridge.quantize.QuantScheme;
import io.tensorbridge.quantize.Quantization;
import java.io.ByteArrayOutputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Vectors beside tensors, from files to conversions. */
final class CalibrationTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();
  private static final TensorType WEIGHT = new TensorType(DType.F32, Shape.of(4, 512));

  private final Random random = new Random(3);
  private final float[] values = new float[4 * 512];
  private final float[] sums = new float[512];

  @TempDir
  private Path directory;

  @BeforeEach
  void writeModel() {
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < sums.length; i++) {
      sums[i] = random.nextFloat() * 100;
    }
    write("model.safetensors", List.of(entry("a.weight", 4, 512), entry("b.weight", 4, 512)),
        values, values);
  }

  private static TensorEntry entry(String name, long... dimensions) {
    return TensorEntry.of(name, new TensorType(DType.F32, Shape.of(dimensions)));
  }

  private Path write(String name, List<TensorEntry> entries, float[]... contents) {
    Path path = directory.resolve(name);
    try (TensorFileWriter writer =
        FORMATS.forPath(path).create(path, entries, Map.of("general.type", "imatrix"));
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < contents.length; i++) {
        writer.write(i, 0, arena.allocateFrom(JAVA_FLOAT, contents[i]));
      }
      writer.commit();
    }
    return path;
  }

  private Map<String, byte[]> quantize(Calibration calibration, String scheme) {
    Path target = directory.resolve("out.gguf");
    ConversionOptions options =
        ConversionOptions.of(QuantScheme.parse(scheme)).withCalibration(calibration);
    try (ModelConversion conversion =
        ModelConversion.quantize(
            FORMATS, directory.resolve("model.safetensors"), target, options)) {
      conversion.run(1, (done, total) -> {});
    }
    try (TensorFile file = FORMATS.forPath(target).open(target)) {
      return Map.of(
          "a.weight", file.bytes("a.weight").toArray(JAVA_BYTE),
          "b.weight", file.bytes("b.weight").toArray(JAVA_BYTE));
    }
  }

  /** By the kernels alone, which other tests compare with ggml. */
  private byte[] expected(String scheme, float[] importances) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try (Arena arena = Arena.ofConfined()) {
      Quantization quantization =
          Quantization.of(QuantScheme.parse(scheme), WEIGHT, NonFinite.ERROR);
      if (importances.length > 0) {
        MemorySegment memory = arena.allocateFrom(JAVA_FLOAT, importances);
        quantization = quantization.withImportance(Tensor.of(memory, DType.F32, Shape.of(512)));
      }
      Tensor tensor =
          Tensor.of(arena.allocateFrom(JAVA_FLOAT, values), DType.F32, WEIGHT.shape());
      OpRun run =
          quantization.bind(
              tensor, (part, at, piece) -> bytes.writeBytes(piece.toArray(JAVA_BYTE)));
      for (int chunk = 0; chunk < run.chunkCount(0); chunk++) {
        run.runChunk(0, chunk);
      }
    }
    return bytes.toByteArray();
  }

  @Test
  void anImportanceMatrixOfLlamaCppGivesMeansOfSquares() {
    Path imatrix =
        write("imatrix.gguf",
            List.of(entry("a.weight.in_sum2", 1, 512), entry("a.weight.counts", 1, 1)),
            sums, new float[]{7});
    float[] means = new float[512];
    for (int i = 0; i < means.length; i++) {
      means[i] = sums[i] / 7;
    }

    Map<String, byte[]> made = quantize(Calibration.read(FORMATS, imatrix), "q4_k");

    assertThat(made.get("a.weight"))
        .isEqualTo(expected("q4_k", means))
        .isNotEqualTo(expected("q4_k", new float[0]));
    assertThat(made.get("b.weight")).isEqualTo(expected("q4_k", new float[0]));
  }

  @Test
  void whatWasNeverUsedHasTheImportanceOne() {
    Path imatrix =
        write("imatrix.gguf",
            List.of(entry("a.weight.in_sum2", 1, 512), entry("a.weight.counts", 1, 1)),
            sums, new float[]{0});
    float[] ones = new float[512];
    Arrays.fill(ones, 1);

    Map<String, byte[]> made = quantize(Calibration.read(FORMATS, imatrix), "q6_k");

    assertThat(made.get("a.weight")).isEqualTo(expected("q6_k", ones));
  }

  @Test
  void otherFilesHaveAVectorForEachName() {
    Path vectors = write("vectors.npz", List.of(entry("b.weight", 512)), sums);

    Map<String, byte[]> made = quantize(Calibration.read(FORMATS, vectors), "iq4_nl");

    assertThat(made.get("b.weight")).isEqualTo(expected("iq4_nl", sums));
  }

  @Test
  void whatCanNotBeUsedIsRefused() {
    Calibration short511 =
        Calibration.read(
            FORMATS, write("short.npz", List.of(entry("b.weight", 511)), new float[511]));
    assertThatThrownBy(() -> quantize(short511, "q4_k"))
        .isInstanceOf(TensorException.class)
        .hasMessageContaining("b.weight")
        .hasMessageContaining("511 importances");
    assertThatThrownBy(() -> quantize(short511, "q8_0"))
        .isInstanceOf(OptionException.class)
        .hasMessageContaining("q4_k");
    Path uneven =
        write("uneven.gguf",
            List.of(entry("a.weight.in_sum2", 3, 5), entry("a.weight.counts", 4, 1)),
            new float[15], new float[4]);
    assertThatThrownBy(() -> Calibration.read(FORMATS, uneven))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("15 sums for 4 counts");
  }
}
