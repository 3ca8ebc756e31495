package io.tensorbridge.benches;

import io.tensorbridge.benches.compare.Comparison;
import io.tensorbridge.benches.estimate.Estimates;
import io.tensorbridge.benches.sample.Samples;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * Where the results of runs lie; nobody else knows these paths.
 *
 * <pre>
 * ROOT/GROUP/CONTENDER/new/samples.json       the last run
 *                         /new/estimates.json
 *                         /new/comparison.json  only if there was something to compare with
 *                         /base/...           the run before
 *                         /NAME/...           a named baseline
 * ROOT/report/index.html
 * </pre>
 *
 * @param root the folder of all results
 */
public record ResultStore(Path root) {
  /** The name of the last run. */
  public static final String NEW = "new";

  /** The name of the run before. */
  public static final String BASE = "base";

  private static final String SAMPLES = "samples.json";
  private static final String ESTIMATES = "estimates.json";
  private static final String COMPARISON = "comparison.json";

  /**
   * One benchmark of one run, as far as its stages have come.
   *
   * @param samples what was measured
   * @param estimates what that says
   * @param comparison against an earlier run, if there was one
   */
  public record Result(Samples samples, Estimates estimates, Optional<Comparison> comparison) {}

  /**
   * Makes the last run of a benchmark the previous one.
   *
   * @param id group and contender
   * @throws IOException if files can't be moved
   */
  public void rotate(String id) throws IOException {
    Path last = folder(id, NEW);
    if (!Files.exists(last.resolve(SAMPLES))) {
      return;
    }
    Path before = folder(id, BASE);
    Files.createDirectories(before);
    for (String name : List.of(SAMPLES, ESTIMATES, COMPARISON)) {
      Files.deleteIfExists(before.resolve(name));
      if (Files.exists(last.resolve(name))) {
        Files.move(last.resolve(name), before.resolve(name), StandardCopyOption.REPLACE_EXISTING);
      }
    }
  }

  /**
   * Writes a result.
   *
   * @param run {@link #NEW} or the name of a baseline
   * @param result of one benchmark
   * @throws IOException if it can't be written
   */
  public void write(String run, Result result) throws IOException {
    Path folder = folder(result.samples().id(), run);
    Json.write(folder.resolve(SAMPLES), result.samples());
    Json.write(folder.resolve(ESTIMATES), result.estimates());
    Files.deleteIfExists(folder.resolve(COMPARISON));
    if (result.comparison().isPresent()) {
      Json.write(folder.resolve(COMPARISON), result.comparison().get());
    }
  }

  /**
   * Reads a result.
   *
   * @param id group and contender
   * @param run {@link #NEW}, {@link #BASE} or the name of a baseline
   * @return the result, absent if that run has none
   * @throws IOException if a file can't be read
   */
  public Optional<Result> read(String id, String run) throws IOException {
    Path folder = folder(id, run);
    if (!Files.exists(folder.resolve(SAMPLES)) || !Files.exists(folder.resolve(ESTIMATES))) {
      return Optional.empty();
    }
    Path comparison = folder.resolve(COMPARISON);
    return Optional.of(
        new Result(
            Json.read(folder.resolve(SAMPLES), Samples.class),
            Json.read(folder.resolve(ESTIMATES), Estimates.class),
            Files.exists(comparison)
                ? Optional.of(Json.read(comparison, Comparison.class))
                : Optional.empty()));
  }

  /**
   * Every benchmark that has results.
   *
   * @return ids, in the order of their names
   * @throws IOException if the folder can't be read
   */
  public List<String> ids() throws IOException {
    if (!Files.isDirectory(root)) {
      return List.of();
    }
    try (Stream<Path> files = Files.walk(root, 4)) {
      return files
          .filter(file -> file.endsWith(Path.of(NEW, SAMPLES)))
          .map(file -> root.relativize(file).subpath(0, 2).toString())
          .sorted()
          .toList();
    }
  }

  /**
   * The page that shows everything.
   *
   * @return {@code ROOT/report/index.html}
   */
  public Path report() {
    return root.resolve("report").resolve("index.html");
  }

  private Path folder(String id, String run) {
    return root.resolve(id).resolve(run);
  }
}
