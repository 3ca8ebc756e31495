package io.tensorbridge.benches;

import com.fasterxml.jackson.core.JacksonException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.EnumFeature;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;

/** Records to and from JSON, the same for every file that joins two stages. */
public final class Json {
  private static final ObjectMapper MAPPER =
      JsonMapper.builder()
          .enable(MapperFeature.ACCEPT_CASE_INSENSITIVE_ENUMS)
          .enable(EnumFeature.WRITE_ENUMS_TO_LOWERCASE)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_MISSING_CREATOR_PROPERTIES)
          .build();

  private Json() {}

  /**
   * Reads a file.
   *
   * @param <T> the record
   * @param file where it lies
   * @param type the record
   * @return its content
   * @throws IOException if the file can't be read or holds something else; the message names the file
   */
  public static <T> T read(Path file, Class<T> type) throws IOException {
    try {
      return MAPPER.readValue(Files.readAllBytes(file), type);
    } catch (NoSuchFileException e) {
      throw new IOException("there is no file " + file, e);
    } catch (JacksonException e) {
      throw new IOException(
          file + " is no " + type.getSimpleName() + " file: " + e.getOriginalMessage(), e);
    }
  }

  /**
   * Writes a file whole or not at all, and its folders.
   *
   * @param file where it shall lie
   * @param value a record
   * @throws IOException if it can't be written
   */
  public static void write(Path file, Object value) throws IOException {
    Path folder = file.toAbsolutePath().getParent();
    Files.createDirectories(folder);
    Path fresh = Files.createTempFile(folder, "." + file.getFileName(), ".part");
    try {
      Files.write(fresh, MAPPER.writeValueAsBytes(value));
      Files.move(
          fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    } finally {
      Files.deleteIfExists(fresh);
    }
  }

  /**
   * A value as text, for embedding.
   *
   * @param value a record, map or list
   * @return one line of JSON
   */
  public static String text(Object value) {
    try {
      return MAPPER.writeValueAsString(value);
    } catch (JacksonException e) {
      throw new IllegalArgumentException("not a record of ours: " + value.getClass(), e);
    }
  }
}
