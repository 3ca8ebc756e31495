package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.quantize.model.SafetensorsWriter;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class LoraCommandTest {
  private static final String MODULE = "lora_unet_mid_block_attentions_0_proj_in";
  private static final String TENSOR = "mid_block.attentions.0.proj_in.weight";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir
  private Path directory;
  private Path adapter;
  private Path model;

  @BeforeEach
  void writeFiles() {
    adapter =
        write(
            "style:1.safetensors",
            entry(MODULE + ".lora_down.weight", 4, 64),
            entry(MODULE + ".lora_up.weight", 32, 4));
    model = write("model.safetensors", entry(TENSOR, 32, 64), entry("other.weight", 32, 64));
  }

  private static TensorEntry entry(String name, long... extents) {
    return TensorEntry.of(name, new TensorType(DType.F32, Shape.of(extents)));
  }

  private Path write(String name, TensorEntry... entries) {
    Path path = directory.resolve(name);
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, List.of(entries), Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.length; i++) {
        MemorySegment bytes = arena.allocate(entries[i].byteLength(), 4);
        for (long at = 0; at < bytes.byteSize(); at += 4) {
          bytes.set(ValueLayout.JAVA_FLOAT, at, (at * 7 % 31 - 15) / 100f);
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  private int run(String... words) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.run(List.of(words), new Console(new PrintWriter(out), new PrintWriter(err)));
  }

  @Test
  void listsModulesAndTheTensorsThatTheyChange() {
    assertThat(run("lora", "inspect", adapter.toString())).isZero();
    assertThat(out.toString()).contains(MODULE, "(32, 64)", "1 modules (kohya), 384 elements");

    assertThat(run("lora", "inspect", adapter.toString(), "--base", model.toString())).isZero();
    assertThat(out.toString()).contains(TENSOR, "0 unmatched");

    assertThat(
        run("lora", "inspect", adapter.toString(), "--base", model.toString(), "--json"))
        .isZero();
    assertThat(out.toString()).contains("\"rank\" : 4", "\"tensor\" : \"" + TENSOR + "\"");
  }

  @Test
  void failsIfAModuleFitsNoTensor() {
    Path other = write("other.safetensors", entry("other.weight", 32, 64));

    assertThat(run("lora", "inspect", adapter.toString(), "--base", other.toString()))
        .isEqualTo(1);
    assertThat(out.toString()).contains("unmatched: " + MODULE, "other.weight", "1 unmatched");
  }

  @Test
  void convertsToPeftAndBack() {
    Path peft = directory.resolve("adapter_model.safetensors");
    Path kohya = directory.resolve("kohya.safetensors");

    assertThat(run("lora", "convert", adapter.toString(), "-o", peft.toString())).isZero();
    assertThat(out.toString()).contains("from kohya to peft");
    assertThat(run("lora", "convert", peft.toString(), "-o", kohya.toString(), "--json")).isZero();
    assertThat(out.toString()).contains("\"to\" : \"kohya\"", "\"modules\" : 1");
    assertThat(run("lora", "inspect", kohya.toString())).isZero();
    assertThat(out.toString()).contains(MODULE);
    assertThat(run("lora", "convert", peft.toString())).isEqualTo(2);
    assertThat(run("lora", "convert", peft.toString(), "-o", peft.toString())).isEqualTo(2);
    assertThat(run("lora", "divert", peft.toString())).isEqualTo(2);
  }

  @Test
  void readsTheArrowTableOfTheSeed() {
    Path arrow =
        Path.of(System.getProperty("tensorbridge.root"))
            .resolve("arrow-ipc/src/test/resources/arrow/lora/style.lora.arrow");

    assertThat(run("lora", "inspect", arrow.toString(), "--json")).isZero();
    assertThat(out.toString())
        .contains("\"mid_block.to_q\"", "\"alpha\" : 1.0", "\"rank\" : 2", "\"dtype\" : \"f16\"");
    assertThat(
        run("lora", "convert", arrow.toString(), "-o", directory.resolve("k.safetensors") + ""))
        .isZero();
    assertThat(out.toString()).contains("2 modules from arrow to kohya");
  }

  @Test
  void mergesAdaptersWhileItQuantizes() throws Exception {
    String plain = directory.resolve("plain.gguf").toString();
    String merged = directory.resolve("merged.gguf").toString();
    String weaker = directory.resolve("weaker.gguf").toString();

    assertThat(run("quantize", model.toString(), "-o", plain)).isZero();
    assertThat(run("quantize", model.toString(), "-o", merged, "--lora", adapter.toString()))
        .isZero();
    assertThat(out.toString()).contains("1 with adapters merged into them");
    assertThat(
        run(
            "quantize", model.toString(), "-o", weaker, "--lora", adapter + ":0.5", "--lora",
            adapter + ":1e-1", "--json"))
        .isZero();
    assertThat(out.toString()).contains("\"adapters\" : 2");
    assertThat(Files.mismatch(Path.of(plain), Path.of(merged))).isNotEqualTo(-1);
    assertThat(Files.mismatch(Path.of(weaker), Path.of(merged))).isNotEqualTo(-1);
  }

  @Test
  void refusesAdaptersOfOtherModelsUnlessAllowed() {
    Path two =
        write(
            "two.safetensors",
            entry(MODULE + ".lora_down.weight", 4, 64),
            entry(MODULE + ".lora_up.weight", 32, 4),
            entry("lora_unet_gone.lora_down.weight", 4, 64),
            entry("lora_unet_gone.lora_up.weight", 32, 4));
    String target = directory.resolve("out.gguf").toString();

    assertThat(run("quantize", model.toString(), "-o", target, "--lora", two.toString()))
        .isEqualTo(1);
    assertThat(err.toString()).contains("lora_unet_gone", "nearest", "--allow-unmatched");
    assertThat(Path.of(target)).doesNotExist();
    assertThat(
        run(
            "quantize", model.toString(), "-o", target, "--lora", two.toString(),
            "--allow-unmatched"))
        .isZero();
    assertThat(out.toString()).contains("not merged", "lora_unet_gone");
  }
}
