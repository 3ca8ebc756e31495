package io.tensorbridge.quantize.model;

import io.tensorbridge.ErrorCode;
import io.tensorbridge.OptionException;
import io.tensorbridge.quantize.NamePattern;
import io.tensorbridge.quantize.QuantScheme;

/**
 * A scheme for the tensors whose whole name matches a regular expression.
 *
 * @param names the expression
 * @param scheme their scheme
 */
public record SchemeOverride(NamePattern names, QuantScheme scheme) {
  /**
   * An override as written on a command line.
   *
   * @param text {@code REGEX=SCHEME}, for example {@code .*attn.*=uniform:bits=4,group=128}; the
   *     scheme begins behind the last equals sign that a scheme's name follows
   * @return the override
   * @throws OptionException if there is no scheme, or one of the two is malformed
   */
  public static SchemeOverride parse(String text) {
    int equals = text.lastIndexOf('=');
    while (equals > 0 && !beginsWithScheme(text.substring(equals + 1))) {
      equals = text.lastIndexOf('=', equals - 1);
    }
    if (equals <= 0) {
      equals = text.indexOf('=');
    }
    if (equals <= 0) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "override", "\"" + text + "\" is not of the form REGEX=SCHEME");
    }
    return of(text.substring(0, equals), text.substring(equals + 1));
  }

  /**
   * An override of its two halves.
   *
   * @param regex for whole names
   * @param scheme the scheme's text
   * @return the override
   * @throws OptionException if one of the two is malformed, or the expression too large
   */
  public static SchemeOverride of(String regex, String scheme) {
    NamePattern names;
    try {
      names = NamePattern.of(regex);
    } catch (IllegalArgumentException malformed) {
      throw new OptionException(
          ErrorCode.BAD_OPTION, "override", "\"" + regex + "\" " + malformed.getMessage());
    }
    return new SchemeOverride(names, QuantScheme.parse(scheme));
  }

  private static boolean beginsWithScheme(String text) {
    int colon = text.indexOf(':');
    String family = (colon < 0 ? text : text.substring(0, colon)).strip();
    for (String known : QuantScheme.knownFamilies()) {
      if (known.equalsIgnoreCase(family)) {
        return true;
      }
    }
    return false;
  }

  /**
   * Whether the override concerns a tensor.
   *
   * @param tensorName its whole name
   * @return true if the expression matches all of it
   */
  public boolean matches(String tensorName) {
    return names.matches(tensorName);
  }
}
