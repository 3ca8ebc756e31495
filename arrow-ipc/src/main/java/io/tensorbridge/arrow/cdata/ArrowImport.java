package io.tensorbridge.arrow.cdata;

import io.tensorbridge.arrow.ArrowBatch;
import io.tensorbridge.arrow.ArrowColumn;
import io.tensorbridge.arrow.ArrowField;
import io.tensorbridge.arrow.ArrowSchema;
import io.tensorbridge.arrow.ArrowType;
import io.tensorbridge.arrow.internal.cdata.MovedStruct;
import java.lang.foreign.Arena;
import java.util.Optional;
import java.util.function.Function;

/**
 * Takes Arrow data from other libraries of this process; thread-safe.
 *
 * <p>An import takes the struct at an address over, marks it as moved, and gives columns over the
 * producer's memory. The producer's release is called once: when the import is closed, or at once if
 * it throws. Copied are only names and types, bits of slices that don't begin with a byte, and the
 * ends of runs of slices.
 *
 * <table>
 *   <caption>Whose end ends an import</caption>
 *   <tr><th>method</th><th>ends with</th><th>threads</th><th>cost of the end</th></tr>
 *   <tr><td>without an arena</td><td>{@link Owned#close}</td><td>any</td>
 *       <td>a handshake of all threads</td></tr>
 *   <tr><td>with an arena</td><td>the arena, which may be confined</td><td>those of the arena</td>
 *       <td>none, if confined</td></tr>
 * </table>
 *
 * <p>After the end, every access fails with {@link IllegalStateException}: no view outlives the
 * memory.
 *
 * <p>Lengths, counts and addresses are checked as far as structs tell them. That the memory is really
 * there only the producer knows: a wrong address ends the process.
 */
public final class ArrowImport {
  private static final String STRUCT = "a struct of columns";

  private ArrowImport() {}

  /**
   * Imports the columns of a table; the struct is released.
   *
   * @param address of a {@code struct ArrowSchema}
   * @return a copy
   * @throws io.tensorbridge.FormatException with the field and the rule that is broken
   */
  public static ArrowSchema schema(long address) {
    ArrowField root = SchemaImport.take(address);
    if (!(root.type() instanceof ArrowType.Struct) || root.dictionaryEncoded()) {
      throw Place.ROOT.broken(STRUCT, "it is of the type " + root.typeText()
          + "; import it as a field");
    }
    return new ArrowSchema(root.children(), root.metadata());
  }

  /**
   * Imports a type with its name; the struct is released.
   *
   * @param address of a {@code struct ArrowSchema}
   * @return a copy
   * @throws io.tensorbridge.FormatException with the field and the rule that is broken
   */
  public static ArrowField field(long address) {
    return SchemaImport.take(address);
  }

  /**
   * Imports rows for all threads.
   *
   * @param schema their columns
   * @param address of a {@code struct ArrowArray}
   * @return the rows, closed by the caller
   * @throws io.tensorbridge.FormatException with the column and the rule that is broken; the struct is
   *     released then
   */
  public static Owned<ArrowBatch> batch(ArrowSchema schema, long address) {
    return shared(arena -> batch(schema, address, arena));
  }

  /**
   * Imports rows until the end of an arena.
   *
   * @param schema their columns
   * @param address of a {@code struct ArrowArray}
   * @param arena whose end releases them
   * @return the rows
   * @throws io.tensorbridge.FormatException with the column and the rule that is broken; the struct is
   *     released then
   */
  public static ArrowBatch batch(ArrowSchema schema, long address, Arena arena) {
    ArrowField root =
        new ArrowField("", new ArrowType.Struct(), false, Optional.empty(), schema.fields(),
            schema.metadata());
    return ArrayImport.take(root, address, arena, ArrowImport::requireRows);
  }

  private static ArrowBatch requireRows(ArrowColumn struct) {
    if (struct.nullCount() > 0) {
      throw Place.ROOT.broken("rows of a batch that are not null", struct.nullCount() + " of "
          + struct.length() + " are; import them as a column");
    }
    return new ArrowBatch(struct.length(), struct.children());
  }

  /**
   * Imports a column for all threads.
   *
   * @param field its type
   * @param address of a {@code struct ArrowArray}
   * @return the column, closed by the caller
   * @throws io.tensorbridge.FormatException with the child and the rule that is broken; the struct is
   *     released then
   */
  public static Owned<ArrowColumn> column(ArrowField field, long address) {
    return shared(arena -> column(field, address, arena));
  }

  /**
   * Imports a column until the end of an arena.
   *
   * @param field its type
   * @param address of a {@code struct ArrowArray}
   * @param arena whose end releases it
   * @return the column
   * @throws io.tensorbridge.FormatException with the child and the rule that is broken; the struct is
   *     released then
   */
  public static ArrowColumn column(ArrowField field, long address, Arena arena) {
    return ArrayImport.take(field, address, arena, column -> column);
  }

  private static <T> Owned<T> shared(Function<Arena, T> imported) {
    Arena arena = Arena.ofShared();
    try {
      return Owned.of(imported.apply(arena), arena::close);
    } catch (RuntimeException | Error failure) {
      arena.close();
      throw failure;
    }
  }

  /**
   * Imports a stream of record batches.
   *
   * <p>What the producer says when it fails is thrown by {@link BatchStream#next}, with its error
   * number: {@link io.tensorbridge.FormatException} for {@code EINVAL}, {@link
   * io.tensorbridge.CancelledException} for {@code ECANCELED}, else {@link
   * io.tensorbridge.ResourceException}.
   *
   * @param address of a {@code struct ArrowArrayStream}
   * @return the stream, closed by the caller, for one thread at a time
   * @throws io.tensorbridge.BridgeException if the producer has no schema, or one that breaks a rule;
   *     the struct is released then
   */
  public static BatchStream stream(long address) {
    return ImportedBatches.take(address);
  }

  /**
   * The structs that were taken over and are not released.
   *
   * @return 0 if every import was closed
   */
  public static int liveCount() {
    return MovedStruct.liveCount();
  }
}
