package io.tensorbridge.benches.peer;

import io.tensorbridge.Access;
import io.tensorbridge.Backing;
import io.tensorbridge.DType;
import io.tensorbridge.Region;
import io.tensorbridge.Shape;
import io.tensorbridge.Tensor;
import io.tensorbridge.TensorLayout;
import io.tensorbridge.TensorType;
import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowFile;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowWriter;
import io.tensorbridge.arrow.WriteOptions;
import io.tensorbridge.arrow.tensor.TensorColumns;
import io.tensorbridge.shm.SharedRegion;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.arrow.memory.BufferAllocator;
import org.apache.arrow.memory.RootAllocator;
import org.apache.arrow.vector.FieldVector;
import org.apache.arrow.vector.Float4Vector;
import org.apache.arrow.vector.ipc.ArrowFileReader;

/**
 * Opens and writes an Arrow file of four float32 columns, as often as it is told: {@code ArrowWork
 * FILE BYTES}.
 *
 * <p>The file is written at first, best into a file system of memory, and lies in a region as well.
 * Each line of the input names a work and how often to do it; each line of the output answers with the
 * nanoseconds that one took on average, and a sum of what was read.
 *
 * <pre>
 *   region   opens the file in the region and reads the first element of each column
 *   vectors  the same by Arrow Java's ArrowFileReader, from the file
 *   write    writes the columns as a file into a region that was written before
 *   copy     copies as many bytes into the same region
 * </pre>
 */
public final class ArrowWork {
  private static final int COLUMNS = 4;

  private final Path file;
  private final Region source;
  private final Region target;
  private final MemorySegment bytes;
  private final ArrowSchema schema;
  private final ArrowBatch batch;

  private ArrowWork(Path file, long byteLength) {
    this.file = file;
    this.bytes = region("elements", byteLength).segment();
    for (long at = 0; at < byteLength; at += Float.BYTES) {
      bytes.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, (float) at);
    }
    long each = byteLength / COLUMNS;
    TensorType type = new TensorType(DType.F32, Shape.of(each / Float.BYTES));
    List<ArrowColumn> columns = new ArrayList<>();
    for (int i = 0; i < COLUMNS; i++) {
      MemorySegment part = bytes.asSlice(i * each, each);
      Tensor tensor = Tensor.of(part, TensorLayout.rowMajor(type), Backing.SEALED);
      columns.add(TensorColumns.column("column " + i, tensor));
    }
    this.schema = new ArrowSchema(columns.stream().map(ArrowColumn::field).toList(), Map.of());
    this.batch = new ArrowBatch(each / Float.BYTES, columns);
    long length = ArrowWriter.byteLength(schema, List.of(batch), WriteOptions.file());
    this.source = region("file", length);
    this.target = region("target", length);
    write(ArrowWriter.toRegion(source, 0, schema, WriteOptions.file()));
    write(ArrowWriter.toRegion(target, 0, schema, WriteOptions.file()));
    write(ArrowWriter.toPath(file, schema, WriteOptions.file()));
  }

  /** Memory that ends with the process. */
  private static Region region(String name, long byteLength) {
    return SharedRegion.create(name, byteLength, Access.READWRITE).region();
  }

  private long write(ArrowWriter opened) {
    try (ArrowWriter writer = opened) {
      writer.write(batch);
      return writer.finish();
    }
  }

  /**
   * Does what the input says, until it ends.
   *
   * @param arguments the file and the bytes of all columns
   * @throws IOException if the file can't be read
   */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 2) {
      System.err.println("usage: ArrowWork FILE BYTES");
      System.exit(2);
    }
    ArrowWork work = new ArrowWork(Path.of(arguments[0]), Long.parseLong(arguments[1]));
    System.out.println("ready");
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(System.in, StandardCharsets.US_ASCII));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words = line.split(" ");
      int times = Integer.parseInt(words[1]);
      long begun = System.nanoTime();
      double sum = 0;
      for (int i = 0; i < times; i++) {
        sum += work.once(words[0]);
      }
      System.out.println((System.nanoTime() - begun) / times + " " + sum);
    }
  }

  private double once(String work) throws IOException {
    return switch (work) {
      case "region" -> fromRegion();
      case "vectors" -> fromVectors();
      case "write" -> write(ArrowWriter.toRegion(target, 0, schema, WriteOptions.file()));
      case "copy" -> copy();
      default -> throw new IOException("no such work: " + work);
    };
  }

  private double fromRegion() {
    double sum = 0;
    try (ArrowFile opened = ArrowFile.open(source)) {
      for (ArrowBatch rows : opened.batches()) {
        for (ArrowColumn column : rows.columns()) {
          sum += column.floating(0);
        }
      }
    }
    return sum;
  }

  private double fromVectors() throws IOException {
    double sum = 0;
    try (BufferAllocator allocator = new RootAllocator();
        FileChannel channel = FileChannel.open(file, StandardOpenOption.READ);
        ArrowFileReader reader = new ArrowFileReader(channel, allocator)) {
      while (reader.loadNextBatch()) {
        for (FieldVector vector : reader.getVectorSchemaRoot().getFieldVectors()) {
          sum += ((Float4Vector) vector).get(0);
        }
      }
    }
    return sum;
  }

  private double copy() {
    MemorySegment.copy(bytes, 0, target.segment(), 0, bytes.byteSize());
    return bytes.byteSize();
  }
}
