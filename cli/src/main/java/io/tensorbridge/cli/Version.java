package io.tensorbridge.cli;

import picocli.CommandLine.IVersionProvider;

/** Tells the version in the jar's manifest, and the JVM that runs it. */
final class Version implements IVersionProvider {

  @Override
  public String[] getVersion() {
    String version = Version.class.getPackage().getImplementationVersion();
    return new String[]{"tensorbridge " + (version == null ? "(unpackaged)" : version),
        "JVM " + Runtime.version()};
  }
}
