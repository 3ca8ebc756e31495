package io.tensorbridge.quantize.internal.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The scalar kernels are the reference, their vector twins write the same bytes. */
class KernelTwinsTest {
  static Stream<BlockFormat> vectorFormats() {
    return Stream.of(BlockFormat.values()).filter(BlockFormat::hasVector);
  }

  static Stream<BlockFormat> ggmlFormats() {
    return vectorFormats().filter(format -> !KernelTwins.FOREIGN.contains(format));
  }

  static IntStream awkwardCounts() {
    return IntStream.rangeClosed(1, 130);
  }

  @ParameterizedTest
  @MethodSource("vectorFormats")
  void blockTwinsWriteTheSameBytes(BlockFormat format) {
    awkwardCounts().forEach(blocks -> KernelTwins.compareBlocks(format, blocks));
  }

  @ParameterizedTest
  @MethodSource("ggmlFormats")
  void bothTwinsWriteTheBytesOfGgml(BlockFormat format) {
    KernelTwins.compareWithGgml(format, format.scalar());
    KernelTwins.compareWithGgml(format, format.vector());
  }

  static Stream<GroupFormat> vectorGroupFormats() {
    return Stream.of(GroupFormat.values()).filter(GroupFormat::hasVector);
  }

  @ParameterizedTest
  @MethodSource("vectorGroupFormats")
  void groupTwinsWriteTheSameBytes(GroupFormat format) {
    awkwardCounts().forEach(count -> KernelTwins.compareGroups(format, count));
  }

  @Test
  void lowRankTwinsWriteTheSameBytes() {
    awkwardCounts().forEach(KernelTwins::compareLowRank);
  }

  @Test
  void weightedSumTwinsWriteTheSameBytes() {
    awkwardCounts().forEach(KernelTwins::compareWeightedSum);
    KernelTwins.compareWeightedSum(2 * 2_048 + 1_027);
  }

  @Test
  void uniformTwinsWriteTheSameBytes() {
    awkwardCounts().forEach(KernelTwins::compareUniform);
  }

  @Test
  void hqqTwinsGiveTheSameBits() {
    KernelTwins.compareHqq(19);
  }

  @Test
  void errorTwinsGiveTheSameSums() {
    awkwardCounts().forEach(KernelTwins::compareErrors);
    KernelTwins.compareErrors(5 * 1_024 + 3);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-XX:MaxVectorSize=16", "-XX:MaxVectorSize=32", "-XX:MaxVectorSize=64"})
  void twinsWriteTheSameBytesWithOtherVectorLengths(String flag)
      throws IOException, InterruptedException {
    assertThat(
        java(
            List.of("--add-modules", "jdk.incubator.vector", flag), KernelTwins.class))
        .contains(" lanes");
  }

  @Test
  void withoutTheVectorModuleTheScalarKernelsServeAndOneLineSaysSo()
      throws IOException, InterruptedException {
    assertThat(java(List.of(), ScalarOnly.class))
        .contains("scalar kernels serve; --add-modules jdk.incubator.vector makes")
        .contains("ScalarQ80");
  }

  @ParameterizedTest
  @CsvSource({"scalar, ScalarQ80", "vector, VectorQ80", "adaptive, ScalarQ80"})
  void thePropertyPinsATwin(String asked, String first) throws IOException, InterruptedException {
    List<String> flags =
        List.of("--add-modules", "jdk.incubator.vector", "-Dtensorbridge.kernels=" + asked);
    assertThat(java(flags, FirstKernel.class)).contains(first);
  }

  @Test
  void anUnknownTwinIsRefusedWithTheKnownOnes() throws IOException, InterruptedException {
    assertThat(java(List.of("-Dtensorbridge.kernels=neon"), Refusal.class))
        .contains("neon is unknown; take adaptive, scalar or vector");
    assertThat(java(List.of("-Dtensorbridge.kernels=vector"), Refusal.class))
        .contains("needs --add-modules jdk.incubator.vector");
  }

  /** Tells which kernel serves the first chunk. */
  static final class FirstKernel {
    public static void main(String[] arguments) {
      BlockKernel kernel = Kernels.shared().quantizing(BlockFormat.Q8_0).forWork(1);
      System.out.println(kernel.getClass().getSimpleName());
    }
  }

  /** Tells why there are no kernels. */
  static final class Refusal {
    public static void main(String[] arguments) {
      try {
        Kernels.shared();
      } catch (ExceptionInInitializerError e) {
        System.out.println(e.getCause());
      }
    }
  }

  @Test
  void trainingEndsWithTheVectorTwinOrKeepsTheScalarOne() {
    BlockKernel scalar = new ScalarQ80();
    BlockKernel vector = new VectorQ80();
    KernelChoice<BlockKernel> choice =
        new KernelChoice<>(
            "test",
            scalar,
            () -> vector,
            (kernel, values, coded) -> LockSupport
                .parkNanos(kernel.equals(scalar) ? 5_000_000 : 1));
    assertThat(choice.forWork(1)).isSameAs(scalar);
    choice.train();
    choice.train();
    while (choice.forWork(1).equals(scalar)) {
      Thread.onSpinWait();
    }
    assertThat(choice.forWork(1)).isSameAs(vector);
  }

  /** Tells which kernel serves without the vector module. */
  static final class ScalarOnly {
    public static void main(String[] arguments) {
      BlockKernel kernel = Kernels.shared().quantizing(BlockFormat.Q8_0).forWork(1L << 40);
      System.out.println(kernel.getClass().getSimpleName());
    }
  }

  private static String java(List<String> flags, Class<?> program)
      throws IOException, InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(ProcessHandle.current().info().command().orElseThrow());
    command.add("--enable-native-access=ALL-UNNAMED");
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), program.getName()));
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    byte[] output = process.getInputStream().readAllBytes();
    String text = new String(output, StandardCharsets.UTF_8);
    assertThat(process.waitFor()).as(text).isZero();
    return text;
  }
}
