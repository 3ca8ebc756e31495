package io.tensorbridge.batch;

import io.tensorbridge.batch.wire.BatchBlock;
import io.tensorbridge.batch.wire.Utf8;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * What a block asks for: an operation, and its option sets as texts; immutable. Blocks that ask for
 * the same share one, as long as the {@link BlockDecoder} remembers it.
 */
final class AskedOperation {
  private final String name;
  private final List<String> optionTexts;
  private final byte[] nameBytes;
  private final byte[][] optionBytes;

  private AskedOperation(String name, List<String> optionTexts) {
    this.name = name;
    this.optionTexts = optionTexts;
    this.nameBytes = name.getBytes(StandardCharsets.UTF_8);
    this.optionBytes = new byte[optionTexts.size()][];
    for (int i = 0; i < optionBytes.length; i++) {
      optionBytes[i] = optionTexts.get(i).getBytes(StandardCharsets.UTF_8);
    }
  }

  /**
   * Reads what a block asks for.
   *
   * @param block whose name and option sets are proven to lie within it
   * @return what it asks for
   * @throws io.tensorbridge.ProtocolException if a text is not UTF-8
   */
  static AskedOperation read(MemorySegment block) {
    int count = (int) BatchBlock.optionSetCount(block, 0);
    List<String> texts = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      texts.add(
          Utf8.decode(
              block,
              BatchBlock.optionTextOffset(block, 0, i),
              BatchBlock.optionTextLength(block, 0, i)));
    }
    String name =
        Utf8.decode(
            block, BatchBlock.operationOffset(block, 0), BatchBlock.operationLength(block, 0));
    return new AskedOperation(name, texts);
  }

  /** Whether a block, proven as for {@link #read}, asks for just this. */
  boolean isAskedBy(MemorySegment block) {
    if (BatchBlock.optionSetCount(block, 0) != optionBytes.length
        || BatchBlock.operationLength(block, 0) != nameBytes.length
        || !Utf8.matches(block, BatchBlock.operationOffset(block, 0), nameBytes)) {
      return false;
    }
    for (int i = 0; i < optionBytes.length; i++) {
      if (BatchBlock.optionTextLength(block, 0, i) != optionBytes[i].length
          || !Utf8.matches(block, BatchBlock.optionTextOffset(block, 0, i), optionBytes[i])) {
        return false;
      }
    }
    return true;
  }

  /** The length of its texts in words of 8 bytes, as an {@link ItemBudget} counts. */
  int words() {
    long bytes = nameBytes.length;
    for (byte[] text : optionBytes) {
      bytes += text.length;
    }
    return (int) Math.ceilDiv(bytes, Long.BYTES);
  }

  /** The name that the client asks for. */
  String name() {
    return name;
  }

  /** One text for each option set, not parsed yet. */
  List<String> optionTexts() {
    return optionTexts;
  }
}
