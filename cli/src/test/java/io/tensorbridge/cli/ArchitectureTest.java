package io.tensorbridge.cli;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.properties.HasName.Predicates.nameMatching;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchRule;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The module picture as rules: who may use what. */
@Tag("style")
class ArchitectureTest {

  private static final String API = "io.tensorbridge";
  private static final String API_FILE = "io.tensorbridge.file..";
  private static final String API_OP = "io.tensorbridge.op..";
  private static final String SHM = "io.tensorbridge.shm..";
  private static final String ARROW = "io.tensorbridge.arrow..";
  private static final String BATCH = "io.tensorbridge.batch..";
  private static final String QUANTIZE = "io.tensorbridge.quantize..";
  private static final String CLI = "io.tensorbridge.cli..";

  private static final String POSIX = "io.tensorbridge.shm.internal.posix";
  private static final String C_DATA = "io.tensorbridge.arrow.internal.cdata";
  private static final String KERNELS = "io.tensorbridge.quantize.internal.kernel";

  private static JavaClasses ours;

  @BeforeAll
  static void readAllModules() {
    ours = new ClassFileImporter().withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
        .importPackages("io.tensorbridge");
  }

  @Test
  void nativeCodeIsCalledFromTwoPackagesOnly() {
    check(noClasses().that().resideOutsideOfPackages(POSIX, C_DATA).should()
        .dependOnClassesThat(nameMatching("java\\.lang\\.foreign\\.Linker(\\$.*)?")));
  }

  @Test
  void arrowAndNettyStayInTheArrowModule() {
    check(noClasses().that().resideOutsideOfPackage(ARROW).should()
        .dependOnClassesThat(resideInAnyPackage("org.apache.arrow..",
            "com.google.flatbuffers..", "io.netty..", "io.grpc..")));
  }

  @Test
  void metricsAreToldByTheCommandOnly() {
    check(noClasses().that().resideOutsideOfPackage(CLI).should()
        .dependOnClassesThat(resideInAnyPackage("io.micrometer..", "io.prometheus..",
            "com.sun.net.httpserver..")));
  }

  @Test
  void vectorsStayInTheKernels() {
    check(noClasses().that().resideOutsideOfPackage(KERNELS).should()
        .dependOnClassesThat(resideInAPackage("jdk.incubator.vector..")));
  }

  @Test
  void theVocabularyNeedsTheJdkOnly() {
    check(classes().that().resideInAnyPackage(API, API_FILE, API_OP).should()
        .onlyDependOnClassesThat(
            resideInAnyPackage("java..", "org.jspecify..", API, API_FILE, API_OP)));
  }

  @Test
  void sharedMemoryKnowsTheVocabularyOnly() {
    check(noClasses().that().resideInAPackage(SHM).should()
        .dependOnClassesThat(resideInAnyPackage(ARROW, BATCH, QUANTIZE, CLI)));
  }

  @Test
  void arrowKnowsNeitherBatchesNorQuantization() {
    check(noClasses().that().resideInAPackage(ARROW).should()
        .dependOnClassesThat(resideInAnyPackage(BATCH, QUANTIZE, CLI)));
  }

  @Test
  void batchesKnowNoOperation() {
    check(noClasses().that().resideInAPackage(BATCH).should()
        .dependOnClassesThat(resideInAnyPackage(ARROW, QUANTIZE, CLI)));
  }

  @Test
  void quantizationKnowsNeitherSocketsNorArrowNorBatches() {
    check(noClasses().that().resideInAPackage(QUANTIZE).should().dependOnClassesThat(
        resideInAnyPackage(ARROW, BATCH, CLI, "java.net..").or(nameMatching(
            "java\\.nio\\.channels\\.(Async|Server)?.*Socket.*"))));
  }

  @Test
  void packagesHaveNoCycles() {
    check(slices().matching("io.(**)").should().beFreeOfCycles());
  }

  /** A rule over a package that is still to be written holds. */
  private static void check(ArchRule rule) {
    rule.allowEmptyShould(true).check(ours);
  }
}
