package io.tensorbridge.benches.report;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;

/** The addresses of the pages, each also the {@code id} of its section: links work without script. */
final class Links {
  static final String INDEX = "/";
  static final String ABOUT = "/about";
  static final String MACHINE = "/machine";

  private Links() {}

  static String family(String family) {
    return "/family/" + encoded(family);
  }

  static String group(String group) {
    return "/group/" + encoded(group);
  }

  static String benchmark(Catalog.Benchmark benchmark) {
    return "/bench/"
        + encoded(benchmark.samples().group())
        + "/"
        + encoded(benchmark.samples().contender());
  }

  private static String encoded(String name) {
    return URLEncoder.encode(name, StandardCharsets.UTF_8).replace("+", "%20");
  }
}
