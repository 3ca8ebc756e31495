package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorType;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.file.TensorFile;
import io.tensorbridge.file.TensorFileFormats;
import io.tensorbridge.file.TensorFileWriter;
import io.tensorbridge.quantize.lora.LoraAdapter;
import io.tensorbridge.quantize.lora.LoraFormat;
import io.tensorbridge.quantize.lora.LoraModule;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code lora convert} to tables of modules and back. */
final class LoraTableCommandTest {
  private static final TensorFileFormats FORMATS = TensorFileFormats.ofServices();
  private static final String UNET = "lora_unet_mid_block_attentions_0_proj_in";
  private static final String CONV = "lora_unet_down_blocks_0_resnets_0_conv1";
  private static final String TEXT = "lora_te2_text_model_encoder_layers_0_self_attn_q_proj";

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @TempDir
  private Path directory;

  private int run(Object... words) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    List<String> texts = List.of(words).stream().map(Object::toString).toList();
    return Main.run(texts, new Console(new PrintWriter(out), new PrintWriter(err)));
  }

  private Path convert(Path from, String to, String... options) {
    Path target = directory.resolve(to);
    String[] words = {"lora", "convert", from.toString(), "-o", target.toString()};
    List<String> all = new ArrayList<>(List.of(words));
    all.addAll(List.of(options));
    int code = run(all.toArray());
    assertThat(code).as(err.toString()).isZero();
    return target;
  }

  private static Path repository(String path) {
    return Path.of(System.getProperty("tensorbridge.root")).resolve(path);
  }

  private static Path golden(String name) {
    return repository("quantizer/src/test/resources/lora/" + name);
  }

  private static TensorEntry entry(String name, DType dtype, long... extents) {
    return TensorEntry.of(name, new TensorType(dtype, Shape.of(extents)));
  }

  /** Elements of random bits; exponents stay in the middle, so that all are finite. */
  private static MemorySegment bytes(Arena arena, TensorEntry entry, int seed) {
    DType dtype = entry.dtype().orElseThrow();
    byte[] random = new byte[(int) entry.byteLength()];
    new Random(seed).nextBytes(random);
    MemorySegment bytes = arena.allocateFrom(ValueLayout.JAVA_BYTE, random);
    for (long at = dtype.byteSize() - 1L; at < bytes.byteSize(); at += dtype.byteSize()) {
      bytes.set(ValueLayout.JAVA_BYTE, at, (byte) (0x38 | at % 3 << 7));
    }
    return bytes;
  }

  private Path write(String name, float alpha, TensorEntry... entries) {
    Path path = directory.resolve(name);
    try (TensorFileWriter writer =
        FORMATS.forPath(path).create(path, List.of(entries), Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.length; i++) {
        writer.write(
            i, 0,
            entries[i].name().endsWith(".alpha")
                ? arena.allocateFrom(ValueLayout.JAVA_FLOAT, alpha)
                : bytes(arena, entries[i], i));
      }
      writer.commit();
    }
    return path;
  }

  private static void requireSameTensors(Path found, Path expected) {
    try (TensorFile one = FORMATS.forPath(found).open(found);
        TensorFile other = FORMATS.forPath(expected).open(expected)) {
      assertThat(one.entries()).containsExactlyInAnyOrderElementsOf(other.entries());
      for (TensorEntry entry : other.entries()) {
        assertThat(one.bytes(entry.name()).mismatch(other.bytes(entry.name())))
            .as(entry.name())
            .isEqualTo(-1);
      }
    }
  }

  private static Map<String, String> metadata(Path path) {
    try (TensorFile file = FORMATS.forPath(path).open(path)) {
      return file.metadata();
    }
  }

  private Path kohya() {
    return write(
        "kohya.safetensors", 2.5f,
        entry(UNET + ".lora_down.weight", DType.F16, 4, 64, 1, 1),
        entry(UNET + ".lora_up.weight", DType.F16, 32, 4, 1, 1),
        entry(UNET + ".alpha", DType.F32),
        entry(CONV + ".lora_down.weight", DType.F32, 3, 8, 3, 3),
        entry(CONV + ".lora_up.weight", DType.F32, 16, 3, 1, 1),
        entry(CONV + ".alpha", DType.F32),
        entry(TEXT + ".lora_down.weight", DType.BF16, 4, 40),
        entry(TEXT + ".lora_up.weight", DType.BF16, 24, 4),
        entry(TEXT + ".alpha", DType.F32));
  }

  @Test
  void kohyasBytesComeBack() {
    Path kohya = kohya();
    Path table = convert(kohya, "style.lora.arrow");
    assertThat(out.toString()).contains("3 modules from kohya to arrow");
    Path back = convert(table, "back.safetensors");

    assertThat(out.toString()).contains("3 modules from arrow to kohya");
    requireSameTensors(back, kohya);
    assertThat(LoraAdapter.read(FORMATS, table).modules())
        .extracting(LoraModule::name)
        .containsExactly(
            "text_encoder_2.text_model.encoder.layers.0.self_attn.q_proj",
            "unet.down_blocks.0.resnets.0.conv1", "unet.mid_block.attentions.0.proj_in");
    assertThat(metadata(table))
        .containsExactly(
            Map.entry("lora_name", "style"),
            Map.entry("lora_alpha", "2.5"),
            Map.entry("target_modules", "q_proj,conv1,proj_in"));
  }

  @Test
  void theSecondTextEncoderIsNotTakenForTheFirst() {
    Path kohya =
        write(
            "text.safetensors", 4,
            entry(TEXT + ".lora_down.weight", DType.F16, 4, 40),
            entry(TEXT + ".lora_up.weight", DType.F16, 24, 4),
            entry(TEXT + ".alpha", DType.F32));

    requireSameTensors(convert(convert(kohya, "t.lora.arrow"), "back.safetensors"), kohya);
  }

  @Test
  void peftsBytesComeBack() throws IOException {
    Files.createDirectories(directory.resolve("peft"));
    Files.createDirectories(directory.resolve("back"));
    String to = "base_model.model.model.layers.0.self_attn.";
    Path peft =
        write(
            "peft/adapter_model.safetensors", 0,
            entry(to + "q_proj.lora_A.weight", DType.BF16, 4, 40),
            entry(to + "q_proj.lora_B.weight", DType.BF16, 24, 4),
            entry(to + "o_proj.lora_A.weight", DType.BF16, 4, 24),
            entry(to + "o_proj.lora_B.weight", DType.BF16, 40, 4));
    Files.writeString(
        directory.resolve("peft/adapter_config.json"),
        "{\"peft_type\": \"LORA\", \"r\": 4, \"lora_alpha\": 7}");

    Path table = convert(peft, "peft/style.lora.arrow");
    assertThat(metadata(table)).containsEntry("lora_alpha", "7.0").containsEntry("lora_rank", "4");
    Path back = convert(table, "back/adapter_model.safetensors", "--to", "peft");

    requireSameTensors(back, peft);
    assertThat(Files.readString(directory.resolve("back/adapter_config.json")))
        .contains("\"lora_alpha\" : 7.0", "\"r\" : 4");
  }

  @Test
  void theTableOfTheSeedIsTheSameWhenItWasWrittenAgain() {
    Path seed = repository("arrow-ipc/src/test/resources/arrow/lora/style.lora.arrow");
    Path copy = convert(seed, "style.lora.arrow");
    assertThat(out.toString()).contains("2 modules from arrow to arrow");

    requireSameTensors(copy, seed);
    assertThat(metadata(copy)).containsExactlyEntriesOf(metadata(seed));
    requireSameTensors(convert(copy, "again.lora.arrow"), seed);
  }

  @Test
  void theConfigOfAnotherAdapterBesideATableIsNotItsOwn() throws IOException {
    Path table = convert(kohya(), "style.lora.arrow");
    Files.writeString(
        directory.resolve("adapter_config.json"),
        "{\"peft_type\": \"LORA\", \"r\": 64, \"lora_alpha\": 128}");

    LoraAdapter adapter = LoraAdapter.read(FORMATS, table);
    assertThat(adapter.format()).isEqualTo(LoraFormat.ARROW);
    assertThat(adapter.modules()).allMatch(module -> module.alpha() == 2.5);
  }

  @Test
  void alphasThatAreTheRankOfEachNeedNoMetadata() {
    Path kohya =
        write(
            "plain.safetensors", 0,
            entry(UNET + ".lora_down.weight", DType.F32, 4, 64),
            entry(UNET + ".lora_up.weight", DType.F32, 32, 4),
            entry(CONV + ".lora_down.weight", DType.F32, 2, 8, 3, 3),
            entry(CONV + ".lora_up.weight", DType.F32, 16, 2, 1, 1));
    Path table = convert(kohya, "plain.lora.arrow");

    assertThat(metadata(table)).doesNotContainKeys("lora_alpha", "lora_rank");
    assertThat(LoraAdapter.read(FORMATS, table).modules())
        .extracting(LoraModule::alpha)
        .containsExactly(2.0, 4.0);
  }

  @Test
  void aMiddleFactorIsMultipliedIntoTheRightOne() {
    Path kohya =
        write(
            "mid.safetensors", 1,
            entry(CONV + ".lora_down.weight", DType.F32, 3, 8, 1, 1),
            entry(CONV + ".lora_mid.weight", DType.F32, 3, 3, 3, 3),
            entry(CONV + ".lora_up.weight", DType.F32, 16, 3, 1, 1),
            entry(CONV + ".alpha", DType.F32));
    LoraModule module = LoraAdapter.read(FORMATS, kohya).modules().getFirst();
    Path table = convert(kohya, "mid.lora.arrow");

    LoraModule written = LoraAdapter.read(FORMATS, table).modules().getFirst();
    assertThat(written.mid()).isEmpty();
    assertThat(written.down().shape()).isEqualTo(Shape.of(3, 8, 3, 3));
    assertThat(written.down().segment().mismatch(module.foldedDown().segment())).isEqualTo(-1);
  }

  @Test
  void refusesWhatARowCanNotHoldAndLeavesTheOlderFile() throws IOException {
    Path target = directory.resolve("old.lora.arrow");
    Files.writeString(target, "older");

    assertThat(run("lora", "convert", golden("kohya.safetensors"), "-o", target)).isEqualTo(1);
    assertThat(err.toString())
        .contains("lora_unet_down_blocks_0_attentions_0_", "alpha", "write .safetensors");
    assertThat(run("lora", "convert", golden("dora.safetensors"), "-o", target)).isEqualTo(1);
    assertThat(err.toString())
        .contains("attn1.to_q\" is a DoRA", "magnitudes", "write .safetensors");
    assertThat(Files.readString(target)).isEqualTo("older");
    try (var files = Files.list(directory)) {
      assertThat(files).containsExactly(target);
    }
  }

  @Test
  void anEndingThatIsNotOfTheFormatIsAnErrorOfUse() {
    Path kohya = kohya();
    Path table = directory.resolve("t.lora.arrow");
    Path plain = directory.resolve("p.safetensors");

    assertThat(run("lora", "convert", kohya, "-o", table, "--to", "kohya")).isEqualTo(2);
    assertThat(err.toString()).contains("names of their own");
    assertThat(run("lora", "convert", kohya, "-o", plain, "--to", "arrow")).isEqualTo(2);
    assertThat(err.toString()).contains(".lora.arrow");
    assertThat(table).doesNotExist();
    assertThat(plain).doesNotExist();
  }

  @Test
  void aModelIsNoTableOfModules() {
    Path model = write("model.safetensors", 0, entry("mid_block.to_q.weight", DType.F32, 32, 64));
    Path target = directory.resolve("model.lora.arrow");

    assertThat(run("quantize", model, "-o", target, "--scheme", "q8_0")).isEqualTo(2);
    assertThat(err.toString()).contains("lora.arrow files can't hold q8_0");
    assertThat(run("quantize", model, "-o", target, "--scheme", "f16")).isEqualTo(1);
    assertThat(err.toString()).contains("mid_block.to_q.weight", "write .safetensors");
    assertThat(target).doesNotExist();
  }

  @Test
  void extractsIntoATable() {
    TensorEntry one = entry("mid_block.attentions.0.proj_in.weight", DType.F32, 32, 64);
    TensorEntry other = entry("mid_block.attentions.0.proj_out.weight", DType.F32, 32, 64);
    Path base = write("base.safetensors", 0, one, other);
    Path tuned = write("tuned.safetensors", 0, other, one);
    Path target = directory.resolve("new.lora.arrow");

    int code = run("lora", "extract", base, tuned, "-o", target, "--rank", "3");
    assertThat(code).as(err.toString()).isZero();
    LoraModule module = LoraAdapter.read(FORMATS, target).modules().getFirst();
    assertThat(module.name()).isEqualTo("mid_block.attentions.0.proj_in");
    assertThat(module.rank()).isEqualTo(3);
    assertThat(module.alpha()).isEqualTo(3);
    assertThat(module.dtype()).isEqualTo(DType.F16);
    assertThat(run("lora", "extract", base, tuned, "-o", target, "--format", "peft"))
        .isEqualTo(2);
  }
}
