package io.tensorbridge.arrow.cdata;

import io.tensorbridge.FormatException;
import org.jspecify.annotations.Nullable;

/**
 * A struct within those that are imported, so that errors name it.
 *
 * @param parent what it is a child of, or null
 * @param name its name, or index
 * @param depth how many parents it has
 */
record Place(@Nullable Place parent, String name, int depth) {
  static final Place ROOT = new Place(null, "", 0);

  Place child(String childName) {
    return new Place(this, childName, depth + 1);
  }

  /** This place under its own name; the root and what has no name keep theirs. */
  Place named(String ownName) {
    return depth == 0 || ownName.isEmpty() ? this : new Place(parent, ownName, depth);
  }

  /** The failure that a rule is broken here. */
  FormatException broken(String rule, String found) {
    return new FormatException(this + ": " + found + "; " + rule, -1, rule);
  }

  /** The names from the root on. */
  private String path() {
    String before = parent == null ? "" : parent.path();
    return before.isEmpty() ? name : before + "." + name;
  }

  @Override
  public String toString() {
    String path = path();
    return path.isEmpty() ? "the imported struct" : "\"" + path + "\" of the imported struct";
  }
}
