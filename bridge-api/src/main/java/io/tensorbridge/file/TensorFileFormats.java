package io.tensorbridge.file;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.ServiceLoader;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** The file formats that can be chosen by a file's name; immutable and thread-safe. */
public final class TensorFileFormats {
  private final List<TensorFileFormatProvider> providers;

  /**
   * A choice of the given formats.
   *
   * @param providers the formats
   */
  public TensorFileFormats(Iterable<? extends TensorFileFormatProvider> providers) {
    List<TensorFileFormatProvider> list = new ArrayList<>();
    providers.forEach(list::add);
    this.providers = List.copyOf(list);
  }

  /**
   * The formats found on the class path.
   *
   * @return a choice of all {@link TensorFileFormatProvider} services
   */
  public static TensorFileFormats ofServices() {
    return new TensorFileFormats(
        ServiceLoader.load(
            TensorFileFormatProvider.class, TensorFileFormats.class.getClassLoader()));
  }

  /**
   * All formats.
   *
   * @return their descriptions
   */
  public List<TensorFileFormatProvider> providers() {
    return providers;
  }

  /**
   * The format that a file name shows.
   *
   * @param path a file name; the file need not exist
   * @return the format
   * @throws OptionException if no format has such an ending; the message lists the known ones
   */
  public TensorFileFormat forPath(Path path) {
    String name = path.toString().toLowerCase(Locale.ROOT);
    TensorFileFormatProvider best = null;
    int bestLength = 0;
    for (TensorFileFormatProvider provider : providers) {
      int length = longestMatch(provider, name);
      if (length > bestLength) {
        best = provider;
        bestLength = length;
      }
    }
    return require(best, path).create();
  }

  private static int longestMatch(TensorFileFormatProvider provider, String name) {
    int longest = 0;
    for (String extension : provider.extensions()) {
      if (name.endsWith(extension)) {
        longest = Math.max(longest, extension.length());
      }
    }
    return longest;
  }

  private TensorFileFormatProvider require(@Nullable TensorFileFormatProvider found, Path path) {
    if (found == null) {
      TreeSet<String> known = new TreeSet<>();
      providers.forEach(provider -> known.addAll(provider.extensions()));
      throw new OptionException(
          ErrorCode.BAD_OPTION,
          path + ": the ending shows no known format; known are " + String.join(", ", known));
    }
    return found;
  }
}
