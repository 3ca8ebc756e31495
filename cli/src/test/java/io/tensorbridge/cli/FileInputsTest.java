package io.tensorbridge.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.BridgeException;
import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.Batch;
import io.tensorbridge.batch.BatchClient;
import io.tensorbridge.batch.BatchFile;
import io.tensorbridge.batch.BatchResult;
import io.tensorbridge.batch.BatchServer;
import io.tensorbridge.batch.ServerOptions;
import io.tensorbridge.file.TensorEntry;
import io.tensorbridge.op.Options;
import io.tensorbridge.quantize.model.SafetensorsFile;
import io.tensorbridge.quantize.model.SafetensorsWriter;
import io.tensorbridge.shm.Fd;
import io.tensorbridge.shm.LocalSocket;
import io.tensorbridge.shm.SharedRegion;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Operations of the quantizer read files through a server, and survive their truncation. */
final class FileInputsTest {
  private static final List<String> SCHEMES =
      List.of(
          "q8_0", "q4_0", "q4_1", "q5_0", "q5_1", "q2_k", "q3_k", "q4_k", "q5_k", "q6_k", "iq4_nl",
          "mxfp4", "nvfp4", "f32", "f16", "bf16", "uniform",
          "uniform:bits=2,group=row", "uniform:bits=8,sym=true", "uniform:group=32", "int8",
          "int8:rule=torchao", "int8:rule=compressed-tensors", "int8:rule=quanto", "fp8_e4m3",
          "fp8_e4m3:scale=tensor", "fp8_e5m2:scale=row", "fp8_e5m2:scale=block", "mxfp8",
          "mxint8", "mxfp4:layout=ocp", "nvfp4:layout=two-level", "nf4", "fp4", "nf4:double=true",
          "int4", "hqq", "hqq:bits=2,group=32");
  private static final int ROWS = 32;
  private static final int COLUMNS = 1024;
  private static final int RANK = 4;
  private static final String MODULE = "lora_unet_mid_block_attentions_0_proj_in";
  private static final String TENSOR = "mid_block.attentions.0.proj_in.weight";

  @TempDir
  private Path folder;
  private int descriptorsBefore;
  private long mappedBefore;
  private Path model;
  private Path adapter;
  private BatchServer server;
  private BatchClient client;
  private BatchFile modelFile;
  private BatchFile adapterFile;

  @BeforeEach
  void start() {
    descriptorsBefore = Fd.openCount();
    mappedBefore = SharedRegion.mappedBytes();
    model =
        write(
            "model.safetensors",
            entry(TENSOR, DType.F32, ROWS, COLUMNS),
            entry("strengths", DType.F64, 1));
    adapter =
        write(
            "adapter.safetensors",
            entry(MODULE + ".lora_down.weight", DType.F32, RANK, COLUMNS),
            entry(MODULE + ".lora_up.weight", DType.F32, ROWS, RANK));
    LocalSocket.Pair pair = LocalSocket.pair();
    server = BatchServer.serve(pair.first(), ServerOptions.builder().threads(2).build());
    client = BatchClient.over(pair.second());
    modelFile = client.file(model);
    adapterFile = client.file(adapter);
  }

  @AfterEach
  void nothingIsLeft() throws InterruptedException {
    client.close();
    server.awaitEnd();
    server.close();
    assertThat(server.usage()).isEqualTo(new BatchServer.Usage(0, 0, 0, 0, 0));
    assertThat(Fd.openCount()).isEqualTo(descriptorsBefore);
    assertThat(SharedRegion.mappedBytes()).isEqualTo(mappedBefore);
  }

  private static TensorEntry entry(String name, DType dtype, long... extents) {
    return TensorEntry.of(name, new TensorType(dtype, Shape.of(extents)));
  }

  private Path write(String name, TensorEntry... entries) {
    Path path = folder.resolve(name);
    try (SafetensorsWriter writer = SafetensorsWriter.create(path, List.of(entries), Map.of());
        Arena arena = Arena.ofConfined()) {
      for (int i = 0; i < entries.length; i++) {
        MemorySegment bytes = arena.allocate(entries[i].byteLength(), 8);
        if (entries[i].byteLength() == Double.BYTES) {
          bytes.set(ValueLayout.JAVA_DOUBLE, 0, 0.75);
        } else {
          for (long at = 0; at < bytes.byteSize(); at += 4) {
            bytes.set(ValueLayout.JAVA_FLOAT, at, (at * 7 % 311 - 155) / 100f);
          }
        }
        writer.write(i, 0, bytes);
      }
      writer.commit();
    }
    return path;
  }

  /** A tensor of a file, where it lies in the file. */
  private static Tensor tensor(BatchFile file, Path path, String name) {
    try (SafetensorsFile header = SafetensorsFile.open(path)) {
      TensorType type = header.tensor(name).type();
      return file.tensor(header.byteOffset(name), type);
    }
  }

  private static Tensor all(BatchFile file) {
    return file.tensor(0, DType.U8, Shape.of(file.byteSize()));
  }

  private Tensor shared(String json) {
    Tensor text = client.allocate(DType.U8, Shape.of(json.length()));
    text.data().copyFrom(MemorySegment.ofArray(json.getBytes(StandardCharsets.US_ASCII)));
    return text;
  }

  private Tensor weight() {
    return tensor(modelFile, model, TENSOR);
  }

  private Tensor importances() {
    Tensor row = client.allocate(DType.F32, Shape.of(COLUMNS));
    for (int i = 0; i < COLUMNS; i++) {
      row.data().setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + i % 7);
    }
    return row;
  }

  private List<Tensor> loraInputs() {
    return List.of(
        weight(),
        tensor(modelFile, model, "strengths"),
        tensor(adapterFile, adapter, MODULE + ".lora_down.weight"),
        tensor(adapterFile, adapter, MODULE + ".lora_up.weight"));
  }

  /** Items of every operation that reads files, by operation and name; at least one input in one. */
  private Map<String, Batch> batches() {
    Map<String, Batch> batches = new LinkedHashMap<>();
    Batch quantize = Batch.of("quantize").continueOnError();
    Batch merge = Batch.of("quantize_lora").continueOnError();
    for (String scheme : SCHEMES) {
      Options options = Options.NONE.with("scheme", scheme);
      quantize.add(scheme, List.of(weight()), options);
      merge.add(scheme, loraInputs(), options);
    }
    quantize.add(
        "with importances", List.of(weight(), importances()), Options.NONE.with("scheme", "q4_k"));
    batches.put("quantize", quantize);
    batches.put("quantize_lora", merge);
    long blocks = (long) ROWS * COLUMNS / 32 * 34;
    batches.put(
        "dequantize",
        Batch.of("dequantize")
            .continueOnError()
            .option("scheme", "q8_0")
            .option("shape", ROWS + "," + COLUMNS)
            .add("blocks", modelFile.tensor(200, DType.U8, Shape.of(blocks))));
    batches.put(
        "model_plan",
        Batch.of("model_plan").continueOnError().option("scheme", "q8_0").add("m", all(modelFile)));
    String table =
        "{\"tensors\":[{\"name\":\"" + TENSOR + "\",\"dtype\":\"F32\",\"shape\":[" + ROWS + ","
            + COLUMNS + "]}]}";
    batches.put(
        "lora_read",
        Batch.of("lora_read").continueOnError().add("a", List.of(all(adapterFile), shared(table))));
    return batches;
  }

  private static Batch inMemory(BatchClient client, Map<String, List<Tensor>> items, Batch empty) {
    items.forEach(
        (name, tensors) -> empty.add(name, tensors.stream().map(client::share).toList()));
    return empty;
  }

  private static Map<String, List<byte[]>> outputs(BatchResult result) {
    assertThat(result.errors()).isEmpty();
    Map<String, List<byte[]>> outputs = new LinkedHashMap<>();
    for (String name : result.names()) {
      List<byte[]> parts = new ArrayList<>();
      result.outputs(name).values().stream()
          .map(part -> part.data().toArray(ValueLayout.JAVA_BYTE))
          .forEach(parts::add);
      outputs.put(name, parts);
    }
    return outputs;
  }

  @Test
  void filesGiveTheBytesThatMemoryGives() {
    for (String scheme : SCHEMES) {
      for (String operation : List.of("quantize", "quantize_lora")) {
        List<Tensor> inputs = operation.equals("quantize") ? List.of(weight()) : loraInputs();
        Batch ofFiles = Batch.of(operation).option("scheme", scheme).add("w", inputs);
        Batch ofMemory =
            inMemory(client, Map.of("w", inputs), Batch.of(operation).option("scheme", scheme));
        try (BatchResult fromFiles = client.submit(ofFiles).get();
            BatchResult fromMemory = client.submit(ofMemory).get()) {
          assertThat(outputs(fromFiles).get("w"))
              .as(operation + " " + scheme)
              .usingElementComparator(Arrays::compare)
              .isEqualTo(outputs(fromMemory).get("w"));
        }
      }
    }
  }

  @Test
  void everyOperationThatReadsFilesDoes() {
    batches()
        .forEach(
            (operation, batch) -> {
              try (BatchResult result = client.submit(batch).get()) {
                assertThat(outputs(result)).as(operation).isNotEmpty();
              }
            });
  }

  @Test
  void truncatedFilesEndTheirItemsAndNothingElse() throws IOException {
    Map<String, Batch> batches = batches();
    try (BatchResult before = client.submit(batches.get("quantize")).get()) {
      assertThat(before.errors()).isEmpty();
    }
    for (Path path : List.of(model, adapter)) {
      try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
        file.setLength(0);
      }
    }
    batches.forEach(
        (operation, batch) -> {
          try (BatchResult result = client.submit(batch).get()) {
            assertThat(result.errors()).as(operation).hasSameSizeAs(result.names());
            result.errors().values().forEach(FileInputsTest::assertUnreadable);
          }
        });
    Tensor row = importances();
    try (BatchResult after =
        client.submit(Batch.of("quantize").option("scheme", "q8_0").add("w", row)).get()) {
      assertThat(after.errors()).isEmpty();
    }
  }

  private static void assertUnreadable(BridgeException failure) {
    assertThat(failure.code()).as(failure.getMessage()).isEqualTo(ErrorCode.FILE_IO);
  }
}
