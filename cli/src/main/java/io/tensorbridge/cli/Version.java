package io.tensorbridge.cli;

/** Tells the version in the jar's manifest, and the JVM that runs it. */
final class Version {
  private Version() {}

  static String text() {
    String version = Version.class.getPackage().getImplementationVersion();
    return "tensorbridge " + (version == null ? "(unpackaged)" : version) + "\nJVM "
        + Runtime.version() + "\n";
  }
}
