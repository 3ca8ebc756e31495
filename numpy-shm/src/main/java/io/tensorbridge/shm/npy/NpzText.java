package io.tensorbridge.shm.npy;

import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;

/**
 * A text of a file's metadata, kept as a member of the archive: {@code metadata/KEY.txt}. {@code
 * numpy.load} lists such members beside the arrays and gives their bytes.
 *
 * @param key of the metadata
 * @param value its text
 */
record NpzText(String key, String value) {
  private static final String FOLDER = "metadata/";
  private static final String ENDING = ".txt";
  private static final long MOST_BYTES = 1 << 26;

  static boolean is(ZipMember member) {
    return member.name().startsWith(FOLDER) && member.name().endsWith(ENDING)
        && member.name().length() >= FOLDER.length() + ENDING.length();
  }

  /**
   * Reads a member.
   *
   * @throws io.tensorbridge.FormatException if it is damaged or far too long
   */
  static NpzText read(ZipMember member) {
    if (member.byteSize() > MOST_BYTES) {
      throw member.content().broken(
          0, "metadata of at most 64 MiB each", member.name() + " has " + member.byteSize());
    }
    String name = member.name();
    return new NpzText(
        name.substring(FOLDER.length(), name.length() - ENDING.length()),
        new String(content(member), StandardCharsets.UTF_8));
  }

  private static byte[] content(ZipMember member) {
    if (!member.isCompressed()) {
      return member.content().copy(0, (int) member.byteSize());
    }
    try (Arena arena = Arena.ofConfined()) {
      return new Inflation(member).all(arena).bytes().toArray(ValueLayout.JAVA_BYTE);
    }
  }

  String memberName() {
    return FOLDER + key + ENDING;
  }

  byte[] content() {
    return value.getBytes(StandardCharsets.UTF_8);
  }
}
