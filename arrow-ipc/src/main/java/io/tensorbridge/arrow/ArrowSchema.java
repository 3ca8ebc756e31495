package io.tensorbridge.arrow;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * The columns of a table.
 *
 * @param fields in their order
 * @param metadata text, in its order
 */
public record ArrowSchema(List<ArrowField> fields, Map<String, String> metadata) {
  /** Copies the lists. */
  public ArrowSchema {
    fields = List.copyOf(fields);
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
  }

  /**
   * Where a column stands.
   *
   * @param name its name
   * @return the index of the first of that name, or -1
   */
  public int indexOf(String name) {
    for (int i = 0; i < fields.size(); i++) {
      if (fields.get(i).name().equals(name)) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public String toString() {
    return fields.stream().map(ArrowField::toString).collect(Collectors.joining(", "));
  }
}
