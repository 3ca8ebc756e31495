package io.tensorbridge.batch;

import static org.assertj.core.api.Assertions.assertThat;

import io.tensorbridge.DType;
import io.tensorbridge.ErrorCode;
import io.tensorbridge.Shape;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.CompletionEntry;
import io.tensorbridge.batch.wire.ControlLayout;
import io.tensorbridge.batch.wire.ErrorMessage;
import io.tensorbridge.batch.wire.HeldCounts;
import io.tensorbridge.batch.wire.Hello;
import io.tensorbridge.batch.wire.MessageHeader;
import io.tensorbridge.batch.wire.MessageType;
import io.tensorbridge.batch.wire.Observation;
import io.tensorbridge.batch.wire.Observe;
import io.tensorbridge.batch.wire.ObservedClient;
import io.tensorbridge.batch.wire.ObservedServer;
import io.tensorbridge.batch.wire.OperationList;
import io.tensorbridge.batch.wire.PlanRecord;
import io.tensorbridge.batch.wire.RegionAccess;
import io.tensorbridge.batch.wire.Register;
import io.tensorbridge.batch.wire.Release;
import io.tensorbridge.batch.wire.StatusLayout;
import io.tensorbridge.batch.wire.SubmissionEntry;
import io.tensorbridge.batch.wire.SubmissionKind;
import io.tensorbridge.batch.wire.TensorDescriptor;
import io.tensorbridge.batch.wire.Utf8;
import io.tensorbridge.batch.wire.Welcome;
import io.tensorbridge.batch.wire.WorkCounts;
import io.tensorbridge.op.Options;
import io.tensorbridge.op.OutputSpec;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/** The wire classes read and write the golden vectors of {@code spec/vectors}. */
class SpecVectorsTest {
  private static final List<String> TABLES = List.of("error_codes.json", "dtypes.json");

  @TestFactory
  Stream<DynamicTest> everyVectorIsWrittenAsTheSpecSays() throws IOException {
    return vectors()
        .map(
            vector -> DynamicTest.dynamicTest(
                vector.text("name"),
                () -> assertThat(hex(written(vector))).isEqualTo(vector.text("hex"))));
  }

  @TestFactory
  Stream<DynamicTest> everyVectorIsReadAsTheSpecSays() throws IOException {
    return vectors()
        .map(vector -> DynamicTest.dynamicTest(vector.text("name"), () -> requireRead(vector)));
  }

  @Test
  void errorCodesAreThoseOfTheSpec() {
    List<String> expected = new ArrayList<>();
    for (SpecFile row : SpecFile.readRows(SpecFile.folder("vectors").resolve(TABLES.getFirst()))) {
      expected.add(row.number("number") + " " + row.text("name"));
    }
    assertThat(Stream.of(ErrorCode.values()).map(code -> code.number() + " " + code.name()))
        .containsExactlyElementsOf(expected);
  }

  @Test
  void dtypesAreThoseOfTheSpec() {
    List<String> expected = new ArrayList<>();
    for (SpecFile row : SpecFile.readRows(SpecFile.folder("vectors").resolve(TABLES.getLast()))) {
      expected.add(
          String.join(
              " ",
              row.text("name"),
              row.fields().get("code").toString(),
              row.fields().get("bytes").toString(),
              row.text("numpy")));
    }
    assertThat(Stream.of(DType.values()).map(SpecVectorsTest::row))
        .containsExactlyElementsOf(expected);
  }

  private static String row(DType dtype) {
    String name = dtype.name().toLowerCase(Locale.ROOT);
    return String.join(
        " ",
        name,
        Integer.toString(dtype.code()),
        Integer.toString(dtype.byteSize()),
        dtype.numpyName());
  }

  private static Stream<SpecFile> vectors() throws IOException {
    return SpecFile.filesOf("vectors")
        .filter(file -> !TABLES.contains(file.getFileName().toString()))
        .map(SpecFile::read);
  }

  // ---- writing ----

  private static MemorySegment written(SpecFile vector) {
    SpecFile f = vector.object("fields");
    long length = vector.text("hex").length() / 2;
    MemorySegment out = Arena.ofAuto().allocate(length, 64);
    switch (vector.text("structure")) {
      case "HELLO" ->
          Hello.write(
              out,
              0,
              f.integer("request_id"),
              f.integer("ring_entries"),
              f.number("control_length"),
              f.integer("pid"));
      case "WELCOME" ->
          Welcome.write(
              out,
              0,
              f.integer("request_id"),
              f.integer("minor"),
              f.integer("server_pid"),
              limits(f));
      case "REGISTER" ->
          Register.write(
              out,
              0,
              f.integer("request_id"),
              f.integer("region"),
              f.integer("generation"),
              RegionAccess.ofCode(f.integer("access")),
              f.number("byte_length"));
      case "RELEASE" ->
          Release.write(
              out, 0, f.integer("request_id"), f.integer("region"), f.integer("generation"));
      case "OK", "OPERATIONS", "GOODBYE" ->
          MessageHeader.write(
              out,
              0,
              MessageType.valueOf(vector.text("structure")),
              f.integer("request_id"),
              (int) length);
      case "OPERATION_LIST" -> OperationList.write(out, 0, f.integer("request_id"), operations(f));
      case "ERROR" ->
          ErrorMessage.write(
              out,
              0,
              f.integer("request_id"),
              ErrorCode.ofNumber(f.integer("code")),
              f.text("text"));
      case "OBSERVE" ->
          Observe.write(out, 0, f.integer("request_id"), f.number("after_client"));
      case "OBSERVATION" -> observation(f).write(out, 0, f.integer("request_id"));
      case "CONTROL" -> writeControl(f, out);
      case "SUBMISSION" -> writeSubmission(f, out);
      case "COMPLETION" ->
          CompletionEntry.write(
              out,
              0,
              f.number("batch_id"),
              f.integer("code"),
              f.integer("failed_items"),
              f.integer("waiting_items"));
      case "TENSOR" ->
          TensorDescriptor.write(
              out, 0, f.integer("region"), f.integer("generation"), layout(f));
      case "BLOCK" -> block(f).write(out, 0);
      case "STATUS" -> writeStatus(f, out);
      case "PLAN_RECORD" -> plan(f).write(out, 0);
      default -> throw new AssertionError("unknown structure " + vector.text("structure"));
    }
    return out;
  }

  private static Welcome.Limits limits(SpecFile f) {
    return new Welcome.Limits(
        f.integer("max_regions"),
        f.integer("max_batches"),
        f.integer("max_items"),
        f.integer("worker_threads"),
        f.number("max_bytes"),
        f.number("max_block_bytes"));
  }

  private static List<OperationList.Operation> operations(SpecFile f) {
    return f.objects("operations").stream()
        .map(each -> new OperationList.Operation(each.text("name"), each.text("summary")))
        .toList();
  }

  private static void writeControl(SpecFile f, MemorySegment out) {
    ControlLayout.initialize(out, f.integer("ring_entries"));
    ControlLayout.storeSubmissionTail(out, f.integer("sq_tail"));
    ControlLayout.storeCompletionHead(out, f.integer("cq_head"));
    ControlLayout.storeClientSleeping(out, f.integer("client_sleeping") == 1);
    ControlLayout.storeSubmissionHead(out, f.integer("sq_head"));
    ControlLayout.storeCompletionTail(out, f.integer("cq_tail"));
    ControlLayout.storeServerSleeping(out, f.integer("server_sleeping") == 1);
  }

  private static void writeSubmission(SpecFile f, MemorySegment out) {
    SubmissionEntry.write(
        out,
        0,
        f.number("batch_id"),
        SubmissionKind.ofCode(f.integer("kind")),
        f.number("target_id"),
        f.number("timeout_nanos"));
    span(f.object("block")).write(out, SubmissionEntry.blockOffset(0));
    span(f.object("status")).write(out, SubmissionEntry.statusOffset(0));
    span(f.object("output")).write(out, SubmissionEntry.outputOffset(0));
  }

  private static WireSpan span(SpecFile f) {
    return new WireSpan(
        f.integer("region"),
        f.integer("generation"),
        f.number("byte_offset"),
        f.number("byte_length"));
  }

  private static TensorLayout layout(SpecFile f) {
    TensorType type =
        new TensorType(DType.ofCode(f.integer("dtype")), Shape.of(f.numbers("dims")));
    long offset = f.number("byte_offset");
    return f.isGiven("strides")
        ? TensorLayout.strided(type, offset, f.numbers("strides"))
        : TensorLayout.rowMajor(type).at(offset);
  }

  private static BlockEncoder block(SpecFile f) {
    List<Options> optionSets = f.texts("option_sets").stream().map(Options::parse).toList();
    List<BlockEncoder.Item> items = new ArrayList<>();
    for (SpecFile item : f.objects("items")) {
      items.add(
          new BlockEncoder.Item(
              optionSets.get(item.integer("option_set")),
              item.integer("item_index"),
              operands(item.objects("inputs")),
              operands(item.objects("outputs"))));
    }
    return new BlockEncoder(
        f.text("operation"),
        f.integer("flags") == BatchBlock.CONTINUE_ON_ERROR,
        f.integer("threads"),
        items,
        f.texts("names"));
  }

  private static List<BlockEncoder.Operand> operands(List<SpecFile> tensors) {
    return tensors.stream()
        .map(
            f -> new BlockEncoder.Operand(
                f.integer("region"), f.integer("generation"), layout(f)))
        .toList();
  }

  private static PlanRecord plan(SpecFile f) {
    List<OutputSpec> outputs = new ArrayList<>();
    for (SpecFile output : f.objects("outputs")) {
      TensorType type =
          new TensorType(DType.ofCode(output.integer("dtype")), Shape.of(output.numbers("dims")));
      outputs.add(new OutputSpec(output.text("name"), type));
    }
    return new PlanRecord(f.text("label"), f.number("work_bytes"), outputs);
  }

  private static void writeStatus(SpecFile f, MemorySegment out) {
    List<SpecFile> items = f.objects("items");
    StatusLayout.begin(out, 0, f.number("total_bytes"), items.size());
    StatusLayout.storeDoneBytes(out, 0, f.number("done_bytes"));
    long next = StatusLayout.byteLength(items.size());
    byte[] text = f.text("text").getBytes(StandardCharsets.UTF_8);
    Utf8.write(out, next, text);
    StatusLayout.writeText(out, 0, text.length == 0 ? 0 : next, text.length);
    next += padTo8(text.length);
    for (int i = 0; i < items.size(); i++) {
      byte[] content = content(items.get(i));
      Utf8.write(out, next, content);
      StatusLayout.writeItem(
          out,
          StatusLayout.itemOffset(0, i),
          items.get(i).integer("code"),
          items.get(i).number("element_index"),
          content.length == 0 ? 0 : next,
          content.length);
      MemorySegment value = items.get(i).bytes("value");
      MemorySegment.copy(value, 0, out, StatusLayout.valueOffset(0, i), value.byteSize());
      next += padTo8(content.length);
    }
  }

  private static byte[] content(SpecFile item) {
    if (!item.isGiven("plan")) {
      return item.text("text").getBytes(StandardCharsets.UTF_8);
    }
    PlanRecord plan = plan(item.object("plan"));
    MemorySegment record = MemorySegment.ofArray(new byte[(int) plan.byteLength()]);
    plan.write(record, 0);
    return record.toArray(ValueLayout.JAVA_BYTE);
  }

  private static long padTo8(long length) {
    return (length + 7) & -8;
  }

  // ---- reading ----

  private static void requireRead(SpecFile vector) {
    SpecFile f = vector.object("fields");
    MemorySegment in = Arena.ofAuto().allocate(vector.text("hex").length() / 2, 64);
    in.copyFrom(vector.bytes("hex"));
    switch (vector.text("structure")) {
      case "CONTROL" -> requireControl(f, in);
      case "SUBMISSION" -> requireSubmission(f, in);
      case "COMPLETION" -> {
        assertThat(CompletionEntry.batchId(in, 0)).isEqualTo(f.number("batch_id"));
        assertThat(CompletionEntry.code(in, 0)).isEqualTo(f.integer("code"));
        assertThat(CompletionEntry.failedItems(in, 0)).isEqualTo(f.number("failed_items"));
        assertThat(CompletionEntry.waitingItems(in, 0)).isEqualTo(f.number("waiting_items"));
        assertThat(CompletionEntry.reserved(in, 0)).isZero();
      }
      case "TENSOR" -> requireTensor(f, in);
      case "BLOCK" -> requireBlock(f, in);
      case "STATUS" -> requireStatus(f, in);
      case "PLAN_RECORD" -> assertThat(PlanRecord.read(in)).isEqualTo(plan(f));
      default -> requireMessage(vector.text("structure"), f, in);
    }
  }

  private static void requireMessage(String structure, SpecFile f, MemorySegment in) {
    MessageType type = MessageType.valueOf(structure);
    assertThat(MessageHeader.magic(in, 0)).isEqualTo(MessageHeader.MAGIC);
    assertThat(MessageType.ofCode(MessageHeader.type(in, 0))).isEqualTo(type);
    assertThat(MessageHeader.reserved(in, 0)).isZero();
    assertThat(MessageHeader.requestId(in, 0)).isEqualTo(f.integer("request_id"));
    assertThat(MessageHeader.length(in, 0)).isEqualTo(in.byteSize());
    switch (type) {
      case HELLO -> {
        assertThat(Hello.major(in, 0)).isEqualTo(f.integer("major"));
        assertThat(Hello.minor(in, 0)).isEqualTo(f.integer("minor"));
        assertThat(Hello.ringEntries(in, 0)).isEqualTo(f.number("ring_entries"));
        assertThat(Hello.controlLength(in, 0)).isEqualTo(f.number("control_length"));
        assertThat(Hello.pid(in, 0)).isEqualTo(f.integer("pid"));
        assertThat(Hello.reserved(in, 0)).isZero();
      }
      case WELCOME -> {
        assertThat(Welcome.major(in, 0)).isEqualTo(f.integer("major"));
        assertThat(Welcome.minor(in, 0)).isEqualTo(f.integer("minor"));
        assertThat(Welcome.serverPid(in, 0)).isEqualTo(f.integer("server_pid"));
        assertThat(Welcome.limits(in, 0)).isEqualTo(limits(f));
        assertThat(Welcome.reserved(in, 0)).isZero();
      }
      case REGISTER -> {
        assertThat(Register.region(in, 0)).isEqualTo(f.integer("region"));
        assertThat(Register.generation(in, 0)).isEqualTo(f.integer("generation"));
        assertThat(Register.access(in, 0)).isEqualTo(f.integer("access"));
        assertThat(Register.byteLength(in, 0)).isEqualTo(f.number("byte_length"));
        assertThat(Register.reserved(in, 0)).isZero();
      }
      case RELEASE -> {
        assertThat(Release.region(in, 0)).isEqualTo(f.integer("region"));
        assertThat(Release.generation(in, 0)).isEqualTo(f.integer("generation"));
      }
      case OPERATION_LIST ->
          assertThat(OperationList.read(in, 0)).isEqualTo(operations(f));
      case ERROR -> {
        assertThat(ErrorMessage.code(in, 0)).isEqualTo(f.integer("code"));
        assertThat(ErrorMessage.text(in, 0)).isEqualTo(f.text("text"));
      }
      case OBSERVE -> {
        assertThat(Observe.afterClient(in, 0)).isEqualTo(f.number("after_client"));
        assertThat(Observe.reserved(in, 0)).isZero();
      }
      case OBSERVATION ->
          assertThat(Observation.read(in, 0)).isEqualTo(observation(f));
      case OK, OPERATIONS, GOODBYE -> assertThat(in.byteSize()).isEqualTo(MessageHeader.BYTES);
    }
  }

  private static Observation observation(SpecFile f) {
    SpecFile server = f.object("server");
    return new Observation(
        new ObservedServer(
            server.integer("pid"),
            server.integer("workers"),
            server.integer("clients"),
            server.number("uptime_nanos"),
            server.number("heap_used"),
            server.number("heap_committed"),
            server.number("dropped_log_lines"),
            held(server.object("held")),
            work(server.object("work"))),
        f.objects("clients").stream().map(SpecVectorsTest::observedClient).toList(),
        f.integer("more") == 1);
  }

  private static ObservedClient observedClient(SpecFile f) {
    return new ObservedClient(
        f.number("id"),
        f.integer("pid"),
        f.integer("uid"),
        f.number("age_nanos"),
        ErrorCode.ofNumber(f.integer("last_error")),
        f.text("last_error_text"),
        held(f.object("held")),
        work(f.object("work")));
  }

  private static HeldCounts held(SpecFile f) {
    return new HeldCounts(
        f.integer("regions"),
        f.integer("leases"),
        f.integer("in_flight"),
        f.integer("kept"),
        f.integer("queued"),
        f.number("region_bytes"));
  }

  private static WorkCounts work(SpecFile f) {
    return new WorkCounts(
        f.number("batches"),
        f.number("items"),
        f.number("failed_items"),
        f.number("refused"),
        f.number("input_bytes"),
        f.number("output_bytes"),
        f.number("busy_nanos"),
        f.number("run_nanos"),
        Arrays.stream(f.numbers("run_times")).boxed().toList());
  }

  private static void requireControl(SpecFile f, MemorySegment in) {
    assertThat(ControlLayout.magic(in)).isEqualTo(ControlLayout.MAGIC);
    assertThat(ControlLayout.ringEntries(in)).isEqualTo(f.number("ring_entries"));
    assertThat(ControlLayout.submissionTail(in)).isEqualTo(f.integer("sq_tail"));
    assertThat(ControlLayout.completionHead(in)).isEqualTo(f.integer("cq_head"));
    assertThat(ControlLayout.clientSleeping(in)).isEqualTo(f.integer("client_sleeping") == 1);
    assertThat(ControlLayout.submissionHead(in)).isEqualTo(f.integer("sq_head"));
    assertThat(ControlLayout.completionTail(in)).isEqualTo(f.integer("cq_tail"));
    assertThat(ControlLayout.serverSleeping(in)).isEqualTo(f.integer("server_sleeping") == 1);
  }

  private static void requireSubmission(SpecFile f, MemorySegment in) {
    Submission read = new Submission();
    read.read(in);
    assertThat(read.batchId()).isEqualTo(f.number("batch_id"));
    assertThat(read.requireKind()).isEqualTo(SubmissionKind.ofCode(f.integer("kind")));
    assertThat(read.targetId()).isEqualTo(f.number("target_id"));
    assertThat(read.timeoutNanos()).isEqualTo(f.number("timeout_nanos"));
    requireSpan(f.object("block"), read.block());
    requireSpan(f.object("status"), read.status());
    requireSpan(f.object("output"), read.output());
  }

  private static void requireSpan(SpecFile f, SpanRef read) {
    assertThat(read.region()).isEqualTo(f.integer("region"));
    assertThat(read.generation()).isEqualTo(f.integer("generation"));
    assertThat(read.byteOffset()).isEqualTo(f.number("byte_offset"));
    assertThat(read.byteLength()).isEqualTo(f.number("byte_length"));
  }

  private static void requireTensor(SpecFile f, MemorySegment in) {
    TensorReader reader = new TensorReader(in);
    reader.begin(0, in.byteSize());
    boolean relative = f.integer("region") == TensorDescriptor.RELATIVE;
    DecodedTensor read = reader.read(1, relative).getFirst();
    reader.requireEnd();
    requireTensor(f, read);
  }

  private static void requireTensor(SpecFile f, DecodedTensor read) {
    assertThat(read.region()).isEqualTo(f.integer("region"));
    assertThat(read.generation()).isEqualTo(f.integer("generation"));
    assertThat(read.layout()).isEqualTo(layout(f));
  }

  private static void requireBlock(SpecFile f, MemorySegment in) {
    DecodedBatch read =
        new BlockDecoder(100, in.byteSize(), new BlockMemory()).decode(in, 0, in.byteSize());
    assertThat(read.asked().name()).isEqualTo(f.text("operation"));
    assertThat(read.continueOnError()).isEqualTo(f.integer("flags") == 1);
    assertThat(read.threads()).isEqualTo(f.integer("threads"));
    assertThat(read.asked().optionTexts()).isEqualTo(f.texts("option_sets"));
    assertThat(names(in)).isEqualTo(f.texts("names"));
    List<SpecFile> items = f.objects("items");
    assertThat(read.items()).hasSameSizeAs(items);
    for (int i = 0; i < items.size(); i++) {
      DecodedItem item = read.items().get(i);
      assertThat(item.optionSet()).isEqualTo(items.get(i).integer("option_set"));
      assertThat(item.itemIndex()).isEqualTo(items.get(i).integer("item_index"));
      requireTensors(items.get(i).objects("inputs"), item.inputs());
      requireTensors(items.get(i).objects("outputs"), item.outputs());
    }
  }

  private static void requireTensors(List<SpecFile> expected, List<DecodedTensor> read) {
    assertThat(read).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      requireTensor(expected.get(i), read.get(i));
    }
  }

  private static List<String> names(MemorySegment block) {
    String all =
        Utf8.decode(block, BatchBlock.namesOffset(block, 0), BatchBlock.namesLength(block, 0));
    return all.isEmpty() ? List.of() : List.of(all.split("\0", -1));
  }

  private static void requireStatus(SpecFile f, MemorySegment in) {
    StatusReader reader = new StatusReader(in);
    assertThat(StatusLayout.doneBytes(in, 0)).isEqualTo(f.number("done_bytes"));
    assertThat(StatusLayout.totalBytes(in, 0)).isEqualTo(f.number("total_bytes"));
    if (f.isGiven("text")) {
      assertThat(reader.refusal(ErrorCode.UNKNOWN_OPERATION)).hasMessage(f.text("text"));
    }
    List<SpecFile> items = f.objects("items");
    assertThat(StatusLayout.itemCount(in, 0)).isEqualTo(items.size());
    for (int i = 0; i < items.size(); i++) {
      SpecFile item = items.get(i);
      ErrorCode code = ErrorCode.ofNumber(item.integer("code"));
      assertThat(reader.code(i)).isEqualTo(code);
      assertThat(reader.elementIndex(i)).isEqualTo(item.number("element_index"));
      assertThat(hex(reader.value(i))).isEqualTo(item.text("value"));
      if (item.isGiven("plan")) {
        assertThat(reader.plan(i)).isEqualTo(plan(item.object("plan")));
      } else if (code != ErrorCode.OK) {
        assertThat(reader.failure(i, code, "a")).hasMessageContaining(item.text("text"));
      }
    }
  }

  private static String hex(MemorySegment segment) {
    return HexFormat.of().formatHex(segment.toArray(ValueLayout.JAVA_BYTE));
  }
}
